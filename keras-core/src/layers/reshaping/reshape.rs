//! Another shape for each sample.

use keras_ops::{self as ops, DType, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    base_accessors, cast_floats, common_methods, expect_min_rank, layer_entry, moved_dtype, one, only,
};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

/// Gives each sample another shape, with the elements in the same order.
///
/// # Shapes
/// `(batch, …)` gives `(batch, target_shape…)`; one size of the target may be -1: what is left. A mask ends here.
///
/// # Errors
/// When the sizes of a sample and of the target do not agree, a size is below -1, or -1 is given twice.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::Reshape};
/// let layer = Reshape::new([-1, 2, 2]);
/// assert_eq!(layer.compute_output_shape(&[vec![None, Some(12)]])?, [[None, Some(3), Some(2), Some(2)]]);
/// assert!(layer.compute_output_shape(&[vec![None, Some(10)]]).is_err());
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Reshape {
    base: LayerBase,
    target_shape: Vec<i64>,
}

common_methods!(Reshape);
layer_entry!(Reshape, "gives each sample another shape");

impl Reshape {
    /// To samples of this shape.
    pub fn new(target_shape: impl Into<Vec<i64>>) -> Self {
        Self {
            base: LayerBase::default(),
            target_shape: target_shape.into(),
        }
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Reshape");
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            target_shape: reader.req("target_shape")?,
        };
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        let free = self.target_shape.iter().filter(|size| **size == -1).count();
        if free > 1 || self.target_shape.iter().any(|size| *size < -1) {
            bail!(
                "Reshape: `target_shape` must hold sizes of 0 or more and at most one -1, got {:?}",
                self.target_shape
            );
        }
        Ok(())
    }

    /// The sizes of the target for samples of this shape; -1 stays unknown where a size of the sample is.
    fn target(&self, input: &[Option<usize>]) -> Result<Dims> {
        self.check()?;
        let mut target: Dims = self
            .target_shape
            .iter()
            .map(|n| usize::try_from(*n).ok())
            .collect();
        let Some(size) = input.iter().copied().product::<Option<usize>>() else {
            return Ok(target);
        };
        let known: usize = target.iter().flatten().product();
        let free = target.iter_mut().find(|size| size.is_none());
        let fits = match &free {
            Some(_) => known > 0 && size.is_multiple_of(known),
            None => known == size,
        };
        if !fits {
            bail!(
                "Reshape: samples of shape {} have {size} elements, which do not fit into `target_shape` {:?}",
                shape::show(input),
                self.target_shape
            );
        }
        if let Some(free) = free {
            *free = Some(size / known);
        }
        Ok(target)
    }
}

impl Layer for Reshape {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let input = only("Reshape", inputs)?;
        expect_min_rank("Reshape", input, 1)?;
        Ok(vec![[&input[..1], &self.target(&input[1..])?].concat()])
    }

    fn compute_output_dtype(&self, inputs: &[DType]) -> DType {
        moved_dtype(&self.base, inputs)
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_floats(&self.base, only("Reshape", inputs)?)?;
        let Some((batch, sample)) = x.dims().split_first() else {
            bail!("Reshape: expected an input with a batch axis, got a scalar");
        };
        let target = self.target(&shape::dims_of(sample))?;
        let sizes = target.into_iter().flatten().map(|n| n as i64);
        let dims: Vec<i64> = std::iter::once(*batch as i64).chain(sizes).collect();
        one(ops::reshape(&x, &dims))
    }

    fn config(&self) -> Config {
        Config::new().with("target_shape", self.target_shape.as_slice())
    }
}
