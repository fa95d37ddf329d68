//! Reductions over axes.
//!
//! `axes`: the axes to reduce, negative ones counted from the end; `None` is all. `keepdims` leaves them with
//! size 1. Sums are accumulated in `f64`. Of integers, sums and products are integers, of 32 bits at least;
//! means are floats.

use candle_core::{DType, Result, Shape, Tensor};

use crate::axes::Joined;
use crate::host;
use crate::kernels::lane_map;
use crate::kernels::math::Math;
use crate::kernels::reduce::{self as kernel, Extent, Fold, Max, Min, Prod, Sum};
use crate::kernels::softmax;
use crate::numpy::integer::{self, Width};
use crate::tape::{record, record_with_output};

fn scaled_sum<T: Math>(x: &Tensor, joined: &Joined, factor: f64) -> Result<Tensor> {
    let extent = joined.extent;
    let factor = T::of(factor);
    let mut out = host::read(x, |x: &[T]| Ok(kernel::fold(Sum, x, extent)))?;
    if factor != T::ONE {
        out.iter_mut().for_each(|v| *v *= factor);
    }
    let out = host::storage_as(out, x.dtype(), x.device())?;
    let (shape, from) = (Shape::from(joined.shape.as_slice()), x.shape().clone());
    Ok(record(&[x], out, &shape, move |grad, _| {
        let g = host::read(&grad, |g: &[T]| Ok(lane_map::spread(g, extent, factor)))?;
        Ok([Some(host::tensor(g, grad.dtype(), &from, grad.device())?)]
            .into_iter()
            .collect())
    }))
}

/// The sum over `axes`.
///
/// # Errors
/// When an axis is out of range or given twice.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// assert_eq!(ops::sum(&x, Some(&[0]), false)?.to_vec1::<f32>()?, [4., 6.]);
/// assert_eq!(ops::sum(&x, Some(&[-1]), true)?.to_vec2::<f32>()?, [[3.], [7.]]);
/// assert_eq!(ops::sum(&x, None, false)?.to_scalar::<f32>()?, 10.);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn sum(x: &Tensor, axes: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    let joined = Joined::new("sum", x.dims(), axes, keepdims)?;
    if !x.dtype().is_float() {
        return integer::fold(x, &joined, 0, i64::wrapping_add, Width::Wide);
    }
    let x = joined.arrange(x)?;
    match host::compute_dtype("sum", x.dtype())? {
        DType::F64 => scaled_sum::<f64>(&x, &joined, 1.),
        _ => scaled_sum::<f32>(&x, &joined, 1.),
    }
}

/// The mean over `axes`; NaN over nothing. Errors as in [`sum`].
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// assert_eq!(ops::mean(&x, Some(&[0]), false)?.to_vec1::<f32>()?, [2., 3.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn mean(x: &Tensor, axes: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    if !x.dtype().is_float() {
        return mean(&crate::cast(x, crate::floatx())?, axes, keepdims);
    }
    let joined = Joined::new("mean", x.dims(), axes, keepdims)?;
    let x = joined.arrange(x)?;
    let factor = 1. / joined.extent.len as f64;
    match host::compute_dtype("mean", x.dtype())? {
        DType::F64 => scaled_sum::<f64>(&x, &joined, factor),
        _ => scaled_sum::<f32>(&x, &joined, factor),
    }
}

/// `(g, x, y, extent)` to the gradient by `x`.
type FoldGradient<T> = fn(&[T], &[T], &[T], Extent) -> Vec<T>;

fn fold_op<T: Math, F: Fold<T> + Send + 'static>(
    fold: F,
    x: &Tensor,
    joined: &Joined,
    gradient: FoldGradient<T>,
) -> Result<Tensor> {
    let extent = joined.extent;
    let out = host::read(x, |x: &[T]| Ok(kernel::fold(fold, x, extent)))?;
    saving_both(x, out, joined, move |g, x, y| gradient(g, x, y, extent))
}

/// Records a result whose gradient reads the input and the result.
fn saving_both<T: Math>(
    x: &Tensor,
    out: Vec<T>,
    joined: &Joined,
    gradient: impl Fn(&[T], &[T], &[T]) -> Vec<T> + Send + 'static,
) -> Result<Tensor> {
    let out = host::storage_as(out, x.dtype(), x.device())?;
    let shape = Shape::from(joined.shape.as_slice());
    let saved = x.detach();
    Ok(record_with_output(&[x], out, &shape, move |grad, y, _| {
        let dx = host::read(&grad, |g: &[T]| {
            host::read(&saved, |x: &[T]| host::read(y, |y: &[T]| Ok(gradient(g, x, y))))
        })?;
        let dx = host::tensor(dx, grad.dtype(), saved.shape(), grad.device())?;
        Ok([Some(dx)].into_iter().collect())
    }))
}

