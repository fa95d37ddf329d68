//! What all optimizers have: learning rate, clipping, decay, accumulation, averaging, the count of steps.

use std::sync::Arc;

use keras_ops::{Gradient, Tensor};
use serde_json::Value;
use smallvec::SmallVec;

use super::gradients::Gradients;
use crate::config::Reader;
use crate::{Config, LearningRate, Optimizer, Registry, Result, Variable, bail, config};

/// The arguments and state that all optimizers share.
///
/// The order of a step is Keras's: gradients are divided by `loss_scale_factor`, accumulated, clipped; weights
/// decay; each variable is stepped; averages follow; constraints are applied; the count goes up.
#[derive(Debug)]
pub struct OptimizerBase {
    /// The name.
    pub name: String,
    /// The learning rate, or its schedule.
    pub learning_rate: LearningRate,
    /// Each step takes this part of every weight away, times the learning rate.
    pub weight_decay: Option<f64>,
    /// The greatest norm of each gradient.
    pub clipnorm: Option<f64>,
    /// The greatest norm of all gradients together.
    pub global_clipnorm: Option<f64>,
    /// The greatest absolute value of a gradient's element.
    pub clipvalue: Option<f64>,
    /// Whether moving averages of the weights are kept; they are the weights after training.
    pub use_ema: bool,
    /// How much of an average stays at each step.
    pub ema_momentum: f64,
    /// After how many steps the weights become their averages; `None` for at the end only.
    pub ema_overwrite_frequency: Option<u64>,
    /// What the loss was multiplied by, so gradients are divided by it.
    pub loss_scale_factor: Option<f64>,
    /// The number of gradients whose mean makes one step.
    pub gradient_accumulation_steps: Option<u64>,
    /// Parts of names of variables that do not decay.
    pub exclude_from_weight_decay: Vec<String>,
    /// The number of calls of `apply`, also those that only accumulated.
    pub iterations: u64,
    pub(super) variables: Arc<[Variable]>,
    averages: Vec<Variable>,
    pub(super) gradients: Gradients,
    built: bool,
    pub(super) warned: bool,
}

impl OptimizerBase {
    /// Nothing but a learning rate, under the name that Keras gives to `class_name`.
    pub fn new(class_name: &str, learning_rate: impl Into<LearningRate>) -> Self {
        Self {
            name: config::snake_case(class_name),
            learning_rate: learning_rate.into(),
            weight_decay: None,
            clipnorm: None,
            global_clipnorm: None,
            clipvalue: None,
            use_ema: false,
            ema_momentum: 0.99,
            ema_overwrite_frequency: None,
            loss_scale_factor: None,
            gradient_accumulation_steps: None,
            exclude_from_weight_decay: Vec::new(),
            iterations: 0,
            variables: Arc::new([]),
            averages: Vec::new(),
            gradients: Gradients::default(),
            built: false,
            warned: false,
        }
    }

    /// Reads the shared arguments of an optimizer's configuration; without a learning rate it is
    /// `learning_rate`.
    ///
    /// # Errors
    /// When an argument has a wrong type or value.
    pub fn read(
        class_name: &str,
        learning_rate: f64,
        reader: &mut Reader<'_>,
        registry: &Registry,
    ) -> Result<Self> {
        let rate = match reader.raw("learning_rate") {
            Some(schedule @ Value::Object(_)) => {
                LearningRate::Schedule(registry.schedules.from_value(schedule, registry)?.into())
            }
            _ => LearningRate::Constant(reader.or("learning_rate", learning_rate)?),
        };
        let plain = Self::new(class_name, rate);
        // Keras warns about `decay` and goes on; older files have the other two.
        reader.ignore(&["decay", "jit_compile", "is_legacy_optimizer"]);
        let base = Self {
            name: reader.opt("name")?.unwrap_or(plain.name),
            weight_decay: reader.opt("weight_decay")?,
            clipnorm: reader.opt("clipnorm")?,
            global_clipnorm: reader.opt("global_clipnorm")?,
            clipvalue: reader.opt("clipvalue")?,
            use_ema: reader.or("use_ema", false)?,
            ema_momentum: reader.or("ema_momentum", 0.99)?,
            ema_overwrite_frequency: reader.opt("ema_overwrite_frequency")?,
            loss_scale_factor: reader.opt("loss_scale_factor")?,
            gradient_accumulation_steps: reader.opt("gradient_accumulation_steps")?,
            exclude_from_weight_decay: reader.or("exclude_from_weight_decay", Vec::new())?,
            ..plain
        };
        base.check()?;
        Ok(base)
    }

