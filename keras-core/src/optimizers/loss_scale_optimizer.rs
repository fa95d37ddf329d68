use std::sync::Arc;

use keras_ops::optimizer_step::global_norm;
use keras_ops::{Gradient, Tensor};
use serde_json::{Value, json};

use super::base::check_state;
use super::{OptimizerBase, envelope};
use crate::config::{FromValue, IntoValue};
use crate::{Config, Entry, Optimizer, Result, Schedule, Variable, bail, config, registry};

/// Keeps small gradients from vanishing in half precision: the loss is multiplied by a scale, the gradients are
/// divided by it.
///
/// A step with a gradient that is not finite is left out and halves the scale; `dynamic_growth_steps` finite steps
/// in a row double it. Everything else is the inner optimizer's, the count of steps included: a step left out does
/// not count. Models in `mixed_float16` are compiled with one around their optimizer, unless
/// [`auto_scale_loss`](crate::Compile::auto_scale_loss) is off.
///
/// ```
/// use keras_core::{Optimizer, Variable, optimizers::{LossScaleOptimizer, SGD}};
/// use keras_ops::{Device, Tensor};
/// let w = Variable::new("w", &Tensor::new(&[1f32], &Device::Cpu)?, true)?;
/// let mut sgd = LossScaleOptimizer::new(SGD::new(0.5)).initial_scale(8.);
/// sgd.build(&[w.clone()])?;
/// sgd.apply(&[Some(Tensor::new(&[f32::INFINITY], &Device::Cpu)?)])?;
/// assert_eq!((w.value().to_vec1::<f32>()?, sgd.scale()), (vec![1.], 4.));
/// sgd.apply(&[Some(Tensor::new(&[2f32], &Device::Cpu)?)])?; // of the loss times 4
/// assert_eq!(w.value().to_vec1::<f32>()?, [0.75]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct LossScaleOptimizer {
    inner: Box<dyn Optimizer>,
    name: String,
    initial_scale: f64,
    dynamic_growth_steps: u64,
    scale: f64,
    /// Finite steps since the scale changed.
    counter: u64,
}

const NAME: &str = "LossScaleOptimizer";

impl LossScaleOptimizer {
    /// Around `inner`, with Keras's defaults: an initial scale of 32768, doubled after 2000 finite steps.
    pub fn new(inner: impl Optimizer) -> Self {
        Self::around(Box::new(inner))
    }

    /// [`new`](Self::new) around a boxed optimizer.
    pub fn around(mut inner: Box<dyn Optimizer>) -> Self {
        // The gradients would be scaled twice.
        inner.set_loss_scale_factor(None);
        Self {
            inner,
            name: config::snake_case(NAME),
            initial_scale: 32768.,
            dynamic_growth_steps: 2000,
            scale: 32768.,
            counter: 0,
        }
    }

    /// Under another name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The scale at the start: rather too high than too low, since it falls faster than it grows.
    #[must_use]
    pub fn initial_scale(mut self, scale: f64) -> Self {
        (self.initial_scale, self.scale) = (scale, scale);
        self
    }

    /// After how many finite steps in a row the scale doubles.
    #[must_use]
    pub fn dynamic_growth_steps(mut self, steps: u64) -> Self {
        self.dynamic_growth_steps = steps;
        self
    }

    /// The scale of the next step (Keras: `dynamic_scale`).
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// The optimizer within.
    pub fn inner(&self) -> &dyn Optimizer {
        &*self.inner
    }

    fn check(&self) -> Result<()> {
        if !(self.initial_scale > 0. && self.initial_scale.is_finite()) {
            bail!(
                "{NAME}: `initial_scale` must be greater than 0, got {}",
                self.initial_scale
            );
        }
        if self.dynamic_growth_steps == 0 {
            bail!("{NAME}: `dynamic_growth_steps` must be 1 or more, got 0");
        }
        if self.inner.class_name() == NAME {
            bail!("{NAME}: the inner optimizer scales the loss already; wrap it once");
        }
        Ok(())
    }
}

impl Optimizer for LossScaleOptimizer {
    fn base(&self) -> &OptimizerBase {
        self.inner.base()
    }

    fn base_mut(&mut self) -> &mut OptimizerBase {
        self.inner.base_mut()
    }

    fn update_step(
        &mut self,
        index: usize,
        gradient: &Tensor,
        variable: &Variable,
        learning_rate: f64,
    ) -> Result<()> {
        self.inner.update_step(index, gradient, variable, learning_rate)
    }

    fn build(&mut self, variables: &[Variable]) -> Result<()> {
        self.check()?;
        self.inner.build(variables)
    }

