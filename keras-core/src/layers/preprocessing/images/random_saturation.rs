//! Images of stronger or paler colours.

use keras_ops::{self as ops, Tensor, image};

use super::arguments::{Bounds, FactorRange, ValueRange};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, per_image};
use crate::Result;
use crate::layers::base::{base_accessors, common_methods, layer_entry};

image_layer! {
    /// In training, multiplies the saturation of each image by `f / (1 - f)` with a random `f`: 0 is grey, 0.5 leaves
    /// the image alone, 1 is as strong as can be.
    ///
    /// `factor` is the range of `f`; one number reaches from its negative, as in Keras, whose documentation says from
    /// 0. Saturations are kept within `value_range`, which must therefore begin at 0.
    ///
    /// # Shapes
    /// Images (height, width, 3) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When there are not 3 channels, or the factor is out of range.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomSaturation};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[200f32, 100., 100.]]]], &Device::Cpu)?;
    /// let y = RandomSaturation::new([0.5, 0.5]).transform_images(&x, &vec![2.])?;
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [200., 0., 0.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomSaturation, "makes colours stronger or paler", random,
    new(factor: FactorRange as impl Into<FactorRange>),
    {
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
    }
}

impl RandomSaturation {
    fn bounds(&self) -> Result<Bounds> {
        self.factor.meeting("RandomSaturation", "factor", -1., 1.)
    }
}

impl Augmentation for RandomSaturation {
    /// What the saturation of each image is multiplied by.
    type Transformation = Vec<f64>;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        vec![("factor", self.bounds())]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Vec<f64>> {
        let drawn = self.base.uniform(images.batch, self.bounds()?)?;
        Ok(drawn.into_iter().map(|f| f / (1. - f + ops::EPSILON)).collect())
    }

    fn transform_images(&self, images: &Tensor, factors: &Vec<f64>) -> Result<Tensor> {
        let (first, axis) = (self.base.channels_first(), self.base.axes()[2]);
        let planes = ops::split(&image::rgb_to_hsv(images, first)?, 3, axis)?;
        let strong = ops::multiply(&planes[1], &per_image(factors, images)?)?;
        let strong = ops::clip(&strong, self.value_range.0, self.value_range.1)?;
        let hsv = ops::concatenate(&[&planes[0], &strong, &planes[2]], axis)?;
        Ok(image::hsv_to_rgb(&hsv, first)?)
    }
}
