//! Images zoomed in and out.

use keras_ops::Tensor;
use keras_ops::image::{FillMode, Interpolation};

use super::arguments::{Bounds, FactorRange, check_fill_mode, check_interpolation};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, image_shape};
use super::boxes::{BoundingBoxFormat, BoundingBoxes};
use super::warp::{Sampling, moves_pixels};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::{Result, bail};

image_layer! {
    /// In training, zooms each image by random factors about its middle: a positive factor shows more than the image
    /// (zooms out), a negative one less.
    ///
    /// `height_factor` lies above -1 and up to 1; one number reaches from its negative. Without a `width_factor` the
    /// aspect ratio is kept.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When an argument is out of range.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomZoom};
    /// use keras_ops::{Device, Tensor, image::FillMode};
    /// let x = Tensor::new(&[[[[1f32], [2.], [3.]]]], &Device::Cpu)?;
    /// let layer = RandomZoom::new(0.5).fill_mode(FillMode::Constant);
    /// let y = layer.transform_images(&x, &vec![[2., 1.]])?; // twice as wide a view
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [0., 2., 0.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomZoom, "zooms images in and out", random,
    new(height_factor: FactorRange as impl Into<FactorRange>),
    {
        /// The factor of the width, if it is another than that of the height.
        width_factor: Option<FactorRange> as impl Into<Option<FactorRange>> = None,
        /// What lies outside of an image.
        fill_mode: FillMode as FillMode = FillMode::Reflect,
        /// How values between pixels are made.
        interpolation: Interpolation as Interpolation = Interpolation::Bilinear,
        /// The constant outside.
        fill_value: f64 as f64 = 0.,
    }
}

impl RandomZoom {
    fn bounds(&self, name: &str, factor: FactorRange) -> Result<Bounds> {
        let at_least = |x: f64| x <= -1.;
        let too_low = match factor {
            FactorRange::One(x) => at_least(x),
            FactorRange::Range(a, b) => at_least(a) || at_least(b),
        };
        if too_low {
            bail!(
                "RandomZoom: `{name}` must lie above -1, where the view is nothing, and up to 1; got {factor:?}"
            );
        }
        factor.inside("RandomZoom", name, -1., 1.)
    }

    fn sampling(&self) -> Sampling {
        Sampling {
            interpolation: self.interpolation,
            fill_mode: self.fill_mode,
            fill_value: self.fill_value,
        }
    }

    fn moved(&self, images: &Tensor, zooms: &[[f64; 2]], sampling: Sampling) -> Result<Tensor> {
        let sizes = image_shape(&self.base, images)?;
        let map = |[x, y]: &[f64; 2]| {
            let [left, top] = start(*x, *y, sizes);
            [*x, 0., left, 0., *y, top]
        };
        sampling.affine(&self.base, images, &zooms.iter().map(map).collect::<Vec<_>>())
    }
}

/// The first pixel of the view.
fn start(x: f64, y: f64, sizes: ImageShape) -> [f64; 2] {
    let middle = |n: usize| (n as f64 - 1.) / 2.;
    [middle(sizes.width) * (1. - x), middle(sizes.height) * (1. - y)]
}

impl Augmentation for RandomZoom {
    /// The parts of width and height that each view shows.
    type Transformation = Vec<[f64; 2]>;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn check(&self) -> Result<()> {
        self.bounds("height_factor", self.height_factor)?;
        if let Some(width) = self.width_factor {
            self.bounds("width_factor", width)?;
        }
        check_fill_mode("RandomZoom", self.fill_mode)?;
        check_interpolation("RandomZoom", self.interpolation)
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Vec<[f64; 2]>> {
        let drawn = |name: &str, factor: FactorRange| {
            let (lower, upper) = self.bounds(name, factor)?;
            self.base.uniform(images.batch, (1. + lower, 1. + upper))
        };
        let heights = drawn("height_factor", self.height_factor)?;
        let widths = match self.width_factor {
            Some(factor) => drawn("width_factor", factor)?,
            None => heights.clone(),
        };
        Ok(widths.into_iter().zip(heights).map(|(x, y)| [x, y]).collect())
    }

    moves_pixels!(Vec<[f64; 2]>);

    fn transform_bounding_boxes(
        &self,
        boxes: &BoundingBoxes,
        zooms: &Vec<[f64; 2]>,
        images: ImageShape,
    ) -> Result<BoundingBoxes> {
        let Some(format) = self.base.bounding_box_format else {
            return Ok(boxes.clone());
        };
        let size = [images.height as f32, images.width as f32];
        let relative = boxes.mapped(|image, values| {
            let [x, y] = zooms.get(image).copied().unwrap_or([1.; 2]);
            let [left, top] = start(x, y, images).map(|v| v as f32);
            let (width, height) = (x as f32 * size[1], y as f32 * size[0]);
            let [l, t, r, b] = format.converted(BoundingBoxFormat::Xyxy, values, size);
            let across = |v: f32| (v.clamp(left, left + width) - left) / width;
            let down = |v: f32| (v.clamp(top, top + height) - top) / height;
            [across(l), down(t), across(r), down(b)]
        })?;
        let clipped = relative.clipped(1., 1.)?;
        clipped.mapped(|_, values| BoundingBoxFormat::RelXyxy.converted(format, values, size))
    }
}