    fn apply_gradients(&mut self, gradients: &[Option<Gradient>]) -> Result<()> {
        let given: Vec<&Tensor> = gradients.iter().flatten().map(Gradient::elements).collect();
        if !global_norm(&given)?.is_finite() {
            (self.counter, self.scale) = (0, self.scale / 2.);
            return Ok(());
        }
        self.inner.set_loss_scale_factor(Some(self.scale));
        let done = self.inner.apply_gradients(gradients);
        self.inner.set_loss_scale_factor(None);
        done?;
        self.counter += 1;
        if self.counter == self.dynamic_growth_steps {
            (self.counter, self.scale) = (0, self.scale * 2.);
        }
        Ok(())
    }

    fn loss_scale(&self) -> Option<f64> {
        Some(self.scale)
    }

    /// The scale changes by itself.
    fn set_loss_scale_factor(&mut self, _: Option<f64>) {}

    fn learning_rate(&self) -> Result<f64> {
        self.inner.learning_rate()
    }

    fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        self.inner.set_learning_rate(rate)
    }

    fn set_schedule(&mut self, schedule: Arc<dyn Schedule>) -> Result<()> {
        self.inner.set_schedule(schedule)
    }

    fn parts(&self) -> Vec<&dyn Optimizer> {
        self.inner.parts()
    }

    fn iterations(&self) -> u64 {
        self.inner.iterations()
    }

    fn finalize_variable_values(&mut self) -> Result<()> {
        self.inner.finalize_variable_values()
    }

    fn has_averages(&self) -> bool {
        self.inner.has_averages()
    }

    fn averages_swapped(&self) -> bool {
        self.inner.averages_swapped()
    }

    fn swap_averages(&mut self) -> Result<()> {
        self.inner.swap_averages()
    }

    fn state_variables(&self) -> Vec<(String, Variable)> {
        self.inner.state_variables()
    }

    fn state(&self) -> Value {
        json!({
            "class_name": NAME,
            "step_counter": self.counter,
            "dynamic_scale": self.scale.into_value(),
            "inner_optimizer": self.inner.state(),
        })
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        check_state(NAME, state)?;
        let counter = state.get("step_counter").and_then(Value::as_u64);
        let scale = state.get("dynamic_scale").and_then(f64::from_value);
        let (Some(counter), Some(scale), Some(inner)) = (counter, scale, state.get("inner_optimizer")) else {
            bail!(
                "optimizer state: expected `step_counter`, `dynamic_scale` and `inner_optimizer`, got {state}"
            );
        };
        self.inner.load_state(inner)?;
        (self.counter, self.scale) = (counter, scale);
        Ok(())
    }

    fn full_config(&self) -> Config {
        Config::new()
            .with("name", self.name.as_str())
            .with("inner_optimizer", envelope(&*self.inner, registry::core()))
            .with("initial_scale", self.initial_scale)
            .with("dynamic_growth_steps", self.dynamic_growth_steps)
    }
}

/// Arguments of the base that Keras 3 writes no more, with the only values it takes.
const FORMER: [(&str, Value); 9] = [
    ("weight_decay", Value::Null),
    ("clipnorm", Value::Null),
    ("global_clipnorm", Value::Null),
    ("clipvalue", Value::Null),
    ("use_ema", Value::Bool(false)),
    ("ema_momentum", Value::Null),
    ("ema_overwrite_frequency", Value::Null),
    ("loss_scale_factor", Value::Null),
    ("gradient_accumulation_steps", Value::Null),
];

pub(super) const ENTRY: Entry<dyn Optimizer> = Entry {
    class_name: NAME,
    module: "keras.optimizers",
    aliases: &["lossscaleoptimizer"],
    doc: "Scales the loss so that small gradients do not vanish in half precision.",
    build: |config, registry| {
        let mut r = config.reader(NAME);
        for (argument, only) in FORMER {
            let given = config
                .get(argument)
                .filter(|value| !value.is_null() && **value != only);
            let default_momentum = argument == "ema_momentum" && given == Some(&json!(0.99));
            if given.is_some() && !default_momentum {
                bail!("{NAME} does not support `{argument}`; set it on the `inner_optimizer`");
            }
            r.ignore(&[argument]);
        }
        if config.get("dynamic") == Some(&Value::Bool(false)) {
            bail!("{NAME}: `dynamic=false` is not supported; set `loss_scale_factor` on the inner optimizer");
        }
        r.ignore(&["dynamic"]);
        let inner = r.req::<Value>("inner_optimizer")?;
        let inner = registry.optimizers.from_value(&inner, registry);
        let inner = r.about("inner_optimizer", inner)?;
        let plain = LossScaleOptimizer::around(inner);
        let scale = r.or("initial_scale", plain.initial_scale)?;
        let optimizer = LossScaleOptimizer {
            name: r.or_null("name", plain.name)?,
            initial_scale: scale,
            scale,
            dynamic_growth_steps: r.or("dynamic_growth_steps", plain.dynamic_growth_steps)?,
            inner: plain.inner,
            counter: 0,
        };
        r.finish()?;
        optimizer.check()?;
        Ok(Box::new(optimizer))
    },
};
