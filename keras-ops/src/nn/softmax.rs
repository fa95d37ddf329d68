//! Softmax and its logarithm, over one axis or several.

use candle_core::{DType, Result, Tensor};

use crate::axes::Joined;
use crate::host;
use crate::kernels::math::Math;
use crate::kernels::reduce::Extent;
use crate::kernels::{softmax as kernel, sparsemax as sparsemax_kernel};
use crate::tape::record_with_output;

/// `e^x / sum(e^x)` over `axes`, stable for large `x`.
///
/// # Errors
/// When an axis is out of range or given twice, or `x` is not a float tensor.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1e4f32, 1e4], [0., -1e4]], &Device::Cpu)?;
/// assert_eq!(ops::softmax(&x, &[-1])?.to_vec2::<f32>()?, [[0.5, 0.5], [1., 0.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn softmax(x: &Tensor, axes: &[i64]) -> Result<Tensor> {
    over_axes("softmax", x, axes, |x, extent| match x.dtype() {
        DType::F64 => run::<f64>(x, extent, kernel::softmax, kernel::softmax_gradient),
        _ => run::<f32>(x, extent, kernel::softmax, kernel::softmax_gradient),
    })
}

/// `log(softmax(x))` over `axes`, finite for large `x`. Errors as in [`softmax`].
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let y = ops::log_softmax(&Tensor::new(&[1e4f32, -1e4], &Device::Cpu)?, &[-1])?;
/// assert_eq!(y.to_vec1::<f32>()?, [0., -2e4]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn log_softmax(x: &Tensor, axes: &[i64]) -> Result<Tensor> {
    over_axes("log_softmax", x, axes, |x, extent| match x.dtype() {
        DType::F64 => run::<f64>(x, extent, kernel::log_softmax, kernel::log_softmax_gradient),
        _ => run::<f32>(x, extent, kernel::log_softmax, kernel::log_softmax_gradient),
    })
}

/// Brings the axes side by side, applies `f`, and puts them back.
pub(crate) fn over_axes(
    op: &str,
    x: &Tensor,
    axes: &[i64],
    f: impl FnOnce(&Tensor, Extent) -> Result<Tensor>,
) -> Result<Tensor> {
    host::compute_dtype(op, x.dtype())?;
    let joined = Joined::new(op, x.dims(), Some(axes), true)?;
    let Some(order) = &joined.order else {
        return f(x, joined.extent);
    };
    let y = f(&joined.arrange(x)?, joined.extent)?;
    let mut inverse = vec![0; order.len()];
    order
        .iter()
        .enumerate()
        .for_each(|(to, from)| inverse[*from] = to);
    crate::transpose(&y, &inverse)
}

type Forward<T> = fn(&[T], Extent) -> Vec<T>;
type Gradient<T> = fn(&[T], &[T], Extent) -> Vec<T>;

/// An operation over lanes whose gradient is computed from its output.
pub(crate) fn run<T: Math>(
    x: &Tensor,
    extent: Extent,
    forward: Forward<T>,
    gradient: Gradient<T>,
) -> Result<Tensor> {
    let out = host::read(x, |x: &[T]| Ok(forward(x, extent)))?;
    let out = host::storage_as(out, x.dtype(), x.device())?;
    Ok(record_with_output(&[x], out, x.shape(), move |grad, y, _| {
        let dx = host::read(&grad, |g: &[T]| {
            host::read(y, |y: &[T]| Ok(gradient(g, y, extent)))
        })?;
        Ok(
            [Some(host::tensor(dx, grad.dtype(), grad.shape(), grad.device())?)]
                .into_iter()
                .collect(),
        )
    }))
}

/// Keras's sparsemax along `axis`: `max(x - t, 0)`, like [`softmax`] with zeros.
///
/// With the elements in falling order, `s_i` the sum of the first `i`, and `k` the number of those with
/// `x_i > (s_i - 1) / i`, it is `t = (s_1 + .. + s_k - 1) / k`. The projection on the simplex has `t = (s_k - 1) / k`:
/// where `k` is above 1, Keras's differs from it, and so the elements need not sum to 1. Errors as in [`softmax`].
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let y = ops::sparsemax(&Tensor::new(&[3f32, 1., -1.], &Device::Cpu)?, -1)?;
/// assert_eq!(y.to_vec1::<f32>()?, [1., 0., 0.]);
/// let y = ops::sparsemax(&Tensor::new(&[1f32, 0.5, -1.], &Device::Cpu)?, -1)?;
/// assert_eq!(y.to_vec1::<f32>()?, [0.25, 0., 0.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn sparsemax(x: &Tensor, axis: i64) -> Result<Tensor> {
    over_axes("sparsemax", x, &[axis], |x, extent| match x.dtype() {
        DType::F64 => sparse::<f64>(x, extent),
        _ => sparse::<f32>(x, extent),
    })
}

fn sparse<T: Math>(x: &Tensor, extent: Extent) -> Result<Tensor> {
    let out = host::read(x, |x: &[T]| Ok(sparsemax_kernel::sparsemax(x, extent)))?;
    let out = host::storage_as(out, x.dtype(), x.device())?;
    let saved = x.detach();
    Ok(record_with_output(&[x], out, x.shape(), move |grad, _, _| {
        let dx = host::read(&grad, |g: &[T]| {
            host::read(&saved, |x: &[T]| {
                Ok(sparsemax_kernel::sparsemax_gradient(g, x, extent))
            })
        })?;
        let dx = host::tensor(dx, grad.dtype(), grad.shape(), grad.device())?;
        Ok([Some(dx)].into_iter().collect())
    }))
}

/// `a * sigmoid(b)`, where `a` and `b` are the two halves of `x` along `axis`.
///
/// # Errors
/// When the axis is odd or out of range, or `x` is not a float tensor.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let y = ops::glu(&Tensor::new(&[3f32, 0.], &Device::Cpu)?, -1)?;
/// assert_eq!(y.to_vec1::<f32>()?, [1.5]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn glu(x: &Tensor, axis: i64) -> Result<Tensor> {
    host::within("glu", || {
        let halves = crate::split(x, 2, axis)?;
        crate::multiply(&halves[0], &crate::sigmoid(&halves[1])?)
    })
}
