//! Colour spaces.

use candle_core::{Result, Tensor};

use super::axes_of;
use crate::{add, add_scalar, clip, host, maximum, minimum, mul_scalar, multiply, subtract, where_};

/// The three channels, each with the channel axis of size 1, and that axis.
fn planes(op: &str, images: &Tensor, channels_first: bool) -> Result<(Vec<Tensor>, i64)> {
    host::compute_dtype(op, images.dtype())?;
    let axis = axes_of(op, images, channels_first)?[2];
    if images.dims()[axis] != 3 {
        candle_core::bail!("{op}: expected 3 channels, got shape {:?}", images.dims());
    }
    Ok((crate::split(images, 3, axis as i64)?, axis as i64))
}

/// `0.2989 red + 0.587 green + 0.114 blue`; grey images stay as they are.
///
/// # Shapes
/// (height, width, 3) or a batch of those, or the channels first; the channel axis becomes 1.
///
/// # Errors
/// When there are neither 1 nor 3 channels, or the images are not floats of rank 3 or 4.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let y = ops::image::rgb_to_grayscale(&Tensor::new(&[[[1f32, 0., 0.]]], &Device::Cpu)?, false)?;
/// assert_eq!(y.to_vec3::<f32>()?, [[[0.2989]]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn rgb_to_grayscale(images: &Tensor, channels_first: bool) -> Result<Tensor> {
    const OP: &str = "rgb_to_grayscale";
    host::compute_dtype(OP, images.dtype())?;
    let axis = axes_of(OP, images, channels_first)?[2];
    match images.dims()[axis] {
        1 => return Ok(images.clone()),
        3 => (),
        _ => candle_core::bail!("{OP}: expected 1 or 3 channels, got shape {:?}", images.dims()),
    }
    let row = vec![(0, 0.2989), (1, 0.587), (2, 0.114)];
    super::resize::along(
        OP,
        images,
        axis,
        std::sync::Arc::new(crate::kernels::taps::Taps::new(3, &[row])),
    )
}

/// Hue, saturation and value, each in 0..1, of red, green and blue in 0..1.
///
/// # Errors
/// When there are not 3 channels, or the images are not floats of rank 3 or 4.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let y = ops::image::rgb_to_hsv(&Tensor::new(&[[[0f32, 0.5, 0.]]], &Device::Cpu)?, false)?;
/// let hsv = y.flatten_all()?.to_vec1::<f32>()?;
/// assert!((hsv[0] - 1. / 3.).abs() < 1e-6);
/// assert_eq!(hsv[1..], [1., 0.5]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn rgb_to_hsv(images: &Tensor, channels_first: bool) -> Result<Tensor> {
    host::within("rgb_to_hsv", || {
        let (planes, axis) = planes("rgb_to_hsv", images, channels_first)?;
        let (r, g, b) = (&planes[0], &planes[1], &planes[2]);
        let value = maximum(&maximum(r, g)?, b)?;
        let range = subtract(&value, &minimum(&minimum(r, g)?, b)?)?;
        let (zero, one) = (crate::full_like(&value, 0.)?, crate::full_like(&value, 1.)?);
        let (lit, coloured) = (crate::greater(&value, &zero)?, crate::greater(&range, &zero)?);
        // Divisors are made safe before the division, so that no gradient is NaN.
        let saturation = crate::divide(&range, &where_(&lit, &value, &one)?)?;
        let saturation = where_(&lit, &saturation, &zero)?;
        let norm = mul_scalar(&where_(&coloured, &range, &one)?, 6.)?;
        let turn =
            |a: &Tensor, b: &Tensor, from: f64| add_scalar(&crate::divide(&subtract(a, b)?, &norm)?, from);
        let hue = where_(
            &crate::equal(&value, g)?,
            &turn(b, r, 2. / 6.)?,
            &turn(r, g, 4. / 6.)?,
        )?;
        let hue = where_(&crate::equal(&value, r)?, &turn(g, b, 0.)?, &hue)?;
        let hue = where_(&coloured, &hue, &zero)?;
        let hue = add(&hue, &where_(&crate::less(&hue, &zero)?, &one, &zero)?)?;
        crate::concatenate(&[&hue, &saturation, &value], axis)
    })
}

/// Red, green and blue of hue, saturation and value: the inverse of [`rgb_to_hsv`].
///
/// # Errors
/// When there are not 3 channels, or the images are not floats of rank 3 or 4.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let y = ops::image::hsv_to_rgb(&Tensor::new(&[[[0.5f32, 1., 0.5]]], &Device::Cpu)?, false)?;
/// assert_eq!(y.to_vec3::<f32>()?, [[[0., 0.5, 0.5]]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn hsv_to_rgb(images: &Tensor, channels_first: bool) -> Result<Tensor> {
    if let Some(wide) = host::widened(images)? {
        return crate::cast(&hsv_to_rgb(&wide, channels_first)?, images.dtype());
    }
    host::within("hsv_to_rgb", || {
        let (planes, axis) = planes("hsv_to_rgb", images, channels_first)?;
        let (hue, saturation, value) = (&planes[0], &planes[1], &planes[2]);
        let turns = hue.detach().floor()?; // whole turns do not count; their slope is 0
        let hue = mul_scalar(&subtract(hue, &turns)?, 6.)?;
        let rest = add_scalar(&mul_scalar(saturation, -1.)?, 1.)?;
        // |hue - middle| in sixths, turned upside down but for red.
        let plane = |middle: f64, sign: f64, shift: f64| {
            let away = crate::abs(&add_scalar(&hue, -middle)?)?;
            let part = clip(&add_scalar(&mul_scalar(&away, sign)?, shift)?, 0., 1.)?;
            multiply(value, &add(&rest, &multiply(saturation, &part)?)?)
        };
        let rgb = [plane(3., 1., -1.)?, plane(2., -1., 2.)?, plane(4., -1., 2.)?];
        crate::concatenate(&[&rgb[0], &rgb[1], &rgb[2]], axis)
    })
}
