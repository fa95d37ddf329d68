//! Reductions over axes.
//!
//! `axes`: the axes to reduce, negative ones counted from the end; `None` is all. `keepdims` leaves them with
//! size 1. Sums are accumulated in `f64`. Of integers, sums and products are integers, of 32 bits at least;
//! means are floats.

use candle_core::{DType, Result, Shape, Tensor};

use crate::axes::Joined;
use crate::host;
use crate::kernels::math::Math;
use crate::kernels::reduce::{self as kernel, Extent, Fold, Max, Min, Prod, Sum};
use crate::kernels::softmax;
use crate::numpy::integer::{self, Width};
use crate::tape::{record, record_with_output};

/// Repeats each value of `[outer, inner]` along the middle axis, times `factor`.
fn spread<T: Math>(g: &[T], extent: Extent, factor: T) -> Vec<T> {
    let Extent { len, inner, .. } = extent;
    let mut out = Vec::with_capacity(extent.count());
    if inner == 1 {
        g.iter()
            .for_each(|g| out.extend(std::iter::repeat_n(*g * factor, len)));
    } else {
        for row in g.chunks_exact(inner.max(1)) {
            (0..len).for_each(|_| out.extend(row.iter().map(|g| *g * factor)));
        }
    }
    out
}

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
        let g = host::read(&grad, |g: &[T]| Ok(spread(g, extent, factor)))?;
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

/// Calls `f(start of lane)` for each lane along the middle axis; its elements are `inner` apart.
fn lanes(extent: Extent, mut f: impl FnMut(usize, usize)) {
    for o in 0..extent.outer {
        for i in 0..extent.inner {
            f(o * extent.inner + i, o * extent.len * extent.inner + i);
        }
    }
}

/// `f(g, x lane, y, dx lane, length)`.
type LaneGradient<T> = fn(T, &dyn Fn(usize) -> T, T, &mut dyn FnMut(usize, T), usize);

/// A fold whose gradient `f(g, x lane, y, dx lane)` works on one lane at a time.
fn fold_op<T: Math, F: Fold<T> + Send + 'static>(
    fold: F,
    x: &Tensor,
    joined: &Joined,
    gradient: LaneGradient<T>,
) -> Result<Tensor> {
    let extent = joined.extent;
    let out = host::read(x, |x: &[T]| Ok(kernel::fold(fold, x, extent)))?;
    let out = host::storage_as(out, x.dtype(), x.device())?;
    let shape = Shape::from(joined.shape.as_slice());
    let saved = x.detach();
    Ok(record_with_output(&[x], out, &shape, move |grad, y, _| {
        let dx = host::read(&grad, |g: &[T]| {
            host::read(&saved, |x: &[T]| {
                host::read(y, |y: &[T]| {
                    let mut dx = vec![T::ZERO; x.len()];
                    lanes(extent, |out, start| {
                        let get = |i: usize| x[start + i * extent.inner];
                        let mut set = |i: usize, v: T| dx[start + i * extent.inner] = v;
                        gradient(g[out], &get, y[out], &mut set, extent.len);
                    });
                    Ok(dx)
                })
            })
        })?;
        Ok([Some(host::tensor(
            dx,
            grad.dtype(),
            saved.shape(),
            grad.device(),
        )?)]
        .into_iter()
        .collect())
    }))
}

/// Equal shares for all elements that equal the result, as JAX does.
fn among_ties<T: Math>(g: T, x: &dyn Fn(usize) -> T, y: T, set: &mut dyn FnMut(usize, T), len: usize) {
    let ties = (0..len).filter(|i| x(*i) == y).count();
    let share = g / T::of(ties as f64);
    (0..len).filter(|i| x(*i) == y).for_each(|i| set(i, share));
}

/// The product of all the others, right when some are 0.
fn others<T: Math>(g: T, x: &dyn Fn(usize) -> T, _y: T, set: &mut dyn FnMut(usize, T), len: usize) {
    let mut after = vec![1f64; len + 1];
    for i in (0..len).rev() {
        after[i] = after[i + 1] * x(i).f64();
    }
    let mut before = 1f64;
    for i in 0..len {
        set(i, T::of(g.f64() * before * after[i + 1]));
        before *= x(i).f64();
    }
}

