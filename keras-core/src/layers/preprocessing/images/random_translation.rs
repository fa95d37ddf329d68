//! Shifted images.

use keras_ops::Tensor;
use keras_ops::image::{FillMode, Interpolation};

use super::arguments::{Bounds, FactorRange, check_fill_mode, check_interpolation};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer};
use super::boxes::{BoundingBoxFormat, BoundingBoxes};
use super::warp::{Sampling, moves_pixels};
use crate::Result;
use crate::layers::base::{base_accessors, common_methods, layer_entry};

image_layer! {
    /// In training, shifts each image by random parts of its height and width, down and to the right where positive.
    ///
    /// The factors are those parts, within -1 and 1; one number reaches from its negative.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When an argument is out of range.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomTranslation};
    /// use keras_ops::{Device, Tensor, image::FillMode};
    /// let x = Tensor::new(&[[[[1f32], [2.], [3.]]]], &Device::Cpu)?;
    /// let layer = RandomTranslation::new(0., 0.5).fill_mode(FillMode::Constant);
    /// let y = layer.transform_images(&x, &vec![[1., 0.]])?;
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [0., 1., 2.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomTranslation, "shifts images", random,
    new(height_factor: FactorRange as impl Into<FactorRange>, width_factor: FactorRange as impl Into<FactorRange>),
    {
        /// What lies outside of an image.
        fill_mode: FillMode as FillMode = FillMode::Reflect,
        /// How values between pixels are made.
        interpolation: Interpolation as Interpolation = Interpolation::Bilinear,
        /// The constant outside.
        fill_value: f64 as f64 = 0.,
    }
}

impl RandomTranslation {
    fn bounds(&self, name: &str, factor: FactorRange) -> Result<Bounds> {
        factor.inside("RandomTranslation", name, -1., 1.)
    }

    fn sampling(&self) -> Sampling {
        Sampling {
            interpolation: self.interpolation,
            fill_mode: self.fill_mode,
            fill_value: self.fill_value,
        }
    }

    fn moved(&self, images: &Tensor, shifts: &[[f64; 2]], sampling: Sampling) -> Result<Tensor> {
        let maps: Vec<_> = shifts.iter().map(|[x, y]| [1., 0., -x, 0., 1., -y]).collect();
        sampling.affine(&self.base, images, &maps)
    }
}

impl Augmentation for RandomTranslation {
    /// The pixels that each image is shifted by: to the right, down.
    type Transformation = Vec<[f64; 2]>;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn check(&self) -> Result<()> {
        self.bounds("height_factor", self.height_factor)?;
        self.bounds("width_factor", self.width_factor)?;
        check_fill_mode("RandomTranslation", self.fill_mode)?;
        check_interpolation("RandomTranslation", self.interpolation)
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Vec<[f64; 2]>> {
        let down = self
            .base
            .uniform(images.batch, self.bounds("height_factor", self.height_factor)?)?;
        let right = self
            .base
            .uniform(images.batch, self.bounds("width_factor", self.width_factor)?)?;
        let (height, width) = (images.height as f64, images.width as f64);
        Ok(right
            .into_iter()
            .zip(down)
            .map(|(x, y)| [x * width, y * height])
            .collect())
    }

    moves_pixels!(Vec<[f64; 2]>);

    fn transform_bounding_boxes(
        &self,
        boxes: &BoundingBoxes,
        shifts: &Vec<[f64; 2]>,
        images: ImageShape,
    ) -> Result<BoundingBoxes> {
        let Some(format) = self.base.bounding_box_format else {
            return Ok(boxes.clone());
        };
        let ImageShape { height, width, .. } = images;
        let shifted = boxes.mapped(|image, values| {
            let values = format.converted(BoundingBoxFormat::Xyxy, values, [height as f32, width as f32]);
            let [x, y] = shifts.get(image).map_or([0.; 2], |s| s.map(|v| v as f32));
            let [l, t, r, b] = values;
            [l + x, t + y, r + x, b + y]
        })?;
        let clipped = shifted.clip_to_image_size(height, width)?;
        clipped.convert_format(BoundingBoxFormat::Xyxy, format, height, width)
    }
}
