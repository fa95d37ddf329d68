//! Functions of single elements and of pairs of elements.

use candle_core::{DType, Result, Storage, Tensor};

use crate::kernels::broadcast::Plan;
use crate::kernels::map::{map1, map3};
use crate::kernels::math::Math;
use crate::kernels::wide;
use crate::pointwise::{Far, Pointwise, Saves, pointwise, pointwise_fns};
use crate::{host, record};

pointwise_fns! {
    /// `-x`.
    neg: Neg saves Output, |x| -x, |x, y| -T::ONE, |f, x| x.wrapping_neg();
    /// `|x|`; the gradient at 0 is 0, as in Keras.
    abs: Abs saves Input, |x| x.abs(), |x, y| sign_of(x), |f, x| x.wrapping_abs();
    /// `e^x`.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let y = ops::exp(&Tensor::new(&[0f32, -1e4], &Device::Cpu)?)?;
    /// assert_eq!(y.to_vec1::<f32>()?, [1., 0.]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    exp: Exp saves Output, |x| x.exp(), |x, y| y;
    /// The natural logarithm.
    log: Log saves Input, |x| x.ln(), |x, y| T::ONE / x;
    /// `log(1 + x)`, accurate near 0.
    log1p: Log1p saves Input, |x| x.ln_1p(), |x, y| T::ONE / (T::ONE + x);
    /// `e^x - 1`, accurate near 0.
    expm1: Expm1 saves Output, |x| x.exp_m1(), |x, y| y + T::ONE;
    /// The square root; the gradient at 0 is infinite.
    sqrt: Sqrt saves Output, |x| x.sqrt(), |x, y| T::of(0.5) / y;
    /// `1 / sqrt(x)`.
    rsqrt: Rsqrt saves Output, |x| T::ONE / x.sqrt(), |x, y| T::of(-0.5) * y * y * y;
    /// `1 / x`.
    reciprocal: Reciprocal saves Output, |x| T::ONE / x, |x, y| -(y * y);
    /// `x * x`.
    square: Square saves Input, |x| x * x, |x, y| x + x, |f, x| x.wrapping_mul(x);
    /// -1, 0 or 1; the gradient is 0.
    sign: Sign saves Output, |x| sign_of(x), |x, y| T::ZERO, |f, x| x.signum();
    /// The error function.
    erf: Erf saves Input, |x| x.erf(), |x, y| T::of(std::f64::consts::FRAC_2_SQRT_PI) * (-(x * x)).exp();
    /// `x + value`.
    add_scalar(value): AddScalar saves Output, |x| x + T::of(value), |x, y| T::ONE;
    /// `x * value`.
    mul_scalar(value): MulScalar saves Output, |x| x * T::of(value), |x, y| T::of(value);
    /// `a * x + b`.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let y = ops::scale_shift(&Tensor::new(&[1f32, 2.], &Device::Cpu)?, -1., 1.)?;
    /// assert_eq!(y.to_vec1::<f32>()?, [0., -1.]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    scale_shift(a, b): ScaleShift saves Output, |x| T::of(a) * x + T::of(b), |x, y| T::of(a);
    /// `x^exponent`.
    pow_scalar(exponent): PowScalar saves Input, |x| x.pow(T::of(exponent)),
        |x, y| T::of(exponent) * x.pow(T::of(exponent - 1.));
    /// `x` limited to `min..=max`; the gradient passes inside and at the bounds.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let y = ops::clip(&Tensor::new(&[-2f32, 0.5, 3.], &Device::Cpu)?, 0., 1.)?;
    /// assert_eq!(y.to_vec1::<f32>()?, [0., 0.5, 1.]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    clip(min, max): Clip saves Input, |x| clamp(x, min, max), |x, y| inside(x, min, max),
        |f, x| x.max(f.min.ceil() as i64).min(f.max.floor() as i64);
}

macro_rules! waves {
    ($($fun:ident: $type:ident, $what:literal, |$x:ident| $forward:expr, $derivative:expr;)*) => {$(
        #[doc = concat!("The formula of [`", stringify!($fun), "`](fn@", stringify!($fun), ").")]
        #[derive(Clone, Copy, Debug)]
        pub struct $type;

        impl Pointwise for $type {
            const NAME: &'static str = stringify!($fun);
            const SAVES: Saves = Saves::Input;
            #[inline(always)]
            fn forward<T: Math>(self, $x: T) -> T {
                $forward
            }
            #[inline(always)]
            fn derivative<T: Math>(self, $x: T, _y: T) -> T {
                $derivative
            }
            fn far() -> Option<Far> {
                Some((wide::FAR, f64::$fun))
            }
        }

        #[doc = concat!("The ", $what, " of radians.")]
        pub fn $fun(x: &Tensor) -> Result<Tensor> {
            pointwise($type, x)
        }
    )*};
}

waves! {
    sin: Sin, "sine", |x| x.sin(), x.cos();
    cos: Cos, "cosine", |x| x.cos(), -x.sin();
}

