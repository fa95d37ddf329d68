//! Normalisation of each sample over its features.

use keras_ops::{self as ops, IntoAxes, Tensor};

use super::affine::{Affine, affine_methods};
use super::axes::Axes;
use crate::layer::{Build, Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_input, common_methods, float_input, layer_entry, only};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result};

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with mean and variance over `axis` of each sample.
///
/// # Shapes
/// The output has the input's shape; `gamma` and `beta` have the sizes of the axes. A mask passes through.
///
/// # Errors
/// When an axis is out of range, given twice or of unknown size.
///
/// # Examples
/// ```
/// use keras_core::{Layer, LayerRef, layer::{Build, Call}, layers::LayerNormalization};
/// use keras_ops::{Device, Tensor};
/// let layer = LayerRef::new(LayerNormalization::new().epsilon(0.));
/// layer.build(&[vec![None, Some(2)]], &Build::new(&Device::Cpu))?;
/// let x = Tensor::new(&[[1f32, 3.], [-2., 2.]], &Device::Cpu)?;
/// let y = layer.read().call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[-1., 1.], [-1., 1.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct LayerNormalization {
    base: LayerBase,
    axis: Axes,
    epsilon: f64,
    rms_scaling: bool,
    affine: Affine,
}

common_methods!(LayerNormalization);
affine_methods!(LayerNormalization);
layer_entry!(LayerNormalization, "normalises each sample over its features");

impl Default for LayerNormalization {
    fn default() -> Self {
        Self {
            base: LayerBase::default(),
            axis: Axes::new(-1),
            epsilon: 1e-3,
            rms_scaling: false,
            affine: Affine::default(),
        }
    }
}

impl LayerNormalization {
    /// Over the last axis, with `epsilon` 0.001.
    pub fn new() -> Self {
        Self::default()
    }

    /// Over other axes; negative ones count from the end.
    #[must_use]
    pub fn axis(mut self, axis: impl IntoAxes) -> Self {
        self.axis = Axes::new(axis);
        self
    }

    /// Computes `x / sqrt(variance + epsilon) * gamma` instead: Keras's deprecated form of
    /// [`RMSNormalization`](crate::layers::RMSNormalization), which divides by the wrong thing.
    #[must_use]
    pub fn rms_scaling(mut self, rms_scaling: bool) -> Self {
        self.rms_scaling = rms_scaling;
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("LayerNormalization");
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            axis: Axes::read(&mut reader)?,
            epsilon: reader.or("epsilon", 1e-3)?,
            rms_scaling: reader.or("rms_scaling", false)?,
            affine: Affine::read(&mut reader, registry)?,
        };
        reader.finish()?;
        Ok(layer)
    }

    fn by_deviation(&self, x: &Tensor, gamma: Option<&Tensor>) -> Result<Tensor> {
        let axes = self.axis.as_slice();
        let variance = ops::add_scalar(&ops::variance(x, Some(axes), true)?, self.epsilon)?;
        let y = ops::multiply(x, &ops::rsqrt(&variance)?)?;
        let Some(gamma) = gamma else { return Ok(y) };
        let mut sizes = vec![1; x.rank()];
        for place in self
            .axis
            .places("LayerNormalization", &shape::dims_of(x.dims()))?
        {
            sizes[place] = x.dims()[place] as i64;
        }
        Ok(ops::multiply(
            &y,
            &ops::cast(&ops::reshape(gamma, &sizes)?, x.dtype())?,
        )?)
    }
}

impl Layer for LayerNormalization {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        let input = only("LayerNormalization", inputs)?;
        let sizes = self.axis.sizes("LayerNormalization", input)?;
        if self.rms_scaling {
            self.affine.scale = true;
            self.affine.center = false;
        }
        self.affine.build(&mut self.base, &sizes, cx)
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let input = only("LayerNormalization", inputs)?;
        self.axis.places("LayerNormalization", input)?;
        Ok(vec![input.clone()])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        // As in Keras, a wider input is rounded only after the normalisation.
        let x = float_input(&self.base, only("LayerNormalization", inputs)?)?;
        let gamma = self.axis.in_order(self.affine.gamma(&self.base)?, &x)?;
        let y = if self.rms_scaling {
            self.by_deviation(&x, gamma.as_ref())?
        } else {
            let beta = self.axis.in_order(self.affine.beta(&self.base)?, &x)?;
            let axes = self.axis.as_slice();
            ops::layer_normalization(&x, gamma.as_ref(), beta.as_ref(), axes, self.epsilon)?
        };
        Ok(cast_input(&self.base, &y)?.into())
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn autocasts(&self) -> bool {
        false
    }

    fn config(&self) -> Config {
        let mut config = Config::new()
            .with("axis", self.axis.list_value())
            .with("epsilon", self.epsilon);
        self.affine.write_flags(&mut config);
        config.set("rms_scaling", self.rms_scaling);
        self.affine.write_weights(&mut config);
        config
    }
}