/// Each element's gradient is the product of all others; right when some are 0.
fn others<T: Math>(g: &[T], x: &[T], _y: &[T], Extent { len, inner, .. }: Extent) -> Vec<T> {
    let mut dx = vec![T::ZERO; x.len()];
    let mut after = vec![1f64; len + 1];
    for (lane, g) in g.iter().enumerate() {
        let start = lane / inner * len * inner + lane % inner;
        for i in (0..len).rev() {
            after[i] = after[i + 1] * x[start + i * inner].f64();
        }
        let mut before = g.f64();
        for i in 0..len {
            dx[start + i * inner] = T::of(before * after[i + 1]);
            before *= x[start + i * inner].f64();
        }
    }
    dx
}

macro_rules! folds {
    ($($(#[$doc:meta])* $fun:ident: $fold:ident, $gradient:path, empty $empty:literal,
        integer $start:expr, $integer:expr, $width:ident;)*) => {$(
        $(#[$doc])*
        pub fn $fun(x: &Tensor, axes: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
            let name = stringify!($fun);
            let joined = Joined::new(name, x.dims(), axes, keepdims)?;
            if !$empty {
                not_empty(name, x, &joined)?;
            }
            if !x.dtype().is_float() {
                return integer::fold(x, &joined, $start, $integer, Width::$width);
            }
            let x = joined.arrange(x)?;
            match host::compute_dtype(name, x.dtype())? {
                DType::F64 => fold_op::<f64, _>($fold, &x, &joined, $gradient),
                _ => fold_op::<f32, _>($fold, &x, &joined, $gradient),
            }
        }
    )*};
}

folds! {
    /// The largest over `axes`; NaN wins; equal largest elements share the gradient. Errors as in [`sum`], and
    /// over nothing.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let x = Tensor::new(&[[1f32, 2.], [4., 3.]], &Device::Cpu)?;
    /// assert_eq!(ops::max(&x, Some(&[1]), false)?.to_vec1::<f32>()?, [2., 4.]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    max: Max, lane_map::among_ties, empty false, integer i64::MIN, i64::max, Same;
    /// The smallest over `axes`; NaN wins; equal smallest elements share the gradient. Errors as in [`sum`],
    /// and over nothing.
    min: Min, lane_map::among_ties, empty false, integer i64::MAX, i64::min, Same;
    /// The product over `axes`; 1 over nothing. Errors as in [`sum`].
    prod: Prod, others, empty true, integer 1, i64::wrapping_mul, Wide;
}

/// The variance over `axes`: the mean squared distance from the mean. Errors as in [`sum`].
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 3.], &Device::Cpu)?;
/// assert_eq!(ops::variance(&x, None, false)?.to_scalar::<f32>()?, 1.);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn variance(x: &Tensor, axes: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    let joined = Joined::new("variance", x.dims(), axes, keepdims)?;
    let x = joined.arrange(x)?;
    match host::compute_dtype("variance", x.dtype())? {
        DType::F64 => variance_of::<f64>(&x, &joined),
        _ => variance_of::<f32>(&x, &joined),
    }
}

fn variance_of<T: Math>(x: &Tensor, joined: &Joined) -> Result<Tensor> {
    let extent = joined.extent;
    let out = host::read(x, |x: &[T]| Ok(kernel::variance(x, extent)))?;
    saving_both(x, out, joined, move |g, x, _| {
        let per = T::of(1. / extent.len as f64);
        let mut means = kernel::fold(Sum, x, extent);
        means.iter_mut().for_each(|mean| *mean *= per);
        lane_map::with_lanes(
            x,
            &means,
            g,
            extent,
            #[inline(always)]
            |x, mean, g| (per + per) * (x - mean) * g,
        )
    })
}

/// The square root of [`variance`]. Errors as in [`sum`].
pub fn std(x: &Tensor, axes: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    host::within("std", || crate::sqrt(&variance(x, axes, keepdims)?))
}

/// `log(sum(e^x))` over `axes`, finite for large `x`. Errors as in [`sum`], and over nothing.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1e4f64, 1e4], &Device::Cpu)?;
/// assert_eq!(ops::logsumexp(&x, None, false)?.to_scalar::<f64>()?, 1e4 + 2f64.ln());
/// # Ok::<(), ops::Error>(())
/// ```
pub fn logsumexp(x: &Tensor, axes: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    let joined = Joined::new("logsumexp", x.dims(), axes, keepdims)?;
    not_empty("logsumexp", x, &joined)?;
    let x = joined.arrange(x)?;
    match host::compute_dtype("logsumexp", x.dtype())? {
        DType::F64 => logsumexp_of::<f64>(&x, &joined),
        _ => logsumexp_of::<f32>(&x, &joined),
    }
}

fn logsumexp_of<T: Math>(x: &Tensor, joined: &Joined) -> Result<Tensor> {
    let extent = joined.extent;
    let out = host::read(x, |x: &[T]| Ok(softmax::logsumexp(x, extent)))?;
    saving_both(x, out, joined, move |g, x, y| {
        softmax::logsumexp_gradient(g, x, y, extent)
    })
}

fn not_empty(name: &str, x: &Tensor, joined: &Joined) -> Result<()> {
    if joined.extent.len == 0 {
        candle_core::bail!("{name}: nothing to reduce in a tensor of shape {:?}", x.dims());
    }
    Ok(())
}
