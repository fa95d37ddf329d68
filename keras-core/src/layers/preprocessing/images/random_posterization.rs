//! Images of fewer shades.

use keras_ops::{self as ops, DType, Device, Tensor, host, random};

use super::arguments::{Bounds, FactorRange, ValueRange};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, per_image, to_range};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::{Result, bail};

image_layer! {
    /// In training, keeps a random number of the eight bits of each value, from `lower` to `upper - 1`.
    ///
    /// `factor` is that `[lower, upper]`, within 1 and 8; one number is `[1, factor]`. Equal ends keep that many bits.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When the factor is out of range or not whole.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomPosterization};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[100f32], [200.]]]], &Device::Cpu)?;
    /// let y = RandomPosterization::new(3).transform_images(&x, &vec![2])?; // 2 bits: steps of 64
    /// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [64., 192.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomPosterization, "keeps a few bits of each value", random,
    new(factor: FactorRange as impl Into<FactorRange>),
    {
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
    }
}

impl RandomPosterization {
    fn bounds(&self) -> Result<Bounds> {
        let (lower, upper) = self.factor.meeting("RandomPosterization", "factor", 1., 8.)?;
        if lower.fract() != 0. || upper.fract() != 0. || lower < 0. || upper > 8. {
            bail!(
                "RandomPosterization: `factor` must be numbers of bits, 8 at most, got {lower} and {upper}"
            );
        }
        Ok((lower, upper))
    }
}

impl Augmentation for RandomPosterization {
    /// The bits that each image keeps.
    type Transformation = Vec<u32>;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        vec![("factor", self.bounds())]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Vec<u32>> {
        let (lower, upper) = self.bounds()?;
        if lower == upper {
            return Ok(vec![lower as u32; images.batch]);
        }
        let (low, high, seed) = (lower as i64, upper as i64, self.base.seeds.next());
        let bits = random::randint(images.batch, low, high, DType::U32, &Device::Cpu, seed)?;
        Ok(host::read(&bits, |b: &[u32]| Ok(b.to_vec()))?)
    }

    fn transform_images(&self, images: &Tensor, bits: &Vec<u32>) -> Result<Tensor> {
        let bytes = ops::clip(&to_range(images, self.value_range, ValueRange::BYTES)?, 0., 255.)?;
        let steps: Vec<f64> = bits
            .iter()
            .map(|kept| f64::from(1 << 8u32.saturating_sub(*kept)))
            .collect();
        let steps = per_image(&steps, images)?;
        // A step is a power of two, so that dividing by it and multiplying again is exact.
        let kept = ops::multiply(&ops::floor(&ops::divide(&bytes, &steps)?)?, &steps)?;
        to_range(&kept, ValueRange::BYTES, self.value_range)
    }
}
