use keras_core::ops::{Seed, Tensor};
use keras_core::{Model, Result, Variable};
use serde_json::Value;

/// Copies of all that training changes in a model.
#[derive(Debug)]
pub(super) struct Kept {
    tensors: Vec<(Variable, Tensor)>,
    seeds: Vec<Seed>,
    optimizer: Value,
}

impl Kept {
    pub(super) fn of(model: &Model) -> Result<Self> {
        let optimizer = model.optimizer()?;
        let all = model.weights().into_iter();
        let all = all.chain(model.states()).chain(optimizer.state_variables());
        let tensors = all.map(|(_, variable)| {
            let value = variable.snapshot()?;
            Ok((variable, value))
        });
        Ok(Self {
            tensors: tensors.collect::<Result<_>>()?,
            seeds: model.seeds().iter().map(|(_, seeds)| seeds.state()).collect(),
            optimizer: optimizer.state(),
        })
    }

    pub(super) fn put_back(&self, model: &mut Model) -> Result<()> {
        for (variable, value) in &self.tensors {
            variable.assign(value)?;
        }
        for ((_, seeds), state) in model.seeds().iter().zip(&self.seeds) {
            seeds.load_state(*state);
        }
        model.optimizer_mut()?.load_state(&self.optimizer)?;
        model.reset_metrics()
    }
}
