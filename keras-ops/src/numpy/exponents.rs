//! Exponentials, logarithms, roots and special functions.

use std::f64::consts::{FRAC_2_SQRT_PI, LN_2, LN_10, PI};

use candle_core::cpu::erf::{erf_inv, erfc_f64};
use candle_core::{Result, Tensor};

use super::plain::{plain_fns, plain_pairs};
use crate::host;

plain_fns! {
    /// The cube root, negative for negative `x`.
    cbrt: f64 saves both, |x| x.cbrt(), |x, y| 1. / (3. * y * y);
    /// `2^x`.
    exp2: f64 saves both, |x| x.exp2(), |x, y| y * LN_2;
    /// The logarithm to base 2.
    log2: f64 saves both, |x| x.log2(), |x, y| 1. / (x * LN_2);
    /// The logarithm to base 10.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// assert_eq!(ops::log10(&Tensor::new(&[1f32, 100.], &Device::Cpu)?)?.to_vec1::<f32>()?, [0., 2.]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    log10: f64 saves both, |x| x.log10(), |x, y| 1. / (x * LN_10);
    /// `1 - erf(x)`, accurate for large `x`.
    erfc: f64 saves both, |x| erfc_f64(x), |x, y| -FRAC_2_SQRT_PI * (-x * x).exp();
    /// The inverse of [`erf`](fn@crate::erf): infinite at ±1, NaN beyond.
    erfinv: f64 saves both, |x| if x.abs() > 1. { f64::NAN } else { erf_inv(x) },
        |x, y| PI.sqrt() / 2. * (y * y).exp();
    /// The modified Bessel function of the first kind, of order 0.
    i0: f64 saves both, |x| bessel(x, 0.), |x, y| bessel(x, 1.);
}

plain_pairs! {
    /// `log(e^x1 + e^x2)`, finite for large arguments.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let x = Tensor::new(&[1e4f64], &Device::Cpu)?;
    /// assert_eq!(ops::logaddexp(&x, &x)?.to_vec1::<f64>()?, [1e4 + 2f64.ln()]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    logaddexp: f64 reads both, |a, b| joined(a, b, 1.), |a, b, y| ((a - y).exp(), (b - y).exp());
    /// `log2(2^x1 + 2^x2)`, finite for large arguments.
    logaddexp2: f64 reads both, |a, b| joined(a, b, LN_2), |a, b, y| ((a - y).exp2(), (b - y).exp2());
}

/// `log(e^(ua) + e^(ub)) / u`.
fn joined(a: f64, b: f64, u: f64) -> f64 {
    if a == b {
        return a + LN_2 / u;
    }
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    high + ((low - high) * u).exp().ln_1p() / u
}

/// The modified Bessel function of the first kind, of order 0 or 1, by its power series: all terms have one
/// sign, so that nothing cancels.
pub(super) fn bessel(x: f64, order: f64) -> f64 {
    let quarter = x * x / 4.;
    let mut term = if order == 0. { 1. } else { x / 2. };
    let mut sum = term;
    for k in 1..2000 {
        let k = k as f64;
        term *= quarter / (k * (k + order));
        sum += term;
        if term.abs() <= sum.abs() * 1e-17 || !sum.is_finite() {
            break;
        }
    }
    sum
}

/// `x1 * 2^x2`, with a gradient by `x1`. Shapes broadcast as in NumPy.
///
/// # Errors
/// When `x1` is not a float or `x2` not an integer tensor, or the shapes do not broadcast.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[0.75f32, 1.], &Device::Cpu)?;
/// assert_eq!(ops::ldexp(&x, &Tensor::new(&[2i64, -1], &Device::Cpu)?)?.to_vec1::<f32>()?, [3., 0.5]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn ldexp(x1: &Tensor, x2: &Tensor) -> Result<Tensor> {
    if x2.dtype().is_float() {
        candle_core::bail!(
            "ldexp: expected integer exponents, got {:?}; use `cast`",
            x2.dtype()
        );
    }
    host::within("ldexp", || {
        let scale = exp2(&crate::cast(x2, x1.dtype())?)?;
        crate::multiply(x1, &scale)
    })
}
