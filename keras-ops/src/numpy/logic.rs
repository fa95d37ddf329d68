//! Truth of elements. Results are u8, 1 where it holds: candle has no booleans. None has a gradient.

use candle_core::{DType, Result, Shape, Tensor};

use crate::host;
use crate::kernels::broadcast::Plan;
use crate::kernels::map::map1;
use crate::pairwise::same_dtype;

/// The elements as truth values: 1 where not 0; NaN is true.
fn truth(x: &Tensor) -> Result<Vec<u8>> {
    match x.dtype() {
        DType::U8 => host::read(x, |x: &[u8]| Ok(map1(x, |x| (x != 0) as u8))),
        DType::F32 | DType::F16 | DType::BF16 => host::read(x, |x: &[f32]| Ok(map1(x, |x| (x != 0.) as u8))),
        DType::F64 => host::read(x, |x: &[f64]| Ok(map1(x, |x| (x != 0.) as u8))),
        _ => host::read(x, |x: &[i64]| Ok(map1(x, |x| (x != 0) as u8))),
    }
}

fn combine(op: &str, a: &Tensor, b: &Tensor, f: fn(u8, u8) -> u8) -> Result<Tensor> {
    let plan = Plan::new(op, a.dims(), b.dims())?;
    let out = plan.map(&truth(a)?, &truth(b)?, f);
    host::tensor(out, DType::U8, &Shape::from(plan.shape()), a.device())
}

/// 1 where both are not 0. Shapes broadcast as in NumPy; any dtypes.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let a = Tensor::new(&[0u8, 1, 1], &Device::Cpu)?;
/// let b = Tensor::new(&[0.5f32, 0., -2.], &Device::Cpu)?;
/// assert_eq!(ops::logical_and(&a, &b)?.to_vec1::<u8>()?, [0, 0, 1]);
/// assert_eq!(ops::logical_xor(&a, &b)?.to_vec1::<u8>()?, [1, 1, 0]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn logical_and(x1: &Tensor, x2: &Tensor) -> Result<Tensor> {
    combine("logical_and", x1, x2, |a, b| a & b)
}

/// 1 where at least one is not 0. Shapes broadcast as in NumPy; any dtypes.
pub fn logical_or(x1: &Tensor, x2: &Tensor) -> Result<Tensor> {
    combine("logical_or", x1, x2, |a, b| a | b)
}

/// 1 where exactly one is not 0. Shapes broadcast as in NumPy; any dtypes.
pub fn logical_xor(x1: &Tensor, x2: &Tensor) -> Result<Tensor> {
    combine("logical_xor", x1, x2, |a, b| a ^ b)
}

/// 1 where `x` is 0.
pub fn logical_not(x: &Tensor) -> Result<Tensor> {
    let mut out = truth(x)?;
    out.iter_mut().for_each(|v| *v ^= 1);
    host::tensor(out, DType::U8, x.shape(), x.device())
}

/// When [`isclose`] calls two numbers close: `|x1 - x2| <= atol + rtol |x2|`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IsClose {
    /// The relative tolerance.
    pub rtol: f64,
    /// The absolute tolerance.
    pub atol: f64,
    /// Whether NaN is close to NaN.
    pub equal_nan: bool,
}

impl Default for IsClose {
    fn default() -> Self {
        Self {
            rtol: 1e-5,
            atol: 1e-8,
            equal_nan: false,
        }
    }
}