macro_rules! folds {
    ($($(#[$doc:meta])* $fun:ident: $fold:ident, $gradient:ident, empty $empty:literal,
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
    max: Max, among_ties, empty false, integer i64::MIN, i64::max, Same;
    /// The smallest over `axes`; NaN wins; equal smallest elements share the gradient. Errors as in [`sum`],
    /// and over nothing.
    min: Min, among_ties, empty false, integer i64::MAX, i64::min, Same;
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

/// `x - mean` along the middle axis.
fn centred<T: Math>(x: &[T], extent: Extent) -> Vec<T> {
    let factor = T::of(1. / extent.len as f64);
    let mut means = kernel::fold(Sum, x, extent);
    means.iter_mut().for_each(|m| *m *= factor);
    let mut out = x.to_vec();
    softmax::with_lane(
        &mut out,
        &means,
        extent,
        #[inline(always)]
        |x, mean| x - mean,
    );
    out
}

fn variance_of<T: Math>(x: &Tensor, joined: &Joined) -> Result<Tensor> {
    let extent = joined.extent;
    let per = 1. / extent.len as f64;
    let out = host::read(x, |x: &[T]| Ok(kernel::variance(x, extent)))?;
    let out = host::storage_as(out, x.dtype(), x.device())?;
    let saved = x.detach();
    Ok(record(
        &[x],
        out,
        &Shape::from(joined.shape.as_slice()),
        move |grad, _| {
            let dx = host::read(&grad, |g: &[T]| {
                host::read(&saved, |x: &[T]| {
                    let mut dx = centred(x, extent);
                    softmax::with_lane(
                        &mut dx,
                        g,
                        extent,
                        #[inline(always)]
                        |c, g| T::of(2. * per) * c * g,
                    );
                    Ok(dx)
                })
            })?;
            Ok([Some(host::tensor(
                dx,
                grad.dtype(),
                saved.shape(),
                grad.device(),
            )?)]
            .into_iter()
            .collect())
        },
    ))
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
    let out = host::read(x, |x: &[T]| {
        // An infinite largest element must not be subtracted from itself.
        let shifts = kernel::fold(Max, x, extent);
        let shifts: Vec<T> = shifts
            .iter()
            .map(|m| if m.f64().is_finite() { *m } else { T::ZERO })
            .collect();
        let mut exps = x.to_vec();
        softmax::with_lane(
            &mut exps,
            &shifts,
            extent,
            #[inline(always)]
            |x, shift| (x - shift).exp(),
        );
        let sums = kernel::fold(Sum, &exps, extent);
        Ok(sums
            .iter()
            .zip(&shifts)
            .map(|(sum, shift)| sum.ln() + *shift)
            .collect::<Vec<T>>())
    })?;
    let out = host::storage_as(out, x.dtype(), x.device())?;
    let saved = x.detach();
    Ok(record(
        &[x],
        out,
        &Shape::from(joined.shape.as_slice()),
        move |grad, _| {
            let dx = host::read(&grad, |g: &[T]| {
                host::read(&saved, |x: &[T]| {
                    let mut dx = softmax::softmax(x, extent);
                    softmax::with_lane(
                        &mut dx,
                        g,
                        extent,
                        #[inline(always)]
                        |p, g| p * g,
                    );
                    Ok(dx)
                })
            })?;
            Ok([Some(host::tensor(
                dx,
                grad.dtype(),
                saved.shape(),
                grad.device(),
            )?)]
            .into_iter()
            .collect())
        },
    ))
}

fn not_empty(name: &str, x: &Tensor, joined: &Joined) -> Result<()> {
    if joined.extent.len == 0 {
        candle_core::bail!("{name}: nothing to reduce in a tensor of shape {:?}", x.dims());
    }
    Ok(())
}