    fn check(&self) -> Result<()> {
        let given = [self.clipnorm, self.clipvalue, self.global_clipnorm];
        if given.iter().flatten().count() > 1 {
            bail!(
                "optimizer `{}`: only one of clipnorm, clipvalue and global_clipnorm can be set; got clipnorm={:?}, \
                 clipvalue={:?}, global_clipnorm={:?}",
                self.name,
                self.clipnorm,
                self.clipvalue,
                self.global_clipnorm
            );
        }
        if self.gradient_accumulation_steps.is_some_and(|steps| steps == 1) {
            bail!(
                "optimizer `{}`: gradient_accumulation_steps must be 2 or more, got 1",
                self.name
            );
        }
        if self.use_ema && !(0. ..=1.).contains(&self.ema_momentum) {
            bail!(
                "optimizer `{}`: ema_momentum must be in [0, 1], got {}",
                self.name,
                self.ema_momentum
            );
        }
        Ok(())
    }

    /// The number of steps made: [`iterations`](Self::iterations) without those that only accumulated.
    pub fn steps(&self) -> u64 {
        self.iterations / self.accumulation()
    }

    pub(super) fn accumulation(&self) -> u64 {
        self.gradient_accumulation_steps.unwrap_or(1).max(1)
    }

    /// A variable of zeros for each of `variables`, named after it: `dense_kernel_momentum`.
    ///
    /// # Errors
    /// When a device cannot hold them.
    pub fn slots(&self, variables: &[Variable], name: &str) -> Result<Vec<Variable>> {
        variables
            .iter()
            .map(|variable| self.slot(variable, name))
            .collect()
    }

    fn slot(&self, variable: &Variable, name: &str) -> Result<Variable> {
        let name = format!("{}_{name}", variable.path().replace('/', "_"));
        let slot = Variable::zeros(&name, variable.shape(), variable.dtype(), variable.device())?;
        slot.set_path(&format!("{}/{name}", self.name));
        Ok(slot)
    }

    fn decay_weights(&self, learning_rate: f64, gradients: &[Option<Gradient>]) -> Result<()> {
        let Some(decay) = self.weight_decay else {
            return Ok(());
        };
        for (variable, gradient) in self.variables.iter().zip(gradients) {
            let excluded = self
                .exclude_from_weight_decay
                .iter()
                .any(|part| variable.name().contains(part));
            if gradient.is_some() && !excluded {
                keras_ops::optimizer_step::scale_in_place(variable.tensor(), 1. - decay * learning_rate)?;
            }
        }
        Ok(())
    }

    fn follow_averages(&self) -> Result<()> {
        if !self.use_ema {
            return Ok(());
        }
        let steps = self.steps();
        let keep = if steps == 0 { 0. } else { self.ema_momentum };
        for (variable, average) in self.variables.iter().zip(&self.averages) {
            keras_ops::optimizer_step::mix_in_place(average.tensor(), keep, variable.tensor(), 1. - keep)?;
        }
        match self.ema_overwrite_frequency {
            Some(every) if every > 0 && (steps + 1).is_multiple_of(every) => self.take_averages(),
            _ => Ok(()),
        }
    }

