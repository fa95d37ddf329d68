//! Images with a rectangle of another one.

use keras_ops::{self as ops, Tensor};

use super::arguments::{Bounds, FactorRange};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, image_shape};
use super::boxes::BoundingBoxes;
use super::{mix, patches};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::{Result, bail};

image_layer! {
    /// In training, pastes a random rectangle of another image of the batch into each image, and mixes their labels by
    /// area. A single image stays as it is.
    ///
    /// Labels must be vectors. Use it on data with labels by [`augment`](Augmentation::augment).
    ///
    /// # Shapes
    /// A batch of images, labels (batch, classes); both keep their shape.
    ///
    /// # Errors
    /// When the factor is out of range, or boxes are given, which cannot be cut.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, CutMix, Pasting};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[1f32], [2.]]], [[[3.], [4.]]]], &Device::Cpu)?;
    /// let pasting = Pasting { order: vec![1, 0], rectangles: vec![[1., 0., 2., 1.]; 2], shares: vec![0.5; 2] };
    /// let y = CutMix::new().transform_images(&x, &pasting)?;
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [1., 4., 3., 2.]);
    /// let labels = Tensor::new(&[[1f32, 0.], [0., 1.]], &Device::Cpu)?;
    /// assert_eq!(CutMix::new().transform_labels(&labels, &pasting)?.to_vec2::<f32>()?, [[0.5, 0.5]; 2]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    CutMix, "pastes rectangles of other images into images", random,
    new(),
    {
        /// The parameter of the distribution Beta(a, a) of what an image keeps, within 0 and 1: drawn from this range;
        /// one number reaches from 0.
        factor: FactorRange as impl Into<FactorRange> = FactorRange::One(1.),
    }
}

/// What is pasted into a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Pasting {
    /// The image that each rectangle is of.
    pub order: Vec<u32>,
    /// Left, top, right and bottom of what is pasted.
    pub rectangles: Vec<[f64; 4]>,
    /// The part of its area that each image keeps.
    pub shares: Vec<f64>,
}

impl CutMix {
    fn bounds(&self) -> Result<Bounds> {
        self.factor.meeting("CutMix", "factor", 0., 1.)
    }

    fn pasted(&self, x: &Tensor, pasting: &Pasting) -> Result<Tensor> {
        let mask = patches::mask(
            &self.base,
            image_shape(&self.base, x)?,
            &pasting.rectangles,
            x.device(),
        )?;
        Ok(ops::where_(&mask, &mix::reordered(x, &pasting.order)?, x)?)
    }
}

impl Augmentation for CutMix {
    type Transformation = Pasting;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn of_the_batch(&self) -> bool {
        true
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        vec![("factor", self.bounds())]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Pasting> {
        let alpha = self
            .base
            .uniform(1, self.bounds()?)?
            .first()
            .copied()
            .unwrap_or(0.)
            + 1e-6;
        let kept = mix::shares(&self.base, images.batch, alpha)?;
        let sides: Vec<[f64; 2]> = kept.iter().map(|k| [(1. - k).max(0.).sqrt(); 2]).collect();
        let rectangles = patches::rectangles(&self.base, images, &sides)?;
        let area = (images.width * images.height) as f64;
        let share = |[left, top, right, bottom]: &[f64; 4]| 1. - (right - left) * (bottom - top) / area;
        let shares = rectangles.iter().map(share).collect();
        Ok(Pasting {
            order: mix::order(&self.base, images.batch),
            rectangles,
            shares,
        })
    }

    fn transform_images(&self, images: &Tensor, pasting: &Pasting) -> Result<Tensor> {
        self.pasted(images, pasting)
    }

    fn transform_labels(&self, labels: &Tensor, pasting: &Pasting) -> Result<Tensor> {
        if labels.rank() < 2 {
            bail!(
                "CutMix: labels must be vectors, (batch, classes), so that they can be mixed; got shape {:?}: use \
                 `ops::one_hot`",
                labels.dims()
            );
        }
        mix::blended(labels, &pasting.shares, &pasting.order)
    }

    fn transform_bounding_boxes(
        &self,
        _boxes: &BoundingBoxes,
        _pasting: &Pasting,
        _images: ImageShape,
    ) -> Result<BoundingBoxes> {
        bail!("CutMix: bounding boxes are not supported, as in Keras; leave them out");
    }

    fn transform_segmentation_masks(&self, masks: &Tensor, pasting: &Pasting) -> Result<Tensor> {
        self.pasted(masks, pasting)
    }
}
