//! Images of other brightness, contrast, saturation and hue.

use keras_ops::Tensor;

use super::arguments::{FactorRange, ValueRange};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer};
use super::random_brightness::RandomBrightness;
use super::random_contrast::RandomContrast;
use super::random_hue::RandomHue;
use super::random_saturation::RandomSaturation;
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::{Result, ResultExt};

image_layer! {
    /// In training, changes brightness, contrast, saturation and hue of each image, in this order, each where it has a
    /// factor: see [`RandomBrightness`], [`RandomContrast`], [`RandomSaturation`] and [`RandomHue`].
    ///
    /// # Shapes
    /// Images (height, width, 3) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When a factor is out of range.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, FactorRange, Jitter, RandomColorJitter};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[10f32, 20., 30.]]]], &Device::Cpu)?;
    /// let layer = RandomColorJitter::new().brightness_factor(FactorRange::One(0.5));
    /// let jitter = Jitter { brightness: Some(vec![5.]), ..Jitter::default() };
    /// let y = layer.transform_images(&x, &jitter)?;
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [15., 25., 35.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomColorJitter, "changes brightness, contrast, saturation and hue of images", random,
    new(),
    {
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
        /// The factor of [`RandomBrightness`].
        brightness_factor: Option<FactorRange> as impl Into<Option<FactorRange>> = None,
        /// The factor of [`RandomContrast`].
        contrast_factor: Option<FactorRange> as impl Into<Option<FactorRange>> = None,
        /// The factor of [`RandomSaturation`].
        saturation_factor: Option<FactorRange> as impl Into<Option<FactorRange>> = None,
        /// The factor of [`RandomHue`].
        hue_factor: Option<FactorRange> as impl Into<Option<FactorRange>> = None,
    }
}

/// What is done to a batch, for each image; nothing where there is no factor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Jitter {
    /// What is added.
    pub brightness: Option<Vec<f64>>,
    /// What distances from the mean are multiplied by.
    pub contrast: Option<Vec<f64>>,
    /// What saturations are multiplied by.
    pub saturation: Option<Vec<f64>>,
    /// What is added to hues, where 1 is a full circle.
    pub hue: Option<Vec<f64>>,
}

impl RandomColorJitter {
    /// A part of this layer, which draws from its stream.
    fn part<A>(&self, factor: Option<FactorRange>, make: impl Fn(FactorRange) -> A) -> Option<A> {
        factor.map(make)
    }

    fn brightness(&self) -> Option<RandomBrightness> {
        self.part(self.brightness_factor, |factor| {
            let part = RandomBrightness::new(factor).value_range(self.value_range);
            part.data_format(self.base.data_format)
                .drawing_from(&self.base.seeds)
        })
    }

    fn contrast(&self) -> Option<RandomContrast> {
        self.part(self.contrast_factor, |factor| {
            let part = RandomContrast::new(factor).value_range(self.value_range);
            part.data_format(self.base.data_format)
                .drawing_from(&self.base.seeds)
        })
    }

    fn saturation(&self) -> Option<RandomSaturation> {
        self.part(self.saturation_factor, |factor| {
            let part = RandomSaturation::new(factor).value_range(self.value_range);
            part.data_format(self.base.data_format)
                .drawing_from(&self.base.seeds)
        })
    }

    fn hue(&self) -> Option<RandomHue> {
        self.part(self.hue_factor, |factor| {
            let part = RandomHue::new(factor).value_range(self.value_range);
            part.data_format(self.base.data_format)
                .drawing_from(&self.base.seeds)
        })
    }
}

/// `images` through a part, where there is one.
fn applied<A: Augmentation>(
    images: Tensor,
    part: Option<A>,
    drawn: &Option<A::Transformation>,
) -> Result<Tensor> {
    match (part, drawn) {
        (Some(part), Some(drawn)) => part.transform_images(&images, drawn),
        _ => Ok(images),
    }
}

fn checked(part: Option<impl Augmentation>) -> Result<()> {
    part.map_or(Ok(()), |part| part.check())
}

fn drawn<A: Augmentation>(part: Option<A>, images: ImageShape) -> Result<Option<A::Transformation>> {
    part.map(|part| part.get_random_transformation(images))
        .transpose()
}

impl Augmentation for RandomColorJitter {
    type Transformation = Jitter;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn check(&self) -> Result<()> {
        let of = |name: &'static str| move || format!("RandomColorJitter: `{name}`");
        checked(self.brightness()).context(of("brightness_factor"))?;
        checked(self.contrast()).context(of("contrast_factor"))?;
        checked(self.saturation()).context(of("saturation_factor"))?;
        checked(self.hue()).context(of("hue_factor"))
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Jitter> {
        Ok(Jitter {
            brightness: drawn(self.brightness(), images)?,
            contrast: drawn(self.contrast(), images)?,
            saturation: drawn(self.saturation(), images)?,
            hue: drawn(self.hue(), images)?,
        })
    }

    fn transform_images(&self, images: &Tensor, jitter: &Jitter) -> Result<Tensor> {
        let y = applied(images.clone(), self.brightness(), &jitter.brightness)?;
        let y = applied(y, self.contrast(), &jitter.contrast)?;
        let y = applied(y, self.saturation(), &jitter.saturation)?;
        applied(y, self.hue(), &jitter.hue)
    }
}
