//! Blurring, edges and what is made of them.

use std::sync::Arc;

use candle_core::{Result, Tensor};

use super::resize::along;
use super::{axes_of, batched, unbatched};
use crate::host;
use crate::kernels::taps::Taps;

/// A filter along one axis: place `j` is the sum of `kernel[t] * x[j + t - before]`, zeros outside.
fn filtered(op: &'static str, x: &Tensor, axis: usize, kernel: &[f64], padded: bool) -> Result<Tensor> {
    let size = x.dims()[axis];
    let (before, to) = match padded {
        true => ((kernel.len() - 1) / 2, size),
        false => (0, (size + 1).saturating_sub(kernel.len())),
    };
    let row = |j: usize| {
        let taps = kernel.iter().enumerate().map(|(t, w)| (j + t, *w));
        taps.filter(|(at, _)| (before..before + size).contains(at))
            .map(|(at, w)| (at - before, w))
            .collect()
    };
    let rows: Vec<Vec<_>> = (0..to).map(row).collect();
    along(op, x, axis, Arc::new(Taps::new(size, &rows)))
}

/// `exp(-x² / (2 sigma²))` around the middle, with sum 1.
fn gaussian(size: usize, sigma: f64) -> Vec<f64> {
    let middle = (size as f64 - 1.) / 2.;
    let bell = |i: usize| (-0.5 * ((i as f64 - middle) / sigma).powi(2)).exp();
    let total: f64 = (0..size).map(bell).sum();
    (0..size).map(|i| bell(i) / total).collect()
}

/// Images blurred with a Gaussian, with zeros outside.
///
/// As in Keras, the first kernel size and sigma are those along the width, the second those along the height.
///
/// # Errors
/// When the images are not floats of rank 3 or 4, a size is 0 or a sigma not positive.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::ones((5, 5, 1), ops::DType::F32, &Device::Cpu)?;
/// let y = ops::image::gaussian_blur(&x, [3, 3], [1., 1.], false)?;
/// let middle = y.flatten_all()?.to_vec1::<f32>()?[12];
/// assert!((middle - 1.).abs() < 1e-6);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn gaussian_blur(
    images: &Tensor,
    kernel_size: [usize; 2],
    sigma: [f64; 2],
    channels_first: bool,
) -> Result<Tensor> {
    const OP: &str = "gaussian_blur";
    let [height, width, _] = axes_of(OP, images, channels_first)?;
    if kernel_size.contains(&0) || !sigma.iter().all(|s| *s > 0.) {
        candle_core::bail!(
            "{OP}: expected kernel sizes of at least 1 and positive sigmas, got {kernel_size:?} and {sigma:?}"
        );
    }
    let x = filtered(OP, images, width, &gaussian(kernel_size[0], sigma[0]), true)?;
    filtered(OP, &x, height, &gaussian(kernel_size[1], sigma[1]), true)
}

