//! A learned vector for each position, added to what stands there: a layer that a user would write.

use keras::layer::{Build, Call, Layer, LayerBase, Outputs, Weight};
use keras::ops;
use keras::shape::Dims;
use keras::{Result, Tensor, Variable, bail};

#[derive(Debug, Default)]
pub(crate) struct PositionEmbedding {
    base: LayerBase,
    table: Option<Variable>,
}

impl Layer for PositionEmbedding {
    fn base(&self) -> &LayerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        &mut self.base
    }

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        let [Some(steps), Some(width)] = inputs[0][1..] else {
            bail!("PositionEmbedding: expected an input (batch, steps, width) of known size")
        };
        let shape = [steps, width];
        let table = Weight::new("embeddings", &shape).initializer("uniform");
        self.table = Some(self.base.add_weight(table, cx)?);
        Ok(())
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        Ok(inputs.to_vec())
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        Ok(ops::add(&inputs[0], &self.base.value(&self.table)?)?.into())
    }
}