    fn take_averages(&self) -> Result<()> {
        for (variable, average) in self.variables.iter().zip(&self.averages) {
            variable.assign(average.tensor())?;
        }
        Ok(())
    }

    fn constrain(&self, gradients: &[Option<Gradient>]) -> Result<()> {
        for (variable, gradient) in self.variables.iter().zip(gradients) {
            if let (Some(constraint), Some(_)) = (variable.constraint(), gradient) {
                variable.assign(&keras_ops::no_grad(|| constraint.call(&variable.value()))?)?;
            }
        }
        Ok(())
    }

    fn config(&self) -> Config {
        let rate = match &self.learning_rate {
            LearningRate::Constant(rate) => config::IntoValue::into_value(*rate),
            LearningRate::Schedule(schedule) => super::schedules::envelope(schedule.as_ref()).to_value(),
        };
        let config = Config::new()
            .with("name", self.name.as_str())
            .with("learning_rate", rate)
            .with("weight_decay", self.weight_decay)
            .with("clipnorm", self.clipnorm)
            .with("global_clipnorm", self.global_clipnorm)
            .with("clipvalue", self.clipvalue)
            .with("use_ema", self.use_ema)
            .with("ema_momentum", self.ema_momentum)
            .with("ema_overwrite_frequency", self.ema_overwrite_frequency)
            .with("loss_scale_factor", self.loss_scale_factor)
            .with("gradient_accumulation_steps", self.gradient_accumulation_steps);
        if self.exclude_from_weight_decay.is_empty() {
            return config;
        }
        // Keras forgets it.
        let excluded: Vec<Value> = self
            .exclude_from_weight_decay
            .iter()
            .map(|s| s.as_str().into())
            .collect();
        config.with("exclude_from_weight_decay", excluded)
    }
}

impl dyn Optimizer {
    /// Makes slots for `variables`; the gradients of each step come in this order.
    ///
    /// # Errors
    /// When an argument is wrong, the optimizer was built before, or a device cannot hold the slots.
    pub fn build(&mut self, variables: &[Variable]) -> Result<()> {
        let base = self.base_mut();
        base.check()?;
        if base.built {
            let same = base.variables.len() == variables.len()
                && base.variables.iter().zip(variables).all(|(a, b)| a.same(b));
            if same {
                return Ok(());
            }
            bail!(
                "optimizer `{}`: it was built for other variables; make a new optimizer for these",
                base.name
            );
        }
        if base.use_ema {
            base.averages = base.slots(variables, "average")?;
        }
        if base.gradient_accumulation_steps.is_some() {
            base.gradients.accumulators = base.slots(variables, "gradient_accumulator")?;
        }
        base.variables = variables.into();
        base.built = true;
        self.build_slots(variables)
    }

    /// One step: `gradients[i]` belongs to variable `i` of [`build`](Self::build); `None` leaves it alone.
    ///
    /// # Errors
    /// When a gradient does not fit its variable, or there is none at all.
    pub fn apply(&mut self, gradients: &[Option<Tensor>]) -> Result<()> {
        let gradients: SmallVec<[Option<Gradient>; 8]> = gradients
            .iter()
            .map(|gradient| gradient.clone().map(Gradient::Dense))
            .collect();
        self.apply_gradients(&gradients)
    }

    /// [`apply`](trait.Optimizer.html#method.apply) for gradients of which some may have few rows.
    ///
    /// # Errors
    /// When a gradient does not fit its variable, or there is none at all.
    pub fn apply_gradients(&mut self, gradients: &[Option<Gradient>]) -> Result<()> {
        if gradients.is_empty() {
            return Ok(());
        }
        let learning_rate = self.learning_rate()?;
        let base = self.base_mut();
        base.check_gradients(gradients)?;
        let variables = base.variables.clone();
        if let Some(ready) = base.prepare(gradients)? {
            base.decay_weights(learning_rate, &ready)?;
            for (index, (gradient, variable)) in ready.iter().zip(variables.iter()).enumerate() {
                match gradient {
                    Some(Gradient::Dense(gradient)) => {
                        self.update_step(index, gradient, variable, learning_rate)?
                    }
                    Some(Gradient::Rows(rows)) => self.update_rows(index, rows, variable, learning_rate)?,
                    None => {}
                }
            }
            self.base().gradients.reset()?;
        }
        let base = self.base_mut();
        base.follow_averages()?;
        base.constrain(gradients)?;
        base.iterations += 1;
        Ok(())
    }