#[inline(always)]
pub(crate) fn sign_of<T: Math>(x: T) -> T {
    let positive = if x > T::ZERO { T::ONE } else { zero_or_nan(x) };
    if x < T::ZERO { -T::ONE } else { positive }
}

#[inline(always)]
#[expect(clippy::eq_op, reason = "NaN alone differs from itself")]
fn is_nan<T: Math>(x: T) -> bool {
    x != x
}

/// 0 where `x` is finite, else NaN.
#[inline(always)]
#[expect(clippy::eq_op, reason = "infinity and NaN have no difference from themselves")]
pub(crate) fn zero_or_nan<T: Math>(x: T) -> T {
    x - x
}

/// `x` limited to `min..=max`; NaN stays NaN.
#[inline(always)]
pub(crate) fn clamp<T: Math>(x: T, min: f64, max: f64) -> T {
    let (min, max) = (T::of(min), T::of(max));
    let x = if x < min { min } else { x };
    if x > max { max } else { x }
}

/// 1 where `clamp` passes `x` on, 0 where it is cut.
#[inline(always)]
pub(crate) fn inside<T: Math>(x: T, min: f64, max: f64) -> T {
    if x < T::of(min) || x > T::of(max) {
        T::ZERO
    } else {
        T::ONE
    }
}

/// `x` in another dtype; between float dtypes the gradient is cast back.
///
/// ```
/// use keras_ops::{self as ops, DType, Device, Tensor};
/// let y = ops::cast(&Tensor::new(&[0u8, 2], &Device::Cpu)?, DType::F32)?;
/// assert_eq!(y.to_vec1::<f32>()?, [0., 2.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn cast(x: &Tensor, dtype: DType) -> Result<Tensor> {
    let from = x.dtype();
    if from == dtype {
        return Ok(x.clone());
    }
    let Some(storage) = converted(x, dtype)? else {
        if !(from.is_float() && dtype.is_float()) {
            return x.detach().to_dtype(dtype);
        }
        let storage = match dtype {
            DType::F64 => host::read(x, |v: &[f64]| host::storage(v.to_vec(), x.device())),
            _ => host::read(x, |v: &[f32]| host::storage_as(v.to_vec(), dtype, x.device())),
        }?;
        return Ok(recorded_cast(x, storage));
    };
    if from.is_float() && dtype.is_float() {
        return Ok(recorded_cast(x, storage));
    }
    Ok(record(&[], storage, x.shape(), |_, _| Ok(Default::default())))
}

fn recorded_cast(x: &Tensor, storage: Storage) -> Tensor {
    let from = x.dtype();
    record(&[x], storage, x.shape(), move |grad, _| {
        Ok([Some(cast(&grad, from)?)].into_iter().collect())
    })
}

/// The conversions that are common enough for a pass of their own.
fn converted(x: &Tensor, dtype: DType) -> Result<Option<Storage>> {
    macro_rules! pass {
        ($from:ty, $to:ty) => {
            host::read(x, |v: &[$from]| {
                host::storage(map1(v, |v| v as $to), x.device())
            })
            .map(Some)
        };
    }
    match (x.dtype(), dtype) {
        (DType::F32, DType::F64) => pass!(f32, f64),
        (DType::F64, DType::F32) => pass!(f64, f32),
        (DType::F32, DType::U8) => pass!(f32, u8),
        (DType::F32, DType::U32) => pass!(f32, u32),
        (DType::F32, DType::I64) => pass!(f32, i64),
        (DType::U8, DType::F32) => pass!(u8, f32),
        (DType::U32, DType::F32) => pass!(u32, f32),
        (DType::I64, DType::F32) => pass!(i64, f32),
        _ => Ok(None),
    }
}

/// `a` where `condition` is not 0, else `b`. Only the chosen side gets the gradient. Shapes broadcast as in
/// NumPy; integers have no gradient.
///
/// # Errors
/// When the shapes do not broadcast, the dtypes of `a` and `b` differ, or `condition` is not u8.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let a = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
/// let y = ops::where_(&ops::greater(&a, &ops::full_like(&a, 1.5)?)?, &a, &ops::neg(&a)?)?;
/// assert_eq!(y.to_vec1::<f32>()?, [-1., 2.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn where_(condition: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if condition.dtype() != DType::U8 {
        candle_core::bail!("where_: expected a u8 condition, got {:?}", condition.dtype());
    }
    crate::pairwise::same_dtype("where_", a, b)?;
    if condition.dims() != a.dims() || a.dims() != b.dims() {
        let shape = Plan::shape_of_three("where_", condition.dims(), a.dims(), b.dims())?;
        let spread = |x| crate::broadcast_to(x, &shape);
        return where_(&spread(condition)?, &spread(a)?, &spread(b)?);
    }
    match a.dtype() {
        DType::F64 => choose::<f64>(condition, a, b),
        dtype if dtype.is_float() => choose::<f32>(condition, a, b),
        dtype => {
            let out = picked::<i64>(condition, a, b)?;
            crate::numpy::integer::tensor(out, dtype, a.shape(), a.device())
        }
    }
}

