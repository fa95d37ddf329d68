//! Trigonometric and hyperbolic functions and their inverses.

use std::f64::consts::PI;

use candle_core::{Result, Tensor};

use super::plain::{plain_fns, plain_pairs};
use crate::host;

plain_fns! {
    /// The tangent of radians.
    tan: f64 saves both, |x| x.tan(), |x, y| 1. + y * y;
    /// The angle in `0..=π` whose cosine is `x`; NaN beyond 1.
    arccos: f64 saves both, |x| x.acos(), |x, y| -1. / ((1. - x) * (1. + x)).sqrt();
    /// The angle in `-π/2..=π/2` whose sine is `x`; NaN beyond 1.
    arcsin: f64 saves both, |x| x.asin(), |x, y| 1. / ((1. - x) * (1. + x)).sqrt();
    /// The angle in `-π/2..=π/2` whose tangent is `x`.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let y = ops::arctan(&Tensor::new(&[0f64, 1.], &Device::Cpu)?)?;
    /// assert_eq!(y.to_vec1::<f64>()?, [0., std::f64::consts::FRAC_PI_4]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    arctan: f64 saves both, |x| x.atan(), |x, y| 1. / (1. + x * x);
    /// The hyperbolic sine.
    sinh: f64 saves both, |x| x.sinh(), |x, y| x.cosh();
    /// The hyperbolic cosine.
    cosh: f64 saves both, |x| x.cosh(), |x, y| x.sinh();
    /// The inverse of [`cosh`]; NaN below 1.
    arccosh: f64 saves both, |x| x.acosh(), |x, y| 1. / ((x - 1.) * (x + 1.)).sqrt();
    /// The inverse of [`sinh`].
    arcsinh: f64 saves both, |x| x.asinh(), |x, y| 1. / (x * x + 1.).sqrt();
    /// The inverse of [`tanh`](fn@crate::tanh); NaN beyond 1.
    arctanh: f64 saves both, |x| x.atanh(), |x, y| 1. / ((1. - x) * (1. + x));
    /// `sin(πx) / (πx)`, 1 at 0.
    sinc: f64 saves both, |x| sinc_of(x), |x, y| sinc_slope(x);
}

plain_pairs! {
    /// The angle of the point with ordinate `x1` and abscissa `x2`, in `-π..=π`.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let up = Tensor::new(&[1f64, 0.], &Device::Cpu)?;
    /// let right = Tensor::new(&[0f64, -1.], &Device::Cpu)?;
    /// use std::f64::consts::{FRAC_PI_2, PI};
    /// assert_eq!(ops::arctan2(&up, &right)?.to_vec1::<f64>()?, [FRAC_PI_2, PI]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    arctan2: f64 reads both, |a, b| a.atan2(b), |a, b, y| (b / (a * a + b * b), -a / (a * a + b * b));
    /// `sqrt(x1^2 + x2^2)` without overflow; the gradient at the origin is 0.
    hypot: f64 reads both, |a, b| a.hypot(b), |a, b, y| if y == 0. { (0., 0.) } else { (a / y, b / y) };
}

fn sinc_of(x: f64) -> f64 {
    if x == 0. { 1. } else { (PI * x).sin() / (PI * x) }
}

fn sinc_slope(x: f64) -> f64 {
    // Near 0 the two terms cancel: the series' first term is exact there.
    if x.abs() < 1e-5 {
        return -PI * PI * x / 3.;
    }
    ((PI * x).cos() - sinc_of(x)) / x
}

/// Degrees as radians. Errors when `x` is not a float tensor.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let y = ops::deg2rad(&Tensor::new(&[180f64], &Device::Cpu)?)?;
/// assert_eq!(y.to_vec1::<f64>()?, [std::f64::consts::PI]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn deg2rad(x: &Tensor) -> Result<Tensor> {
    host::within("deg2rad", || crate::mul_scalar(x, PI / 180.))
}

/// Radians as degrees. Errors when `x` is not a float tensor.
pub fn rad2deg(x: &Tensor) -> Result<Tensor> {
    host::within("rad2deg", || crate::mul_scalar(x, 180. / PI))
}
