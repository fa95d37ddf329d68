//! Pairs of images mixed.

use keras_ops::{self as ops, Tensor};

use super::base::{Augmentation, ImageBase, ImageShape, image_layer};
use super::boxes::BoundingBoxes;
use super::mix;
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::{Result, bail};

image_layer! {
    /// In training, mixes each image, and its label, with another one of the batch: `share * a + (1 - share) * b` with
    /// a random share of the distribution Beta(alpha, alpha).
    ///
    /// Labels must be vectors. Use it on data with labels by [`augment`](Augmentation::augment).
    ///
    /// Differs from Keras: of boxes, the labels too are joined image by image, and masks are mixed whole.
    ///
    /// # Shapes
    /// A batch of images, labels (batch, classes); both keep their shape. Boxes become twice as many.
    ///
    /// # Errors
    /// When alpha is not positive.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, ImageBatch, MixUp, Mixture};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[0f32]]], [[[10.]]]], &Device::Cpu)?;
    /// let mixture = Mixture { shares: vec![0.9, 0.6], order: vec![1, 0] };
    /// let y = MixUp::new().transform_images(&x, &mixture)?;
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [1., 6.]);
    /// let labels = Tensor::new(&[[1f32, 0.], [0., 1.]], &Device::Cpu)?;
    /// let y = MixUp::new().augment(ImageBatch::new(x).labels(labels), true)?;
    /// assert!(y.labels.is_some());
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    MixUp, "mixes pairs of images and their labels", random,
    new(),
    {
        /// Both parameters of the distribution of shares: the smaller, the nearer to 0 or 1.
        alpha: f64 as f64 = 0.2,
    }
}

/// How a batch is mixed.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    /// The share that each image keeps.
    pub shares: Vec<f64>,
    /// The image that the rest is of.
    pub order: Vec<u32>,
}

impl Augmentation for MixUp {
    type Transformation = Mixture;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn of_the_batch(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        if self.alpha.is_nan() || self.alpha <= 0. {
            bail!("MixUp: `alpha` must be above 0, got {}", self.alpha);
        }
        Ok(())
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Mixture> {
        let order = mix::order(&self.base, images.batch);
        Ok(Mixture {
            shares: mix::shares(&self.base, images.batch, self.alpha)?,
            order,
        })
    }

    fn transform_images(&self, images: &Tensor, mixture: &Mixture) -> Result<Tensor> {
        mix::blended(images, &mixture.shares, &mixture.order)
    }

    fn transform_labels(&self, labels: &Tensor, mixture: &Mixture) -> Result<Tensor> {
        if labels.rank() < 2 {
            bail!(
                "MixUp: labels must be vectors, (batch, classes), so that they can be mixed; got shape {:?}: use \
                 `ops::one_hot`",
                labels.dims()
            );
        }
        mix::blended(labels, &mixture.shares, &mixture.order)
    }

    fn transform_bounding_boxes(
        &self,
        boxes: &BoundingBoxes,
        mixture: &Mixture,
        _images: ImageShape,
    ) -> Result<BoundingBoxes> {
        let joined = |x: &Tensor| -> Result<Tensor> {
            Ok(ops::concatenate(&[x, &mix::reordered(x, &mixture.order)?], 1)?)
        };
        Ok(BoundingBoxes::new(joined(&boxes.boxes)?, joined(&boxes.labels)?))
    }

    fn transform_segmentation_masks(&self, masks: &Tensor, mixture: &Mixture) -> Result<Tensor> {
        mix::blended(masks, &mixture.shares, &mixture.order)
    }
}
