//! Mirrored images.

use keras_ops::{self as ops, DType, Tensor};
use serde_json::Value;

use super::base::{Augmentation, ImageBase, ImageShape, image_layer, where_chosen};
use super::boxes::{BoundingBoxFormat, BoundingBoxes};
use super::warp::on_mask;
use crate::config::{FromValue, IntoValue, Reader};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::{Arg, Result};

image_layer! {
    /// In training, mirrors each image with probability one half.
    ///
    /// As in Keras, an image is mirrored both ways or not at all where both are asked for.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, FlipMode, RandomFlip};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[1f32], [2.]]], [[[3.], [4.]]]], &Device::Cpu)?;
    /// let y = RandomFlip::new().mode(FlipMode::Horizontal).transform_images(&x, &vec![true, false])?;
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [2., 1., 3., 4.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomFlip, "mirrors images", random,
    new(),
    {
        /// Which way; both unless set.
        mode: FlipMode as FlipMode = FlipMode::HorizontalAndVertical,
    }
}

/// Which way [`RandomFlip`] mirrors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlipMode {
    /// Left to right.
    Horizontal,
    /// Top to bottom.
    Vertical,
    /// Both.
    #[default]
    HorizontalAndVertical,
}

impl FromValue for FlipMode {
    const EXPECTED: &'static str = "\"horizontal\", \"vertical\" or \"horizontal_and_vertical\"";
    fn from_value(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "horizontal" => Some(Self::Horizontal),
            "vertical" => Some(Self::Vertical),
            "horizontal_and_vertical" => Some(Self::HorizontalAndVertical),
            _ => None,
        }
    }
}

impl IntoValue for FlipMode {
    fn into_value(self) -> Value {
        match self {
            Self::Horizontal => "horizontal".into(),
            Self::Vertical => "vertical".into(),
            Self::HorizontalAndVertical => "horizontal_and_vertical".into(),
        }
    }
}

impl Arg for FlipMode {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
        reader.or(key, default)
    }

    fn write(&self) -> Value {
        (*self).into_value()
    }
}

impl RandomFlip {
    /// Left to right, and top to bottom.
    fn ways(&self) -> [bool; 2] {
        match self.mode {
            FlipMode::Horizontal => [true, false],
            FlipMode::Vertical => [false, true],
            FlipMode::HorizontalAndVertical => [true, true],
        }
    }

    fn flipped(&self, x: &Tensor, chosen: &[bool]) -> Result<Tensor> {
        let [height, width, _] = self.base.axes();
        let axes: Vec<i64> = self
            .ways()
            .into_iter()
            .zip([width, height])
            .filter(|w| w.0)
            .map(|w| w.1)
            .collect();
        where_chosen(chosen, &ops::flip(x, Some(&axes))?, x)
    }
}

impl Augmentation for RandomFlip {
    /// Which images are mirrored.
    type Transformation = Vec<bool>;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Vec<bool>> {
        let drawn = self.base.uniform(images.batch, (0., 1.))?;
        Ok(drawn.into_iter().map(|v| v <= 0.5).collect())
    }

    fn transform_images(&self, images: &Tensor, chosen: &Vec<bool>) -> Result<Tensor> {
        self.flipped(images, chosen)
    }

    fn transform_segmentation_masks(&self, masks: &Tensor, chosen: &Vec<bool>) -> Result<Tensor> {
        match masks.dtype() {
            DType::F16 | DType::BF16 | DType::F32 | DType::F64 => self.flipped(masks, chosen),
            _ => on_mask(masks, |masks| self.flipped(masks, chosen)),
        }
    }

    fn transform_bounding_boxes(
        &self,
        boxes: &BoundingBoxes,
        chosen: &Vec<bool>,
        images: ImageShape,
    ) -> Result<BoundingBoxes> {
        let Some(format) = self.base.bounding_box_format else {
            return Ok(boxes.clone());
        };
        let size = [images.height as f32, images.width as f32];
        let [across, down] = self.ways();
        let relative = boxes.mapped(|image, values| {
            let [l, t, r, b] = format.converted(BoundingBoxFormat::RelXyxy, values, size);
            let chosen = chosen.get(image).copied().unwrap_or(false);
            let (l, r) = if chosen && across {
                (1. - r, 1. - l)
            } else {
                (l, r)
            };
            let (t, b) = if chosen && down { (1. - b, 1. - t) } else { (t, b) };
            [l, t, r, b]
        })?;
        let clipped = relative.clipped(1., 1.)?;
        clipped.mapped(|_, values| BoundingBoxFormat::RelXyxy.converted(format, values, size))
    }
}
