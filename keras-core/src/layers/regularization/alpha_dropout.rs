//! Dropout that keeps mean and variance.

use keras_ops::{self as ops, Tensor, random};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry, one, only, same_shape};
use crate::layers::regularization::noise::{Noise, seed_method};
use crate::shape::Dims;
use crate::{Config, Registry, Result, bail};

/// What `selu` nears for large negative inputs.
const SATURATED: f64 = -1.673_263_242_354_377_2 * 1.050_700_987_355_480_5;

/// In training, sets a share `rate` of the input to the value that `selu` nears below, then scales and shifts so that
/// inputs of mean 0 and variance 1 keep both.
///
/// With `s = -1.7581` and the kept ones `k` (0 or 1): `a (x k + s (1 - k)) + b`, where
/// `a = ((1 - rate) (1 + rate s²))^(-1/2)` and `b = -a s rate`.
///
/// # Shapes
/// The output has the input's shape.
///
/// # Errors
/// When `rate` is outside 0..=1 or 1 in training, or `noise_shape` does not broadcast to the input.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::AlphaDropout};
/// use keras_ops::{DType, Device, Tensor};
/// let x = Tensor::zeros(8, DType::F32, &Device::Cpu)?;
/// let y = AlphaDropout::new(0.5).call(&[x], &mut Call::new(true))?.0[0].to_vec1::<f32>()?;
/// // a = 0.8864, b = 0.7792: a kept 0 becomes b, a dropped one a s + b.
/// assert!(y.iter().all(|v| (v.abs() - 0.7792).abs() < 1e-3));
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct AlphaDropout {
    base: LayerBase,
    noise: Noise,
}

common_methods!(AlphaDropout);
seed_method!(AlphaDropout);
layer_entry!(AlphaDropout, "dropout that keeps mean and variance");

impl AlphaDropout {
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
        let mut reader = config.reader("AlphaDropout");
        let mut base = LayerBase::from_reader(&mut reader)?;
        let mut noise = Noise::read("AlphaDropout", &mut reader, &mut base, "rate")?;
        noise.read_shape("AlphaDropout", &mut reader)?;
        reader.finish()?;
        Ok(Self { base, noise })
    }
}

impl Layer for AlphaDropout {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.noise.check("AlphaDropout", "rate")?;
        self.noise.fits("AlphaDropout", only("AlphaDropout", inputs)?)?;
        same_shape("AlphaDropout", inputs)
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only("AlphaDropout", inputs)?)?;
        let rate = self.noise.rate;
        if !cx.training || rate == 0. {
            return Ok(x.into());
        }
        if rate == 1. {
            bail!("AlphaDropout: `rate` must be below 1 in training, got 1");
        }
        let a = ((1. - rate) * (1. + rate * SATURATED * SATURATED)).powf(-0.5);
        let b = -a * SATURATED * rate;
        let shape = self
            .noise
            .shape_for(x.dims())
            .unwrap_or_else(|| x.dims().to_vec());
        let seed = self.noise.seeds.next();
        let kept = random::bernoulli(shape, 1. - rate, x.dtype(), x.device(), seed)?;
        let scaled = ops::multiply(&x, &ops::mul_scalar(&kept, a)?)?;
        one(ops::add(
            &scaled,
            &ops::scale_shift(&kept, -a * SATURATED, a * SATURATED + b)?,
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
