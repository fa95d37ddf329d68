//! Slanted images.

use keras_ops::Tensor;
use keras_ops::image::{FillMode, Interpolation};

use super::arguments::{Bounds, FactorRange, check_fill_mode, check_interpolation};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer};
use super::boxes::{BoundingBoxFormat, BoundingBoxes};
use super::warp::{Sampling, moves_pixels};
use crate::Result;
use crate::layers::base::{base_accessors, common_methods, layer_entry};

image_layer! {
    /// In training, slants each image by random factors, one way or the other: pixel `(x, y)` of the result is the
    /// image at `(x + sx y, sy x + y)`.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When an argument is out of range.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomShear};
    /// use keras_ops::{Device, Tensor, image::FillMode};
    /// let x = Tensor::new(&[[[[1f32], [2.]], [[3.], [4.]]]], &Device::Cpu)?;
    /// let layer = RandomShear::new().fill_mode(FillMode::Constant);
    /// let y = layer.transform_images(&x, &vec![[1., 0.]])?;
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [1., 2., 4., 0.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomShear, "slants images", random,
    new(),
    {
        /// How far columns move with each row, within 0 and 1; one number reaches from its negative.
        x_factor: FactorRange as impl Into<FactorRange> = FactorRange::One(0.),
        /// How far rows move with each column, within 0 and 1; one number reaches from its negative.
        y_factor: FactorRange as impl Into<FactorRange> = FactorRange::One(0.),
        /// How values between pixels are made.
        interpolation: Interpolation as Interpolation = Interpolation::Bilinear,
        /// What lies outside of an image.
        fill_mode: FillMode as FillMode = FillMode::Reflect,
        /// The constant outside.
        fill_value: f64 as f64 = 0.,
    }
}

impl RandomShear {
    fn bounds(&self, name: &str, factor: FactorRange) -> Result<Bounds> {
        // A range that one number stood for is saved with its negative end.
        match factor {
            FactorRange::Range(a, b) if a == -b => FactorRange::One(b).inside("RandomShear", name, 0., 1.),
            factor => factor.inside("RandomShear", name, 0., 1.),
        }
    }

    fn sampling(&self) -> Sampling {
        Sampling {
            interpolation: self.interpolation,
            fill_mode: self.fill_mode,
            fill_value: self.fill_value,
        }
    }

    fn moved(&self, images: &Tensor, slants: &[[f64; 2]], sampling: Sampling) -> Result<Tensor> {
        let maps: Vec<_> = slants.iter().map(|[x, y]| [1., *x, 0., *y, 1., 0.]).collect();
        sampling.affine(&self.base, images, &maps)
    }
}

impl Augmentation for RandomShear {
    /// How each image is slanted: along its width, along its height.
    type Transformation = Vec<[f64; 2]>;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn check(&self) -> Result<()> {
        self.bounds("x_factor", self.x_factor)?;
        self.bounds("y_factor", self.y_factor)?;
        check_fill_mode("RandomShear", self.fill_mode)?;
        check_interpolation("RandomShear", self.interpolation)
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Vec<[f64; 2]>> {
        let back = self.base.uniform(images.batch, (0., 1.))?;
        let down = self
            .base
            .uniform(images.batch, self.bounds("y_factor", self.y_factor)?)?;
        let along = self
            .base
            .uniform(images.batch, self.bounds("x_factor", self.x_factor)?)?;
        let slant = |((x, y), back): ((f64, f64), f64)| if back > 0.5 { [-x, -y] } else { [x, y] };
        Ok(along.into_iter().zip(down).zip(back).map(slant).collect())
    }

    moves_pixels!(Vec<[f64; 2]>);

    /// Upright boxes around the slanted ones, in Keras's reckoning: in shares of the image, one axis after the other.
    fn transform_bounding_boxes(
        &self,
        boxes: &BoundingBoxes,
        slants: &Vec<[f64; 2]>,
        images: ImageShape,
    ) -> Result<BoundingBoxes> {
        let Some(format) = self.base.bounding_box_format else {
            return Ok(boxes.clone());
        };
        let size = [images.height as f32, images.width as f32];
        let slanted = boxes.mapped(|image, values| {
            let [l, t, r, b] = format.converted(BoundingBoxFormat::RelXyxy, values, size);
            let [x, y] = slants.get(image).map_or([0.; 2], |s| s.map(|v| v as f32));
            let (l, r) = if x < 0. {
                (l - x * t, r - x * b)
            } else {
                (l - x * b, r - x * t)
            };
            let (t, b) = if y > 0. {
                (t - y * r, b - y * l)
            } else {
                (t - y * l, b - y * r)
            };
            [l, t, r, b]
        })?;
        let clipped = slanted.clipped(1., 1.)?;
        clipped.mapped(|_, values| BoundingBoxFormat::RelXyxy.converted(format, values, size))
    }
}
