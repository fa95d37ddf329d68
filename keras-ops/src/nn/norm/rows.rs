//! Normalisation of rows.

use candle_core::{DType, Result, Tensor};

#[cfg(feature = "cuda")]
use super::device::{self, on_device};
use super::{Like, values};
use crate::axes::{self, Joined};
use crate::host;
use crate::kernels::math::Math;
use crate::kernels::norm::{self, Kind};
use crate::tape::record;

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with mean and variance over `axes`.
///
/// # Shapes
/// `x` any and the result alike; `gamma` and `beta` have the sizes of `axes`, in the order of `x`.
///
/// # Errors
/// When an axis is out of range or given twice, a parameter's shape does not fit, or a tensor is not float.
///
/// # Examples
/// ```
/// use keras_ops::{Device, Tensor, nn};
/// let x = Tensor::new(&[[1f32, 3.], [-2., 2.]], &Device::Cpu)?;
/// let gamma = Tensor::new(&[1f32, 10.], &Device::Cpu)?;
/// let y = nn::layer_normalization(&x, Some(&gamma), None, &[-1], 0.)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[-1., 10.], [-1., 10.]]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn layer_normalization(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    axes: &[i64],
    epsilon: f64,
) -> Result<Tensor> {
    along("layer_normalization", x, gamma, beta, axes, Kind::Layer(epsilon))
}

/// `x / sqrt(mean(x²) + epsilon) * scale`, with the mean over `axes`.
///
/// Shapes and errors as in [`layer_normalization`].
///
/// ```
/// use keras_ops::{Device, Tensor, nn};
/// let x = Tensor::new(&[3f32, 3., -3., 3.], &Device::Cpu)?;
/// assert_eq!(nn::rms_normalization(&x, None, &[-1], 0.)?.to_vec1::<f32>()?, [1., 1., -1., 1.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn rms_normalization(x: &Tensor, scale: Option<&Tensor>, axes: &[i64], epsilon: f64) -> Result<Tensor> {
    along("rms_normalization", x, scale, None, axes, Kind::Rms(epsilon))
}

/// `x / sqrt(sum(x²))` over `axes`, or `x / epsilon` where that is less; zeros stay zeros.
///
/// The gradient is finite everywhere, at zeros too. Keras's `UnitNormalization` takes an `epsilon` of 1e-12.
/// Errors as in [`layer_normalization`].
///
/// ```
/// use keras_ops::{Device, Tensor, nn};
/// let x = Tensor::new(&[[3f32, 4.], [0., 0.]], &Device::Cpu)?;
/// assert_eq!(nn::unit_normalization(&x, &[-1], 1e-12)?.to_vec2::<f32>()?, [[0.6, 0.8], [0., 0.]]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn unit_normalization(x: &Tensor, axes: &[i64], epsilon: f64) -> Result<Tensor> {
    along("unit_normalization", x, None, None, axes, Kind::Unit(epsilon))
}

/// `x / max(norm, epsilon)`, with `norm = sum(|x|^order)^(1 / order)` over `axis`.
///
/// # Errors
/// When the axis is out of range, `order` is 0, or `x` is not a float tensor.
///
/// # Examples
/// ```
/// use keras_ops::{Device, Tensor, nn};
/// let x = Tensor::new(&[1f32, -3.], &Device::Cpu)?;
/// assert_eq!(nn::normalize(&x, -1, 1, 1e-7)?.to_vec1::<f32>()?, [0.25, -0.75]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn normalize(x: &Tensor, axis: i64, order: u32, epsilon: f64) -> Result<Tensor> {
    const OP: &str = "normalize";
    host::compute_dtype(OP, x.dtype())?;
    axes::axis(OP, axis, x.rank())?;
    match order {
        0 => candle_core::bail!("{OP}: expected an order of at least 1, got 0"),
        2 => along(OP, x, None, None, &[axis], Kind::Unit(epsilon)),
        _ => host::within(OP, || {
            let sizes = crate::abs(x)?;
            let powers = if order == 1 {
                sizes
            } else {
                crate::pow_scalar(&sizes, order as f64)?
            };
            let sum = crate::sum(&powers, Some(&[axis]), true)?;
            // The floor comes before the root, whose slope at 0 is infinite.
            let least = crate::full_like(&sum, epsilon.powi(order as i32).max(f64::MIN_POSITIVE))?;
            let sum = crate::maximum(&sum, &least)?;
            let norm = if order == 1 {
                sum
            } else {
                crate::pow_scalar(&sum, 1. / order as f64)?
            };
            crate::divide(x, &norm)
        }),
    }
}

