//! The middle of images.

use keras_ops::Tensor;
use keras_ops::image::Interpolation;

use super::base::{Augmentation, ImageBase, ImageShape, image_layer, image_shape};
use super::boxes::{BoundingBoxFormat, BoundingBoxes};
use super::crop::{cut, fitting, resized_shape, smart_resized};
use super::warp::on_mask;
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::shape::Dims;
use crate::{Result, bail};

image_layer! {
    /// Cuts the middle of this height and width out of the images, in training and at inference. Of images that are
    /// smaller, the largest part of that shape is cut and resized.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the new height and width.
    ///
    /// # Errors
    /// When the height or width is 0.
    ///
    /// ```
    /// use keras_core::{Layer, layer::Call, layers::CenterCrop};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[1f32], [2.], [3.]]]], &Device::Cpu)?;
    /// let y = CenterCrop::new(1, 1).call(&[x], &mut Call::new(false))?;
    /// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [2.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    CenterCrop, "cuts the middle out of images", fixed,
    new(height: usize as usize, width: usize as usize),
    {}
}

impl CenterCrop {
    fn target(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    fn cropped(&self, x: &Tensor, interpolation: Interpolation) -> Result<Tensor> {
        let sizes = image_shape(&self.base, x)?;
        let sizes = [sizes.height, sizes.width];
        let [height, width] = self.target();
        match (sizes[0].checked_sub(height), sizes[1].checked_sub(width)) {
            (Some(rows), Some(columns)) => cut(&self.base, x, [rows / 2, columns / 2], self.target()),
            _ => smart_resized(&self.base, x, sizes, self.target(), interpolation),
        }
    }
}

impl Augmentation for CenterCrop {
    type Transformation = ();

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn at_inference(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        if self.target().contains(&0) {
            bail!(
                "CenterCrop: `height` and `width` must be 1 or more, got {:?}",
                self.target()
            );
        }
        Ok(())
    }

    fn output_shape(&self, input: &Dims) -> Result<Dims> {
        Ok(resized_shape(&self.base, input, self.target()))
    }

    fn get_random_transformation(&self, _images: ImageShape) -> Result<()> {
        Ok(())
    }

    fn transform_images(&self, images: &Tensor, (): &()) -> Result<Tensor> {
        self.cropped(images, Interpolation::Bilinear)
    }

    fn transform_segmentation_masks(&self, masks: &Tensor, (): &()) -> Result<Tensor> {
        on_mask(masks, |masks| self.cropped(masks, Interpolation::Nearest))
    }

    fn transform_bounding_boxes(
        &self,
        boxes: &BoundingBoxes,
        (): &(),
        images: ImageShape,
    ) -> Result<BoundingBoxes> {
        let Some(format) = self.base.bounding_box_format else {
            return Ok(boxes.clone());
        };
        let sizes = [images.height, images.width];
        let whole = sizes[0] >= self.height && sizes[1] >= self.width;
        let (start, size) = match whole {
            true => (
                [(sizes[0] - self.height) / 2, (sizes[1] - self.width) / 2],
                self.target(),
            ),
            false => fitting(sizes, self.target()),
        };
        let [top, left] = start.map(|v| v as f32);
        let [height, width] = size.map(|v| v as f32);
        let (sx, sy) = (self.width as f32 / width, self.height as f32 / height);
        let cropped = boxes.mapped(|_, values| {
            let [l, t, r, b] = format.converted(BoundingBoxFormat::Xyxy, values, sizes.map(|v| v as f32));
            let x = |v: f32| (v.clamp(left, left + width) - left) * sx;
            let y = |v: f32| (v.clamp(top, top + height) - top) * sy;
            [x(l), y(t), x(r), y(b)]
        })?;
        let clipped = cropped.clip_to_image_size(self.height, self.width)?;
        clipped.convert_format(BoundingBoxFormat::Xyxy, format, self.height, self.width)
    }
}
