//! Images that use the whole range of values.

use keras_ops::{self as ops, Tensor};

use super::arguments::ValueRange;
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, to_range};
use crate::Result;
use crate::layers::base::{base_accessors, common_methods, layer_entry};

image_layer! {
    /// Stretches each channel of each image from its least and greatest value to the whole range, in training and at
    /// inference. A channel of one value stays as it is.
    ///
    /// As in Keras, axes 1 and 2 are those of height and width, whatever `data_format` says.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// ```
    /// use keras_core::{Layer, layer::Call, layers::AutoContrast};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[50f32], [100.], [150.]]]], &Device::Cpu)?;
    /// let y = AutoContrast::new().call(&[x], &mut Call::new(false))?;
    /// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [0., 127.5, 255.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    AutoContrast, "stretches images to the whole range of values", fixed,
    new(),
    {
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
    }
}

impl Augmentation for AutoContrast {
    type Transformation = ();

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn at_inference(&self) -> bool {
        true
    }

    fn get_random_transformation(&self, _images: ImageShape) -> Result<()> {
        Ok(())
    }

    fn transform_images(&self, images: &Tensor, (): &()) -> Result<Tensor> {
        let bytes = to_range(images, self.value_range, ValueRange::BYTES)?;
        let axes = Some([1i64, 2].as_slice());
        let (low, high) = (ops::min(&bytes, axes, true)?, ops::max(&bytes, axes, true)?);
        let span = ops::subtract(&high, &low)?;
        let flat = ops::equal(&span, &ops::full_like(&span, 0.)?)?;
        let scale = ops::divide(
            &ops::full_like(&span, 255.)?,
            &ops::where_(&flat, &ops::full_like(&span, 1.)?, &span)?,
        )?;
        let stretched = ops::multiply(&ops::subtract(&bytes, &low)?, &scale)?;
        let y = to_range(
            &ops::clip(&stretched, 0., 255.)?,
            ValueRange::BYTES,
            self.value_range,
        )?;
        Ok(ops::where_(&flat, images, &y)?)
    }
}
