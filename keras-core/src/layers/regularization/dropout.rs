//! Dropout.

use keras_ops::{self as ops, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry, one, only, same_shape};
use crate::layers::regularization::noise::{Noise, seed_method};
use crate::shape::Dims;
use crate::{Config, Registry, Result};

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
    noise: Noise,
}

common_methods!(Dropout);
seed_method!(Dropout);
layer_entry!(Dropout, "sets a share of the input to 0 in training");

impl Dropout {
    /// Drops a share `rate` of the values.
    pub fn new(rate: f64) -> Self {
        let mut base = LayerBase::default();
        let noise = Noise::new(&mut base, rate);
        Self { base, noise }
    }

    /// The shape of the mask: 1 on the axes along which values are dropped together, `None` for the input's size.
    #[must_use]
    pub fn noise_shape(mut self, noise_shape: impl Into<Vec<Option<usize>>>) -> Self {
        self.noise.shape = Some(noise_shape.into());
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Dropout");
        let mut base = LayerBase::from_reader(&mut reader)?;
        let mut noise = Noise::read("Dropout", &mut reader, &mut base, "rate")?;
        noise.read_shape("Dropout", &mut reader)?;
        reader.finish()?;
        Ok(Self { base, noise })
    }
}

impl Layer for Dropout {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.noise.check("Dropout", "rate")?;
        self.noise.fits("Dropout", only("Dropout", inputs)?)?;
        same_shape("Dropout", inputs)
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only("Dropout", inputs)?)?;
        if !cx.training || self.noise.rate == 0. {
            return Ok(x.into());
        }
        let shape = self.noise.shape_for(x.dims());
        one(ops::nn::dropout(
            &x,
            self.noise.rate,
            shape.as_deref(),
            self.noise.seeds.next(),
        ))
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn config(&self) -> Config {
        Config::new()
            .with("rate", self.noise.rate)
            .with("seed", self.noise.seed)
            .with("noise_shape", self.noise.shape.as_deref())
    }
}
