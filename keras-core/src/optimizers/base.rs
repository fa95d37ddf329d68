//! What all optimizers have: learning rate, clipping, decay, accumulation, averaging, the count of steps.

use std::sync::Arc;

use keras_ops::optimizer_step::{mix_in_place, scale_in_place};
use keras_ops::{Gradient, Tensor};
use serde_json::Value;
use smallvec::SmallVec;

use super::gradients::Gradients;
use super::patterns::{Patterns, matches_all};
use super::rule::{Step, VariableSlots};
use crate::config::{FromValue, IntoValue, Reader};
use crate::{
    Config, Error, LearningRate, Optimizer, Registry, Result, Variable, bail, config, lent, registry,
};

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
    /// What is found in the names of variables that do not decay.
    pub exclude_from_weight_decay: Patterns,
    /// Variables that do not decay. Not part of the configuration.
    pub excluded_variables: Vec<Variable>,
    /// Factors of the learning rate by the paths of variables or of layers that hold them; the last that matches
    /// counts.
    pub learning_rate_multipliers: Vec<(String, f64)>,
    /// The number of calls of `apply`, also those that only accumulated.
    pub iterations: u64,
    pub(super) variables: Arc<[Variable]>,
    each: Vec<Each>,
    averages: Vec<Variable>,
    /// Whether averages and weights have changed places.
    swapped: bool,
    pub(super) gradients: Gradients,
    built: bool,
    pub(super) warned: bool,
}

