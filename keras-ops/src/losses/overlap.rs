//! Losses of how well two sets overlap.

use candle_core::{Result, Tensor};

use super::rows::{Rows, fill, rows_over, sum};
use crate::EPSILON;
use crate::kernels::math::Math;

/// `1 - i / (i + alpha sum(t (1 - p)) + beta sum(p (1 - t)) + 1e-7)`, where `i = sum(t p)`.
#[derive(Clone, Copy)]
struct Tversky {
    alpha: f64,
    beta: f64,
}

impl Tversky {
    /// `i` and the divisor.
    #[inline(always)]
    fn parts<T: Math>(self, t: &[T], p: &[T]) -> (T, T) {
        let (alpha, beta) = (T::of(self.alpha), T::of(self.beta));
        let common = sum(
            t,
            p,
            #[inline(always)]
            |t, p| t * p,
        );
        let rest = sum(
            t,
            p,
            #[inline(always)]
            |t, p| alpha * t * (T::ONE - p) + beta * p * (T::ONE - t),
        );
        (T::of(common), T::of(common + rest + EPSILON))
    }

    #[inline(always)]
    fn gradient<T: Math>(g: T, (common, whole): (T, T), by_common: T, by_whole: T) -> T {
        g * (common * by_whole / whole - by_common) / whole
    }
}

impl Rows for Tversky {
    const NAME: &'static str = "tversky";

    #[inline(always)]
    fn value<T: Math>(self, t: &[T], p: &[T]) -> T {
        let (common, whole) = self.parts(t, p);
        T::ONE - common / whole
    }

    #[inline(always)]
    fn by_pred<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        let (alpha, beta) = (T::of(self.alpha), T::of(self.beta));
        let parts = self.parts(t, p);
        fill(
            t,
            p,
            d,
            #[inline(always)]
            |t, _| Self::gradient(g, parts, t, t - alpha * t + beta * (T::ONE - t)),
        );
    }

    #[inline(always)]
    fn by_true<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        let (alpha, beta) = (T::of(self.alpha), T::of(self.beta));
        let parts = self.parts(t, p);
        fill(
            t,
            p,
            d,
            #[inline(always)]
            |_, p| Self::gradient(g, parts, p, p + alpha * (T::ONE - p) - beta * p),
        );
    }
}

/// `1 - 2 sum(t p) / (sum(t) + sum(p) + 1e-7)`.
#[derive(Clone, Copy)]
struct Dice;

impl Dice {
    #[inline(always)]
    fn parts<T: Math>(t: &[T], p: &[T]) -> (T, T) {
        let common = sum(
            t,
            p,
            #[inline(always)]
            |t, p| t * p,
        );
        let whole = sum(
            t,
            p,
            #[inline(always)]
            |t, p| t + p,
        );
        (T::of(2. * common), T::of(whole + EPSILON))
    }
}

impl Rows for Dice {
    const NAME: &'static str = "dice";

    #[inline(always)]
    fn value<T: Math>(self, t: &[T], p: &[T]) -> T {
        let (common, whole) = Self::parts(t, p);
        T::ONE - common / whole
    }

    #[inline(always)]
    fn by_pred<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        let parts = Self::parts(t, p);
        fill(
            t,
            p,
            d,
            #[inline(always)]
            |t, _| Tversky::gradient(g, parts, t + t, T::ONE),
        );
    }

    #[inline(always)]
    fn by_true<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        let parts = Self::parts(t, p);
        fill(
            t,
            p,
            d,
            #[inline(always)]
            |_, p| Tversky::gradient(g, parts, p + p, T::ONE),
        );
    }
}

/// `1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred) + 1e-7)` over `axes`, or over everything.
///
/// # Shapes
/// Two of the same shape to that shape without `axes`.
///
/// # Errors
/// When the shapes differ or an axis is out of range.
///
/// ```
/// use keras_ops::{Device, Tensor, losses};
/// let y = Tensor::new(&[[1f32, 0.], [1., 0.]], &Device::Cpu)?;
/// let p = Tensor::new(&[[1f32, 0.], [0., 1.]], &Device::Cpu)?;
/// assert_eq!(losses::dice(&y, &p, None)?.to_scalar::<f32>()?, 0.5);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn dice(y_true: &Tensor, y_pred: &Tensor, axes: Option<&[i64]>) -> Result<Tensor> {
    rows_over(Dice, y_true, y_pred, axes)
}

/// `1 - i / (i + alpha f + beta n + 1e-7)` over `axes`, or over everything, where `i = sum(y_true y_pred)`,
/// `f = sum(y_true (1 - y_pred))` and `n = sum(y_pred (1 - y_true))`.
///
/// # Shapes
/// Two of the same shape to that shape without `axes`.
///
/// # Errors
/// When the shapes differ or an axis is out of range.
pub fn tversky(
    y_true: &Tensor,
    y_pred: &Tensor,
    alpha: f64,
    beta: f64,
    axes: Option<&[i64]>,
) -> Result<Tensor> {
    rows_over(Tversky { alpha, beta }, y_true, y_pred, axes)
}
