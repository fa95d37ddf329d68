//! Images of one size.

use keras_ops::image::{FillMode, Interpolation, ResizeOptions, resize};
use keras_ops::{self as ops, DType, Tensor};

use super::base::{Augmentation, ImageBase, ImageShape, image_layer};
use super::boxes::{BoundingBoxFormat, BoundingBoxes};
use super::crop::resized_shape;
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry};
use crate::shape::Dims;
use crate::{Result, bail};

image_layer! {
    /// Makes images of this height and width, in training and at inference.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the new height and width. Whole numbers stay
    /// whole numbers, rounded.
    ///
    /// # Errors
    /// When the height or width is 0, or images are to be both cropped and padded.
    ///
    /// ```
    /// use keras_core::{Layer, layer::Call, layers::Resizing};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[0f32], [4.]]]], &Device::Cpu)?;
    /// let y = Resizing::new(1, 4).call(&[x], &mut Call::new(false))?;
    /// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [0., 1., 3., 4.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Resizing, "makes images of one size", fixed,
    new(height: usize as usize, width: usize as usize),
    {
        /// How values between pixels are made.
        interpolation: Interpolation as Interpolation = Interpolation::Bilinear,
        /// Whether to cut images to the shape of the target first.
        crop_to_aspect_ratio: bool as bool = false,
        /// Whether to fill images up to the shape of the target first.
        pad_to_aspect_ratio: bool as bool = false,
        /// What images are filled up with: a constant, as in Keras.
        fill_mode: FillMode as FillMode = FillMode::Constant,
        /// The constant.
        fill_value: f64 as f64 = 0.,
        /// Whether all pixels count when images become smaller.
        antialias: bool as bool = false,
    }
}

impl Resizing {
    fn target(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    fn resized(&self, x: &Tensor, interpolation: Interpolation) -> Result<Tensor> {
        let options = ResizeOptions {
            interpolation,
            antialias: self.antialias,
            crop_to_aspect_ratio: self.crop_to_aspect_ratio,
            pad_to_aspect_ratio: self.pad_to_aspect_ratio,
            fill_value: self.fill_value,
            channels_first: self.base.channels_first(),
        };
        if x.dtype().is_float() || interpolation == Interpolation::Nearest {
            return Ok(resize(x, self.target(), &options)?);
        }
        let y = resize(&cast_input(&self.base, x)?, self.target(), &options)?;
        Ok(ops::saturate_cast(&ops::round(&y, 0)?, x.dtype())?)
    }

    /// A box of an image of these sizes in the resized one.
    fn moved(&self, [l, t, r, b]: [f32; 4], height: f32, width: f32) -> [f32; 4] {
        let (to_height, to_width) = (self.height as f32, self.width as f32);
        let [sx, sy, dx, dy] = if self.pad_to_aspect_ratio {
            let scale = (to_height / height).min(to_width / width);
            let edge = |to: f32, from: f32| ((to - from * scale) / 2.).floor();
            [scale, scale, edge(to_width, width), edge(to_height, height)]
        } else if self.crop_to_aspect_ratio {
            let (source, target) = (width / height, to_width / to_height);
            let (w, h) = if source > target {
                (to_height * source, to_height)
            } else {
                (to_width, to_width / source)
            };
            let edge = |from: f32, to: f32| ((from - to) / 2.).floor();
            [w / width, h / height, -edge(w, to_width), -edge(h, to_height)]
        } else {
            [to_width / width, to_height / height, 0., 0.]
        };
        [l * sx + dx, t * sy + dy, r * sx + dx, b * sy + dy]
    }
}

impl Augmentation for Resizing {
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
                "Resizing: `height` and `width` must be 1 or more, got {:?}",
                self.target()
            );
        }
        if self.crop_to_aspect_ratio && self.pad_to_aspect_ratio {
            bail!("Resizing: give one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio`, not both");
        }
        if self.fill_mode != FillMode::Constant {
            bail!(
                "Resizing: `fill_mode` must be \"constant\", got {:?}",
                self.fill_mode
            );
        }
        Ok(())
    }

    fn output_shape(&self, input: &Dims) -> Result<Dims> {
        Ok(resized_shape(&self.base, input, self.target()))
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
        self.resized(images, self.interpolation)
    }

    fn transform_segmentation_masks(&self, masks: &Tensor, (): &()) -> Result<Tensor> {
        self.resized(masks, Interpolation::Nearest)
    }

    /// Boxes whose four numbers are all 0, or all -1, stand for none and become zeros.
    fn transform_bounding_boxes(
        &self,
        boxes: &BoundingBoxes,
        (): &(),
        images: ImageShape,
    ) -> Result<BoundingBoxes> {
        let Some(format) = self.base.bounding_box_format else {
            return Ok(boxes.clone());
        };
        let (height, width) = (images.height as f32, images.width as f32);
        let none = |values: [f32; 4]| values == [0.; 4] || values == [-1.; 4];
        let resized = boxes.mapped(|_, values| match none(values) {
            true => [0.; 4],
            false => self.moved(
                format.converted(BoundingBoxFormat::Xyxy, values, [height, width]),
                height,
                width,
            ),
        })?;
        let clipped = resized.clip_to_image_size(self.height, self.width)?;
        clipped.convert_format(BoundingBoxFormat::Xyxy, format, self.height, self.width)
    }
}
