//! What all optimizers have: learning rate, clipping, decay, accumulation, averaging, the count of steps.

use keras_ops::Tensor;
use serde_json::Value;

use crate::{Config, LearningRate, Optimizer, Result, Variable, bail};

/// The arguments and state that all optimizers share.
#[derive(Debug)]
pub struct OptimizerBase {
    /// The name.
    pub name: String,
    /// The learning rate, or its schedule.
    pub learning_rate: LearningRate,
    /// The number of updates made.
    pub iterations: u64,
}

impl dyn Optimizer {
    /// Makes slots for `variables`; the gradients of each step come in this order.
    ///
    /// # Errors
    /// When a device cannot hold them.
    pub fn build(&mut self, _variables: &[Variable]) -> Result<()> {
        bail!("the optimizers are not here yet")
    }

    /// One step: `gradients[i]` belongs to variable `i` of [`build`](Self::build); `None` leaves it alone.
    ///
    /// # Errors
    /// When a gradient does not fit its variable.
    pub fn apply(&mut self, _gradients: &[Option<Tensor>]) -> Result<()> {
        bail!("the optimizers are not here yet")
    }

    /// The learning rate of the next step.
    ///
    /// # Errors
    /// When the schedule fails.
    pub fn learning_rate(&self) -> Result<f64> {
        bail!("the optimizers are not here yet")
    }

    /// Sets the learning rate.
    ///
    /// # Errors
    /// When it follows a schedule.
    pub fn set_learning_rate(&mut self, _rate: f64) -> Result<()> {
        bail!("the optimizers are not here yet")
    }

    /// The number of updates made.
    pub fn iterations(&self) -> u64 {
        self.base().iterations
    }

    /// Writes the averaged weights into the variables, where averaging is on; `fit` does so at its end.
    ///
    /// # Errors
    /// When the device fails.
    pub fn finalize_variable_values(&mut self) -> Result<()> {
        bail!("the optimizers are not here yet")
    }

    /// All state as named tensors (`adam/dense_kernel_momentum`), for checkpoints.
    pub fn state_variables(&self) -> Vec<(String, Variable)> {
        Vec::new()
    }

    /// State that is no tensor: iterations, the current learning rate, the place in accumulation.
    pub fn state(&self) -> Value {
        Value::Null
    }

    /// Continues from a [`state`](Self::state); tensors are assigned to [`state_variables`](Self::state_variables).
    ///
    /// # Errors
    /// When `state` is another optimizer's.
    pub fn load_state(&mut self, _state: &Value) -> Result<()> {
        bail!("the optimizers are not here yet")
    }

    /// All arguments by Keras's names, base first.
    pub fn full_config(&self) -> Config {
        self.config()
    }
}
