//! Turned images.

use keras_ops::Tensor;
use keras_ops::image::{FillMode, Interpolation};

use super::arguments::{Bounds, FactorRange, check_fill_mode, check_interpolation};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, image_shape};
use super::boxes::{BoundingBoxFormat, BoundingBoxes};
use super::warp::{Sampling, applied, around, inverse, moves_pixels, rotation};
use crate::Result;
use crate::layers::base::{base_accessors, common_methods, layer_entry};

image_layer! {
    /// In training, turns each image about its middle by a random part of a full circle, counter-clockwise.
    ///
    /// `factor` is that part, within -1 and 1; one number reaches from its negative.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When an argument is out of range.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomRotation};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[1f32], [2.]], [[3.], [4.]]]], &Device::Cpu)?;
    /// let y = RandomRotation::new(0.25).transform_images(&x, &vec![90.])?;
    /// let y = y.flatten_all()?.to_vec1::<f32>()?;
    /// assert!(y.iter().zip([2., 4., 1., 3.]).all(|(a, b)| (a - b).abs() < 1e-5));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomRotation, "turns images", random,
    new(factor: FactorRange as impl Into<FactorRange>),
    {
        /// What lies outside of an image.
        fill_mode: FillMode as FillMode = FillMode::Reflect,
        /// How values between pixels are made.
        interpolation: Interpolation as Interpolation = Interpolation::Bilinear,
        /// The constant outside.
        fill_value: f64 as f64 = 0.,
    }
}

impl RandomRotation {
    fn bounds(&self) -> Result<Bounds> {
        self.factor.meeting("RandomRotation", "factor", -1., 1.)
    }

    fn sampling(&self) -> Sampling {
        Sampling {
            interpolation: self.interpolation,
            fill_mode: self.fill_mode,
            fill_value: self.fill_value,
        }
    }

    fn moved(&self, images: &Tensor, degrees: &[f64], sampling: Sampling) -> Result<Tensor> {
        let sizes = image_shape(&self.base, images)?;
        let maps: Vec<_> = degrees
            .iter()
            .map(|d| rotation(*d, sizes.height, sizes.width))
            .collect();
        sampling.affine(&self.base, images, &maps)
    }
}

impl Augmentation for RandomRotation {
    /// The degrees that each image is turned by.
    type Transformation = Vec<f64>;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn check(&self) -> Result<()> {
        self.bounds()?;
        check_fill_mode("RandomRotation", self.fill_mode)?;
        check_interpolation("RandomRotation", self.interpolation)
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        vec![("factor", self.bounds())]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Vec<f64>> {
        let (lower, upper) = self.bounds()?;
        self.base.uniform(images.batch, (lower * 360., upper * 360.))
    }

    moves_pixels!(Vec<f64>);

    /// The upright boxes around the turned ones.
    fn transform_bounding_boxes(
        &self,
        boxes: &BoundingBoxes,
        degrees: &Vec<f64>,
        images: ImageShape,
    ) -> Result<BoundingBoxes> {
        let Some(format) = self.base.bounding_box_format else {
            return Ok(boxes.clone());
        };
        let ImageShape { height, width, .. } = images;
        let size = [height as f32, width as f32];
        let maps: Vec<_> = degrees
            .iter()
            .map(|d| inverse(rotation(*d, height, width)))
            .collect();
        let turned = boxes.mapped(|image, values| {
            let values = format.converted(BoundingBoxFormat::Xyxy, values, size);
            maps.get(image)
                .map_or(values, |map| around(values, |point| applied(map, point)))
        })?;
        let clipped = turned.clip_to_image_size(height, width)?;
        clipped.convert_format(BoundingBoxFormat::Xyxy, format, height, width)
    }
}
