//! An activation as a layer.

use keras_ops::Tensor;

use crate::activations::Argument;
use crate::layer::{Build, Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry, only, same_shape};
use crate::shape::Dims;
use crate::{Config, Registry, Result, Spec, bail};

/// Applies an activation.
///
/// ```
/// use keras_core::layers::Activation;
/// use keras_core::{Layer, layer::Call};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[-1f32, 2.]], &Device::Cpu)?;
/// let y = Activation::new("relu").call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[0., 2.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Activation {
    base: LayerBase,
    activation: Argument,
}

common_methods!(Activation);
layer_entry!(Activation, "applies an activation");

impl Activation {
    /// By name, or any [`Activation`](crate::Activation).
    pub fn new(activation: impl Into<Spec<dyn crate::Activation>>) -> Self {
        Self {
            base: LayerBase::default(),
            activation: Argument::new(activation.into()),
        }
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Activation");
        let base = LayerBase::from_reader(&mut reader)?;
        if config.get("activation").is_none() {
            bail!("Activation: the argument `activation` (a function's name, or null) is required");
        }
        let activation = Argument::read(&mut reader, "activation", registry)?;
        reader.finish()?;
        Ok(Self { base, activation })
    }
}

impl Layer for Activation {
    base_accessors!();

    fn build(&mut self, _inputs: &[Dims], _cx: &Build) -> Result<()> {
        self.activation.resolve()
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.activation.get()?;
        same_shape("Activation", inputs)
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only("Activation", inputs)?)?;
        Ok(self.activation.get()?.call(&x)?.into())
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn config(&self) -> Config {
        Config::new().with("activation", self.activation.to_value())
    }
}
