//! Division by the length.

use keras_ops::{self as ops, IntoAxes, Tensor};

use super::axes::Axes;
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry, one, only};
use crate::shape::Dims;
use crate::{Config, Registry, Result};

/// `x / sqrt(sum(x^2))` over `axis`: vectors of length 1; zeros stay zeros.
///
/// # Shapes
/// The output has the input's shape. A mask passes through.
///
/// # Errors
/// When an axis is out of range or given twice.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::UnitNormalization};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[3f32, 4.], [0., 0.]], &Device::Cpu)?;
/// let y = UnitNormalization::new().call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[0.6, 0.8], [0., 0.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct UnitNormalization {
    base: LayerBase,
    axis: Axes,
}

common_methods!(UnitNormalization);
layer_entry!(UnitNormalization, "makes vectors of length 1");

impl Default for UnitNormalization {
    fn default() -> Self {
        Self {
            base: LayerBase::default(),
            axis: Axes::new(-1),
        }
    }
}

impl UnitNormalization {
    /// Over the last axis.
    pub fn new() -> Self {
        Self::default()
    }

    /// Over other axes together; negative ones count from the end.
    #[must_use]
    pub fn axis(mut self, axis: impl IntoAxes) -> Self {
        self.axis = Axes::new(axis);
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("UnitNormalization");
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            axis: Axes::read(&mut reader)?,
        };
        reader.finish()?;
        Ok(layer)
    }
}

impl Layer for UnitNormalization {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let input = only("UnitNormalization", inputs)?;
        self.axis.places("UnitNormalization", input)?;
        Ok(vec![input.clone()])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only("UnitNormalization", inputs)?)?;
        one(ops::unit_normalization(&x, self.axis.as_slice(), 1e-12))
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn config(&self) -> Config {
        Config::new().with("axis", self.axis.value())
    }
}