/// What the arguments say about one variable.
#[derive(Clone, Copy, Debug)]
struct Each {
    decays: bool,
    factor: f64,
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
            exclude_from_weight_decay: Patterns::default(),
            excluded_variables: Vec::new(),
            learning_rate_multipliers: Vec::new(),
            iterations: 0,
            variables: Arc::new([]),
            each: Vec::new(),
            averages: Vec::new(),
            swapped: false,
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
            // Numbers that JSON has no sign for are strings.
            Some(value) if f64::from_value(value).is_none() => {
                let schedule = registry.schedules.from_value(value, registry);
                let schedule = schedule.map_err(|e| e.context(format!("{class_name}: `learning_rate`")))?;
                LearningRate::Schedule(schedule.into())
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
            exclude_from_weight_decay: reader.or_null("exclude_from_weight_decay", Patterns::default())?,
            learning_rate_multipliers: multipliers(class_name, reader)?,
            ..plain
        };
        base.check()?;
        Ok(base)
    }

    fn check(&self) -> Result<()> {
        let given = [self.clipnorm, self.clipvalue, self.global_clipnorm];
        if given.iter().flatten().count() > 1 {
            bail!(
                "optimizer `{}`: only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set; got {:?}, {:?} and \
                 {:?}",
                self.name,
                self.clipnorm,
                self.clipvalue,
                self.global_clipnorm
            );
        }
        if let Some(steps @ 0..=1) = self.gradient_accumulation_steps {
            bail!(
                "optimizer `{}`: `gradient_accumulation_steps` must be 2 or more, got {steps}; leave it out for a step \
                 each batch",
                self.name
            );
        }
        if !(0. ..=1.).contains(&self.ema_momentum) {
            bail!(
                "optimizer `{}`: `ema_momentum` must be between 0 and 1, got {}",
                self.name,
                self.ema_momentum
            );
        }
        if self.ema_overwrite_frequency == Some(0) {
            bail!(
                "optimizer `{}`: `ema_overwrite_frequency` must be 1 or more, got 0; leave it out to overwrite at the end",
                self.name
            );
        }
        if let LearningRate::Schedule(schedule) = &self.learning_rate {
            let schedules = &registry::core().schedules;
            schedules.check_numbers(schedule.class_name(), &schedule.config())?;
        }
        let constant = match self.learning_rate {
            LearningRate::Constant(rate) => Some(rate),
            LearningRate::Schedule(_) => None,
        };
        let numbers = [
            ("learning_rate", constant),
            ("weight_decay", self.weight_decay),
            ("clipnorm", self.clipnorm),
            ("global_clipnorm", self.global_clipnorm),
            ("clipvalue", self.clipvalue),
            ("loss_scale_factor", self.loss_scale_factor),
        ];
        let multipliers = self.learning_rate_multipliers.iter();
        let multipliers = multipliers.map(|(_, factor)| ("learning_rate_multiplier", Some(*factor)));
        for (argument, number) in numbers.into_iter().chain(multipliers) {
            if let Some(number) = number.filter(|number| !(0. ..f64::INFINITY).contains(number)) {
                bail!(
                    "optimizer `{}`: `{argument}` must be a finite number, 0 or more, got {number}",
                    self.name
                );
            }
        }
        if self.loss_scale_factor == Some(0.) {
            bail!(
                "optimizer `{}`: `loss_scale_factor` must not be 0; leave it out for no scaling",
                self.name
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
            .map(|variable| self.slot(variable, name, variable.shape()))
            .collect()
    }

    pub(super) fn slot(&self, variable: &Variable, name: &str, shape: &[usize]) -> Result<Variable> {
        let mut full = variable.path().replace('/', "_");
        if !name.is_empty() {
            full = format!("{full}_{name}");
        }
        let slot = Variable::zeros(&full, shape, variable.dtype(), variable.device())?;
        slot.set_path(&format!("{}/{full}", self.name));
        Ok(slot)
    }

    /// Takes the variables; `false` where it was built for the same ones before.
    pub(crate) fn begin_build(&mut self, variables: &[Variable]) -> Result<bool> {
        self.check()?;
        if self.built {
            let same = self.variables.len() == variables.len()
                && self.variables.iter().zip(variables).all(|(a, b)| a.same(b));
            if same {
                return Ok(false);
            }
            bail!(
                "optimizer `{}`: it was built for other variables; make a new optimizer for these",
                self.name
            );
        }
        self.each = self.each_of(variables)?;
        if self.use_ema {
            self.averages = self.slots(variables, "average")?;
        }
        if self.gradient_accumulation_steps.is_some_and(|steps| steps > 0) {
            self.gradients.accumulators = self.slots(variables, "gradient_accumulator")?;
        }
        self.variables = variables.into();
        self.built = true;
        Ok(true)
    }

    fn each_of(&self, variables: &[Variable]) -> Result<Vec<Each>> {
        let place = |e: Error| e.context(format!("optimizer `{}`", self.name));
        let mut used = vec![false; self.learning_rate_multipliers.len()];
        let mut each = Vec::new();
        for variable in variables {
            let named = self
                .exclude_from_weight_decay
                .find_in(variable.name())
                .map_err(place)?;
            let listed = self.excluded_variables.iter().any(|v| v.same(variable));
            let mut factor = 1.;
            let path = variable.path();
            for ((pattern, own), used) in self.learning_rate_multipliers.iter().zip(&mut used) {
                let here = path_and_above(&path).map(|path| matches_all(pattern, path));
                if here.collect::<Result<Vec<_>>>().map_err(place)?.contains(&true) {
                    (factor, *used) = (*own, true);
                }
            }
            each.push(Each {
                decays: !named && !listed,
                factor,
            });
        }
        if let Some(unused) = used.iter().position(|used| !used) {
            let mut paths: Vec<String> = Vec::new();
            for path in variables.iter().map(Variable::path) {
                let new = path_and_above(&path).filter(|path| !paths.iter().any(|p| p == path));
                let new: Vec<String> = new.map(str::to_owned).collect();
                paths.extend(new.into_iter().rev());
            }
            let (pattern, _) = &self.learning_rate_multipliers[unused];
            let error = Error::unknown("path in learning_rate_multiplier", pattern, paths);
            return Err(place(error));
        }
        Ok(each)
    }

    pub(super) fn step<'a>(
        &self,
        variable: &'a Variable,
        slots: &'a VariableSlots,
        learning_rate: f64,
    ) -> Step<'a> {
        Step {
            number: self.steps() + 1,
            learning_rate,
            constant: matches!(self.learning_rate, LearningRate::Constant(_)),
            variable: variable.tensor(),
            slots,
        }
    }

    fn follow_averages(&self) -> Result<()> {
        if !self.use_ema {
            return Ok(());
        }
        let steps = self.steps();
        let keep = if steps == 0 { 0. } else { self.ema_momentum };
        for (variable, average) in self.variables.iter().zip(&self.averages) {
            mix_in_place(average.tensor(), keep, variable.tensor(), 1. - keep)?;
        }
        match self.ema_overwrite_frequency {
            Some(every) if every > 0 && (steps + 1).is_multiple_of(every) => self.take_averages(),
            _ => Ok(()),
        }
    }

    /// The averages become the weights, and stay the averages.
    pub(crate) fn finalize(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.swapped) {
            return self.take_averages();
        }
        let pairs = self.variables.iter().zip(&self.averages);
        pairs
            .into_iter()
            .try_for_each(|(variable, average)| average.assign(variable.tensor()))
    }

    pub(crate) fn has_averages(&self) -> bool {
        !self.averages.is_empty()
    }

    pub(crate) fn swapped(&self) -> bool {
        self.swapped
    }

    /// Averages and weights change places.
    pub(crate) fn swap_averages(&mut self) -> Result<()> {
        for (variable, average) in self.variables.iter().zip(&self.averages) {
            let value = variable.snapshot()?;
            variable.assign(average.tensor())?;
            average.assign(&value)?;
        }
        self.swapped = !self.swapped && self.has_averages();
        Ok(())
    }

    fn take_averages(&self) -> Result<()> {
        for (variable, average) in self.variables.iter().zip(&self.averages) {
            variable.assign(average.tensor())?;
        }
        Ok(())
    }

    /// `given` says which variables have gradients.
    fn constrain(&self, given: &[bool]) -> Result<()> {
        for (variable, given) in self.variables.iter().zip(given) {
            if let (Some(constraint), true) = (variable.constraint(), given) {
                variable.assign(&keras_ops::no_grad(|| constraint.call(&variable.value()))?)?;
            }
        }
        Ok(())
    }

    /// The slots of averaging and accumulation.
    pub(crate) fn shared_slots(&self) -> impl Iterator<Item = Variable> {
        self.averages.iter().chain(&self.gradients.accumulators).cloned()
    }

    pub(crate) fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        match &mut self.learning_rate {
            LearningRate::Constant(_) if !(0. ..f64::INFINITY).contains(&rate) => bail!(
                "optimizer `{}`: the learning rate must be a finite number, 0 or more, got {rate}",
                self.name
            ),
            LearningRate::Constant(constant) => *constant = rate,
            LearningRate::Schedule(schedule) => bail!(
                "optimizer `{}`: its learning rate follows the schedule {} and cannot be set; make the optimizer \
                 with a number to set it",
                self.name,
                schedule.class_name()
            ),
        }
        Ok(())
    }

    pub(crate) fn state(&self, class_name: &str) -> Value {
        let rate = match self.learning_rate {
            LearningRate::Constant(rate) => rate.into_value(),
            LearningRate::Schedule(_) => Value::Null,
        };
        let mut state = serde_json::json!({
            "class_name": class_name,
            "iterations": self.iterations,
            "learning_rate": rate,
        });
        if self.swapped {
            state["averages_swapped"] = Value::Bool(true);
        }
        state
    }

    pub(crate) fn load_state(&mut self, state: &Value) -> Result<()> {
        let Some(iterations) = state.get("iterations").and_then(Value::as_u64) else {
            bail!("optimizer state: expected an object with `iterations`, got {state}");
        };
        self.iterations = iterations;
        self.swapped = state.get("averages_swapped") == Some(&Value::Bool(true));
        if let Some(rate) = state.get("learning_rate").and_then(f64::from_value)
            && let LearningRate::Constant(now) = &mut self.learning_rate
        {
            *now = rate;
        }
        Ok(())
    }

    pub(crate) fn config(&self) -> Config {
        let rate = match &self.learning_rate {
            LearningRate::Constant(rate) => rate.into_value(),
            LearningRate::Schedule(schedule) => super::schedules::envelope(schedule.as_ref()).to_value(),
        };
        let mut config = Config::new()
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
        // Keras forgets the one and does not have the other.
        if !self.exclude_from_weight_decay.is_empty() {
            config.set(
                "exclude_from_weight_decay",
                crate::Arg::write(&self.exclude_from_weight_decay),
            );
        }
        if !self.learning_rate_multipliers.is_empty() {
            let pairs = self.learning_rate_multipliers.iter();
            let map = pairs.map(|(path, factor)| (path.clone(), factor.into_value()));
            config.set(
                "learning_rate_multipliers",
                map.collect::<serde_json::Map<_, _>>(),
            );
        }
        config
    }
}

