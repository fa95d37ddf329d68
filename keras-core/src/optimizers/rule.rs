//! How most optimizers are written: arguments, the slots of a variable, and the formula of a step.

use keras_ops::{RowGradient, Tensor};
use smallvec::SmallVec;

use super::OptimizerBase;
use crate::{Result, Variable, bail};

/// The part of an optimizer that is its own. [`optimizer!`](super::define::optimizer) makes an
/// [`Optimizer`](crate::Optimizer) of it.
pub(super) trait Rule {
    /// Checks the arguments.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The slots of `variable`, each at a fixed place; `None` where these arguments or this variable have none.
    ///
    /// # Errors
    /// When a pattern is no regular expression.
    fn slots(&self, _variable: &Variable) -> Result<VariableSpecs> {
        Ok(SmallVec::new())
    }

    /// Called before the variables of step `number`, from 1, are stepped; perhaps several times.
    fn begin(&mut self, _number: u64) {}

    /// The decay of a variable with these slots, where it is not the base's.
    fn decay(&self, base: Option<f64>, _slots: &VariableSlots) -> Option<f64> {
        base
    }

    /// Steps a variable.
    fn step(&self, at: &Step<'_>, gradient: &Tensor) -> keras_ops::Result<()>;

    /// [`step`](Self::step) by a gradient of few rows.
    fn step_rows(&self, at: &Step<'_>, gradient: &RowGradient) -> keras_ops::Result<()> {
        self.step(at, &gradient.dense()?)
    }
}

/// What a step of a variable is made with.
pub(super) struct Step<'a> {
    /// The number of the step, from 1.
    pub(super) number: u64,
    pub(super) learning_rate: f64,
    /// Whether the learning rate is a number, no schedule.
    pub(super) constant: bool,
    pub(super) variable: &'a Tensor,
    pub(super) slots: &'a VariableSlots,
}

impl<'a> Step<'a> {
    /// The slot at a place where there always is one.
    pub(super) fn slot(&self, place: usize) -> keras_ops::Result<&'a Tensor> {
        match self.optional(place) {
            Some(slot) => Ok(slot),
            None => keras_ops::candle::bail!("optimizer: slot {place} of a variable is missing"),
        }
    }

    /// The slot at a place where there may be none.
    pub(super) fn optional(&self, place: usize) -> Option<&'a Tensor> {
        self.slots.get(place)?.as_ref().map(Variable::tensor)
    }
}

/// The slots to be made for one variable.
pub(super) type VariableSpecs = SmallVec<[Option<Slot>; 3]>;

/// The slots of one variable.
pub(super) type VariableSlots = SmallVec<[Option<Variable>; 3]>;

/// A slot to be made.
pub(super) struct Slot {
    name: &'static str,
    shape: Option<Vec<usize>>,
    fill: Fill,
    group: usize,
}

/// What a slot starts with.
enum Fill {
    Value(f64),
    Variable,
}

impl Slot {
    /// Zeros in the variable's shape; the name follows the variable's.
    pub(super) fn zeros(name: &'static str) -> Self {
        Self::filled(name, 0.)
    }

    /// One value everywhere.
    pub(super) fn filled(name: &'static str, value: f64) -> Self {
        Self {
            name,
            shape: None,
            fill: Fill::Value(value),
            group: 0,
        }
    }

    /// A copy of the variable.
    pub(super) fn copy(name: &'static str) -> Self {
        Self {
            fill: Fill::Variable,
            ..Self::zeros(name)
        }
    }

    /// In another shape.
    pub(super) fn shape(mut self, shape: Vec<usize>) -> Self {
        self.shape = Some(shape);
        self
    }

    /// Saved after all slots of lower groups; within a group, those of a variable stand together, as Keras saves
    /// them.
    pub(super) fn group(mut self, group: usize) -> Self {
        self.group = group;
        self
    }

    fn build(&self, base: &OptimizerBase, variable: &Variable) -> Result<Variable> {
        let shape = self.shape.as_deref().unwrap_or(variable.shape());
        let slot = base.slot(variable, self.name, shape)?;
        match self.fill {
            Fill::Value(0.) => {}
            Fill::Value(value) => keras_ops::optimizer_step::fill_in_place(slot.tensor(), value)?,
            Fill::Variable => slot.assign(&variable.snapshot()?)?,
        }
        Ok(slot)
    }
}

/// The slots of all variables.
#[derive(Debug, Default)]
pub(super) struct Slots {
    of: Vec<VariableSlots>,
    /// The group of each place.
    groups: SmallVec<[usize; 3]>,
    /// The places of copies of the variables.
    copies: SmallVec<[usize; 1]>,
}

impl Slots {
    pub(super) fn new(
        base: &OptimizerBase,
        variables: &[Variable],
        slots: impl Fn(&Variable) -> Result<VariableSpecs>,
    ) -> Result<Self> {
        let mut made = Self::default();
        for variable in variables {
            let specs = slots(variable)?;
            let groups = specs.iter().map(|slot| slot.as_ref().map_or(0, |s| s.group));
            made.groups.resize(specs.len().max(made.groups.len()), 0);
            made.groups
                .iter_mut()
                .zip(groups)
                .for_each(|(known, group)| *known = group.max(*known));
            for (place, slot) in specs.iter().enumerate() {
                let copy = slot
                    .as_ref()
                    .is_some_and(|slot| matches!(slot.fill, Fill::Variable));
                if copy && !made.copies.contains(&place) {
                    made.copies.push(place);
                }
            }
            let own = specs
                .iter()
                .map(|slot| slot.as_ref().map(|slot| slot.build(base, variable)).transpose());
            made.of.push(own.collect::<Result<_>>()?);
        }
        Ok(made)
    }

    /// Makes the copies of the variables anew: before the first step the weights may have been set since they were built.
    pub(super) fn start(&self, variables: &[Variable]) -> Result<()> {
        for (slots, variable) in self.of.iter().zip(variables) {
            for slot in self.copies.iter().filter_map(|place| slots.get(*place)?.as_ref()) {
                slot.assign(&variable.snapshot()?)?;
            }
        }
        Ok(())
    }

    /// Those of variable `index`.
    pub(super) fn get(&self, index: usize) -> Result<&VariableSlots> {
        match self.of.get(index) {
            Some(slots) => Ok(slots),
            None => bail!("optimizer: call `build` with the variables before the first step"),
        }
    }

    /// [`Variable::will_change`] of those of variable `index`.
    pub(super) fn will_change(&self, index: usize) -> Result<()> {
        self.get(index)?
            .iter()
            .flatten()
            .try_for_each(Variable::will_change)
    }

    /// All, in the order that Keras saves them in.
    pub(super) fn in_order(&self) -> Vec<Variable> {
        let last = self.groups.iter().copied().max().unwrap_or(0);
        let group = |group: usize| {
            self.of.iter().flat_map(move |slots| {
                let here = slots.iter().zip(&self.groups).filter(move |(_, g)| **g == group);
                here.filter_map(|(slot, _)| slot.clone())
            })
        };
        (0..=last).flat_map(group).collect()
    }
}

/// Checks that decays are in `[0, 1)`.
pub(super) fn betas<const N: usize>(class: &str, betas: [(&str, f64); N]) -> Result<()> {
    for (argument, beta) in betas {
        if !(0. ..1.).contains(&beta) {
            bail!("{class}: `{argument}` must be in [0, 1), got {beta}");
        }
    }
    Ok(())
}
