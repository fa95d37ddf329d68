//! Division by the root mean square.

use keras_ops::{self as ops, IntoAxes, Tensor};

use super::axes::Axes;
use crate::layer::{Build, Call, Layer, LayerBase, Outputs, Weight};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry, one, only};
use crate::shape::Dims;
use crate::{Config, Registry, Result, Variable};

/// `x / sqrt(mean(x^2) + epsilon) * scale`, with the mean over `axis` of each sample.
///
/// Differs from Keras: axes other than the last ones work, where Keras lays `scale` along the last axes in any case.
///
/// # Shapes
/// The output has the input's shape; `scale` has the sizes of the axes. A mask ends here.
///
/// # Errors
/// When an axis is out of range, given twice or of unknown size.
///
/// # Examples
/// ```
/// use keras_core::{Layer, LayerRef, layer::{Build, Call}, layers::RMSNormalization};
/// use keras_ops::{Device, Tensor};
/// let layer = LayerRef::new(RMSNormalization::new().epsilon(0.));
/// layer.build(&[vec![None, Some(4)]], &Build::new(&Device::Cpu))?;
/// let x = Tensor::new(&[[3f32, 3., -3., 3.]], &Device::Cpu)?;
/// let y = layer.read().call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[1., 1., -1., 1.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct RMSNormalization {
    base: LayerBase,
    axis: Axes,
    epsilon: f64,
    scale: Option<Variable>,
}

common_methods!(RMSNormalization);
layer_entry!(RMSNormalization, "divides by the root mean square");

impl Default for RMSNormalization {
    fn default() -> Self {
        Self {
            base: LayerBase::default(),
            axis: Axes::new(-1),
            epsilon: 1e-6,
            scale: None,
        }
    }
}

impl RMSNormalization {
    /// Over the last axis, with `epsilon` 1e-6.
    pub fn new() -> Self {
        Self::default()
    }

    /// Over other axes; negative ones count from the end.
    #[must_use]
    pub fn axis(mut self, axis: impl IntoAxes) -> Self {
        self.axis = Axes::new(axis);
        self
    }

    /// What is added to the mean square before the root.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("RMSNormalization");
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            axis: Axes::read(&mut reader)?,
            epsilon: reader.or("epsilon", 1e-6)?,
            scale: None,
        };
        reader.finish()?;
        Ok(layer)
    }
}

impl Layer for RMSNormalization {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        let sizes = self
            .axis
            .sizes("RMSNormalization", only("RMSNormalization", inputs)?)?;
        let scale = Weight::new("scale", &sizes).initializer("ones");
        self.scale = Some(self.base.add_weight(scale, cx)?);
        Ok(())
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let input = only("RMSNormalization", inputs)?;
        self.axis.places("RMSNormalization", input)?;
        Ok(vec![input.clone()])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only("RMSNormalization", inputs)?)?;
        let scale = self.axis.in_order(Some(self.base.value(&self.scale)?), &x)?;
        one(ops::rms_normalization(
            &x,
            scale.as_ref(),
            self.axis.as_slice(),
            self.epsilon,
        ))
    }

    fn config(&self) -> Config {
        Config::new()
            .with("axis", self.axis.list_value())
            .with("epsilon", self.epsilon)
    }
}
