//! Images sharper or softer.

use keras_ops::{self as ops, ConvOptions, Device, FusedActivation, Padding, Tensor};

use super::arguments::{Bounds, FactorRange, ValueRange};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, per_image};
use crate::Result;
use crate::layers::base::{base_accessors, common_methods, layer_entry};

image_layer! {
    /// In training, moves each image away from a smoothed version of it or towards that: `clip(x + (1 - 2 f) *
    /// (smooth - x))` with a random `f`: 0 is smooth, 0.5 leaves the image alone, 1 is sharp.
    ///
    /// `factor` is the range of `f`, within 0 and 1; one number reaches from 0. Pixels outside count as 0.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When the factor is out of range.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomSharpness};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[26f32], [13.]]]], &Device::Cpu)?;
    /// let y = RandomSharpness::new(1.).transform_images(&x, &vec![0.])?; // (5 * 26 + 13) / 13
    /// let y = y.flatten_all()?.to_vec1::<f32>()?;
    /// assert!((y[0] - 11.).abs() < 1e-5 && (y[1] - 7.).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomSharpness, "makes images sharper or softer", random,
    new(factor: FactorRange as impl Into<FactorRange>),
    {
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
    }
}

impl RandomSharpness {
    fn bounds(&self) -> Result<Bounds> {
        self.factor.meeting("RandomSharpness", "factor", 0., 1.)
    }

    /// Each pixel five times and its eight neighbours once, in 13 parts.
    fn smooth(&self, images: &Tensor) -> Result<Tensor> {
        let x = match self.base.channels_first() {
            true => ops::transpose(images, &[0, 2, 3, 1])?,
            false => images.clone(),
        };
        let channels = x.dims()[3];
        let weight = |at: usize| if at / channels == 4 { 5. / 13. } else { 1. / 13. };
        let kernel: Vec<f64> = (0..9 * channels).map(weight).collect();
        let kernel = Tensor::from_vec(kernel, (3, 3, channels, 1), &Device::Cpu)?;
        let kernel = ops::cast(&kernel, x.dtype())?.to_device(x.device())?;
        let options = ConvOptions {
            padding: Padding::Same,
            ..ConvOptions::default()
        };
        let y = ops::depthwise_conv2d(&x, &kernel, None, &options, FusedActivation::Linear)?;
        Ok(match self.base.channels_first() {
            true => ops::transpose(&y, &[0, 3, 1, 2])?,
            false => y,
        })
    }
}

impl Augmentation for RandomSharpness {
    /// How sharp each image becomes: 0.5 leaves it alone.
    type Transformation = Vec<f64>;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        vec![("factor", self.bounds())]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Vec<f64>> {
        self.base.uniform(images.batch, self.bounds()?)
    }

    fn transform_images(&self, images: &Tensor, sharpness: &Vec<f64>) -> Result<Tensor> {
        let smooth = self.smooth(images)?;
        let towards: Vec<f64> = sharpness.iter().map(|f| 1. - 2. * f).collect();
        let away = ops::multiply(&ops::subtract(&smooth, images)?, &per_image(&towards, images)?)?;
        let y = ops::add(images, &away)?;
        Ok(ops::clip(&y, self.value_range.0, self.value_range.1)?)
    }
}
