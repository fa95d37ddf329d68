//! Boxes around the objects in images.

use keras_ops::{self as ops, DType, Device, Tensor, host};
use serde_json::Value;

use crate::config::{FromValue, IntoValue};
use crate::{Result, bail};

/// What the four numbers of a box are. Relative ones are shares of the image's width and height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoundingBoxFormat {
    /// Left, top, right, bottom.
    Xyxy,
    /// Top, left, bottom, right.
    Yxyx,
    /// Left, top, width, height.
    Xywh,
    /// Middle (x, y), width, height.
    CenterXywh,
    /// Middle (y, x), height, width.
    CenterYxhw,
    /// Left, top, right, bottom, relative.
    RelXyxy,
    /// Top, left, bottom, right, relative.
    RelYxyx,
    /// Left, top, width, height, relative.
    RelXywh,
    /// Middle (x, y), width, height, relative.
    RelCenterXywh,
}

const NAMES: [(BoundingBoxFormat, &str); 9] = [
    (BoundingBoxFormat::Xyxy, "xyxy"),
    (BoundingBoxFormat::Yxyx, "yxyx"),
    (BoundingBoxFormat::Xywh, "xywh"),
    (BoundingBoxFormat::CenterXywh, "center_xywh"),
    (BoundingBoxFormat::CenterYxhw, "center_yxhw"),
    (BoundingBoxFormat::RelXyxy, "rel_xyxy"),
    (BoundingBoxFormat::RelYxyx, "rel_yxyx"),
    (BoundingBoxFormat::RelXywh, "rel_xywh"),
    (BoundingBoxFormat::RelCenterXywh, "rel_center_xywh"),
];

impl FromValue for BoundingBoxFormat {
    const EXPECTED: &'static str = "the name of a format of boxes, such as \"xyxy\" or \"rel_xywh\"";
    fn from_value(value: &Value) -> Option<Self> {
        let given = value.as_str()?.to_lowercase();
        NAMES
            .iter()
            .find(|(_, name)| *name == given)
            .map(|(format, _)| *format)
    }
}

impl IntoValue for BoundingBoxFormat {
    fn into_value(self) -> Value {
        let found = NAMES.iter().find(|(format, _)| *format == self);
        found.map(|(_, name)| *name).into_value()
    }
}

impl BoundingBoxFormat {
    fn relative(self) -> bool {
        matches!(
            self,
            Self::RelXyxy | Self::RelYxyx | Self::RelXywh | Self::RelCenterXywh
        )
    }

    /// Left, top, right and bottom in the units of the box.
    fn to_corners(self, [a, b, c, d]: [f32; 4]) -> [f32; 4] {
        match self {
            Self::Xyxy | Self::RelXyxy => [a, b, c, d],
            Self::Yxyx | Self::RelYxyx => [b, a, d, c],
            Self::Xywh | Self::RelXywh => [a, b, a + c, b + d],
            Self::CenterXywh | Self::RelCenterXywh => [a - c / 2., b - d / 2., a + c / 2., b + d / 2.],
            Self::CenterYxhw => [b - d / 2., a - c / 2., b + d / 2., a + c / 2.],
        }
    }

    fn of_corners(self, [left, top, right, bottom]: [f32; 4]) -> [f32; 4] {
        let (width, height) = (right - left, bottom - top);
        let (x, y) = (left + width / 2., top + height / 2.);
        match self {
            Self::Xyxy | Self::RelXyxy => [left, top, right, bottom],
            Self::Yxyx | Self::RelYxyx => [top, left, bottom, right],
            Self::Xywh | Self::RelXywh => [left, top, width, height],
            Self::CenterXywh | Self::RelCenterXywh => [x, y, width, height],
            Self::CenterYxhw => [y, x, height, width],
        }
    }

    /// A box in another format, in an image of a height and a width.
    pub(super) fn converted(self, to: Self, values: [f32; 4], [height, width]: [f32; 2]) -> [f32; 4] {
        let [left, top, right, bottom] = self.to_corners(values);
        let scale: [f32; 2] = match (self.relative(), to.relative()) {
            (true, false) => [width, height],
            (false, true) => {
                return to.of_corners([left / width, top / height, right / width, bottom / height]);
            }
            _ => [1., 1.],
        };
        to.of_corners([
            left * scale[0],
            top * scale[1],
            right * scale[0],
            bottom * scale[1],
        ])
    }
}

/// The boxes of a batch of images: `boxes` (batch, boxes, 4) and `labels` (batch, boxes), where -1 stands for none.
#[derive(Clone, Debug)]
pub struct BoundingBoxes {
    /// Four numbers a box, in the format that the layer is told.
    pub boxes: Tensor,
    /// The class of each box.
    pub labels: Tensor,
}

