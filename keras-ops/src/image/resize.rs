//! Resampling along height and width.

use std::sync::Arc;

use candle_core::{DType, Result, Shape, Tensor};

use super::axes_of;
use crate::host;
use crate::kernels::math::Math;
use crate::kernels::taps::Taps;
use crate::tape::record;

/// How values between pixels are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Straight lines between neighbours.
    #[default]
    Bilinear,
    /// Keys's cubic with a = -0.5.
    Bicubic,
    /// A windowed sinc of radius 3.
    Lanczos3,
    /// A windowed sinc of radius 5.
    Lanczos5,
}

impl Interpolation {
    /// How far the kernel reaches.
    fn radius(self) -> f64 {
        match self {
            Self::Nearest | Self::Bilinear => 1.,
            Self::Bicubic => 2.,
            Self::Lanczos3 => 3.,
            Self::Lanczos5 => 5.,
        }
    }

    /// The weight of a pixel `x >= 0` away.
    fn weight(self, x: f64) -> f64 {
        match self {
            _ if x >= self.radius() => 0.,
            Self::Nearest | Self::Bilinear => 1. - x,
            Self::Bicubic if x < 1. => (1.5 * x - 2.5) * x * x + 1.,
            Self::Bicubic => ((-0.5 * x + 2.5) * x - 4.) * x + 2.,
            Self::Lanczos3 | Self::Lanczos5 if x <= 1e-3 => 1.,
            Self::Lanczos3 | Self::Lanczos5 => {
                let (r, angle) = (self.radius(), std::f64::consts::PI * x);
                r * angle.sin() * (angle / r).sin() / (angle * angle)
            }
        }
    }

    /// Row `j` samples the input at `(j + 0.5 - translation) / scale - 0.5`.
    fn taps(self, from: usize, to: usize, scale: f64, translation: f64, antialias: bool) -> Taps {
        let width = if antialias { (1. / scale).max(1.) } else { 1. };
        let row = |j: usize| -> Vec<(usize, f64)> {
            let at = (j as f64 + 0.5 - translation) / scale - 0.5;
            if !(-0.5..=from as f64 - 0.5).contains(&at) {
                return Vec::new();
            }
            let reach = self.radius() * width;
            let first = (at - reach).ceil().max(0.) as usize;
            let last = ((at + reach).floor() as usize).min(from - 1);
            let weights = (first..=last).map(|i| (i, self.weight((at - i as f64).abs() / width)));
            let mut row: Vec<_> = weights.filter(|tap| tap.1 != 0.).collect();
            let total: f64 = row.iter().map(|tap| tap.1).sum();
            if total.abs() <= 1000. * f64::from(f32::EPSILON) {
                return Vec::new();
            }
            row.iter_mut().for_each(|tap| tap.1 /= total);
            row
        };
        Taps::new(from, &(0..to).map(row).collect::<Vec<_>>())
    }
}

/// The input place of each output place by the nearest centre; in `f32`, as Keras rounds.
fn nearest(from: usize, to: usize) -> Vec<u32> {
    let place = |j: usize| ((j as f32 + 0.5) * from as f32 / to as f32) as u32;
    (0..to).map(|j| place(j).min(from as u32 - 1)).collect()
}

/// A map along one axis, recorded.
pub(super) fn along(op: &'static str, x: &Tensor, axis: usize, taps: Arc<Taps>) -> Result<Tensor> {
    match host::compute_dtype(op, x.dtype())? {
        DType::F64 => mapped::<f64>(x, axis, taps),
        _ => mapped::<f32>(x, axis, taps),
    }
}

fn mapped<T: Math>(x: &Tensor, axis: usize, taps: Arc<Taps>) -> Result<Tensor> {
    let (outer, inner): (usize, usize) = {
        let dims = x.dims();
        (dims[..axis].iter().product(), dims[axis + 1..].iter().product())
    };
    let out = host::read(x, |x: &[T]| Ok(taps.apply(x, outer, inner)))?;
    let mut dims = x.dims().to_vec();
    dims[axis] = taps.rows();
    let storage = host::storage_as(out, x.dtype(), x.device())?;
    let from = x.shape().clone();
    Ok(record(&[x], storage, &Shape::from(dims), move |grad, _| {
        let back = taps.transposed();
        let dx = host::read(&grad, |g: &[T]| Ok(back.apply(g, outer, inner)))?;
        let dx = host::tensor(dx, grad.dtype(), &from, grad.device())?;
        Ok([Some(dx)].into_iter().collect())
    }))
}

