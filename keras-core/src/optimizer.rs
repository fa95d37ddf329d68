//! The contract of optimizers.

use std::sync::Arc;

use keras_ops::{Gradient, RowGradient, Tensor};
use serde_json::Value;

use crate::optimizers::{OptimizerBase, base};
use crate::{Config, Result, Schedule, Variable, config, registry};

/// Changes variables by their gradients.
///
/// An optimizer says how one variable is stepped, with which slots; clipping, weight decay, accumulation,
/// averaging, the learning rate and the count of iterations are [`OptimizerBase`]'s, the same for all. The methods
/// from [`build`](Self::build) on are what training calls; only an optimizer around others replaces them.
///
/// ```
/// use keras_core::{Optimizer, Result, Variable, optimizers::OptimizerBase};
/// use keras_ops::{Device, Tensor, optimizer_step::{SgdRule, sgd_step}};
///
/// /// Twice the gradient.
/// #[derive(Debug)]
/// struct Twice(OptimizerBase);
/// impl Optimizer for Twice {
///     fn base(&self) -> &OptimizerBase { &self.0 }
///     fn base_mut(&mut self) -> &mut OptimizerBase { &mut self.0 }
///     fn update_step(&mut self, _: usize, gradient: &Tensor, variable: &Variable, rate: f64) -> Result<()> {
///         let rule = SgdRule { learning_rate: 2. * rate, momentum: 0., nesterov: false };
///         Ok(sgd_step(&rule, variable.tensor(), gradient, None)?)
///     }
/// }
/// let w = Variable::new("w", &Tensor::new(&[1f32], &Device::Cpu)?, true)?;
/// let mut twice = Twice(OptimizerBase::new("Twice", 0.25));
/// twice.build(&[w.clone()])?;
/// twice.apply(&[Some(Tensor::new(&[1f32], &Device::Cpu)?)])?;
/// assert_eq!(w.value().to_vec1::<f32>()?, [0.5]);
/// assert_eq!(twice.iterations(), 1);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub trait Optimizer: std::fmt::Debug + Send + Sync + 'static {
    /// The arguments and state that all optimizers share.
    fn base(&self) -> &OptimizerBase;

    /// The same, for changing.
    fn base_mut(&mut self) -> &mut OptimizerBase;

    /// Makes the slots for `variables`. Called once, before the first step.
    ///
    /// # Errors
    /// When an argument is wrong or a device cannot hold them.
    fn build_slots(&mut self, _variables: &[Variable]) -> Result<()> {
        Ok(())
    }

    /// Called before the first gradients are taken, with the weights as it finds them: they may have been set since
    /// [`build_slots`](Self::build_slots).
    ///
    /// # Errors
    /// When the device fails.
    fn start(&mut self) -> Result<()> {
        Ok(())
    }

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
    fn slots(&self) -> Vec<Variable> {
        Vec::new()
    }

    /// How much of variable `index` decays at a step, times the learning rate: the base's `weight_decay`, unless an
    /// optimizer decays some variables in another way.
    fn decay_of(&self, _index: usize) -> Option<f64> {
        self.base().weight_decay
    }

    /// The name it is saved under.
    fn class_name(&self) -> &str {
        config::type_class_name::<Self>()
    }

    /// Its own arguments by Keras's names, without those of the base.
    fn config(&self) -> Config {
        Config::new()
    }

    /// Makes slots for `variables`; the gradients of each step come in this order.
    ///
    /// # Errors
    /// When an argument is wrong, the optimizer was built for other variables, or a device cannot hold the slots.
    fn build(&mut self, variables: &[Variable]) -> Result<()> {
        let optimizers = &registry::core().optimizers;
        optimizers.check_numbers(self.class_name(), &self.full_config())?;
        if self.base_mut().begin_build(variables)? {
            self.build_slots(variables)?;
        }
        Ok(())
    }

    /// One step: `gradients[i]` belongs to variable `i` of [`build`](Self::build); `None` leaves it alone.
    ///
    /// # Errors
    /// When a gradient does not fit its variable, or there is none at all.
    fn apply(&mut self, gradients: &[Option<Tensor>]) -> Result<()> {
        self.apply_gradients(&base::dense(gradients))
    }

    /// [`apply`](Self::apply) for gradients of which some may have few rows.
    ///
    /// # Errors
    /// When a gradient does not fit its variable, or there is none at all.
    fn apply_gradients(&mut self, gradients: &[Option<Gradient>]) -> Result<()> {
        base::apply(self, gradients)
    }

    /// [`apply_gradients`](Self::apply_gradients) of gradients that nobody else has: an optimizer may let each go as soon
    /// as its variable is stepped.
    ///
    /// # Errors
    /// When a gradient does not fit its variable, or there is none at all.
    fn take_gradients(&mut self, gradients: Vec<Option<Gradient>>) -> Result<()> {
        self.apply_gradients(&gradients)
    }

    /// The loss times what its gradients are divided by: training takes the gradients of this one.
    ///
    /// # Errors
    /// When the device fails.
    fn scale_loss(&self, loss: &Tensor) -> Result<Tensor> {
        base::scale(loss, self.loss_scale())
    }

    /// What the loss of the next step is multiplied by; `None` for nothing.
    fn loss_scale(&self) -> Option<f64> {
        self.base().loss_scale_factor
    }

    /// Sets [`OptimizerBase::loss_scale_factor`], also of the optimizers within.
    fn set_loss_scale_factor(&mut self, factor: Option<f64>) {
        self.base_mut().loss_scale_factor = factor;
    }

    /// The learning rate of the next step.
    ///
    /// # Errors
    /// When the schedule fails.
    fn learning_rate(&self) -> Result<f64> {
        self.base().learning_rate.at(self.base().iterations)
    }

    /// Sets the learning rate, from the next step on.
    ///
    /// # Errors
    /// When it follows a schedule.
    fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        self.base_mut().set_learning_rate(rate)
    }

    /// Follows `schedule` from the next step on, in place of a number or of another schedule.
    ///
    /// # Errors
    /// When there is no single learning rate.
    fn set_schedule(&mut self, schedule: Arc<dyn Schedule>) -> Result<()> {
        self.base_mut().learning_rate = LearningRate::Schedule(schedule);
        Ok(())
    }

    /// The optimizers it is made of, where each has a learning rate of its own; none where it is one.
    fn parts(&self) -> Vec<&dyn Optimizer> {
        Vec::new()
    }

    /// The number of updates made; with accumulation, of the steps that changed the variables.
    fn iterations(&self) -> u64 {
        self.base().steps()
    }

    /// Writes the averaged weights into the variables, where averaging is on; `fit` does so at its end.
    ///
    /// # Errors
    /// When the device fails.
    fn finalize_variable_values(&mut self) -> Result<()> {
        self.base_mut().finalize()
    }

    /// Whether it keeps averages of the weights.
    fn has_averages(&self) -> bool {
        self.base().has_averages()
    }

    /// Whether averages and weights have changed places.
    fn averages_swapped(&self) -> bool {
        self.base().swapped()
    }

    /// Averages and weights change places: what the model computes with are then the averages. Training goes on
    /// rightly when they have changed back.
    ///
    /// # Errors
    /// When the device fails.
    fn swap_averages(&mut self) -> Result<()> {
        self.base_mut().swap_averages()
    }

    /// All state as named tensors (`adam/dense_kernel_momentum`) in Keras's order, for checkpoints.
    fn state_variables(&self) -> Vec<(String, Variable)> {
        base::named(self.base().shared_slots().chain(self.slots()))
    }

    /// State that is no tensor: iterations (and with them the place in accumulation), the learning rate.
    fn state(&self) -> Value {
        self.base().state(self.class_name())
    }

    /// Continues from a [`state`](Self::state); tensors are assigned to [`state_variables`](Self::state_variables).
    ///
    /// # Errors
    /// When `state` is another optimizer's.
    fn load_state(&mut self, state: &Value) -> Result<()> {
        base::check_state(self.class_name(), state)?;
        self.base_mut().load_state(state)
    }

    /// All arguments by Keras's names, base first.
    fn full_config(&self) -> Config {
        let mut all = self.base().config();
        all.0.extend(self.config().0);
        all
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

impl LearningRate {
    /// The learning rate of step `step`, counted from 0.
    ///
    /// # Errors
    /// When the schedule fails.
    pub fn at(&self, step: u64) -> Result<f64> {
        match self {
            Self::Constant(rate) => Ok(*rate),
            Self::Schedule(schedule) => schedule.call(step),
        }
    }
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

impl From<Arc<dyn Schedule>> for LearningRate {
    fn from(schedule: Arc<dyn Schedule>) -> Self {
        Self::Schedule(schedule)
    }
}