impl BoundingBoxes {
    /// Boxes and their classes.
    pub fn new(boxes: Tensor, labels: Tensor) -> Self {
        Self { boxes, labels }
    }

    /// In another format, in images of a height and a width.
    ///
    /// # Errors
    /// When the last axis of the boxes is not 4.
    ///
    /// ```
    /// use keras_core::layers::{BoundingBoxFormat, BoundingBoxes};
    /// use keras_ops::{Device, Tensor};
    /// let boxes = Tensor::new(&[[[25f32, 25., 50., 75.]]], &Device::Cpu)?;
    /// let boxes = BoundingBoxes::new(boxes, Tensor::new(&[[0i64]], &Device::Cpu)?);
    /// let rel = boxes.convert_format(BoundingBoxFormat::Xyxy, BoundingBoxFormat::RelXywh, 100, 100)?;
    /// assert_eq!(rel.boxes.to_vec3::<f32>()?, [[[0.25, 0.25, 0.25, 0.5]]]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn convert_format(
        &self,
        source: BoundingBoxFormat,
        target: BoundingBoxFormat,
        height: usize,
        width: usize,
    ) -> Result<Self> {
        let size = [height as f32, width as f32];
        self.mapped(|_, values| source.converted(target, values, size))
    }

    /// Cut to the image, in corners; boxes of which nothing is left get the label -1.
    ///
    /// # Errors
    /// When the last axis of the boxes is not 4.
    pub fn clip_to_image_size(&self, height: usize, width: usize) -> Result<Self> {
        self.clipped(height as f32, width as f32)
    }

    pub(super) fn clipped(&self, height: f32, width: f32) -> Result<Self> {
        let clipped = self.mapped(|_, [left, top, right, bottom]| {
            let (x, y) = (|v: f32| v.clamp(0., width), |v: f32| v.clamp(0., height));
            [x(left), y(top), x(right), y(bottom)]
        })?;
        let areas: Vec<f32> = host::read(&clipped.boxes, |b: &[f32]| {
            let area = |b: &[f32]| (b[2] - b[0]) * (b[3] - b[1]);
            Ok(b.chunks_exact(4).map(area).collect())
        })?;
        let labels = host::read(&clipped.labels, |labels: &[f64]| {
            let kept = labels
                .iter()
                .zip(&areas)
                .map(|(l, a)| if *a > 0. { *l } else { -1. });
            Ok(kept.collect::<Vec<f64>>())
        })?;
        let dtype = match clipped.labels.dtype() {
            // No unsigned type holds -1.
            DType::U8 | DType::U32 => DType::I64,
            dtype => dtype,
        };
        let labels = Tensor::from_vec(labels, clipped.labels.shape(), &Device::Cpu)?;
        let labels = ops::cast(&labels, dtype)?.to_device(clipped.labels.device())?;
        Ok(Self { labels, ..clipped })
    }

    /// Each box of image `i` of the batch through `f(i, box)`.
    pub(super) fn mapped(&self, f: impl Fn(usize, [f32; 4]) -> [f32; 4]) -> Result<Self> {
        let dims = self.boxes.dims();
        if dims.last() != Some(&4) || !(2..=3).contains(&dims.len()) {
            bail!("bounding boxes: expected shape (batch, boxes, 4) or (boxes, 4), got {dims:?}");
        }
        let per_image = match dims {
            [_, boxes, _] => *boxes,
            _ => usize::MAX,
        };
        let values = host::read(&self.boxes, |b: &[f32]| {
            let (boxes, _) = b.as_chunks::<4>();
            let mapped = boxes
                .iter()
                .enumerate()
                .map(|(at, b)| f(at / per_image.max(1), *b));
            Ok(mapped.flatten().collect::<Vec<f32>>())
        })?;
        let boxes = Tensor::from_vec(values, dims, &Device::Cpu)?.to_device(self.boxes.device())?;
        Ok(Self {
            boxes,
            labels: self.labels.clone(),
        })
    }

    pub(super) fn batched(&self) -> Result<Self> {
        Ok(Self {
            boxes: ops::expand_dims(&self.boxes, 0)?,
            labels: ops::expand_dims(&self.labels, 0)?,
        })
    }

    pub(super) fn unbatched(&self) -> Result<Self> {
        Ok(Self {
            boxes: ops::squeeze(&self.boxes, Some(&[0]))?,
            labels: ops::squeeze(&self.labels, Some(&[0]))?,
        })
    }
}