fn multipliers(class_name: &str, reader: &mut Reader<'_>) -> Result<Vec<(String, f64)>> {
    match reader.raw("learning_rate_multipliers") {
        None => Ok(Vec::new()),
        Some(Value::Object(map)) => {
            let pairs = map
                .iter()
                .map(|(path, factor)| Some((path.clone(), f64::from_value(factor)?)));
            pairs.collect::<Option<_>>().ok_or_else(|| {
                Error::invalid(format!(
                    "{class_name}: `learning_rate_multipliers` must have numbers as values"
                ))
            })
        }
        Some(other) => {
            bail!("{class_name}: `learning_rate_multipliers` must be an object of path: factor, got {other}")
        }
    }
}

/// `a/b/kernel`, `a/b`, `a`.
fn path_and_above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(above, _)| above))
}

pub(crate) fn dense(gradients: &[Option<Tensor>]) -> SmallVec<[Option<Gradient>; 8]> {
    gradients
        .iter()
        .map(|gradient| gradient.clone().map(Gradient::Dense))
        .collect()
}

/// One step of an optimizer.
pub(crate) fn apply<O: Optimizer + ?Sized>(optimizer: &mut O, gradients: &[Option<Gradient>]) -> Result<()> {
    if gradients.is_empty() {
        return Ok(());
    }
    let learning_rate = optimizer.learning_rate()?;
    lent::will_change(|| {
        let base = optimizer.base();
        let own = base.variables.iter().cloned().chain(base.shared_slots());
        own.chain(optimizer.slots()).collect()
    })?;
    step(optimizer, gradients.to_vec(), learning_rate, false)
}

