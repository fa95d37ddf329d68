//! Rounding, remainders and the parts of a number.

use candle_core::{DType, Result, Shape, Tensor};

use super::plain::plain_pairs;
use crate::host;
use crate::kernels::broadcast::Plan;
use crate::kernels::map::map1;
use crate::kernels::math::Math;
use crate::pairwise::same_dtype;
use crate::pointwise::{Pointwise, Saves, pointwise, pointwise_fns};

pointwise_fns! {
    /// The largest integer that is not above `x`; the gradient is 0.
    floor: Floor saves Output, |x| x.floor(), |x, y| T::ZERO;
    /// The smallest integer that is not below `x`; the gradient is 0.
    ceil: Ceil saves Output, |x| x.ceil(), |x, y| T::ZERO;
    /// `x` without its fraction, integers as they are; the gradient is 0.
    trunc: Trunc saves Output, |x| x.trunc(), |x, y| T::ZERO, |f, x| x;
}

/// The formula of [`round`].
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// `10^decimals`.
    pub factor: f64,
}

impl Pointwise for Round {
    const NAME: &'static str = "round";
    const SAVES: Saves = Saves::Output;
    #[inline(always)]
    fn forward<T: Math>(self, x: T) -> T {
        let factor = T::of(self.factor);
        (x * factor).round_even() / factor
    }
    #[inline(always)]
    fn derivative<T: Math>(self, _x: T, _y: T) -> T {
        T::ZERO
    }
}

/// `x` rounded to `decimals` places (negative: to tens, hundreds, …), halves to the even neighbour; the
/// gradient is 0. Integers stay integers.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[0.5f32, 1.5, -2.25], &Device::Cpu)?;
/// assert_eq!(ops::round(&x, 0)?.to_vec1::<f32>()?, [0., 2., -2.]);
/// assert_eq!(ops::round(&x, 1)?.to_vec1::<f32>()?, [0.5, 1.5, -2.2]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn round(x: &Tensor, decimals: i32) -> Result<Tensor> {
    let factor = 10f64.powi(decimals);
    if x.dtype().is_float() {
        return pointwise(Round { factor }, x);
    }
    if decimals >= 0 {
        return Ok(x.clone());
    }
    super::integer::map1("round", x, &|x| {
        (x as f64 * factor).round_ties_even() as i64 * 10i64.pow(-decimals as u32)
    })
}

plain_pairs! {
    /// The remainder of division with the sign of the divisor, as Python's `%`.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let x = Tensor::new(&[-7f32, 7.], &Device::Cpu)?;
    /// let three = Tensor::new(&[3f32], &Device::Cpu)?;
    /// assert_eq!(ops::mod_(&x, &three)?.to_vec1::<f32>()?, [2., 1.]);
    /// assert_eq!(ops::fmod(&x, &three)?.to_vec1::<f32>()?, [-1., 1.]);
    /// assert_eq!(ops::floor_divide(&x, &three)?.to_vec1::<f32>()?, [-3., 2.]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    mod_: f64 reads both, |a, b| remainder(a, b), |a, b, y| (1., -(a / b).floor()), |a, b| integer_mod(a, b);
    /// The remainder of division with the sign of the dividend.
    fmod: f64 reads both, |a, b| a % b, |a, b, y| (1., -(a / b).trunc()), |a, b| if b == 0 { 0 } else { a.wrapping_rem(b) };
    /// The largest integer that is not above `x1 / x2`; the gradient is 0.
    floor_divide: f64 reads both, |a, b| quotient(a, b), |a, b, y| (0., 0.), |a, b| integer_floor(a, b);
    /// `x1 / x2`, 0 where `x2` is 0.
    divide_no_nan: f64 reads both, |a, b| if b == 0. { 0. } else { a / b },
        |a, b, y| if b == 0. { (0., 0.) } else { (1. / b, -a / (b * b)) };
    /// The larger of `x1` and `x2`; a number wins over NaN; of equals, `x2` gets the gradient.
    fmax: f64 reads both, |a, b| a.max(b), |a, b, y| one_side(a > b || b.is_nan()), |a, b| a.max(b);
    /// The smaller of `x1` and `x2`; a number wins over NaN; of equals, `x2` gets the gradient.
    fmin: f64 reads both, |a, b| a.min(b), |a, b, y| one_side(a < b || b.is_nan()), |a, b| a.min(b);
    /// 0 where `x1` is negative, 1 where it is positive, `x2` where it is 0.
    heaviside: f64 reads both, |a, b| step(a, b), |a, b, y| (0., if a == 0. { 1. } else { 0. });
}

fn one_side(first: bool) -> (f64, f64) {
    if first { (1., 0.) } else { (0., 1.) }
}

