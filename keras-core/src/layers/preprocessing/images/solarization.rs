//! Images with their light parts turned dark.

use keras_ops::{self as ops, Tensor};

use super::arguments::{Bounds, FactorRange, ValueRange};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, per_image, to_range};
use crate::Result;
use crate::layers::base::{base_accessors, common_methods, layer_entry};

image_layer! {
    /// In training, adds a random number to each image and turns what is not below a random threshold: `255 - x`, in
    /// values of bytes.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When a factor is out of range.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, Solarization};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[10f32], [200.]]]], &Device::Cpu)?;
    /// let y = Solarization::new().transform_images(&x, &(vec![5.], vec![128.]))?;
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [15., 50.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Solarization, "turns light parts of images dark", random,
    new(),
    {
        /// What is added, as a part of 255 within 0 and 1; one number reaches from 0.
        addition_factor: FactorRange as impl Into<FactorRange> = FactorRange::One(0.),
        /// The threshold, as a part of 255 within 0 and 1; one number reaches from 0. As in Keras, a lower end counts
        /// as it is, not as a part.
        threshold_factor: FactorRange as impl Into<FactorRange> = FactorRange::One(0.),
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
    }
}

impl Solarization {
    fn bounds(&self, name: &str, factor: FactorRange) -> Result<Bounds> {
        factor.upto("Solarization", name)
    }

    fn drawn(&self, count: usize, name: &str, factor: FactorRange) -> Result<Vec<f64>> {
        let (lower, upper) = self.bounds(name, factor)?;
        // Keras's lower end is no part of 255; where that exceeds the upper one, it is the other way round.
        let (a, b) = (lower, upper * 255.);
        self.base.uniform(count, (a.min(b), a.max(b)))
    }
}

impl Augmentation for Solarization {
    /// What is added to each image, and its threshold, in values of bytes.
    type Transformation = (Vec<f64>, Vec<f64>);

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        let bounds = |name: &'static str, factor| (name, self.bounds(name, factor));
        vec![
            bounds("addition_factor", self.addition_factor),
            bounds("threshold_factor", self.threshold_factor),
        ]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<(Vec<f64>, Vec<f64>)> {
        let additions = self.drawn(images.batch, "addition_factor", self.addition_factor)?;
        Ok((
            additions,
            self.drawn(images.batch, "threshold_factor", self.threshold_factor)?,
        ))
    }

    fn transform_images(
        &self,
        images: &Tensor,
        (additions, thresholds): &(Vec<f64>, Vec<f64>),
    ) -> Result<Tensor> {
        let bytes = to_range(images, self.value_range, ValueRange::BYTES)?;
        let x = ops::clip(&ops::add(&bytes, &per_image(additions, images)?)?, 0., 255.)?;
        let dark = ops::less(&x, &per_image(thresholds, images)?)?;
        let y = ops::where_(&dark, &x, &ops::scale_shift(&x, -1., 255.)?)?;
        to_range(&y, ValueRange::BYTES, self.value_range)
    }
}
