//! Images of more or less contrast.

use keras_ops::{self as ops, Tensor};

use super::arguments::{Bounds, FactorRange, ValueRange};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, per_image};
use crate::Result;
use crate::layers::base::{base_accessors, common_methods, layer_entry};

image_layer! {
    /// In training, moves each channel away from its mean or towards it: `clip((x - mean) * contrast + mean)`, with a
    /// random contrast in `[1 - lower, 1 + upper)` for each image.
    ///
    /// `factor` is that `[lower, upper]`, within 0 and 1; one number is `[0, factor]`.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When the factor is out of range.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomContrast};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[10f32], [30.]]]], &Device::Cpu)?;
    /// let y = RandomContrast::new(0.5).transform_images(&x, &vec![1.5])?;
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [5., 35.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomContrast, "raises or lowers the contrast of images", random,
    new(factor: FactorRange as impl Into<FactorRange>),
    {
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
    }
}

impl RandomContrast {
    fn bounds(&self) -> Result<Bounds> {
        self.factor.meeting("RandomContrast", "factor", 0., 1.)
    }
}

impl Augmentation for RandomContrast {
    /// The contrast of each image.
    type Transformation = Vec<f64>;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        vec![("factor", self.bounds())]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Vec<f64>> {
        let (lower, upper) = self.bounds()?;
        self.base.uniform(images.batch, (1. - lower, 1. + upper))
    }

    fn transform_images(&self, images: &Tensor, contrasts: &Vec<f64>) -> Result<Tensor> {
        let [height, width, _] = self.base.axes();
        let mean = ops::mean(images, Some(&[height, width]), true)?;
        let apart = ops::multiply(&ops::subtract(images, &mean)?, &per_image(contrasts, images)?)?;
        let y = ops::add(&apart, &mean)?;
        Ok(ops::clip(&y, self.value_range.0, self.value_range.1)?)
    }
}
