//! Images turned to their negatives.

use keras_ops::{self as ops, Tensor};

use super::arguments::{Bounds, FactorRange, ValueRange};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, where_chosen};
use crate::Result;
use crate::layers::base::{base_accessors, common_methods, layer_entry};

image_layer! {
    /// In training, turns images to their negatives, `upper value - x`, each with a random probability.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When the factor is out of range.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomInvert};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[100f32]]], [[[100.]]]], &Device::Cpu)?;
    /// let y = RandomInvert::new().transform_images(&x, &vec![true, false])?;
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [155., 100.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomInvert, "turns some images to their negatives", random,
    new(),
    {
        /// The probability, within 0 and 1: drawn for each image from this range; one number reaches from 0.
        factor: FactorRange as impl Into<FactorRange> = FactorRange::One(1.),
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
    }
}

impl RandomInvert {
    fn bounds(&self) -> Result<Bounds> {
        self.factor.meeting("RandomInvert", "factor", 0., 1.)
    }
}

impl Augmentation for RandomInvert {
    /// Which images are turned.
    type Transformation = Vec<bool>;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        vec![("factor", self.bounds())]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Vec<bool>> {
        self.base.chances(images.batch, self.bounds()?)
    }

    fn transform_images(&self, images: &Tensor, chosen: &Vec<bool>) -> Result<Tensor> {
        where_chosen(
            chosen,
            &ops::scale_shift(images, -1., self.value_range.1)?,
            images,
        )
    }
}
