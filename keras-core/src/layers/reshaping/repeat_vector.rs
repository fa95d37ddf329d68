//! A vector as a sequence.

use keras_ops::{self as ops, DType, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    base_accessors, cast_floats, common_methods, expect_rank, layer_entry, moved_dtype, one, only,
};
use crate::shape::Dims;
use crate::{Config, Registry, Result, bail};

/// Repeats each vector `n` times along a new axis of time.
///
/// # Shapes
/// `(batch, features)` gives `(batch, n, features)`. A mask ends here.
///
/// # Errors
/// When `n` is 0 or the input has another rank.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::RepeatVector};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.]], &Device::Cpu)?;
/// let y = RepeatVector::new(3).call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec3::<f32>()?, [[[1., 2.], [1., 2.], [1., 2.]]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct RepeatVector {
    base: LayerBase,
    n: usize,
}

common_methods!(RepeatVector);
layer_entry!(RepeatVector, "repeats a vector along a new axis");

impl RepeatVector {
    /// `n` times.
    pub fn new(n: usize) -> Self {
        Self {
            base: LayerBase::default(),
            n,
        }
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("RepeatVector");
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            n: reader.req("n")?,
        };
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        if self.n == 0 {
            bail!("RepeatVector: `n` must be 1 or more, got 0");
        }
        Ok(())
    }
}

impl Layer for RepeatVector {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = only("RepeatVector", inputs)?;
        expect_rank("RepeatVector", input, 2)?;
        Ok(vec![vec![input[0], Some(self.n), input[1]]])
    }

    fn compute_output_dtype(&self, inputs: &[DType]) -> DType {
        moved_dtype(&self.base, inputs)
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_floats(&self.base, only("RepeatVector", inputs)?)?;
        one(ops::expand_dims(&x, 1).and_then(|x| ops::repeat(&x, self.n, 1)))
    }

    fn config(&self) -> Config {
        Config::new().with("n", self.n)
    }
}