/// 1 where two tensors are close; infinities only to themselves. Shapes broadcast as in NumPy.
///
/// # Errors
/// When the shapes do not broadcast or the dtypes differ.
///
/// ```
/// use keras_ops::{self as ops, Device, IsClose, Tensor};
/// let a = Tensor::new(&[1f64, 2., f64::NAN], &Device::Cpu)?;
/// let b = Tensor::new(&[1. + 1e-6, 2.1, f64::NAN], &Device::Cpu)?;
/// assert_eq!(ops::isclose(&a, &b, IsClose::default())?.to_vec1::<u8>()?, [1, 0, 0]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn isclose(x1: &Tensor, x2: &Tensor, options: IsClose) -> Result<Tensor> {
    same_dtype("isclose", x1, x2)?;
    let IsClose {
        rtol,
        atol,
        equal_nan,
    } = options;
    let plan = Plan::new("isclose", x1.dims(), x2.dims())?;
    let close = |a: f64, b: f64| {
        let near = a == b || (a.is_finite() && b.is_finite() && (a - b).abs() <= atol + rtol * b.abs());
        (near || (equal_nan && a.is_nan() && b.is_nan())) as u8
    };
    let out = host::read(x1, |a: &[f64]| {
        host::read(x2, |b: &[f64]| Ok(plan.map(a, b, close)))
    })?;
    host::tensor(out, DType::U8, &Shape::from(plan.shape()), x1.device())
}

/// 1 when all elements are close by [`isclose`], a scalar.
pub fn allclose(x1: &Tensor, x2: &Tensor, options: IsClose) -> Result<Tensor> {
    host::within("allclose", || crate::all(&isclose(x1, x2, options)?, None, false))
}

macro_rules! tests {
    ($($(#[$doc:meta])* $fun:ident: |$x:ident| $formula:expr;)*) => {$(
        $(#[$doc])*
        pub fn $fun(x: &Tensor) -> Result<Tensor> {
            test(x, |$x| $formula)
        }
    )*};
}

tests! {
    /// 1 where `x` is infinite.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let x = Tensor::new(&[1f32, f32::NEG_INFINITY, f32::NAN], &Device::Cpu)?;
    /// assert_eq!(ops::isinf(&x)?.to_vec1::<u8>()?, [0, 1, 0]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    isinf: |x| x.is_infinite();
    /// 1 where `x` is negative infinity.
    isneginf: |x| x == f64::NEG_INFINITY;
    /// 1 where `x` is positive infinity.
    isposinf: |x| x == f64::INFINITY;
    /// 1 where `x` is not a number.
    isnan: |x| x.is_nan();
    /// 1 where `x` is neither infinite nor NaN.
    isfinite: |x| x.is_finite();
    /// 1 where the sign of `x` is negative, of -0 too.
    signbit: |x| x.is_sign_negative();
    /// 1 everywhere: candle has no complex numbers.
    isreal: |_x| true;
}

#[inline(always)]
fn test(x: &Tensor, f: impl Fn(f64) -> bool + Sync) -> Result<Tensor> {
    let out = match x.dtype() {
        DType::F32 | DType::F16 | DType::BF16 => {
            host::read(x, |x: &[f32]| Ok(map1(x, |x| f(x as f64) as u8)))
        }
        // Every integer is a finite number of its own sign.
        _ => host::read(x, |x: &[f64]| Ok(map1(x, |x| f(x) as u8))),
    }?;
    host::tensor(out, DType::U8, x.shape(), x.device())
}

/// The first choice whose condition is not 0, element by element; `default` (0 when absent) where none is.
/// All broadcast together.
///
/// # Errors
/// When the lists differ in length or are empty, a condition is not u8, or dtypes of the choices differ.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?;
/// let low = ops::less(&x, &ops::full_like(&x, 1.5)?)?;
/// let high = ops::greater(&x, &ops::full_like(&x, 2.5)?)?;
/// let y = ops::select(&[&low, &high], &[&x, &ops::neg(&x)?], None)?;
/// assert_eq!(y.to_vec1::<f32>()?, [1., 0., -3.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn select(conditions: &[&Tensor], choices: &[&Tensor], default: Option<&Tensor>) -> Result<Tensor> {
    let (Some(first), true) = (choices.first(), conditions.len() == choices.len()) else {
        candle_core::bail!(
            "select: expected as many choices as conditions, at least one; got {} and {}",
            choices.len(),
            conditions.len()
        );
    };
    host::within("select", || {
        let mut out = match default {
            Some(default) => default.clone(),
            None => Tensor::zeros((), first.dtype(), first.device())?,
        };
        for (condition, choice) in conditions.iter().zip(choices).rev() {
            out = crate::where_(condition, choice, &out)?;
        }
        Ok(out)
    })
}
