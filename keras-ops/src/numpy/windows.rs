//! Window functions of signal processing, symmetric, of `n` points.

use std::f64::consts::PI;

use candle_core::{DType, Device, Result, Shape, Tensor};

use super::exponents::bessel;
use crate::host;

/// `f(position, n - 1)`; a single point is 1.
fn window(n: usize, dtype: DType, device: &Device, f: impl Fn(f64, f64) -> f64) -> Result<Tensor> {
    let last = n.saturating_sub(1) as f64;
    let at = |i: usize| if n == 1 { 1. } else { f(i as f64, last) };
    host::tensor((0..n).map(at).collect(), dtype, &Shape::from(n), device)
}

/// A triangle that is 0 at both ends.
///
/// ```
/// use keras_ops::{self as ops, DType, Device};
/// assert_eq!(ops::bartlett(5, DType::F32, &Device::Cpu)?.to_vec1::<f32>()?, [0., 0.5, 1., 0.5, 0.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn bartlett(n: usize, dtype: DType, device: &Device) -> Result<Tensor> {
    window(n, dtype, device, |i, last| 1. - (2. * i / last - 1.).abs())
}

/// `0.42 - 0.5 cos(2πi / (n - 1)) + 0.08 cos(4πi / (n - 1))`.
pub fn blackman(n: usize, dtype: DType, device: &Device) -> Result<Tensor> {
    window(n, dtype, device, |i, last| {
        0.42 - 0.5 * (2. * PI * i / last).cos() + 0.08 * (4. * PI * i / last).cos()
    })
}

/// `0.54 - 0.46 cos(2πi / (n - 1))`.
pub fn hamming(n: usize, dtype: DType, device: &Device) -> Result<Tensor> {
    window(n, dtype, device, |i, last| {
        0.54 - 0.46 * (2. * PI * i / last).cos()
    })
}

/// `0.5 - 0.5 cos(2πi / (n - 1))`.
///
/// ```
/// use keras_ops::{self as ops, DType, Device};
/// let y = ops::hanning(5, DType::F64, &Device::Cpu)?.to_vec1::<f64>()?;
/// assert!(y.iter().zip([0., 0.5, 1., 0.5, 0.]).all(|(y, e)| (y - e).abs() < 1e-15));
/// # Ok::<(), ops::Error>(())
/// ```
pub fn hanning(n: usize, dtype: DType, device: &Device) -> Result<Tensor> {
    window(n, dtype, device, |i, last| 0.5 - 0.5 * (2. * PI * i / last).cos())
}

/// `i0(beta sqrt(1 - (2i / (n - 1) - 1)^2)) / i0(beta)`: a larger `beta` narrows the peak.
pub fn kaiser(n: usize, beta: f64, dtype: DType, device: &Device) -> Result<Tensor> {
    let peak = bessel(beta, 0.);
    window(n, dtype, device, |i, last| {
        let place = 2. * i / last - 1.;
        bessel(beta * (1. - place * place).max(0.).sqrt(), 0.) / peak
    })
}