fn step(a: f64, at_zero: f64) -> f64 {
    if a.is_nan() {
        a
    } else if a == 0. {
        at_zero
    } else {
        f64::from(a > 0.)
    }
}

fn remainder(a: f64, b: f64) -> f64 {
    let r = a % b;
    if r != 0. && (r < 0.) != (b < 0.) { r + b } else { r }
}

/// The quotient that belongs to [`remainder`]: NaN for an infinite dividend.
fn quotient(a: f64, b: f64) -> f64 {
    if b == 0. {
        a / b
    } else {
        ((a - remainder(a, b)) / b).round()
    }
}

fn integer_mod(a: i64, b: i64) -> i64 {
    if b == 0 {
        return 0;
    }
    let r = a.wrapping_rem(b);
    if r != 0 && (r < 0) != (b < 0) { r + b } else { r }
}

fn integer_floor(a: i64, b: i64) -> i64 {
    if b == 0 {
        return -1;
    }
    let q = a.wrapping_div(b);
    if a.wrapping_rem(b) != 0 && (a < 0) != (b < 0) {
        q - 1
    } else {
        q
    }
}

/// The next number after `x1` in the direction of `x2`. Shapes broadcast as in NumPy; no gradient.
///
/// # Errors
/// When the dtypes are not both float32 or both float64.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let one = Tensor::new(&[1f32], &Device::Cpu)?;
/// let y = ops::nextafter(&one, &Tensor::new(&[2f32], &Device::Cpu)?)?;
/// assert_eq!(y.to_vec1::<f32>()?, [1. + f32::EPSILON]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn nextafter(x1: &Tensor, x2: &Tensor) -> Result<Tensor> {
    same_dtype("nextafter", x1, x2)?;
    let plan = Plan::new("nextafter", x1.dims(), x2.dims())?;
    let shape = Shape::from(plan.shape());
    macro_rules! run {
        ($t:ty) => {{
            let next = |a: $t, b: $t| {
                if a.is_nan() || b.is_nan() {
                    a + b
                } else if a == b {
                    b
                } else if b > a {
                    a.next_up()
                } else {
                    a.next_down()
                }
            };
            let out = host::read(x1, |a: &[$t]| host::read(x2, |b: &[$t]| Ok(plan.map(a, b, next))))?;
            host::tensor(out, x1.dtype(), &shape, x1.device())
        }};
    }
    match x1.dtype() {
        DType::F32 => run!(f32),
        DType::F64 => run!(f64),
        other => {
            candle_core::bail!("nextafter: expected float32 or float64 tensors, got {other:?}; use `cast`")
        }
    }
}

/// What [`nan_to_num`] puts in place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NanToNum {
    /// For NaN.
    pub nan: f64,
    /// For infinity; the largest number of the dtype when absent.
    pub posinf: Option<f64>,
    /// For negative infinity; the smallest number of the dtype when absent.
    pub neginf: Option<f64>,
}

/// `x` with NaN and the infinities replaced; replaced elements get no gradient. Integers stay as they are.
///
/// ```
/// use keras_ops::{self as ops, Device, NanToNum, Tensor};
/// let x = Tensor::new(&[1f32, f32::NAN, f32::INFINITY], &Device::Cpu)?;
/// let y = ops::nan_to_num(&x, NanToNum { posinf: Some(9.), ..NanToNum::default() })?;
/// assert_eq!(y.to_vec1::<f32>()?, [1., 0., 9.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn nan_to_num(x: &Tensor, options: NanToNum) -> Result<Tensor> {
    if !x.dtype().is_float() {
        return Ok(x.clone());
    }
    let largest = match x.dtype() {
        DType::F64 => f64::MAX,
        DType::F16 => half::f16::MAX.to_f64(),
        DType::BF16 => half::bf16::MAX.to_f64(),
        _ => f32::MAX as f64,
    };
    let (nan, low, high) = (
        options.nan,
        options.neginf.unwrap_or(-largest),
        options.posinf.unwrap_or(largest),
    );
    let plain = |x: f64| match x {
        x if x.is_nan() => nan,
        f64::INFINITY => high,
        f64::NEG_INFINITY => low,
        x => x,
    };
    host::within("nan_to_num", || {
        let bad = match x.dtype() {
            DType::F64 => host::read(x, |x: &[f64]| Ok(map1(x, plain))),
            _ => host::read(x, |x: &[f32]| Ok(map1(x, |x| plain(x as f64)))),
        }?;
        let replaced = host::tensor(bad, x.dtype(), x.shape(), x.device())?;
        crate::where_(&crate::isfinite(x)?, x, &replaced)
    })
}
