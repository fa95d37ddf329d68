//! What pooling makes of the values of a window.

use std::fmt::Debug;

use keras_ops::{self as ops, PoolArgs, Tensor};

/// What pooling makes of the values of a window: [`MaxPool`] or [`AveragePool`].
pub trait PoolKind: Debug + Send + Sync + 'static {
    /// The part that Keras's class names have of it.
    #[doc(hidden)]
    const IS_MAX: bool;

    /// Windows of one size.
    ///
    /// # Errors
    /// When they do not fit.
    #[doc(hidden)]
    fn windows(x: &Tensor, args: &PoolArgs) -> ops::Result<Tensor>;

    /// One window over all.
    ///
    /// # Errors
    /// When the rank is not that of an image.
    #[doc(hidden)]
    fn global(x: &Tensor, keepdims: bool, channels_first: bool) -> ops::Result<Tensor>;

    /// As many windows as `sizes` says.
    ///
    /// # Errors
    /// When there is nothing to cover.
    #[doc(hidden)]
    fn adaptive(x: &Tensor, sizes: &[usize], channels_first: bool) -> ops::Result<Tensor>;
}

/// The largest value.
#[derive(Clone, Copy, Debug, Default)]
pub struct MaxPool;

/// The mean of the values.
#[derive(Clone, Copy, Debug, Default)]
pub struct AveragePool;

impl PoolKind for MaxPool {
    const IS_MAX: bool = true;

    fn windows(x: &Tensor, args: &PoolArgs) -> ops::Result<Tensor> {
        ops::max_pool(x, args)
    }

    fn global(x: &Tensor, keepdims: bool, channels_first: bool) -> ops::Result<Tensor> {
        ops::global_max_pool(x, keepdims, channels_first)
    }

    fn adaptive(x: &Tensor, sizes: &[usize], channels_first: bool) -> ops::Result<Tensor> {
        ops::adaptive_max_pool(x, sizes, channels_first)
    }
}

impl PoolKind for AveragePool {
    const IS_MAX: bool = false;

    fn windows(x: &Tensor, args: &PoolArgs) -> ops::Result<Tensor> {
        ops::average_pool(x, args)
    }

    fn global(x: &Tensor, keepdims: bool, channels_first: bool) -> ops::Result<Tensor> {
        ops::global_average_pool(x, keepdims, channels_first)
    }

    fn adaptive(x: &Tensor, sizes: &[usize], channels_first: bool) -> ops::Result<Tensor> {
        ops::adaptive_average_pool(x, sizes, channels_first)
    }
}

/// The name of a kind over `n` axes, `[maxima, averages]` each with one a number of axes.
pub(super) const fn of<K: PoolKind, T: Copy>(names: [[T; 3]; 2], n: usize) -> T {
    names[if K::IS_MAX { 0 } else { 1 }][n - 1]
}
