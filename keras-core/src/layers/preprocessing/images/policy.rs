//! The augmentations that `RandAugment` and `AugMix` choose from.

use std::sync::Arc;

use keras_ops::image::Interpolation;
use keras_ops::{DType, Device, host, random};

use super::arguments::{Bounds, FactorRange, ValueRange};
use super::auto_contrast::AutoContrast;
use super::base::{Drawn, ImageBase, ImageShape, drawn};
use super::equalization::Equalization;
use super::random_brightness::RandomBrightness;
use super::random_color_degeneration::RandomColorDegeneration;
use super::random_contrast::RandomContrast;
use super::random_posterization::RandomPosterization;
use super::random_rotation::RandomRotation;
use super::random_sharpness::RandomSharpness;
use super::random_shear::RandomShear;
use super::random_translation::RandomTranslation;
use super::solarization::Solarization;
use crate::Result;

/// What the choice depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy<'a> {
    pub(super) base: &'a ImageBase,
    pub(super) value_range: ValueRange,
    pub(super) factor: Bounds,
    pub(super) interpolation: Interpolation,
}

/// One augmentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Shear,
    Translation,
    Rotation,
    Brightness,
    ColorDegeneration,
    Contrast,
    Sharpness,
    Posterization,
    Solarization,
    AutoContrast,
    Equalization,
}

impl Policy<'_> {
    /// Draws one augmentation for a batch, from the layer's own stream.
    pub(super) fn draw(&self, kind: Kind, images: ImageShape) -> Result<Arc<dyn Drawn>> {
        let factor = || FactorRange::Range(self.factor.0, self.factor.1);
        macro_rules! part {
            ($layer:expr) => {
                part!(fixed $layer.drawing_from(&self.base.seeds))
            };
            (fixed $layer:expr) => {{
                let layer = $layer.data_format(self.base.data_format).dtype(self.base.compute_dtype());
                let layer = match self.base.bounding_box_format {
                    Some(format) => layer.bounding_box_format(format),
                    None => layer,
                };
                drawn(layer, images)
            }};
        }
        match kind {
            Kind::Shear => part!(
                RandomShear::new()
                    .x_factor(factor())
                    .y_factor(factor())
                    .interpolation(self.interpolation)
            ),
            Kind::Translation => {
                part!(RandomTranslation::new(factor(), factor()).interpolation(self.interpolation))
            }
            Kind::Rotation => part!(RandomRotation::new(factor()).interpolation(self.interpolation)),
            Kind::Brightness => part!(RandomBrightness::new(factor()).value_range(self.value_range)),
            Kind::ColorDegeneration => {
                part!(RandomColorDegeneration::new(factor()).value_range(self.value_range))
            }
            Kind::Contrast => part!(RandomContrast::new(factor()).value_range(self.value_range)),
            Kind::Sharpness => part!(RandomSharpness::new(factor()).value_range(self.value_range)),
            Kind::Posterization => {
                let bits = (8. * self.factor.1).floor().max(1.);
                part!(RandomPosterization::new(bits).value_range(self.value_range))
            }
            Kind::Solarization => {
                let layer = Solarization::new()
                    .addition_factor(factor())
                    .threshold_factor(factor());
                part!(layer.value_range(self.value_range))
            }
            Kind::AutoContrast => part!(fixed AutoContrast::new().value_range(self.value_range)),
            Kind::Equalization => part!(fixed Equalization::new().value_range(self.value_range)),
        }
    }

    /// `count` whole numbers below `below`.
    pub(super) fn choose(&self, count: usize, below: usize) -> Result<Vec<usize>> {
        let seed = self.base.seeds.next();
        let drawn = random::randint(count, 0, below as i64, DType::U32, &Device::Cpu, seed)?;
        Ok(host::read(&drawn, |v: &[u32]| {
            Ok(v.iter().map(|v| *v as usize).collect())
        })?)
    }
}
