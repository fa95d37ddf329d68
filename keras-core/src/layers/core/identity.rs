//! Nothing at all.

use keras_ops::{DType, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_floats, common_methods, layer_entry, moved_dtype};
use crate::shape::Dims;
use crate::{Config, Registry, Result};

/// Gives what it gets.
///
/// ```
/// use keras_core::{Layer, layer::Call, layers::Identity};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.]], &Device::Cpu)?;
/// let y = Identity::new().call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[1., 2.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Identity {
    base: LayerBase,
}

common_methods!(Identity);
layer_entry!(Identity, "gives what it gets");

impl Identity {
    /// Takes no arguments.
    pub fn new() -> Self {
        Self::default()
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Identity");
        let base = LayerBase::from_reader(&mut reader)?;
        reader.finish()?;
        Ok(Self { base })
    }
}

impl Layer for Identity {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        Ok(inputs.to_vec())
    }

    fn compute_output_dtype(&self, inputs: &[DType]) -> DType {
        moved_dtype(&self.base, inputs)
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let outputs = inputs.iter().map(|x| cast_floats(&self.base, x));
        Ok(outputs.collect::<Result<Vec<_>>>()?.into())
    }

    fn compute_mask(&self, _inputs: &[Tensor], masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(masks.to_vec())
    }
}
