use std::fmt;
use std::sync::Arc;

use keras_ops::{Gradient, Tensor};
use serde_json::{Value, json};

use super::OptimizerBase;
use super::base::check_state;
use super::optimizer_map::{OptimizerMap, Resolved};
use crate::{Config, Entry, Optimizer, Registry, Result, ResultExt, Schedule, Variable, bail, registry};

/// Steps some variables by one optimizer, others by another.
///
/// Each has its own learning rate, clipping, averages and count of steps; `loss_scale_factor` is one for all. There
/// is no single learning rate: callbacks that set it cannot be used; set those of
/// [`optimizers_mut`](Self::optimizers_mut), or give the optimizers schedules.
///
/// Differs from Keras in the names of paths: variables of a Sequential begin with their layer's name here, with
/// the model's there.
///
/// ```
/// use keras_core::{Optimizer, Variable, optimizers::{MultiOptimizer, OptimizerMap, SGD}};
/// use keras_ops::{Device, Tensor};
/// let one = || Tensor::new(&[1f32], &Device::Cpu);
/// let (kernel, bias) = (Variable::new("kernel", &one()?, true)?, Variable::new("bias", &one()?, true)?);
/// let mut optimizer = MultiOptimizer::new(OptimizerMap::new(SGD::new(0.5)).with("b.*", SGD::new(0.25)));
/// optimizer.build(&[kernel.clone(), bias.clone()])?;
/// optimizer.apply(&[Some(one()?), Some(one()?)])?;
/// assert_eq!(kernel.value().to_vec1::<f32>()?, [0.5]);
/// assert_eq!(bias.value().to_vec1::<f32>()?, [0.75]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct MultiOptimizer {
    base: OptimizerBase,
    choice: Choice,
    /// The optimizer of each variable.
    of: Vec<usize>,
}

enum Choice {
    Map(OptimizerMap),
    /// Names resolved.
    Resolved(Resolved),
    Closure(Select, Vec<Box<dyn Optimizer>>),
    /// While names are resolved.
    None,
}

type Select = Box<dyn Fn(&Variable) -> usize + Send + Sync>;

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(map) => map.fmt(f),
            Self::Resolved(map) => map.fmt(f),
            Self::Closure(_, optimizers) => optimizers.fmt(f),
            Self::None => f.write_str("None"),
        }
    }
}

const NAME: &str = "MultiOptimizer";

impl MultiOptimizer {
    /// By a map of paths.
    pub fn new(map: OptimizerMap) -> Self {
        Self::with(Choice::Map(map))
    }

    /// By a closure that says which of `optimizers` a variable goes to. It is not saved.
    ///
    /// ```
    /// use keras_core::optimizers::{Adam, MultiOptimizer, SGD};
    /// let optimizers = vec![Box::new(SGD::new(0.1)) as _, Box::new(Adam::new(1e-3)) as _];
    /// let optimizer = MultiOptimizer::select(|variable| usize::from(variable.shape().len() > 1), optimizers);
    /// # let _ = optimizer;
    /// ```
    pub fn select(
        choose: impl Fn(&Variable) -> usize + Send + Sync + 'static,
        optimizers: Vec<Box<dyn Optimizer>>,
    ) -> Self {
        Self::with(Choice::Closure(Box::new(choose), optimizers))
    }

    fn with(choice: Choice) -> Self {
        Self {
            base: OptimizerBase::new(NAME, 0.),
            choice,
            of: Vec::new(),
        }
    }

    /// Under another name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.base.name);
        self
    }

    /// The loss is multiplied by `factor` before the gradients are taken, and they are divided by it: in place of
    /// what the optimizers within have.
    #[must_use]
    pub fn loss_scale_factor(mut self, factor: f64) -> Self {
        self.base.loss_scale_factor = Some(factor);
        self
    }

    /// The optimizers within: those of a map in its order, its default last. Names in a map count from
    /// [`build`](Optimizer::build) on.
    pub fn optimizers(&self) -> &[Box<dyn Optimizer>] {
        match &self.choice {
            Choice::Resolved(map) => &map.optimizers,
            Choice::Closure(_, optimizers) => optimizers,
            Choice::Map(_) | Choice::None => &[],
        }
    }

    /// The same, for setting their learning rates.
    pub fn optimizers_mut(&mut self) -> &mut [Box<dyn Optimizer>] {
        match &mut self.choice {
            Choice::Resolved(map) => &mut map.optimizers,
            Choice::Closure(_, optimizers) => optimizers,
            Choice::Map(_) | Choice::None => &mut [],
        }
    }

    fn resolve(&mut self, registry: &Registry) -> Result<()> {
        if let Choice::Map(_) = self.choice {
            let Choice::Map(map) = std::mem::replace(&mut self.choice, Choice::None) else {
                return Ok(());
            };
            self.choice = Choice::Resolved(map.resolve(registry)?);
        }
        let factor = self.base.loss_scale_factor;
        self.optimizers_mut()
            .iter_mut()
            .for_each(|o| o.set_loss_scale_factor(factor));
        Ok(())
    }

    fn choose(&self, variable: &Variable) -> Result<usize> {
        let index = match &self.choice {
            Choice::Resolved(map) => map.find(variable)?,
            Choice::Closure(select, _) => select(variable),
            Choice::Map(_) | Choice::None => bail!("{NAME}: it could not be built before; make a new one"),
        };
        let count = self.optimizers().len();
        if index >= count {
            bail!(
                "{NAME}: the closure chose optimizer {index} for `{}`, but there are {count}, counted from 0",
                variable.path()
            );
        }
        Ok(index)
    }

    /// What belongs to optimizer `index`.
    fn part<T: Clone>(&self, index: usize, all: &[T]) -> Vec<T> {
        let pairs = all.iter().zip(&self.of).filter(|(_, of)| **of == index);
        pairs.map(|(item, _)| item.clone()).collect()
    }
}

