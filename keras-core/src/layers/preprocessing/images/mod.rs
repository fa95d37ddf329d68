//! Layers that resize, crop and augment images.

mod arguments;
mod aug_mix;
mod auto_contrast;
pub(super) mod base;
mod boxes;
mod center_crop;
mod contrast_limited_adaptive_histogram_equalization;
mod crop;
mod cut_mix;
mod equalization;
mod max_num_bounding_boxes;
mod mix;
mod mix_up;
mod patches;
mod policy;
mod rand_augment;
mod random_brightness;
mod random_color_degeneration;
mod random_color_jitter;
mod random_contrast;
mod random_crop;
mod random_elastic_transform;
mod random_erasing;
mod random_flip;
mod random_gaussian_blur;
mod random_grayscale;
mod random_hue;
mod random_invert;
mod random_perspective;
mod random_posterization;
mod random_rotation;
mod random_saturation;
mod random_sharpness;
mod random_shear;
mod random_translation;
mod random_zoom;
mod resizing;
mod solarization;
mod warp;

pub use arguments::{FactorRange, ValueRange};
pub use aug_mix::{AugMix, Chains};
pub use auto_contrast::AutoContrast;
pub use base::{Augmentation, ImageBase, ImageBatch, ImageShape};
pub use boxes::{BoundingBoxFormat, BoundingBoxes};
pub use center_crop::CenterCrop;
pub use contrast_limited_adaptive_histogram_equalization::ContrastLimitedAdaptiveHistogramEqualization;
pub use cut_mix::{CutMix, Pasting};
pub use equalization::Equalization;
pub use max_num_bounding_boxes::MaxNumBoundingBoxes;
pub use mix_up::{MixUp, Mixture};
pub use rand_augment::{ChosenAugmentations, RandAugment};
pub use random_brightness::RandomBrightness;
pub use random_color_degeneration::RandomColorDegeneration;
pub use random_color_jitter::{Jitter, RandomColorJitter};
pub use random_contrast::RandomContrast;
pub use random_crop::RandomCrop;
pub use random_elastic_transform::{Elastic, RandomElasticTransform};
pub use random_erasing::{Erasure, Fill, RandomErasing};
pub use random_flip::{FlipMode, RandomFlip};
pub use random_gaussian_blur::{Blur, KernelSize, RandomGaussianBlur};
pub use random_grayscale::RandomGrayscale;
pub use random_hue::RandomHue;
pub use random_invert::RandomInvert;
pub use random_perspective::{Perspective, RandomPerspective};
pub use random_posterization::RandomPosterization;
pub use random_rotation::RandomRotation;
pub use random_saturation::RandomSaturation;
pub use random_sharpness::RandomSharpness;
pub use random_shear::RandomShear;
pub use random_translation::RandomTranslation;
pub use random_zoom::RandomZoom;
pub use resizing::Resizing;
pub use solarization::Solarization;

use base::AnyAugmentation;

use crate::{Entry, Layer};

/// The layers of images: their list, and how one of them is known behind a [`Layer`].
macro_rules! layers {
    ($($module:ident :: $type:ident,)*) => {
        pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[$($module::ENTRY,)*];

        /// The augmentation that a layer is, if it is one of these.
        pub(super) fn augmentation(layer: &dyn Layer) -> Option<&dyn AnyAugmentation> {
            let any: &dyn std::any::Any = layer;
            $(
                if let Some(found) = any.downcast_ref::<$type>() {
                    return Some(found);
                }
            )*
            None
        }
    };
}
layers! {
    aug_mix::AugMix,
    auto_contrast::AutoContrast,
    center_crop::CenterCrop,
    contrast_limited_adaptive_histogram_equalization::ContrastLimitedAdaptiveHistogramEqualization,
    cut_mix::CutMix,
    equalization::Equalization,
    max_num_bounding_boxes::MaxNumBoundingBoxes,
    mix_up::MixUp,
    rand_augment::RandAugment,
    random_brightness::RandomBrightness,
    random_color_degeneration::RandomColorDegeneration,
    random_color_jitter::RandomColorJitter,
    random_contrast::RandomContrast,
    random_crop::RandomCrop,
    random_elastic_transform::RandomElasticTransform,
    random_erasing::RandomErasing,
    random_flip::RandomFlip,
    random_gaussian_blur::RandomGaussianBlur,
    random_grayscale::RandomGrayscale,
    random_hue::RandomHue,
    random_invert::RandomInvert,
    random_perspective::RandomPerspective,
    random_posterization::RandomPosterization,
    random_rotation::RandomRotation,
    random_saturation::RandomSaturation,
    random_sharpness::RandomSharpness,
    random_shear::RandomShear,
    random_translation::RandomTranslation,
    random_zoom::RandomZoom,
    resizing::Resizing,
    solarization::Solarization,
}
