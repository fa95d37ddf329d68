//! Images pulled about.

use keras_ops::image::{self, ElasticOptions, FillMode, Interpolation};
use keras_ops::{self as ops, Seed, Tensor};

use super::arguments::{Bounds, FactorRange, ValueRange, check_interpolation};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, image_shape, where_chosen};
use super::boxes::BoundingBoxes;
use super::warp::{Sampling, moves_pixels};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::{Result, bail};

image_layer! {
    /// In training, moves the pixels of images by smooth random distances, each image with a random probability; how
    /// strongly is drawn for the batch.
    ///
    /// Differs from Keras: rows and columns move by numbers of their own; in Keras both by the same.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When an argument is out of range, or boxes are given, which cannot be pulled about.
    ///
    /// ```
    /// use keras_core::{Layer, layer::Call, layers::RandomElasticTransform};
    /// use keras_ops::{DType, Device, Tensor};
    /// let x = Tensor::ones((2, 8, 8, 1), DType::F32, &Device::Cpu)?;
    /// let y = RandomElasticTransform::new().seed(3).call(&[x], &mut Call::new(true))?;
    /// assert!(y.0[0].flatten_all()?.to_vec1::<f32>()?.iter().all(|v| (v - 1.).abs() < 1e-5));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomElasticTransform, "pulls images about", random,
    new(),
    {
        /// The probability, within 0 and 1: drawn for each image from this range; one number reaches from 0.
        factor: FactorRange as impl Into<FactorRange> = FactorRange::One(1.),
        /// How strongly, within 0 and 1: drawn from this range; one number reaches from 0.
        scale: FactorRange as impl Into<FactorRange> = FactorRange::One(1.),
        /// How values between pixels are made.
        interpolation: Interpolation as Interpolation = Interpolation::Bilinear,
        /// What lies outside of an image.
        fill_mode: FillMode as FillMode = FillMode::Reflect,
        /// The constant outside.
        fill_value: f64 as f64 = 0.,
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
    }
}

/// How a batch is pulled about.
#[derive(Clone, Debug, PartialEq)]
pub struct Elastic {
    /// Which images are changed.
    pub chosen: Vec<bool>,
    /// How strongly, from 0 to 1.
    pub strength: f64,
    /// Where the distances are drawn from, so that masks move as their images do.
    pub seed: Seed,
}

impl RandomElasticTransform {
    fn bounds(&self, name: &str, factor: FactorRange) -> Result<Bounds> {
        factor.meeting("RandomElasticTransform", name, 0., 1.)
    }

    fn sampling(&self) -> Sampling {
        Sampling {
            interpolation: self.interpolation,
            fill_mode: self.fill_mode,
            fill_value: self.fill_value,
        }
    }

    fn moved(&self, images: &Tensor, drawn: &Elastic, sampling: Sampling) -> Result<Tensor> {
        let ImageShape { height, width, .. } = image_shape(&self.base, images)?;
        let options = ElasticOptions {
            alpha: height.max(width) as f64 * 0.1 * drawn.strength,
            sigma: height.min(width) as f64 * 0.05 * drawn.strength,
            warp: sampling.options(&self.base),
        };
        if options.sigma <= 0. {
            return Ok(images.clone());
        }
        let moved = image::elastic_transform(images, &options, drawn.seed)?;
        let y = where_chosen(&drawn.chosen, &moved, images)?;
        Ok(ops::clip(&y, self.value_range.0, self.value_range.1)?)
    }
}

impl Augmentation for RandomElasticTransform {
    type Transformation = Elastic;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn of_the_batch(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        self.bounds("factor", self.factor)?;
        self.bounds("scale", self.scale)?;
        check_interpolation("RandomElasticTransform", self.interpolation)
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        let bounds = |name: &'static str, factor| (name, self.bounds(name, factor));
        vec![bounds("factor", self.factor), bounds("scale", self.scale)]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Elastic> {
        let chosen = self
            .base
            .chances(images.batch, self.bounds("factor", self.factor)?)?;
        let strength = self.base.uniform(1, self.bounds("scale", self.scale)?)?;
        Ok(Elastic {
            chosen,
            strength: strength.first().copied().unwrap_or(0.),
            seed: self.base.seeds.next(),
        })
    }

    moves_pixels!(Elastic);

    fn transform_bounding_boxes(
        &self,
        _boxes: &BoundingBoxes,
        _drawn: &Elastic,
        _images: ImageShape,
    ) -> Result<BoundingBoxes> {
        bail!("RandomElasticTransform: bounding boxes are not supported, as in Keras; leave them out");
    }
}
