//! Dropout.

use keras_ops::{self as ops, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry, one, only, same_shape};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, SeedGenerator, bail};

/// In training, sets a share `rate` of the input to 0 and scales the rest by `1 / (1 - rate)`.
///
/// # Shapes
/// The output has the input's shape.
///
/// # Errors
/// When `rate` is outside 0..=1 or `noise_shape` does not broadcast to the input.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::Dropout};
/// use keras_ops::{DType, Device, Tensor};
/// let x = Tensor::ones((4, 8), DType::F32, &Device::Cpu)?;
/// let layer = Dropout::new(0.5).seed(1);
/// let kept = layer.call(&[x.clone()], &mut Call::new(true))?.0[0].flatten_all()?.to_vec1::<f32>()?;
/// assert!(kept.iter().all(|v| *v == 0. || *v == 2.));
/// let same = layer.call(&[x], &mut Call::new(false))?.0[0].flatten_all()?.to_vec1::<f32>()?;
/// assert!(same.iter().all(|v| *v == 1.));
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Dropout {
    base: LayerBase,
    rate: f64,
    noise_shape: Option<Vec<Option<usize>>>,
    seed: Option<u64>,
    seeds: SeedGenerator,
}

common_methods!(Dropout);
layer_entry!(Dropout, "sets a share of the input to 0 in training");

impl Dropout {
    /// Drops a share `rate` of the values.
    pub fn new(rate: f64) -> Self {
        Self::with(LayerBase::default(), rate, None)
    }

    fn with(mut base: LayerBase, rate: f64, seed: Option<u64>) -> Self {
        let seeds = base.add_seed(seed);
        Self {
            base,
            rate,
            noise_shape: None,
            seed,
            seeds,
        }
    }

    /// The shape of the mask: 1 on the axes along which values are dropped together, `None` for the input's size.
    #[must_use]
    pub fn noise_shape(mut self, noise_shape: impl Into<Vec<Option<usize>>>) -> Self {
        self.noise_shape = Some(noise_shape.into());
        self
    }

    /// Makes the choice repeatable.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self.seeds.load_state(ops::Seed::new(seed, 0));
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Dropout");
        let base = LayerBase::from_reader(&mut reader)?;
        let mut layer = Self::with(base, reader.req("rate")?, reader.opt("seed")?);
        layer.noise_shape = reader.opt("noise_shape")?;
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        if !(0. ..=1.).contains(&self.rate) {
            bail!("Dropout: `rate` must be between 0 and 1, got {}", self.rate);
        }
        if self.noise_shape.iter().flatten().any(|d| *d == Some(0)) {
            bail!(
                "Dropout: `noise_shape` must not contain 0, got {:?}",
                self.noise_shape
            );
        }
        Ok(())
    }

    /// The mask's shape for an input of shape `dims`.
    fn mask_shape(&self, dims: &[usize]) -> Option<Vec<usize>> {
        let noise = self.noise_shape.as_ref()?;
        // Fewer axes than the input has are the last ones, as in NumPy.
        let missing = dims.len().saturating_sub(noise.len());
        let sizes = noise
            .iter()
            .zip(dims.iter().skip(missing))
            .map(|(n, d)| n.unwrap_or(*d));
        Some(std::iter::repeat_n(1, missing).chain(sizes).collect())
    }
}

impl Layer for Dropout {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = only("Dropout", inputs)?;
        if let Some(noise) = &self.noise_shape {
            let missing = input.len().saturating_sub(noise.len());
            let fits = |(n, d): (&Option<usize>, &Option<usize>)| {
                n.is_none_or(|n| n == 1 || d.is_none_or(|d| d == n))
            };
            if noise.len() > input.len() || !noise.iter().zip(&input[missing..]).all(fits) {
                bail!(
                    "Dropout: `noise_shape` {} does not broadcast to the input {}: each size must be 1, None \
                     or the input's",
                    shape::show(noise),
                    shape::show(input)
                );
            }
        }
        same_shape("Dropout", inputs)
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only("Dropout", inputs)?)?;
        if !cx.training || self.rate == 0. {
            return Ok(x.into());
        }
        one(ops::nn::dropout(
            &x,
            self.rate,
            self.mask_shape(x.dims()).as_deref(),
            self.seeds.next(),
        ))
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn config(&self) -> Config {
        Config::new()
            .with("rate", self.rate)
            .with("seed", self.seed)
            .with("noise_shape", self.noise_shape.as_deref())
    }
}
