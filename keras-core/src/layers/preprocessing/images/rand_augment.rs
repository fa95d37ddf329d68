//! Images changed by a few augmentations chosen at random.

use std::collections::HashMap;
use std::sync::Arc;

use keras_ops::Tensor;
use keras_ops::image::Interpolation;

use super::arguments::{Bounds, FactorRange, ValueRange, check_interpolation};
use super::base::{Augmentation, Drawn, ImageBase, ImageShape, image_layer};
use super::boxes::BoundingBoxes;
use super::policy::{Kind, Policy};
use crate::Result;
use crate::layers::base::{base_accessors, common_methods, layer_entry};

image_layer! {
    /// In training, changes the images of a batch by `num_ops` augmentations, chosen at random among eleven: shear,
    /// translation, rotation, brightness, colour, contrast, sharpness, posterisation, solarisation, contrast to the
    /// full range, equalisation.
    ///
    /// # Shapes
    /// Images (height, width, 3) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When the factor is out of range.
    ///
    /// ```
    /// use keras_core::{Layer, layer::Call, layers::RandAugment};
    /// use keras_ops::{DType, Device, Tensor};
    /// let x = Tensor::ones((2, 8, 8, 3), DType::F32, &Device::Cpu)?;
    /// let y = RandAugment::new().seed(1).call(&[x], &mut Call::new(true))?;
    /// assert_eq!(y.0[0].dims(), [2, 8, 8, 3]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandAugment, "changes images by augmentations chosen at random", random,
    new(),
    {
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
        /// How many augmentations a batch gets.
        num_ops: usize as usize = 2,
        /// How strong they are, within 0 and 1; one number reaches from 0.
        factor: FactorRange as impl Into<FactorRange> = FactorRange::One(0.5),
        /// How values between pixels are made.
        interpolation: Interpolation as Interpolation = Interpolation::Bilinear,
    }
}

/// The augmentations that a batch gets, in order, with what each drew.
#[derive(Clone, Debug)]
pub struct ChosenAugmentations(pub(super) Vec<Arc<dyn Drawn>>);

/// Keras's order.
const KINDS: [Kind; 11] = [
    Kind::Shear,
    Kind::Translation,
    Kind::Rotation,
    Kind::Brightness,
    Kind::ColorDegeneration,
    Kind::Contrast,
    Kind::Sharpness,
    Kind::Posterization,
    Kind::Solarization,
    Kind::AutoContrast,
    Kind::Equalization,
];

impl RandAugment {
    fn bounds(&self) -> Result<Bounds> {
        self.factor.meeting("RandAugment", "factor", 0., 1.)
    }
}

impl Augmentation for RandAugment {
    type Transformation = ChosenAugmentations;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn of_the_batch(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        self.bounds()?;
        check_interpolation("RandAugment", self.interpolation)
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        vec![("factor", self.bounds())]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<ChosenAugmentations> {
        let policy = Policy {
            base: &self.base,
            value_range: self.value_range,
            factor: self.bounds()?,
            interpolation: self.interpolation,
        };
        // One that is chosen twice is the same both times.
        let mut drawn: HashMap<Kind, Arc<dyn Drawn>> = HashMap::new();
        let mut chosen = Vec::with_capacity(self.num_ops);
        for index in policy.choose(self.num_ops, KINDS.len())? {
            let kind = KINDS[index];
            let one = match drawn.get(&kind) {
                Some(one) => one.clone(),
                None => policy.draw(kind, images)?,
            };
            drawn.insert(kind, one.clone());
            chosen.push(one);
        }
        Ok(ChosenAugmentations(chosen))
    }

    fn transform_images(&self, images: &Tensor, chosen: &ChosenAugmentations) -> Result<Tensor> {
        chosen
            .0
            .iter()
            .try_fold(images.clone(), |images, one| one.images(&images))
    }

    fn transform_segmentation_masks(&self, masks: &Tensor, chosen: &ChosenAugmentations) -> Result<Tensor> {
        chosen
            .0
            .iter()
            .try_fold(masks.clone(), |masks, one| one.masks(&masks))
    }

    fn transform_bounding_boxes(
        &self,
        boxes: &BoundingBoxes,
        chosen: &ChosenAugmentations,
        images: ImageShape,
    ) -> Result<BoundingBoxes> {
        chosen
            .0
            .iter()
            .try_fold(boxes.clone(), |boxes, one| one.boxes(&boxes, images))
    }
}
