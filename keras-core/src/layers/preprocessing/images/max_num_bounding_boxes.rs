//! Batches of images with one number of boxes each.

use keras_ops::{self as ops, DType, Tensor};

use super::base::{Augmentation, ImageBase, ImageShape, image_layer};
use super::boxes::BoundingBoxes;
use crate::Result;
use crate::layers::base::{base_accessors, common_methods, layer_entry};

image_layer! {
    /// Keeps the first `max_number` boxes of each image, or fills them up to that number; images stay as they are.
    ///
    /// Used on data with boxes by [`augment`](Augmentation::augment).
    ///
    /// # Shapes
    /// Boxes (batch, n, 4) become (batch, max_number, 4), labels (batch, max_number).
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, BoundingBoxes, ImageBatch, ImageShape, MaxNumBoundingBoxes};
    /// use keras_ops::{Device, Tensor};
    /// let boxes = Tensor::new(&[[[1f32, 2., 3., 4.]]], &Device::Cpu)?;
    /// let boxes = BoundingBoxes::new(boxes, Tensor::new(&[[7i64]], &Device::Cpu)?);
    /// let sizes = ImageShape { batch: 1, height: 8, width: 8, channels: 3 };
    /// let boxes = MaxNumBoundingBoxes::new(2).transform_bounding_boxes(&boxes, &(), sizes)?;
    /// assert_eq!(boxes.boxes.to_vec3::<f32>()?, [[[1., 2., 3., 4.], [-1.; 4]]]);
    /// assert_eq!(boxes.labels.to_vec2::<i64>()?, [[7, -1]]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    MaxNumBoundingBoxes, "makes the number of boxes of all images equal", fixed,
    new(max_number: usize as usize),
    {
        /// What missing boxes and labels are filled up with.
        fill_value: f64 as f64 = -1.,
    }
}

impl Augmentation for MaxNumBoundingBoxes {
    type Transformation = ();

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn at_inference(&self) -> bool {
        true
    }

    fn output_dtype(&self, input: DType) -> DType {
        if input.is_float() {
            self.base.compute_dtype()
        } else {
            input
        }
    }

    fn get_random_transformation(&self, _images: ImageShape) -> Result<()> {
        Ok(())
    }

    fn transform_images(&self, images: &Tensor, (): &()) -> Result<Tensor> {
        Ok(images.clone())
    }

    fn transform_bounding_boxes(
        &self,
        boxes: &BoundingBoxes,
        (): &(),
        _images: ImageShape,
    ) -> Result<BoundingBoxes> {
        let fitted = |x: &Tensor| -> Result<Tensor> {
            let dtype = x.dtype();
            let x = ops::cast(x, DType::F64)?;
            let kept = x.dims().get(1).copied().unwrap_or(0).min(self.max_number);
            let mut padding = vec![(0, 0); x.rank()];
            if let Some(axis) = padding.get_mut(1) {
                *axis = (0, self.max_number - kept);
            }
            let x = ops::pad(&ops::narrow(&x, 1, 0, kept)?, &padding, self.fill_value)?;
            Ok(ops::cast(&x, dtype)?)
        };
        Ok(BoundingBoxes::new(fitted(&boxes.boxes)?, fitted(&boxes.labels)?))
    }
}
