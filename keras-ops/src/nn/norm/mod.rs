//! Normalisation: over features, over batches, over groups of channels.
//!
//! Each is one recorded operation. Half types are computed in `f32`; parameters may have another float type than
//! the input, and get their gradients in their own.

mod batch;
#[cfg(feature = "cuda")]
mod device;
mod group;
mod moments;
mod rows;

use candle_core::{Result, Shape, Tensor};

pub use batch::{BatchNormalized, batch_norm_training, batch_normalization};
pub use group::group_normalization;
pub use moments::moments;
pub use rows::{layer_normalization, normalize, rms_normalization, unit_normalization};

use crate::host;
use crate::kernels::math::Math;

/// A parameter's values, or `default` times `len` where there is none.
fn values<T: Math>(parameter: Option<&Tensor>, default: f64, len: usize) -> Result<Vec<T>> {
    match parameter {
        Some(parameter) => host::read(parameter, |p: &[T]| Ok(p.to_vec())),
        None => Ok(vec![T::of(default); len]),
    }
}

/// Dtype, shape and device of a tensor whose gradient is to be made.
#[derive(Clone, Debug)]
struct Like(candle_core::DType, Shape, candle_core::Device);

impl Like {
    fn new(x: &Tensor) -> Self {
        Self(x.dtype(), x.shape().clone(), x.device().clone())
    }

    fn tensor<T: Math>(&self, values: Vec<T>) -> Result<Tensor> {
        host::tensor(values, self.0, &self.1, &self.2)
    }
}

/// Checks that a parameter is a float vector of one value a channel.
fn check_channels(
    op: &str,
    name: &str,
    parameter: Option<&Tensor>,
    channels: usize,
    x: &Tensor,
) -> Result<()> {
    let Some(parameter) = parameter else { return Ok(()) };
    host::compute_dtype(op, parameter.dtype())?;
    if parameter.dims() != [channels] {
        candle_core::bail!(
            "{op}: expected `{name}` of shape [{channels}], one value a channel of x {:?}; got {:?}",
            x.dims(),
            parameter.dims()
        );
    }
    Ok(())
}

/// `[mean, scale, shift]` with what rounding takes from the mean put in the shift.
fn affine<T: Math>(mean: f64, scale: f64, shift: T) -> [T; 3] {
    let rounded = T::of(mean);
    let low = mean - rounded.f64();
    [rounded, T::of(scale), T::of(shift.f64() - low * scale)]
}

/// Sums of `g` and `g (x - rounded)` as those of `g (x - mean)`.
fn centred<T: Math>(sums: Vec<[f64; 2]>, mean: impl Fn(usize) -> f64, rounded: &[T]) -> Vec<[f64; 2]> {
    let each = sums.into_iter().zip(rounded).enumerate();
    each.map(|(i, ([plain, along], rounded))| [plain, along - (mean(i) - rounded.f64()) * plain])
        .collect()
}
