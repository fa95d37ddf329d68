//! The contract of optimizers.

use std::sync::Arc;

use keras_ops::{RowGradient, Tensor};

use crate::optimizers::OptimizerBase;
use crate::{Config, Result, Schedule, Variable, config};

/// Changes variables by their gradients.
///
/// An optimizer says how one variable is stepped; clipping, weight decay, accumulation, averaging, the
/// learning rate and the count of iterations are [`OptimizerBase`]'s, the same for all. Use one through the
/// methods of `dyn Optimizer`: [`build`](trait.Optimizer.html#method.build), `apply`, `learning_rate`, ….
pub trait Optimizer: std::fmt::Debug + Send + Sync + 'static {
    /// The arguments and state that all optimizers share.
    fn base(&self) -> &OptimizerBase;

    /// The same, for changing.
    fn base_mut(&mut self) -> &mut OptimizerBase;

    /// Makes the slots for `variables`. Called once, before the first step.
    ///
    /// # Errors
    /// When a device cannot hold them.
    fn build_slots(&mut self, variables: &[Variable]) -> Result<()>;

    /// Steps variable `index` of those given to [`build_slots`](Self::build_slots), in place.
    ///
    /// # Errors
    /// When the gradient does not fit the variable.
    fn update_step(
        &mut self,
        index: usize,
        gradient: &Tensor,
        variable: &Variable,
        learning_rate: f64,
    ) -> Result<()>;

    /// [`update_step`](Self::update_step) by a gradient that is 0 but for some rows, as an embedding gives: the
    /// same numbers. Made dense for `update_step` unless an optimizer knows better.
    ///
    /// # Errors
    /// When the gradient does not fit the variable.
    fn update_rows(
        &mut self,
        index: usize,
        gradient: &RowGradient,
        variable: &Variable,
        learning_rate: f64,
    ) -> Result<()> {
        self.update_step(index, &gradient.dense()?, variable, learning_rate)
    }

    /// Its slots, in the order that Keras saves them in.
    fn slots(&self) -> Vec<Variable>;

    /// The name it is saved under.
    fn class_name(&self) -> &str {
        config::type_class_name::<Self>()
    }

    /// Its own arguments by Keras's names, without those of the base.
    fn config(&self) -> Config {
        Config::new()
    }
}

/// A learning rate: a number, or a schedule over the optimizer's steps.
#[derive(Clone, Debug)]
pub enum LearningRate {
    /// The same at every step until it is set anew.
    Constant(f64),
    /// By step.
    Schedule(Arc<dyn Schedule>),
}

impl From<f64> for LearningRate {
    fn from(rate: f64) -> Self {
        Self::Constant(rate)
    }
}

impl<S: Schedule> From<S> for LearningRate {
    fn from(schedule: S) -> Self {
        Self::Schedule(Arc::new(schedule))
    }
}
