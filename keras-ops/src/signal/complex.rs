//! Complex numbers as pairs of real ones, and distances.

use candle_core::{Result, Tensor};

use crate::host;

/// The complex numbers whose real and imaginary parts lie along the last axis, as a pair.
///
/// # Shapes
/// (.., 2) to two of (..).
///
/// # Errors
/// When the last axis is not 2.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let (re, im) = ops::view_as_complex(&Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?)?;
/// assert_eq!((re.to_vec1::<f32>()?, im.to_vec1::<f32>()?), (vec![1., 3.], vec![2., 4.]));
/// # Ok::<(), ops::Error>(())
/// ```
pub fn view_as_complex(x: &Tensor) -> Result<(Tensor, Tensor)> {
    if x.dims().last() != Some(&2) {
        candle_core::bail!(
            "view_as_complex: expected a last axis of 2, got shape {:?}",
            x.dims()
        );
    }
    host::within("view_as_complex", || {
        let part = |i: usize| crate::squeeze(&crate::narrow(x, -1, i, 1)?, Some(&[-1]));
        Ok((part(0)?, part(1)?))
    })
}

/// Real and imaginary parts along a new last axis: the inverse of [`view_as_complex`].
///
/// # Errors
/// When the parts differ in shape or dtype.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// let (re, im) = ops::view_as_complex(&x)?;
/// assert_eq!(ops::view_as_real(&re, &im)?.to_vec2::<f32>()?, x.to_vec2::<f32>()?);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn view_as_real(real: &Tensor, imag: &Tensor) -> Result<Tensor> {
    host::within("view_as_real", || crate::stack(&[real, imag], -1))
}

/// The complex numbers with given absolute values and angles: `abs cos(angle)` and `abs sin(angle)`.
///
/// # Errors
/// When the arguments do not broadcast or are not floats.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let (re, im) = ops::polar(&Tensor::new(2f32, &Device::Cpu)?, &Tensor::new(0f32, &Device::Cpu)?)?;
/// assert_eq!((re.to_scalar::<f32>()?, im.to_scalar::<f32>()?), (2., 0.));
/// # Ok::<(), ops::Error>(())
/// ```
pub fn polar(abs: &Tensor, angle: &Tensor) -> Result<(Tensor, Tensor)> {
    host::within("polar", || {
        let real = crate::multiply(abs, &crate::cos(angle)?)?;
        Ok((real, crate::multiply(abs, &crate::sin(angle)?)?))
    })
}

/// The peak signal-to-noise ratio in decibels: `20 log10(max_val) - 10 log10(mean((x1 - x2)²))`.
///
/// # Errors
/// When the shapes differ or the tensors are not of floats.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[0f64, 1.], &Device::Cpu)?;
/// let y = ops::psnr(&x, &Tensor::new(&[0.1f64, 0.9], &Device::Cpu)?, 1.)?;
/// assert!((y.to_scalar::<f64>()? - 20.).abs() < 1e-9);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn psnr(x1: &Tensor, x2: &Tensor, max_val: f64) -> Result<Tensor> {
    if x1.dims() != x2.dims() {
        candle_core::bail!(
            "psnr: expected equal shapes, got {:?} and {:?}",
            x1.dims(),
            x2.dims()
        );
    }
    host::within("psnr", || {
        let error = crate::mean(&crate::square(&crate::subtract(x1, x2)?)?, None, false)?;
        let decibels = crate::mul_scalar(&crate::log(&error)?, -10. / std::f64::consts::LN_10)?;
        crate::add_scalar(&decibels, 20. * max_val.log10())
    })
}

/// The Euclidean distance of each row of `x` from each row of `y`.
///
/// # Shapes
/// (.., m, d) and (.., n, d) to (.., m, n).
///
/// # Errors
/// When there are less than two axes, the last ones differ, the others do not broadcast, or one is not of floats. The
/// gradient is NaN where rows are equal, as in Keras.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[0f32, 0.]], &Device::Cpu)?;
/// let y = Tensor::new(&[[3f32, 4.], [0., 1.]], &Device::Cpu)?;
/// assert_eq!(ops::cdist(&x, &y)?.to_vec2::<f32>()?, [[5., 1.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn cdist(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if x.rank() < 2 || y.rank() < 2 || x.dims().last() != y.dims().last() {
        candle_core::bail!(
            "cdist: expected rows of one length, (.., m, d) and (.., n, d); got {:?} and {:?}",
            x.dims(),
            y.dims()
        );
    }
    host::within("cdist", || {
        let gaps = crate::subtract(&crate::expand_dims(x, -2)?, &crate::expand_dims(y, -3)?)?;
        crate::sqrt(&crate::sum(&crate::square(&gaps)?, Some(&[-1]), false)?)
    })
}
