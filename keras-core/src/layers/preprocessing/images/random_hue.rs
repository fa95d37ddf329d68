//! Images of other hues.

use keras_ops::{self as ops, Tensor, image};

use super::arguments::{Bounds, FactorRange, ValueRange};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, per_image, to_range};
use crate::Result;
use crate::layers::base::{base_accessors, common_methods, layer_entry};

const UNIT: ValueRange = ValueRange(0., 1.);

image_layer! {
    /// In training, turns the hues of each image by a random part of half a circle, either way.
    ///
    /// `factor` is that part, within 0 and 1; one number reaches from 0.
    ///
    /// # Shapes
    /// Images (height, width, 3) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When there are not 3 channels, or the factor is out of range.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomHue};
    /// use keras_ops::{Device, Tensor};
    /// let red = Tensor::new(&[[[[255f32, 0., 0.]]]], &Device::Cpu)?;
    /// let y = RandomHue::new(0.5).transform_images(&red, &vec![0.5])?; // half a circle further
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [0., 255., 255.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomHue, "turns the hues of images", random,
    new(factor: FactorRange as impl Into<FactorRange>),
    {
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
    }
}

impl RandomHue {
    fn bounds(&self) -> Result<Bounds> {
        self.factor.meeting("RandomHue", "factor", 0., 1.)
    }
}

impl Augmentation for RandomHue {
    /// What is added to the hue of each image, where 1 is a full circle.
    type Transformation = Vec<f64>;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        vec![("factor", self.bounds())]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Vec<f64>> {
        let back = self.base.uniform(images.batch, (0., 1.))?;
        let parts = self.base.uniform(images.batch, self.bounds()?)?;
        let turn = |(back, part): (f64, f64)| if back > 0.5 { -0.5 * part } else { 0.5 * part };
        Ok(back.into_iter().zip(parts).map(turn).collect())
    }

    fn transform_images(&self, images: &Tensor, turns: &Vec<f64>) -> Result<Tensor> {
        let (first, axis) = (self.base.channels_first(), self.base.axes()[2]);
        let hsv = image::rgb_to_hsv(&to_range(images, self.value_range, UNIT)?, first)?;
        let planes = ops::split(&hsv, 3, axis)?;
        // Whole turns need not be taken off: the way back does not count them.
        let hue = ops::add(&planes[0], &per_image(turns, images)?)?;
        let turned = ops::concatenate(&[&hue, &planes[1], &planes[2]], axis)?;
        let rgb = ops::clip(&image::hsv_to_rgb(&turned, first)?, 0., 1.)?;
        to_range(&rgb, UNIT, self.value_range)
    }
}