/// Options of [`resize`]; the defaults are Keras's.
#[derive(Clone, Debug, Default)]
pub struct ResizeOptions {
    /// How values between pixels are made.
    pub interpolation: Interpolation,
    /// Whether kernels widen when shrinking, so that every pixel counts.
    pub antialias: bool,
    /// Crops to the target's aspect ratio first.
    pub crop_to_aspect_ratio: bool,
    /// Pads to the target's aspect ratio first, with `fill_value`.
    pub pad_to_aspect_ratio: bool,
    /// What the padding holds.
    pub fill_value: f64,
    /// Whether channels come before height and width.
    pub channels_first: bool,
}

/// Images of another size.
///
/// Pixel centres lie at halves: output `j` samples the input at `(j + 0.5) * from / to - 0.5`, with weights
/// that sum to 1 also at the border.
///
/// # Shapes
/// (height, width, channels) or a batch of those; height and width become `size`.
///
/// # Errors
/// When the rank is another, a size is 0, both aspect ratio options are given, or, except for
/// [`Interpolation::Nearest`], the images are not floats.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor, image::ResizeOptions};
/// let x = ops::reshape(&Tensor::new(&[0f32, 4.], &Device::Cpu)?, &[1, 2, 1])?;
/// let y = ops::image::resize(&x, [1, 4], &ResizeOptions::default())?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [0., 1., 3., 4.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn resize(images: &Tensor, size: [usize; 2], options: &ResizeOptions) -> Result<Tensor> {
    host::within("resize", || {
        let axes = axes_of("resize", images, options.channels_first)?;
        let sizes = [images.dims()[axes[0]], images.dims()[axes[1]]];
        if size.contains(&0) || sizes.contains(&0) {
            candle_core::bail!("heights and widths must be at least 1, got {sizes:?} to {size:?}");
        }
        let fitted = fitted(images, axes, size, options)?;
        scaled(&fitted, [axes[0], axes[1]], size, options)
    })
}

/// Cropped or padded to the target's aspect ratio, as the options say.
fn fitted(images: &Tensor, axes: [usize; 3], size: [usize; 2], options: &ResizeOptions) -> Result<Tensor> {
    let [height, width] = [images.dims()[axes[0]], images.dims()[axes[1]]];
    let ratio = |a: usize, b: usize, c: usize| ((a * b) as f64 / c as f64) as usize;
    let wanted = [ratio(width, size[0], size[1]), ratio(height, size[1], size[0])];
    match (options.crop_to_aspect_ratio, options.pad_to_aspect_ratio) {
        (true, true) => {
            candle_core::bail!("give one of crop_to_aspect_ratio and pad_to_aspect_ratio, not both")
        }
        (true, false) => {
            let crop = [wanted[0].min(height).max(1), wanted[1].min(width).max(1)];
            let rows = crate::narrow(images, axes[0] as i64, (height - crop[0]) / 2, crop[0])?;
            crate::narrow(&rows, axes[1] as i64, (width - crop[1]) / 2, crop[1])
        }
        (false, true) => {
            let tall = (wanted[0].max(height) - height) / 2;
            let wide = (wanted[1].max(width) - width) / 2;
            let mut padding = vec![(0, 0); images.rank()];
            // Keras pads one of the axes only.
            match tall {
                0 => padding[axes[1]] = (wide, wide),
                _ => padding[axes[0]] = (tall, tall),
            }
            match tall + wide {
                0 => Ok(images.clone()),
                _ => crate::pad(images, &padding, options.fill_value),
            }
        }
        (false, false) => Ok(images.clone()),
    }
}

fn scaled(images: &Tensor, axes: [usize; 2], size: [usize; 2], options: &ResizeOptions) -> Result<Tensor> {
    let from = [images.dims()[axes[0]], images.dims()[axes[1]]];
    // The axis first whose result is smaller; rows of pixels are three times as fast as columns.
    let rows_first = size[0] * (from[1] + 3 * size[1]) < size[1] * (3 * from[0] + size[0]);
    let order = if rows_first { [0, 1] } else { [1, 0] };
    let mut images = images.clone();
    for i in order.into_iter().filter(|i| from[*i] != size[*i]) {
        images = match options.interpolation {
            Interpolation::Nearest => {
                let places = nearest(from[i], size[i]);
                if images.dtype().is_float() {
                    let rows: Vec<_> = places.iter().map(|p| vec![(*p as usize, 1.)]).collect();
                    along("resize", &images, axes[i], Arc::new(Taps::new(from[i], &rows)))?
                } else {
                    crate::shape_ops::gather_axis("resize", &images, places, axes[i])?
                }
            }
            kind => {
                let scale = size[i] as f64 / from[i] as f64;
                let taps = kind.taps(from[i], size[i], scale, 0., options.antialias);
                along("resize", &images, axes[i], Arc::new(taps))?
            }
        };
    }
    if options.interpolation != Interpolation::Nearest {
        host::compute_dtype("resize", images.dtype())?;
    }
    Ok(images)
}

