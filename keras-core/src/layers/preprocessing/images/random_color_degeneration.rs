//! Images of less colour.

use keras_ops::{self as ops, Tensor, image};

use super::arguments::{Bounds, FactorRange, ValueRange};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, per_image};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::shape::{self, Dims};
use crate::{Result, bail};

image_layer! {
    /// In training, mixes each image with its grey version: `clip(x + factor * (grey - x))`.
    ///
    /// `factor` is the random share of grey; one number reaches from its negative, as in Keras, whose documentation
    /// says from 0.
    ///
    /// # Shapes
    /// Images (height, width, 3) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When there are not 3 channels, or the factor is out of range.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomColorDegeneration};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[100f32, 0., 0.]]]], &Device::Cpu)?;
    /// let y = RandomColorDegeneration::new(0.5).transform_images(&x, &vec![1.])?;
    /// let grey = y.flatten_all()?.to_vec1::<f32>()?;
    /// assert!(grey.iter().all(|v| (v - 29.89).abs() < 1e-4));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomColorDegeneration, "takes colour out of images", random,
    new(factor: FactorRange as impl Into<FactorRange>),
    {
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
    }
}

impl RandomColorDegeneration {
    fn bounds(&self) -> Result<Bounds> {
        self.factor.meeting("RandomColorDegeneration", "factor", -1., 1.)
    }
}

impl Augmentation for RandomColorDegeneration {
    /// The share of grey in each image.
    type Transformation = Vec<f64>;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        vec![("factor", self.bounds())]
    }

    fn output_shape(&self, input: &Dims) -> Result<Dims> {
        let channels = input[if self.base.channels_first() {
            input.len() - 3
        } else {
            input.len() - 1
        }];
        if channels.is_some_and(|c| c != 3) {
            bail!(
                "RandomColorDegeneration: expected images of 3 channels, got shape {}",
                shape::show(input)
            );
        }
        Ok(input.clone())
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Vec<f64>> {
        self.base.uniform(images.batch, self.bounds()?)
    }

    fn transform_images(&self, images: &Tensor, shares: &Vec<f64>) -> Result<Tensor> {
        let grey = image::rgb_to_grayscale(images, self.base.channels_first())?;
        let away = ops::multiply(&ops::subtract(&grey, images)?, &per_image(shares, images)?)?;
        let y = ops::add(images, &away)?;
        Ok(ops::clip(&y, self.value_range.0, self.value_range.1)?)
    }
}
