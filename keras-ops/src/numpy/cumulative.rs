//! Sums and products of everything up to an element.

use candle_core::op::BackpropOp;
use candle_core::{DType, Result, Storage, Tensor};

use crate::kernels::math::Math;
use crate::kernels::reduce::Extent;
use crate::kernels::scan;
use crate::tape::{record, record_with_output};
use crate::{axes, host};

/// `x` and its axis to work along: flattened without one.
fn along(op: &str, x: &Tensor, axis: Option<i64>) -> Result<(Tensor, Extent)> {
    let (x, at) = match axis {
        Some(axis) => (x.clone(), axes::axis(op, axis, x.rank())?),
        None => (super::ravel(x)?, 0),
    };
    let product = |dims: &[usize]| dims.iter().product();
    let extent = Extent {
        outer: product(&x.dims()[..at]),
        len: x.dims()[at],
        inner: product(&x.dims()[at + 1..]),
    };
    Ok((x, extent))
}

fn integers(op: &str, x: &Tensor, extent: Extent, f: fn(i64, i64) -> i64) -> Result<Tensor> {
    let out = super::integer::read(op, x, |x| {
        let mut out = x.to_vec();
        for at in 0..out.len() {
            if !(at / extent.inner).is_multiple_of(extent.len) {
                out[at] = f(out[at - extent.inner], out[at]);
            }
        }
        Ok(out)
    })?;
    super::integer::tensor(out, x.dtype(), x.shape(), x.device())
}

/// The sum of the elements up to each along `axis`; without one, of all in a row. Sums are accumulated in `f64`.
///
/// # Errors
/// When the axis is out of range.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// assert_eq!(ops::cumsum(&x, Some(1))?.to_vec2::<f32>()?, [[1., 3.], [3., 7.]]);
/// assert_eq!(ops::cumsum(&x, None)?.to_vec1::<f32>()?, [1., 3., 6., 10.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn cumsum(x: &Tensor, axis: Option<i64>) -> Result<Tensor> {
    let (x, extent) = along("cumsum", x, axis)?;
    if !x.dtype().is_float() {
        return integers("cumsum", &x, extent, i64::wrapping_add);
    }
    Ok(record(
        &[&x],
        summed(&x, extent, false)?,
        x.shape(),
        move |grad, _| {
            let dx = summed(&grad, extent, true)?;
            let dx = Tensor::from_storage(dx, grad.shape(), BackpropOp::none(), false);
            Ok([Some(dx)].into_iter().collect())
        },
    ))
}

fn summed(x: &Tensor, extent: Extent, reverse: bool) -> Result<Storage> {
    fn run<T: Math>(x: &Tensor, extent: Extent, reverse: bool) -> Result<Storage> {
        let out = host::read(x, |x: &[T]| Ok(scan::scan(scan::Add, x, extent, reverse)))?;
        host::storage_as(out, x.dtype(), x.device())
    }
    match host::compute_dtype("cumsum", x.dtype())? {
        DType::F64 => run::<f64>(x, extent, reverse),
        _ => run::<f32>(x, extent, reverse),
    }
}

/// The product of the elements up to each along `axis`; without one, of all in a row. The gradient is right
/// where elements are 0. Products are accumulated in `f64`.
///
/// # Errors
/// When the axis is out of range.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2., 3., 4.], &Device::Cpu)?;
/// assert_eq!(ops::cumprod(&x, Some(0))?.to_vec1::<f32>()?, [1., 2., 6., 24.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn cumprod(x: &Tensor, axis: Option<i64>) -> Result<Tensor> {
    let (x, extent) = along("cumprod", x, axis)?;
    match x.dtype() {
        dtype if !dtype.is_float() => integers("cumprod", &x, extent, i64::wrapping_mul),
        DType::F64 => multiplied::<f64>(&x, extent),
        _ => multiplied::<f32>(&x, extent),
    }
}

fn multiplied<T: Math>(x: &Tensor, extent: Extent) -> Result<Tensor> {
    let out = host::read(x, |x: &[T]| Ok(scan::scan(scan::Multiply, x, extent, false)))?;
    let out = host::storage_as(out, x.dtype(), x.device())?;
    let saved = x.detach();
    Ok(record_with_output(&[x], out, x.shape(), move |grad, y, _| {
        let slopes = host::read(&grad, |g: &[f64]| {
            host::read(&saved, |x: &[f64]| {
                host::read(y, |y: &[f64]| Ok(slopes(g, x, y, extent)))
            })
        })?;
        let dx = host::tensor(slopes, grad.dtype(), grad.shape(), grad.device())?;
        Ok([Some(dx)].into_iter().collect())
    }))
}

/// Before the first zero: the sum of `g y` from here to the zero, by `x`. At the zero: the sum over what
/// follows of `g` times the product of all others. Behind it: 0.
fn slopes(g: &[f64], x: &[f64], y: &[f64], extent: Extent) -> Vec<f64> {
    let Extent { outer, len, inner } = extent;
    let mut dx = vec![0.; x.len()];
    for lane in 0..outer * inner {
        let at = |i: usize| (lane / inner * len + i) * inner + lane % inner;
        let zero = (0..len).find(|i| x[at(*i)] == 0.).unwrap_or(len);
        let mut sum = 0.;
        for i in (0..zero).rev() {
            sum += g[at(i)] * y[at(i)];
            dx[at(i)] = sum / x[at(i)];
        }
        if zero < len {
            let mut product = if zero == 0 { 1. } else { y[at(zero - 1)] };
            let mut sum = g[at(zero)] * product;
            for i in zero + 1..len {
                product *= x[at(i)];
                sum += g[at(i)] * product;
            }
            dx[at(zero)] = sum;
        }
    }
    dx
}
