//! Inputs side by side.

use keras_ops::{self as ops, DType, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_floats, common_methods, layer_entry};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

/// Joins inputs along an axis.
///
/// # Shapes
/// All inputs have one shape but for the axis; the output has the sum of their sizes there.
///
/// # Errors
/// When other axes differ.
///
/// ```
/// use keras_core::{Apply, input, layers::Concatenate};
/// let (a, b) = (input([4, 2]), input([4, 3]));
/// assert_eq!(Concatenate::new().apply([&a, &b])?.shape(), [None, Some(4), Some(5)]);
/// assert!(Concatenate::new().axis(1).apply([&a, &b]).is_err());
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Concatenate {
    base: LayerBase,
    axis: i64,
}

common_methods!(Concatenate);
layer_entry!(Concatenate, "joins inputs along an axis");

impl Default for Concatenate {
    fn default() -> Self {
        Self {
            base: LayerBase::default(),
            axis: -1,
        }
    }
}

impl Concatenate {
    /// Along the last axis.
    pub fn new() -> Self {
        Self::default()
    }

    /// Along another axis; negative ones count from the end.
    #[must_use]
    pub fn axis(mut self, axis: i64) -> Self {
        self.axis = axis;
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Concatenate");
        let base = LayerBase::from_reader(&mut reader)?;
        let axis = reader.or("axis", -1)?;
        reader.finish()?;
        Ok(Self { base, axis })
    }

    fn axis_of(&self, rank: usize) -> Result<usize> {
        let axis = if self.axis < 0 {
            self.axis + rank as i64
        } else {
            self.axis
        };
        match usize::try_from(axis) {
            Ok(axis) if axis < rank => Ok(axis),
            _ => bail!(
                "Concatenate: axis {} is out of range for inputs of rank {rank}",
                self.axis
            ),
        }
    }
}

impl Layer for Concatenate {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let Some(first) = inputs.first() else {
            bail!("Concatenate: expected at least one input, got none")
        };
        let axis = self.axis_of(first.len())?;
        let mut output = first.clone();
        for input in &inputs[1..] {
            let agree =
                |i: usize| i == axis || output[i].is_none() || input[i].is_none() || output[i] == input[i];
            if input.len() != first.len() || !(0..input.len()).all(agree) {
                let shapes: Vec<String> = inputs.iter().map(|d| shape::show(d)).collect();
                bail!(
                    "Concatenate: the shapes may differ at axis {axis} only, got {}",
                    shapes.join(", ")
                );
            }
            for i in 0..output.len() {
                output[i] = if i == axis {
                    output[i].zip(input[i]).map(|(a, b)| a + b)
                } else {
                    output[i].or(input[i])
                };
            }
        }
        Ok(vec![output])
    }

    fn compute_output_dtype(&self, inputs: &[DType]) -> DType {
        match inputs {
            [first, others @ ..] if !first.is_float() && others.iter().all(|d| d == first) => *first,
            _ => self.base.compute_dtype(),
        }
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let dtypes: Vec<DType> = inputs.iter().map(Tensor::dtype).collect();
        let mixed = self.compute_output_dtype(&dtypes).is_float();
        let cast = |x: &Tensor| match mixed {
            true => Ok(ops::cast(x, self.base.compute_dtype())?),
            false => cast_floats(&self.base, x),
        };
        let inputs = inputs.iter().map(cast).collect::<Result<Vec<_>>>()?;
        let inputs: Vec<&Tensor> = inputs.iter().collect();
        let axis = self.axis_of(inputs.first().map_or(0, |x| x.rank()))?;
        Ok(ops::concatenate(&inputs, axis as i64)?.into())
    }

    fn config(&self) -> Config {
        Config::new().with("axis", self.axis)
    }

    fn compute_mask(&self, inputs: &[Tensor], masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        if masks.iter().all(Option::is_none) {
            return Ok(vec![None]);
        }
        let full = inputs
            .iter()
            .zip(masks)
            .map(|(x, mask)| element_mask(x, mask.as_ref()));
        let full = full.collect::<Result<Vec<_>>>()?;
        let axis = self.axis_of(full.first().map_or(0, Tensor::rank))?;
        let joined = ops::concatenate(&full.iter().collect::<Vec<_>>(), axis as i64)?;
        Ok(vec![Some(ops::cast(
            &ops::max(&joined, Some(&[-1]), false)?,
            DType::U8,
        )?)])
    }
}

/// The mask of an input spread over its elements; ones where it has none.
fn element_mask(x: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
    let ones = Tensor::ones(x.shape(), DType::F32, x.device())?;
    let Some(mask) = mask else { return Ok(ones) };
    let mut dims: Vec<i64> = mask.dims().iter().map(|d| *d as i64).collect();
    dims.resize(x.rank().max(dims.len()), 1);
    Ok(ops::multiply(
        &ones,
        &ops::reshape(&ops::cast(mask, DType::F32)?, &dims)?,
    )?)
}
