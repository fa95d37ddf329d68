//! What layers share that move pixels.

use keras_ops::image::{self, FillMode, Interpolation, WarpOptions};
use keras_ops::{self as ops, DType, Device, Tensor};

use super::base::ImageBase;
use crate::Result;

/// How pixels are found between and beyond those of an image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampling {
    pub(super) interpolation: Interpolation,
    pub(super) fill_mode: FillMode,
    pub(super) fill_value: f64,
}

impl Sampling {
    /// The same for masks, whose classes cannot be mixed.
    pub(super) fn nearest(self) -> Self {
        Self {
            interpolation: Interpolation::Nearest,
            ..self
        }
    }

    pub(super) fn options(self, base: &ImageBase) -> WarpOptions {
        WarpOptions {
            interpolation: self.interpolation,
            fill_mode: self.fill_mode,
            fill_value: self.fill_value,
            channels_first: base.channels_first(),
        }
    }

    /// Each image by its affine map `(x, y) -> (a0 x + a1 y + a2, b0 x + b1 y + b2)` from pixels of the result to those
    /// of the image.
    pub(super) fn affine(self, base: &ImageBase, images: &Tensor, maps: &[[f64; 6]]) -> Result<Tensor> {
        let rows: Vec<f64> = maps
            .iter()
            .flat_map(|m| m.iter().copied().chain([0., 0.]))
            .collect();
        let maps = Tensor::from_vec(rows, (maps.len(), 8), &Device::Cpu)?;
        Ok(image::affine_transform(images, &maps, &self.options(base))?)
    }
}

/// Masks through `f`, which takes floats, and back to their dtype.
pub(super) fn on_mask(masks: &Tensor, f: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    if masks.dtype().is_float() {
        return f(masks);
    }
    Ok(ops::cast(&f(&ops::cast(masks, DType::F32)?)?, masks.dtype())?)
}

/// An image turned by degrees about its middle.
pub(super) fn rotation(degrees: f64, height: usize, width: usize) -> [f64; 6] {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (x, y) = ((width as f64 - 1.) / 2., (height as f64 - 1.) / 2.);
    [cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos]
}

/// The least upright box around the corners of `values` after `f`.
pub(super) fn around([left, top, right, bottom]: [f32; 4], f: impl Fn([f32; 2]) -> [f32; 2]) -> [f32; 4] {
    let corners = [[left, top], [right, top], [right, bottom], [left, bottom]].map(f);
    let start = [f32::INFINITY, f32::INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY];
    corners.iter().fold(start, |[l, t, r, b], [x, y]| {
        [l.min(*x), t.min(*y), r.max(*x), b.max(*y)]
    })
}

/// The map from pixels of the result to those of the image, turned round.
pub(super) fn inverse([a0, a1, a2, b0, b1, b2]: [f64; 6]) -> [f64; 6] {
    let determinant = a0 * b1 - a1 * b0;
    let [c0, c1, d0, d1] = [b1, -a1, -b0, a0].map(|v| v / determinant);
    [c0, c1, -(c0 * a2 + c1 * b2), d0, d1, -(d0 * a2 + d1 * b2)]
}

/// A point through an affine map.
pub(super) fn applied(map: &[f64; 6], [x, y]: [f32; 2]) -> [f32; 2] {
    let (x, y) = (f64::from(x), f64::from(y));
    let [a0, a1, a2, b0, b1, b2] = *map;
    [(a0 * x + a1 * y + a2) as f32, (b0 * x + b1 * y + b2) as f32]
}

/// The methods that all layers have that move pixels: how masks and images are moved, by a `moved` of their own.
macro_rules! moves_pixels {
    ($transformation:ty) => {
        fn transform_images(
            &self,
            images: &keras_ops::Tensor,
            drawn: &$transformation,
        ) -> $crate::Result<keras_ops::Tensor> {
            self.moved(images, drawn, self.sampling())
        }

        fn transform_segmentation_masks(
            &self,
            masks: &keras_ops::Tensor,
            drawn: &$transformation,
        ) -> $crate::Result<keras_ops::Tensor> {
            super::warp::on_mask(masks, |masks| {
                self.moved(masks, drawn, self.sampling().nearest())
            })
        }
    };
}
pub(super) use moves_pixels;
