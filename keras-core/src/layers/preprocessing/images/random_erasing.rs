//! Images with a rectangle erased.

use keras_ops::{self as ops, DType, Device, Tensor, random};
use serde_json::Value;

use super::arguments::{Bounds, FactorRange, ValueRange};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, image_shape, where_chosen};
use super::patches::{self, Rectangle};
use crate::config::{FromValue, IntoValue, Reader};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::{Arg, Result, bail};

image_layer! {
    /// In training, erases a random rectangle of images, each with a random probability.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When a factor is out of range, or there are not as many fill values as channels.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, Erasure, RandomErasing};
    /// use keras_ops::{DType, Device, Tensor};
    /// let x = Tensor::ones((1, 1, 3, 1), DType::F32, &Device::Cpu)?;
    /// let fill = Tensor::zeros((1, 1, 3, 1), DType::F32, &Device::Cpu)?;
    /// let erasure = Erasure { chosen: vec![true], rectangles: vec![[1., 0., 2., 1.]], fill };
    /// let y = RandomErasing::new().transform_images(&x, &erasure)?;
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [1., 0., 1.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomErasing, "erases a rectangle of some images", random,
    new(),
    {
        /// The probability, within 0 and 1: drawn for each image from this range; one number reaches from 0.
        factor: FactorRange as impl Into<FactorRange> = FactorRange::One(1.),
        /// The square of the rectangle's part of the width, and of the height, within 0 and 1.
        scale: FactorRange as impl Into<FactorRange> = FactorRange::Range(0.02, 0.33),
        /// What the rectangle is filled with, one number or one a channel; noise unless set.
        fill_value: Option<Fill> as impl Into<Option<Fill>> = None,
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
    }
}

/// One number, or one a channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fill(Vec<f64>);

impl From<f64> for Fill {
    fn from(value: f64) -> Self {
        Self(vec![value])
    }
}

impl From<[f64; 3]> for Fill {
    fn from(values: [f64; 3]) -> Self {
        Self(values.into())
    }
}

impl FromValue for Fill {
    const EXPECTED: &'static str = "a number or a list of three";
    fn from_value(value: &Value) -> Option<Self> {
        match f64::from_value(value) {
            Some(one) => Some(one.into()),
            None => <[f64; 3]>::from_value(value).map(Self::from),
        }
    }
}

impl Arg for Fill {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
        reader.or(key, default)
    }

    fn write(&self) -> Value {
        match self.0.as_slice() {
            [one] => one.into_value(),
            many => many.into_value(),
        }
    }
}

/// What is erased of a batch.
#[derive(Clone, Debug)]
pub struct Erasure {
    /// Which images lose something.
    pub chosen: Vec<bool>,
    /// Left, top, right and bottom of what each image loses.
    pub rectangles: Vec<[f64; 4]>,
    /// What comes in its place, in the shape of the images or one that broadcasts to it.
    pub fill: Tensor,
}

impl RandomErasing {
    fn bounds(&self, name: &str, factor: FactorRange) -> Result<Bounds> {
        factor.meeting("RandomErasing", name, 0., 1.)
    }

    fn fill(&self, images: ImageShape) -> Result<Tensor> {
        let ImageShape {
            batch,
            height,
            width,
            channels,
        } = images;
        let first = self.base.channels_first();
        let dtype = self.base.compute_dtype();
        let fill = match &self.fill_value {
            None => {
                let dims = if first {
                    [batch, channels, height, width]
                } else {
                    [batch, height, width, channels]
                };
                let seed = self.base.seeds.next();
                random::normal(&dims, 0., self.value_range.1, DType::F32, &Device::Cpu, seed)?
            }
            Some(Fill(values)) => {
                if values.len() != 1 && values.len() != channels {
                    bail!(
                        "RandomErasing: `fill_value` has {} numbers for images of {channels} channels",
                        values.len()
                    );
                }
                let n = values.len();
                let dims = if first { [1, n, 1, 1] } else { [1, 1, 1, n] };
                Tensor::from_slice(values, &dims, &Device::Cpu)?
            }
        };
        let fill = ops::clip(&ops::cast(&fill, dtype)?, self.value_range.0, self.value_range.1)?;
        Ok(fill)
    }
}

impl Augmentation for RandomErasing {
    type Transformation = Erasure;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        let bounds = |name: &'static str, factor| (name, self.bounds(name, factor));
        vec![bounds("factor", self.factor), bounds("scale", self.scale)]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Erasure> {
        let drawn = self
            .base
            .uniform(2 * images.batch, self.bounds("scale", self.scale)?)?;
        let (pairs, _) = drawn.as_chunks::<2>();
        let shares: Vec<[f64; 2]> = pairs.iter().map(|p| p.map(|v| v.max(0.).sqrt())).collect();
        let rectangles: Vec<Rectangle> = patches::rectangles(&self.base, images, &shares)?;
        let chosen = self
            .base
            .chances(images.batch, self.bounds("factor", self.factor)?)?;
        Ok(Erasure {
            chosen,
            rectangles,
            fill: self.fill(images)?,
        })
    }

    fn transform_images(&self, images: &Tensor, erasure: &Erasure) -> Result<Tensor> {
        let sizes = image_shape(&self.base, images)?;
        let mask = patches::mask(&self.base, sizes, &erasure.rectangles, images.device())?;
        let fill = ops::cast(&erasure.fill.to_device(images.device())?, images.dtype())?;
        let erased = ops::where_(&mask, &fill, images)?;
        where_chosen(&erasure.chosen, &erased, images)
    }
}
