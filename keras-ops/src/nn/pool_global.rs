use candle_core::{Result, Tensor};

use super::window;

/// The mean over all spatial axes.
///
/// # Shapes
/// (batch, 1 to 3 spatial axes, channels) → (batch, channels), or with `keepdims` (batch, 1, …, channels); the
/// channels are at axis 1 with `channels_first`.
///
/// # Errors
/// When `x` has not 3 to 5 axes or is not a float tensor.
///
/// # Examples
/// ```
/// use keras_ops::{Device, Tensor, global_average_pool};
/// let x = Tensor::arange(0f32, 6., &Device::Cpu)?.reshape((1, 3, 2))?;
/// assert_eq!(global_average_pool(&x, false, false)?.to_vec2::<f32>()?, [[2., 3.]]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn global_average_pool(x: &Tensor, keepdims: bool, channels_first: bool) -> Result<Tensor> {
    crate::mean(
        x,
        Some(&spatial("global_average_pool", x, channels_first)?),
        keepdims,
    )
}

/// The maximum over all spatial axes; equal maxima share the gradient.
///
/// # Shapes
/// As [`global_average_pool`].
///
/// # Errors
/// When `x` has not 3 to 5 axes, a spatial axis is 0, or `x` is not a float tensor.
///
/// # Examples
/// ```
/// use keras_ops::{Device, Tensor, global_max_pool};
/// let x = Tensor::arange(0f32, 6., &Device::Cpu)?.reshape((1, 3, 2))?;
/// assert_eq!(global_max_pool(&x, true, false)?.to_vec3::<f32>()?, [[[4., 5.]]]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn global_max_pool(x: &Tensor, keepdims: bool, channels_first: bool) -> Result<Tensor> {
    let axes = spatial("global_max_pool", x, channels_first)?;
    if axes.iter().any(|axis| x.dims()[*axis as usize] == 0) {
        candle_core::bail!("global_max_pool: nothing has no maximum, got {:?}", x.dims());
    }
    crate::max(x, Some(&axes), keepdims)
}

fn spatial(op: &str, x: &Tensor, channels_first: bool) -> Result<Vec<i64>> {
    crate::host::compute_dtype(op, x.dtype())?;
    if !(3..=5).contains(&x.rank()) {
        return Err(window::wrong_rank(op, x));
    }
    let first = if channels_first { 2 } else { 1 };
    Ok((first..first + x.rank() as i64 - 2).collect())
}