fn picked<T: candle_core::WithDType>(condition: &Tensor, a: &Tensor, b: &Tensor) -> Result<Vec<T>> {
    host::read(condition, |c: &[u8]| {
        host::read(a, |a: &[T]| {
            host::read(b, |b: &[T]| {
                Ok(map3(
                    c,
                    a,
                    b,
                    #[inline(always)]
                    |c, a, b| if c != 0 { a } else { b },
                ))
            })
        })
    })
}

fn choose<T: Math>(condition: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let pick = picked::<T>;
    let out = host::storage_as(pick(condition, a, b)?, a.dtype(), a.device())?;
    let saved = condition.detach();
    Ok(record(&[a, b], out, a.shape(), move |grad, needs| {
        let zero = grad.zeros_like()?;
        let side = |grad: &Tensor, other: &Tensor| {
            host::tensor(
                pick(&saved, grad, other)?,
                grad.dtype(),
                grad.shape(),
                grad.device(),
            )
        };
        let da = if needs[0] { Some(side(&grad, &zero)?) } else { None };
        let db = if needs[1] { Some(side(&zero, &grad)?) } else { None };
        Ok([da, db].into_iter().collect())
    }))
}

/// A tensor of `x`'s shape and dtype filled with `value`.
pub fn full_like(x: &Tensor, value: f64) -> Result<Tensor> {
    Tensor::full(value, x.shape(), x.device())?.to_dtype(x.dtype())
}

/// Whether every element is finite; true for an empty tensor.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// assert!(ops::all_finite(&Tensor::new(&[0f32, 1.], &Device::Cpu)?)?);
/// assert!(!ops::all_finite(&Tensor::new(&[0f32, f32::NAN], &Device::Cpu)?)?);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn all_finite(x: &Tensor) -> Result<bool> {
    // x * 0 is 0 exactly when x is finite, so one vectorised sum answers for a block.
    fn finite<T: Math>(x: &[T]) -> Result<bool> {
        Ok(x.chunks(4096).all(|chunk| {
            crate::kernels::simd::vectorize(
                #[inline(always)]
                || {
                    let bad = chunk
                        .iter()
                        .map(|x| u32::from(zero_or_nan(*x) != T::ZERO))
                        .sum::<u32>();
                    bad == 0
                },
            )
        }))
    }
    match host::compute_dtype("all_finite", x.dtype())? {
        DType::F64 => host::read(x, finite::<f64>),
        _ => host::read(x, finite::<f32>),
    }
}

/// The position of the first NaN in row-major order; `None` for integers and where there is none.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// assert_eq!(ops::first_nan(&Tensor::new(&[[0f32, 1.], [f32::NAN, 2.]], &Device::Cpu)?)?, Some(2));
/// assert_eq!(ops::first_nan(&Tensor::new(&[1u32], &Device::Cpu)?)?, None);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn first_nan(x: &Tensor) -> Result<Option<usize>> {
    fn find<T: Math>(x: &[T]) -> Result<Option<usize>> {
        const BLOCK: usize = 4096;
        let has = |chunk: &[T]| {
            crate::kernels::simd::vectorize(
                #[inline(always)]
                || chunk.iter().map(|x| u32::from(is_nan(*x))).sum::<u32>() > 0,
            )
        };
        let Some(block) = x.chunks(BLOCK).position(has) else {
            return Ok(None);
        };
        let rest = &x[block * BLOCK..];
        Ok(rest.iter().position(|x| is_nan(*x)).map(|i| block * BLOCK + i))
    }
    match x.dtype() {
        DType::F64 => host::read(x, find::<f64>),
        DType::F32 | DType::F16 | DType::BF16 => host::read(x, find::<f32>),
        _ => Ok(None),
    }
}

/// The place and the value of the first NaN or infinity; `None` for integers and where there is none.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[0f32, 1.], [f32::INFINITY, f32::NAN]], &Device::Cpu)?;
/// assert_eq!(ops::first_not_finite(&x)?, Some((vec![1, 0], f64::INFINITY)));
/// assert_eq!(ops::first_not_finite(&Tensor::new(&[1f32], &Device::Cpu)?)?, None);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn first_not_finite(x: &Tensor) -> Result<Option<(Vec<usize>, f64)>> {
    if !x.dtype().is_float() || all_finite(x)? {
        return Ok(None);
    }
    let found = host::read(x, |x: &[f64]| {
        let place = x.iter().position(|v| !v.is_finite());
        Ok(place.map(|place| (place, x[place])))
    })?;
    let place = |mut flat: usize| {
        let mut place: Vec<usize> = x
            .dims()
            .iter()
            .rev()
            .map(|size| {
                let at = flat % size.max(&1);
                flat /= size.max(&1);
                at
            })
            .collect();
        place.reverse();
        place
    };
    Ok(found.map(|(flat, value)| (place(flat), value)))
}
