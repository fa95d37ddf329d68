//! Images brighter or darker.

use keras_ops::{self as ops, Tensor};

use super::arguments::{Bounds, FactorRange, ValueRange};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, per_image};
use crate::Result;
use crate::layers::base::{base_accessors, common_methods, layer_entry};

image_layer! {
    /// In training, adds a random part of the range of values to each image: `clip(x + delta)`.
    ///
    /// `factor` is that part, between -1 and 1; one number reaches from its negative.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When the factor is out of range.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomBrightness};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[10f32], [250.]]]], &Device::Cpu)?;
    /// let y = RandomBrightness::new(0.2).transform_images(&x, &vec![20.])?;
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [30., 255.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomBrightness, "makes images brighter or darker", random,
    new(factor: FactorRange as impl Into<FactorRange>),
    {
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
    }
}

impl RandomBrightness {
    fn bounds(&self) -> Result<Bounds> {
        self.factor.meeting("RandomBrightness", "factor", -1., 1.)
    }
}

impl Augmentation for RandomBrightness {
    /// What is added to each image.
    type Transformation = Vec<f64>;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        vec![("factor", self.bounds())]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Vec<f64>> {
        let span = self.value_range.1 - self.value_range.0;
        let parts = self.base.uniform(images.batch, self.bounds()?)?;
        Ok(parts.into_iter().map(|part| part * span).collect())
    }

    fn transform_images(&self, images: &Tensor, deltas: &Vec<f64>) -> Result<Tensor> {
        let y = ops::add(images, &per_image(deltas, images)?)?;
        Ok(ops::clip(&y, self.value_range.0, self.value_range.1)?)
    }
}