    /// The learning rate of the next step.
    ///
    /// # Errors
    /// When the schedule fails.
    pub fn learning_rate(&self) -> Result<f64> {
        match &self.base().learning_rate {
            LearningRate::Constant(rate) => Ok(*rate),
            LearningRate::Schedule(schedule) => schedule.call(self.base().iterations),
        }
    }

    /// Sets the learning rate.
    ///
    /// # Errors
    /// When it follows a schedule.
    pub fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        let base = self.base_mut();
        match &mut base.learning_rate {
            LearningRate::Constant(constant) => *constant = rate,
            LearningRate::Schedule(schedule) => bail!(
                "optimizer `{}`: its learning rate follows the schedule {} and cannot be set; make the optimizer \
                 with a number to set it",
                base.name,
                schedule.class_name()
            ),
        }
        Ok(())
    }

    /// The number of updates made; with accumulation, of the steps that changed the variables.
    pub fn iterations(&self) -> u64 {
        self.base().steps()
    }

    /// Writes the averaged weights into the variables, where averaging is on; `fit` does so at its end.
    ///
    /// # Errors
    /// When the device fails.
    pub fn finalize_variable_values(&mut self) -> Result<()> {
        self.base().take_averages()
    }

    /// All state as named tensors (`adam/dense_kernel_momentum`) in Keras's order, for checkpoints.
    pub fn state_variables(&self) -> Vec<(String, Variable)> {
        let base = self.base();
        let shared = base.averages.iter().chain(&base.gradients.accumulators).cloned();
        shared
            .chain(self.slots())
            .map(|variable| (variable.path(), variable))
            .collect()
    }

    /// State that is no tensor: iterations (and with them the place in accumulation), the learning rate.
    pub fn state(&self) -> Value {
        let rate = match self.base().learning_rate {
            LearningRate::Constant(rate) => config::IntoValue::into_value(rate),
            LearningRate::Schedule(_) => Value::Null,
        };
        serde_json::json!({
            "class_name": self.class_name(),
            "iterations": self.base().iterations,
            "learning_rate": rate,
        })
    }

    /// Continues from a [`state`](Self::state); tensors are assigned to [`state_variables`](Self::state_variables).
    ///
    /// # Errors
    /// When `state` is another optimizer's.
    pub fn load_state(&mut self, state: &Value) -> Result<()> {
        let class_name = state
            .get("class_name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let Some(iterations) = state.get("iterations").and_then(Value::as_u64) else {
            bail!("optimizer state: expected an object with `iterations`, got {state}");
        };
        if class_name != self.class_name() {
            bail!(
                "optimizer state: expected the state of {}, got that of `{class_name}`; resume with the optimizer that \
                 was saved",
                self.class_name()
            );
        }
        self.base_mut().iterations = iterations;
        if let Some(rate) = state.get("learning_rate").filter(|rate| !rate.is_null()) {
            let rate = <f64 as config::FromValue>::from_value(rate);
            if let (Some(rate), LearningRate::Constant(now)) = (rate, &mut self.base_mut().learning_rate) {
                *now = rate;
            }
        }
        Ok(())
    }

    /// All arguments by Keras's names, base first.
    pub fn full_config(&self) -> Config {
        let mut all = self.base().config();
        all.0.extend(self.config().0);
        all
    }
}