/// The slopes of images by Sobel's filters, with zeros outside.
///
/// # Shapes
/// A new last axis holds the slope along the height and that along the width.
///
/// # Errors
/// When the images are not floats of rank 4.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::ones((1, 3, 3, 1), ops::DType::F32, &Device::Cpu)?;
/// let y = ops::image::sobel_edges(&x, false)?;
/// assert_eq!(y.dims(), [1, 3, 3, 1, 2]);
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?[8..10], [0., 0.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn sobel_edges(images: &Tensor, channels_first: bool) -> Result<Tensor> {
    const OP: &str = "sobel_edges";
    let [height, width, _] = axes_of(OP, images, channels_first)?;
    if images.rank() != 4 {
        candle_core::bail!("{OP}: expected a batch of images, got shape {:?}", images.dims());
    }
    const SMOOTH: [f64; 3] = [1., 2., 1.];
    const SLOPE: [f64; 3] = [-1., 0., 1.];
    let by = |slope: usize, smooth: usize| {
        let x = filtered(OP, images, smooth, &SMOOTH, true)?;
        filtered(OP, &x, slope, &SLOPE, true)
    };
    crate::stack(&[&by(height, width)?, &by(width, height)?], -1)
}

/// Options of [`ssim`]; the defaults are Keras's.
#[derive(Clone, Debug)]
pub struct SsimOptions {
    /// The range of pixel values.
    pub max_val: f64,
    /// The size of the Gaussian window.
    pub filter_size: usize,
    /// Its standard deviation.
    pub filter_sigma: f64,
    /// Keeps the term of means away from 0 / 0.
    pub k1: f64,
    /// Keeps the term of variances away from 0 / 0.
    pub k2: f64,
    /// Whether channels come before height and width.
    pub channels_first: bool,
}

impl Default for SsimOptions {
    fn default() -> Self {
        Self {
            max_val: 1.,
            filter_size: 11,
            filter_sigma: 1.5,
            k1: 0.01,
            k2: 0.03,
            channels_first: false,
        }
    }
}

/// The structural similarity of two images: the mean over windows of
/// `(2 m1 m2 + c1)(2 s12 + c2) / ((m1² + m2² + c1)(s1² + s2² + c2))`, with means, variances and covariance under a
/// Gaussian, `c1 = (k1 max_val)²` and `c2 = (k2 max_val)²`.
///
/// # Shapes
/// One number an image: (batch,), or a scalar for a single image.
///
/// # Errors
/// When the shapes differ, the rank is not 3 or 4, the images are not floats or smaller than the window.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor, image::SsimOptions};
/// let x = Tensor::rand(0f32, 1., (12, 12, 3), &Device::Cpu)?;
/// let same = ops::image::ssim(&x, &x, &SsimOptions::default())?.to_scalar::<f32>()?;
/// assert!((same - 1.).abs() < 1e-4);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn ssim(image1: &Tensor, image2: &Tensor, options: &SsimOptions) -> Result<Tensor> {
    host::within("ssim", || {
        let [height, width, _] = axes_of("ssim", image1, options.channels_first)?;
        let smaller = |axis: usize| image1.dims()[axis] < options.filter_size;
        if image1.dims() != image2.dims() || options.filter_size == 0 || smaller(height) || smaller(width) {
            candle_core::bail!(
                "expected two images of one shape, at least {} pixels wide and high; got {:?} and {:?}",
                options.filter_size,
                image1.dims(),
                image2.dims()
            );
        }
        let (a, single) = batched(image1, 4)?;
        let (b, _) = batched(image2, 4)?;
        unbatched(similarity(&a, &b, options)?, single)
    })
}

fn similarity(a: &Tensor, b: &Tensor, options: &SsimOptions) -> Result<Tensor> {
    use crate::{add, add_scalar, divide, mul_scalar, multiply, square, subtract};
    let [height, width, _] = axes_of("ssim", a, options.channels_first)?;
    let window = gaussian(options.filter_size, options.filter_sigma);
    let mean = |x: &Tensor| {
        let x = filtered("ssim", x, width, &window, false)?;
        filtered("ssim", &x, height, &window, false)
    };
    let (c1, c2) = (
        (options.k1 * options.max_val).powi(2),
        (options.k2 * options.max_val).powi(2),
    );
    let (m1, m2) = (mean(a)?, mean(b)?);
    let (m11, m22, m12) = (square(&m1)?, square(&m2)?, multiply(&m1, &m2)?);
    let s11 = subtract(&mean(&square(a)?)?, &m11)?;
    let s22 = subtract(&mean(&square(b)?)?, &m22)?;
    let s12 = subtract(&mean(&multiply(a, b)?)?, &m12)?;
    let twice = |x: &Tensor, c: f64| add_scalar(&mul_scalar(x, 2.)?, c);
    let above = multiply(&twice(&m12, c1)?, &twice(&s12, c2)?)?;
    let below = multiply(
        &add_scalar(&add(&m11, &m22)?, c1)?,
        &add_scalar(&add(&s11, &s22)?, c2)?,
    )?;
    crate::mean(&divide(&above, &below)?, Some(&[1, 2, 3]), false)
}