/// Resamples the axes `spatial_dims` to `output_shape`: output `j` of an axis samples the input at
/// `(j + 0.5 - translation) / scale - 0.5`, and is 0 where that lies outside.
///
/// # Shapes
/// Any rank; the result has `output_shape`, which differs from the input only along `spatial_dims`.
///
/// # Errors
/// When the lengths of the arguments do not agree, a scale is not positive, the method is
/// [`Interpolation::Nearest`], or the images are not floats.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor, image::Interpolation};
/// let x = Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?;
/// let y = ops::image::scale_and_translate(&x, &[3], &[1.], &[1.], &[0], Interpolation::Bilinear, true)?;
/// assert_eq!(y.to_vec1::<f32>()?, [0., 1., 2.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn scale_and_translate(
    images: &Tensor,
    output_shape: &[usize],
    scale: &[f64],
    translation: &[f64],
    spatial_dims: &[i64],
    method: Interpolation,
    antialias: bool,
) -> Result<Tensor> {
    const OP: &str = "scale_and_translate";
    host::compute_dtype(OP, images.dtype())?;
    if output_shape.len() != images.rank() || [translation.len(), spatial_dims.len()] != [scale.len(); 2] {
        candle_core::bail!(
            "{OP}: expected a size for each of the {} axes, and a scale and a translation for each spatial one; \
             got {output_shape:?}, {scale:?}, {translation:?} for axes {spatial_dims:?}",
            images.rank()
        );
    }
    if method == Interpolation::Nearest || !scale.iter().all(|s| *s > 0.) {
        candle_core::bail!("{OP}: expected positive scales and a method other than nearest, got {scale:?}");
    }
    let mut images = images.clone();
    for ((dim, scale), translation) in spatial_dims.iter().zip(scale).zip(translation) {
        let axis = crate::axes::axis(OP, *dim, images.rank())?;
        let taps = method.taps(
            images.dims()[axis],
            output_shape[axis],
            *scale,
            *translation,
            antialias,
        );
        images = along(OP, &images, axis, Arc::new(taps))?;
    }
    if images.dims() != output_shape {
        candle_core::bail!(
            "{OP}: axes other than the spatial ones keep their size: expected {:?}, got {output_shape:?}",
            images.dims()
        );
    }
    Ok(images)
}

/// `x` with every axis made `factors` times as long, for layers that upsample: 1 leaves an axis alone.
///
/// [`Interpolation::Nearest`] repeats elements; the others resample as [`resize`].
///
/// # Errors
/// When there is not one factor an axis, a factor is 0, or `x` is not a float tensor.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor, image::Interpolation};
/// let x = Tensor::new(&[[1f32, 2.]], &Device::Cpu)?;
/// let y = ops::image::upsample(&x, &[2, 2], Interpolation::Nearest)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[1., 1., 2., 2.]; 2]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn upsample(x: &Tensor, factors: &[usize], interpolation: Interpolation) -> Result<Tensor> {
    const OP: &str = "upsample";
    host::compute_dtype(OP, x.dtype())?;
    if factors.len() != x.rank() || factors.contains(&0) {
        candle_core::bail!(
            "{OP}: expected a factor of at least 1 for each axis of {:?}, got {factors:?}",
            x.dims()
        );
    }
    let mut y = x.clone();
    // Last axes first: the cheap copies of whole rows come when there is most to copy.
    for (axis, factor) in factors.iter().enumerate().rev().filter(|f| *f.1 != 1) {
        let from = y.dims()[axis];
        let taps = match interpolation {
            Interpolation::Nearest => {
                let rows: Vec<_> = (0..from * factor).map(|j| vec![(j / factor, 1.)]).collect();
                Taps::new(from, &rows)
            }
            kind => kind.taps(from, from * factor, *factor as f64, 0., false),
        };
        y = along(OP, &y, axis, Arc::new(taps))?;
    }
    Ok(y)
}
