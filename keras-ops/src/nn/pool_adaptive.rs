use std::ops::Range;

use candle_core::{Result, Tensor};

use super::pool::{Kind, over_windows};
use super::window::{self, Sizes};

/// The means of as many windows as `size` says, which together cover each spatial axis evenly.
///
/// Output `i` of an axis with `n` elements and `m` outputs is the mean of `floor(i n / m) .. ceil((i + 1) n / m)`:
/// windows may overlap, and differ by one element in size.
///
/// # Shapes
/// (batch, 1 to 3 spatial axes, channels) → (batch, `size`, channels); channels at axis 1 with `channels_first`.
///
/// # Errors
/// When `x` has not 3 to 5 axes, a spatial axis or `size` is 0, `size` has another number of axes, or the dtype is
/// not a float.
///
/// # Examples
/// ```
/// use keras_ops::{Device, Tensor, adaptive_average_pool};
/// let x = Tensor::arange(0f32, 5., &Device::Cpu)?.reshape((1, 5, 1))?;
/// let y = adaptive_average_pool(&x, 3, false)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [0.5, 2., 3.5]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn adaptive_average_pool(x: &Tensor, size: impl Into<Sizes>, channels_first: bool) -> Result<Tensor> {
    by_rank(
        "adaptive_average_pool",
        Kind::Average,
        x,
        &size.into(),
        channels_first,
    )
}

/// The maxima of the windows of [`adaptive_average_pool`]. The gradient goes to the first maximum of a window.
///
/// # Shapes
/// (batch, 1 to 3 spatial axes, channels) → (batch, `size`, channels); channels at axis 1 with `channels_first`.
///
/// # Errors
/// As [`adaptive_average_pool`].
///
/// # Examples
/// ```
/// use keras_ops::{Device, Tensor, adaptive_max_pool};
/// let x = Tensor::arange(0f32, 5., &Device::Cpu)?.reshape((1, 5, 1))?;
/// let y = adaptive_max_pool(&x, 3, false)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [1., 3., 4.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn adaptive_max_pool(x: &Tensor, size: impl Into<Sizes>, channels_first: bool) -> Result<Tensor> {
    by_rank("adaptive_max_pool", Kind::Max, x, &size.into(), channels_first)
}

fn by_rank(op: &'static str, kind: Kind, x: &Tensor, size: &Sizes, channels_first: bool) -> Result<Tensor> {
    match x.rank() {
        3 => adaptive::<1>(op, kind, x, size, channels_first),
        4 => adaptive::<2>(op, kind, x, size, channels_first),
        5 => adaptive::<3>(op, kind, x, size, channels_first),
        _ => Err(window::wrong_rank(op, x)),
    }
}

fn adaptive<const N: usize>(
    op: &'static str,
    kind: Kind,
    x: &Tensor,
    size: &Sizes,
    channels_first: bool,
) -> Result<Tensor> {
    let outputs: [usize; N] = size.of(op, "the output size")?;
    over_windows::<N>(op, kind, x, channels_first, |sizes| {
        if outputs.contains(&0) || sizes.contains(&0) {
            candle_core::bail!(
                "{op}: expected sizes of at least 1, got {outputs:?} outputs of {sizes:?} elements"
            );
        }
        let window = |i: usize, n: usize, m: usize| i * n / m..((i + 1) * n).div_ceil(m);
        let axis = |at: usize| -> Vec<Range<usize>> {
            let (n, m) = (sizes[at], outputs[at]);
            (0..m).map(|i| window(i, n, m)).collect()
        };
        Ok(std::array::from_fn(axis))
    })
}
