//! Steps that are left out by their values.

use keras_ops::{self as ops, DType, Tensor};

use crate::arg::Arg;
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    base_accessors, cast_floats, common_methods, expect_min_rank, layer_entry, moved_dtype, only, same_shape,
};
use crate::shape::Dims;
use crate::{Config, Registry, Result, bail};

/// Masks the steps of which all values are `mask_value`, and sets them to 0.
///
/// # Shapes
/// `(batch, time, …, features)`; the output has the input's shape, its mask all axes but the last.
///
/// # Errors
/// When several values are given and the last axis has another size.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::Masking};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[[9f32, 9.], [9., 1.]]], &Device::Cpu)?;
/// let layer = Masking::new(9.);
/// let y = layer.call(&[x.clone()], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec3::<f32>()?, [[[0., 0.], [9., 1.]]]);
/// let mask = layer.compute_mask(&[x], &[None])?;
/// assert_eq!(mask[0].as_ref().map(|m| m.to_vec2::<u8>()).transpose()?, Some(vec![vec![0, 1]]));
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Masking {
    base: LayerBase,
    /// One for all features, or one a feature.
    mask_value: Vec<f64>,
}

common_methods!(Masking);
layer_entry!(Masking, "leaves out the steps that have only one value");

impl Default for Masking {
    fn default() -> Self {
        Self::new(0.)
    }
}

impl Masking {
    /// Leaves out the steps of which all values are `mask_value`.
    pub fn new(mask_value: f64) -> Self {
        Self::each([mask_value])
    }

    /// Leaves out the steps that have these values, one a feature.
    pub fn each(mask_value: impl Into<Vec<f64>>) -> Self {
        Self {
            base: LayerBase::default(),
            mask_value: mask_value.into(),
        }
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Masking");
        let base = LayerBase::from_reader(&mut reader)?;
        let mask_value = Arg::read(&mut reader, "mask_value", vec![0.])?;
        reader.finish()?;
        Ok(Self { base, mask_value })
    }

    /// 1 where a step counts.
    fn counts(&self, x: &Tensor, keepdims: bool) -> Result<Tensor> {
        let value = match self.mask_value.as_slice() {
            [one] => Tensor::full(*one, (), x.device())?,
            many => Tensor::new(many, x.device())?,
        };
        let differs = ops::not_equal(x, &ops::cast(&value, x.dtype())?)?;
        Ok(ops::any(&differs, Some(&[-1]), keepdims)?)
    }
}

impl Layer for Masking {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let input = only("Masking", inputs)?;
        expect_min_rank("Masking", input, 2)?;
        match (self.mask_value.len(), input.last().copied().flatten()) {
            (1, _) | (_, None) => {}
            (values, Some(features)) if values == features => {}
            (values, Some(features)) => {
                bail!("Masking: `mask_value` must be one number or one a feature ({features}), got {values}")
            }
        }
        same_shape("Masking", inputs)
    }

    fn compute_output_dtype(&self, inputs: &[DType]) -> DType {
        moved_dtype(&self.base, inputs)
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_floats(&self.base, only("Masking", inputs)?)?;
        let zero = Tensor::zeros((), x.dtype(), x.device())?;
        Ok(ops::where_(&self.counts(&x, true)?, &x, &zero)?.into())
    }

    fn compute_mask(&self, inputs: &[Tensor], _masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(self.counts(only("Masking", inputs)?, false)?)])
    }

    fn makes_mask(&self) -> bool {
        true
    }

    fn config(&self) -> Config {
        match self.mask_value.as_slice() {
            [one] => Config::new().with("mask_value", *one),
            many => Config::new().with("mask_value", many),
        }
    }
}
