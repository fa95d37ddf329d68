//! Images mixed with augmented versions of themselves.

use std::sync::Arc;

use keras_ops::image::Interpolation;
use keras_ops::{self as ops, DType, Device, Tensor, host, random};

use super::arguments::{Bounds, FactorRange, ValueRange, check_interpolation};
use super::base::{Augmentation, Drawn, ImageBase, ImageShape, image_layer};
use super::mix;
use super::policy::{Kind, Policy};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::{Result, bail};

image_layer! {
    /// In training, mixes the images of a batch with what several chains of random augmentations make of them:
    /// `clip(w * x + (1 - w) * sum(chain_weight * chain(x)))`, where `w` is of Beta(alpha, alpha) and the chains'
    /// weights are of a Dirichlet distribution.
    ///
    /// # Shapes
    /// Images (height, width, 3) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When an argument is out of range.
    ///
    /// ```
    /// use keras_core::{Layer, layer::Call, layers::AugMix};
    /// use keras_ops::{DType, Device, Tensor};
    /// let x = Tensor::ones((2, 8, 8, 3), DType::F32, &Device::Cpu)?;
    /// let y = AugMix::new().seed(1).call(&[x], &mut Call::new(true))?;
    /// assert_eq!(y.0[0].dims(), [2, 8, 8, 3]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    AugMix, "mixes images with augmented versions of themselves", random,
    new(),
    {
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
        /// The number of chains.
        num_chains: usize as usize = 3,
        /// The most augmentations of a chain.
        chain_depth: usize as usize = 3,
        /// How strong they are, within 0 and 1; one number reaches from 0.
        factor: FactorRange as impl Into<FactorRange> = FactorRange::One(0.3),
        /// The parameter of the distributions of weights.
        alpha: f64 as f64 = 1.,
        /// Whether to use brightness, colour, contrast and sharpness too.
        all_ops: bool as bool = true,
        /// How values between pixels are made.
        interpolation: Interpolation as Interpolation = Interpolation::Bilinear,
    }
}

/// Chains of augmentations and their weights.
#[derive(Clone, Debug)]
pub struct Chains {
    /// What is left of the image.
    kept: f64,
    /// Weights, which sum to 1, and augmentations in order.
    chains: Vec<(f64, Vec<Arc<dyn Drawn>>)>,
}

/// The first seven are always there.
const KINDS: [Kind; 11] = [
    Kind::Shear,
    Kind::Translation,
    Kind::Rotation,
    Kind::Posterization,
    Kind::Solarization,
    Kind::AutoContrast,
    Kind::Equalization,
    Kind::Brightness,
    Kind::ColorDegeneration,
    Kind::Contrast,
    Kind::Sharpness,
];

impl AugMix {
    fn bounds(&self) -> Result<Bounds> {
        self.factor.meeting("AugMix", "factor", 0., 1.)
    }

    /// Weights that sum to 1.
    fn weights(&self) -> Result<Vec<f64>> {
        let alpha = Tensor::new(self.alpha as f32, &Device::Cpu)?;
        let drawn = random::gamma(self.num_chains, &alpha, DType::F32, self.base.seeds.next())?;
        let drawn = host::read(&drawn, |v: &[f64]| Ok(v.to_vec()))?;
        let sum: f64 = drawn.iter().sum();
        Ok(drawn
            .into_iter()
            .map(|v| {
                if sum > 0. {
                    v / sum
                } else {
                    1. / self.num_chains as f64
                }
            })
            .collect())
    }

    fn mixed(
        &self,
        x: &Tensor,
        chains: &Chains,
        apply: impl Fn(&dyn Drawn, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let mut y = ops::mul_scalar(x, chains.kept)?;
        for (weight, chain) in &chains.chains {
            let end = chain.iter().try_fold(x.clone(), |x, one| apply(&**one, &x))?;
            y = ops::add(&y, &ops::mul_scalar(&end, weight * (1. - chains.kept))?)?;
        }
        Ok(y)
    }
}

impl Augmentation for AugMix {
    type Transformation = Chains;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn of_the_batch(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        self.bounds()?;
        if self.alpha.is_nan() || self.alpha <= 0. {
            bail!("AugMix: `alpha` must be above 0, got {}", self.alpha);
        }
        if self.num_chains == 0 {
            bail!("AugMix: `num_chains` must be 1 or more, got 0");
        }
        check_interpolation("AugMix", self.interpolation)
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        vec![("factor", self.bounds())]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Chains> {
        let policy = Policy {
            base: &self.base,
            value_range: self.value_range,
            factor: self.bounds()?,
            interpolation: self.interpolation,
        };
        let kinds = if self.all_ops { &KINDS[..] } else { &KINDS[..7] };
        let weights = self.weights()?;
        let kept = mix::shares(&self.base, 1, self.alpha)?
            .first()
            .copied()
            .unwrap_or(1.);
        let mut chains = Vec::with_capacity(self.num_chains);
        for weight in weights {
            // One choice more stands for doing nothing.
            let chosen = policy.choose(self.chain_depth, kinds.len() + 1)?;
            let chosen = chosen.into_iter().filter_map(|index| kinds.get(index));
            let chain = chosen
                .map(|kind| policy.draw(*kind, images))
                .collect::<Result<_>>()?;
            chains.push((weight, chain));
        }
        Ok(Chains { kept, chains })
    }

    fn transform_images(&self, images: &Tensor, chains: &Chains) -> Result<Tensor> {
        let y = self.mixed(images, chains, |one, x| one.images(x))?;
        Ok(ops::clip(&y, self.value_range.0, self.value_range.1)?)
    }

    fn transform_segmentation_masks(&self, masks: &Tensor, chains: &Chains) -> Result<Tensor> {
        let masks = match masks.dtype().is_float() {
            true => masks.clone(),
            false => ops::cast(masks, keras_ops::floatx())?,
        };
        self.mixed(&masks, chains, |one, x| one.masks(x))
    }
}
