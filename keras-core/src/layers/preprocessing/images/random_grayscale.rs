//! Images without colour.

use keras_ops::{Tensor, image};

use super::base::{Augmentation, ImageBase, ImageShape, image_layer, where_chosen};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::{Result, bail};

image_layer! {
    /// In training, makes a random share `factor` of the images grey; 0.5 unless set.
    ///
    /// # Shapes
    /// Images (height, width, 3) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When the factor is not between 0 and 1, or there are neither 1 nor 3 channels.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomGrayscale};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[100f32, 0., 0.]]], [[[100., 0., 0.]]]], &Device::Cpu)?;
    /// let y = RandomGrayscale::new().transform_images(&x, &vec![false, true])?;
    /// let y = y.flatten_all()?.to_vec1::<f32>()?;
    /// assert_eq!(y[..3], [100., 0., 0.]);
    /// assert!(y[3..].iter().all(|v| (v - 29.89).abs() < 1e-4));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomGrayscale, "makes some images grey", random,
    new(),
    {
        /// The share of images that become grey.
        factor: f64 as f64 = 0.5,
    }
}

impl Augmentation for RandomGrayscale {
    /// Which images become grey.
    type Transformation = Vec<bool>;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn check(&self) -> Result<()> {
        if !(0. ..=1.).contains(&self.factor) {
            bail!(
                "RandomGrayscale: `factor` must be between 0 and 1, got {}",
                self.factor
            );
        }
        Ok(())
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Vec<bool>> {
        let drawn = self.base.uniform(images.batch, (0., 1.))?;
        Ok(drawn.into_iter().map(|v| v < self.factor).collect())
    }

    fn transform_images(&self, images: &Tensor, chosen: &Vec<bool>) -> Result<Tensor> {
        let grey = image::rgb_to_grayscale(images, self.base.channels_first())?;
        where_chosen(chosen, &grey, images)
    }
}