fn along(
    op: &str,
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    axes: &[i64],
    kind: Kind,
) -> Result<Tensor> {
    let compute = host::compute_dtype(op, x.dtype())?;
    let list = axes::list(op, Some(axes), x.rank())?;
    let sizes: Vec<usize> = list.iter().map(|axis| x.dims()[*axis]).collect();
    for (name, parameter) in [("gamma", gamma), ("beta", beta)] {
        let Some(parameter) = parameter else { continue };
        host::compute_dtype(op, parameter.dtype())?;
        if parameter.dims() != sizes {
            let name = if op == "rms_normalization" { "scale" } else { name };
            candle_core::bail!(
                "{op}: expected `{name}` of shape {sizes:?}, the sizes of axes {axes:?} of x {:?}; got {:?}",
                x.dims(),
                parameter.dims()
            );
        }
    }
    let len: usize = sizes.iter().product();
    let joined = Joined::new(op, x.dims(), Some(axes), true)?;
    let last = joined.extent.inner == 1 && joined.order.is_none();
    let order: Vec<usize> = (0..x.rank())
        .filter(|axis| !list.contains(axis))
        .chain(list.iter().copied())
        .collect();
    let arranged = if last {
        x.clone()
    } else {
        crate::transpose(x, &order)?
    };
    let y = match compute {
        #[cfg(feature = "cuda")]
        _ if on_device(&arranged, gamma, beta) => {
            host::within(op, || device::rows(&arranged, gamma, beta, len, kind))
        }
        DType::F64 => apply::<f64>(&arranged, gamma, beta, len, kind),
        _ => apply::<f32>(&arranged, gamma, beta, len, kind),
    }?;
    if last {
        return Ok(y);
    }
    let mut inverse = vec![0; order.len()];
    order
        .iter()
        .enumerate()
        .for_each(|(to, from)| inverse[*from] = to);
    crate::transpose(&y, &inverse)
}

fn apply<T: Math>(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    len: usize,
    kind: Kind,
) -> Result<Tensor> {
    let scale = values::<T>(gamma, 1., len)?;
    let shift = values::<T>(beta, 0., len)?;
    let (out, moved) = host::read(x, |x: &[T]| Ok(norm::forward(x, &scale, &shift, kind)))?;
    let out = host::storage_as(out, x.dtype(), x.device())?;
    let mut inputs = vec![x];
    inputs.extend(gamma);
    inputs.extend(beta);
    let (saved, has_gamma) = (x.detach(), gamma.is_some());
    let like: Vec<Like> = inputs.iter().map(|x| Like::new(x)).collect();
    Ok(record(&inputs, out, x.shape(), move |grad, needs| {
        let parameters = needs[1..].contains(&true);
        let found = host::read(&grad, |g: &[T]| {
            host::read(&saved, |x: &[T]| {
                Ok(norm::backward(g, x, &scale, &moved, kind, parameters))
            })
        })?;
        let mut slots = vec![Some(found.x)];
        if has_gamma {
            slots.push(parameters.then_some(found.gamma));
        }
        slots.push(parameters.then_some(found.beta));
        let slots = slots.into_iter().zip(&like).zip(needs);
        slots
            .map(|((values, like), need)| values.filter(|_| *need).map(|v| like.tensor(v)).transpose())
            .collect()
    }))
}
