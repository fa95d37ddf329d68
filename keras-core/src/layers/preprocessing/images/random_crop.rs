//! Random parts of images.

use keras_ops::Tensor;
use keras_ops::image::{Interpolation, ResizeOptions, resize};

use super::base::{Augmentation, ImageBase, ImageShape, image_layer, image_shape};
use super::boxes::{BoundingBoxFormat, BoundingBoxes};
use super::crop::{cut, fitting, resized_shape};
use super::warp::on_mask;
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::shape::Dims;
use crate::{Result, bail};

image_layer! {
    /// In training, cuts a part of this height and width out of the images, at a random place that is the same for the
    /// batch. Images that are not larger both ways are cut from the middle and resized.
    ///
    /// As in Keras 3, at inference images are left as they are; for the middle of images there, use
    /// [`CenterCrop`](super::CenterCrop).
    ///
    /// Differs from Keras: boxes move by the columns cut at the left and the rows cut at the top; Keras takes one for
    /// the other.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the new height and width.
    ///
    /// # Errors
    /// When the height or width is 0.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomCrop};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[1f32], [2.], [3.]], [[4.], [5.], [6.]]]], &Device::Cpu)?;
    /// let y = RandomCrop::new(1, 2).transform_images(&x, &[1, 1])?;
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [5., 6.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomCrop, "cuts a random part out of images", random,
    new(height: usize as usize, width: usize as usize),
    {}
}

impl RandomCrop {
    fn cropped(&self, x: &Tensor, start: [usize; 2], interpolation: Interpolation) -> Result<Tensor> {
        let sizes = image_shape(&self.base, x)?;
        let size = [
            self.height.min(sizes.height.saturating_sub(start[0])),
            self.width.min(sizes.width.saturating_sub(start[1])),
        ];
        let part = cut(&self.base, x, start, size)?;
        if size == [self.height, self.width] {
            return Ok(part);
        }
        let first = self.base.channels_first();
        let options = ResizeOptions {
            interpolation,
            channels_first: first,
            ..ResizeOptions::default()
        };
        Ok(resize(&part, [self.height, self.width], &options)?)
    }
}

impl Augmentation for RandomCrop {
    /// The first row and column.
    type Transformation = [usize; 2];

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn of_the_batch(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        if self.height == 0 || self.width == 0 {
            bail!(
                "RandomCrop: `height` and `width` must be 1 or more, got {} and {}",
                self.height,
                self.width
            );
        }
        Ok(())
    }

    fn output_shape(&self, input: &Dims) -> Result<Dims> {
        Ok(resized_shape(&self.base, input, [self.height, self.width]))
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<[usize; 2]> {
        let sizes = [images.height, images.width];
        let target = [self.height, self.width];
        if sizes[0] <= target[0] || sizes[1] <= target[1] {
            return Ok(fitting(sizes, target).0);
        }
        let mut start = [0; 2];
        for ((start, size), target) in start.iter_mut().zip(sizes).zip(target) {
            let room = size - target;
            let drawn = self.base.uniform(1, (0., (room + 1) as f64))?;
            *start = (drawn.first().copied().unwrap_or(0.) as usize).min(room);
        }
        Ok(start)
    }

    fn transform_images(&self, images: &Tensor, start: &[usize; 2]) -> Result<Tensor> {
        self.cropped(images, *start, Interpolation::Bilinear)
    }

    fn transform_segmentation_masks(&self, masks: &Tensor, start: &[usize; 2]) -> Result<Tensor> {
        on_mask(masks, |masks| self.cropped(masks, *start, Interpolation::Nearest))
    }

    fn transform_bounding_boxes(
        &self,
        boxes: &BoundingBoxes,
        start: &[usize; 2],
        images: ImageShape,
    ) -> Result<BoundingBoxes> {
        let Some(format) = self.base.bounding_box_format else {
            return Ok(boxes.clone());
        };
        let [top, left] = start.map(|v| v as f32);
        // Where less than the target could be cut, the part was resized.
        let scale =
            |target: usize, size: usize, start: usize| target as f32 / target.min(size - start) as f32;
        let (sx, sy) = (
            scale(self.width, images.width, start[1]),
            scale(self.height, images.height, start[0]),
        );
        let cropped = boxes.mapped(|_, values| {
            let size = [images.height as f32, images.width as f32];
            let [l, t, r, b] = format.converted(BoundingBoxFormat::Xyxy, values, size);
            [(l - left) * sx, (t - top) * sy, (r - left) * sx, (b - top) * sy]
        })?;
        let clipped = cropped.clip_to_image_size(self.height, self.width)?;
        clipped.convert_format(BoundingBoxFormat::Xyxy, format, self.height, self.width)
    }
}
