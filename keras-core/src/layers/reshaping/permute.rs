//! Axes in another order.

use keras_ops::{self as ops, DType, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    base_accessors, cast_floats, common_methods, expect_rank, layer_entry, moved_dtype, one, only,
};
use crate::shape::Dims;
use crate::{Config, Registry, Result, bail};

/// Puts the axes behind the batch in another order, a view of the same data.
///
/// # Shapes
/// Axis `i` of the output is axis `dims[i - 1]` of the input; the batch, axis 0, stays. A mask ends here.
///
/// # Errors
/// When `dims` are not the numbers 1 to their count, or the input has another rank.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::Permute};
/// let shapes = Permute::new([2, 1]).compute_output_shape(&[vec![None, Some(10), Some(64)]])?;
/// assert_eq!(shapes, [[None, Some(64), Some(10)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Permute {
    base: LayerBase,
    dims: Vec<usize>,
}

common_methods!(Permute);
layer_entry!(Permute, "puts axes in another order");

impl Permute {
    /// To this order of axes, counted from 1.
    pub fn new(dims: impl Into<Vec<usize>>) -> Self {
        Self {
            base: LayerBase::default(),
            dims: dims.into(),
        }
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Permute");
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            dims: reader.req("dims")?,
        };
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        let mut sorted = self.dims.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(1..=sorted.len()) {
            bail!(
                "Permute: `dims` must be the numbers 1 to {} in some order, got {:?}",
                sorted.len(),
                self.dims
            );
        }
        Ok(())
    }
}

impl Layer for Permute {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = only("Permute", inputs)?;
        expect_rank("Permute", input, self.dims.len() + 1)?;
        let sizes = self.dims.iter().map(|axis| input[*axis]);
        Ok(vec![std::iter::once(input[0]).chain(sizes).collect()])
    }

    fn compute_output_dtype(&self, inputs: &[DType]) -> DType {
        moved_dtype(&self.base, inputs)
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_floats(&self.base, only("Permute", inputs)?)?;
        let order: Vec<usize> = std::iter::once(0).chain(self.dims.iter().copied()).collect();
        one(ops::transpose(&x, &order))
    }

    fn config(&self) -> Config {
        Config::new().with("dims", self.dims.as_slice())
    }
}