impl Optimizer for MultiOptimizer {
    fn base(&self) -> &OptimizerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut OptimizerBase {
        &mut self.base
    }

    fn update_step(
        &mut self,
        index: usize,
        gradient: &Tensor,
        variable: &Variable,
        learning_rate: f64,
    ) -> Result<()> {
        let of = self.of.get(index).copied();
        let local = of.map(|of| self.of[..index].iter().filter(|o| **o == of).count());
        match of.and_then(|of| self.optimizers_mut().get_mut(of)).zip(local) {
            Some((optimizer, local)) => optimizer.update_step(local, gradient, variable, learning_rate),
            None => bail!("{NAME}: call `build` with the variables before the first step"),
        }
    }

    fn build(&mut self, variables: &[Variable]) -> Result<()> {
        self.resolve(registry::core())?;
        if !self.base.begin_build(variables)? {
            return Ok(());
        }
        self.of = variables.iter().map(|v| self.choose(v)).collect::<Result<_>>()?;
        for index in 0..self.optimizers().len() {
            let part = self.part(index, variables);
            if !part.is_empty() {
                self.optimizers_mut()[index].build(&part)?;
            }
        }
        Ok(())
    }

    fn apply_gradients(&mut self, gradients: &[Option<Gradient>]) -> Result<()> {
        if gradients.is_empty() {
            return Ok(());
        }
        self.base.check_gradients(gradients)?;
        for index in 0..self.optimizers().len() {
            let part = self.part(index, gradients);
            self.optimizers_mut()[index]
                .apply_gradients(&part)
                .context(|| NAME)?;
        }
        self.base.iterations += 1;
        Ok(())
    }

    fn set_loss_scale_factor(&mut self, factor: Option<f64>) {
        self.base.loss_scale_factor = factor;
        self.optimizers_mut()
            .iter_mut()
            .for_each(|o| o.set_loss_scale_factor(factor));
    }

    fn learning_rate(&self) -> Result<f64> {
        bail!("{NAME} has no single learning rate; read those of its `optimizers()`")
    }

    fn set_learning_rate(&mut self, _: f64) -> Result<()> {
        bail!("{NAME} has no single learning rate; set those of its `optimizers_mut()`")
    }

    fn set_schedule(&mut self, _: Arc<dyn Schedule>) -> Result<()> {
        self.set_learning_rate(0.)
    }

    fn parts(&self) -> Vec<&dyn Optimizer> {
        self.optimizers().iter().map(|part| &**part).collect()
    }

    fn iterations(&self) -> u64 {
        self.base.iterations
    }

    fn finalize_variable_values(&mut self) -> Result<()> {
        self.optimizers_mut()
            .iter_mut()
            .try_for_each(|o| o.finalize_variable_values())
    }

    fn has_averages(&self) -> bool {
        self.optimizers().iter().any(|o| o.has_averages())
    }

    fn averages_swapped(&self) -> bool {
        self.optimizers().iter().any(|o| o.averages_swapped())
    }

    fn swap_averages(&mut self) -> Result<()> {
        self.optimizers_mut()
            .iter_mut()
            .try_for_each(|o| o.swap_averages())
    }

    fn state_variables(&self) -> Vec<(String, Variable)> {
        self.optimizers()
            .iter()
            .flat_map(|o| o.state_variables())
            .collect()
    }

    fn state(&self) -> Value {
        let inner: Vec<Value> = self.optimizers().iter().map(|o| o.state()).collect();
        json!({"class_name": NAME, "iterations": self.base.iterations, "optimizers": inner})
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        check_state(NAME, state)?;
        let inner = state.get("optimizers").and_then(Value::as_array);
        let count = self.optimizers().len();
        let Some(inner) = inner.filter(|inner| inner.len() == count) else {
            bail!("optimizer state: expected the states of {count} optimizers in `optimizers`, got {state}");
        };
        for (optimizer, state) in self.optimizers_mut().iter_mut().zip(inner) {
            optimizer.load_state(state)?;
        }
        self.base.load_state(state)
    }

    fn full_config(&self) -> Config {
        let map = match &self.choice {
            Choice::Resolved(map) => map.config(),
            // Only the names of closures are saved, and this one has none.
            _ => json!({"class_name": "function", "config": "select"}),
        };
        Config::new()
            .with("optimizer_map", map)
            .with("loss_scale_factor", self.base.loss_scale_factor)
            .with("name", self.base.name.as_str())
    }
}

pub(super) const ENTRY: Entry<dyn Optimizer> = Entry {
    class_name: NAME,
    module: "keras.optimizers",
    aliases: &["multioptimizer"],
    doc: "Steps some variables by one optimizer, others by another.",
    build: |config, registry| {
        let mut r = config.reader(NAME);
        let map = r.req::<Value>("optimizer_map")?;
        let map = r.about("optimizer_map", OptimizerMap::from_value(&map, registry));
        let mut optimizer = MultiOptimizer::new(map?);
        optimizer.base.loss_scale_factor = r.opt("loss_scale_factor")?;
        if let Some(name) = r.opt("name")? {
            optimizer.base.name = name;
        }
        r.finish()?;
        optimizer.resolve(registry)?;
        Ok(Box::new(optimizer))
    },
};