/// [`apply`] for an optimizer whose variables are stepped independently of each other, in any order, and that calls
/// [`Variable::will_change`] of a variable's slots itself. Each gradient is let go when its variable is stepped.
pub(crate) fn take<O: Optimizer + ?Sized>(optimizer: &mut O, gradients: Vec<Option<Gradient>>) -> Result<()> {
    if gradients.is_empty() {
        return Ok(());
    }
    let learning_rate = optimizer.learning_rate()?;
    lent::will_change(|| optimizer.base().shared_slots().collect())?;
    // While a save is being written, from the end towards the one that writes: what it has written needs no copy, and
    // the next copy lies where the last gradient did.
    step(optimizer, gradients, learning_rate, lent::any())
}

fn step<O: Optimizer + ?Sized>(
    optimizer: &mut O,
    gradients: Vec<Option<Gradient>>,
    learning_rate: f64,
    from_the_end: bool,
) -> Result<()> {
    let base = optimizer.base_mut();
    base.check_gradients(&gradients)?;
    let variables = base.variables.clone();
    let given: SmallVec<[bool; 16]> = gradients.iter().map(Option::is_some).collect();
    if base.iterations == 0 {
        optimizer.start()?;
    }
    if let Some(mut ready) = optimizer.base_mut().prepare(gradients)? {
        let count = ready.len();
        for turn in 0..count {
            let index = if from_the_end { count - 1 - turn } else { turn };
            let Some(gradient) = ready[index].take() else {
                continue;
            };
            let (variable, each) = (&variables[index], optimizer.base().each[index]);
            variable.will_change()?;
            let rate = learning_rate * each.factor;
            if let Some(decay) = optimizer.decay_of(index).filter(|_| each.decays) {
                scale_in_place(variable.tensor(), 1. - decay * rate)?;
            }
            match &gradient {
                Gradient::Dense(gradient) => optimizer.update_step(index, gradient, variable, rate)?,
                Gradient::Rows(rows) => optimizer.update_rows(index, rows, variable, rate)?,
            }
        }
        optimizer.base().gradients.reset()?;
    }
    let base = optimizer.base_mut();
    base.follow_averages()?;
    base.constrain(&given)?;
    base.iterations += 1;
    Ok(())
}

/// `loss * factor`.
pub(crate) fn scale(loss: &Tensor, factor: Option<f64>) -> Result<Tensor> {
    match factor {
        Some(factor) => Ok(keras_ops::mul_scalar(loss, factor)?),
        None => Ok(loss.clone()),
    }
}

pub(crate) fn named(slots: impl Iterator<Item = Variable>) -> Vec<(String, Variable)> {
    slots.map(|variable| (variable.path(), variable)).collect()
}

/// Checks that a state is that of an optimizer of this class.
pub(crate) fn check_state(class_name: &str, state: &Value) -> Result<()> {
    match state.get("class_name").and_then(Value::as_str) {
        Some(saved) if saved == class_name => Ok(()),
        saved => bail!(
            "optimizer state: expected the state of {class_name}, got that of `{}`; resume with the optimizer that \
             was saved",
            saved.unwrap_or_default()
        ),
    }
}
