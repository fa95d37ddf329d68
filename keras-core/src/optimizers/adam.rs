use keras_ops::optimizer_step::{AdamRule, adam_step, adam_step_rows};
use keras_ops::{RowGradient, Tensor};

use super::OptimizerBase;
use super::arguments::shared_arguments;
use crate::config::Reader;
use crate::{Config, Entry, LearningRate, Optimizer, Result, Variable};

/// Steps of about the learning rate in each direction: the mean gradient over its root mean square.
///
/// `m += (g - m) (1 - beta_1)`, `v += (g² - v) (1 - beta_2)`, then
/// `w -= learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)` at step `t`; with `amsgrad`
/// the greatest `v` so far divides.
///
/// ```
/// use keras_core::{Optimizer, Variable, optimizers::Adam};
/// use keras_ops::{Device, Tensor};
/// let w = Variable::new("w", &Tensor::new(&[1f32], &Device::Cpu)?, true)?;
/// let mut adam: Box<dyn Optimizer> = Box::new(Adam::new(0.1).clipnorm(1.));
/// adam.build(&[w.clone()])?;
/// adam.apply(&[Some(Tensor::new(&[30f32], &Device::Cpu)?)])?;
/// assert!((w.value().to_vec1::<f32>()?[0] - 0.9).abs() < 1e-5);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Adam {
    base: OptimizerBase,
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    amsgrad: bool,
    momentums: Vec<Variable>,
    velocities: Vec<Variable>,
    velocity_hats: Vec<Variable>,
}

impl Adam {
    /// With Keras's defaults: `beta_1` 0.9, `beta_2` 0.999, `epsilon` 1e-7.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        Self::with(OptimizerBase::new("Adam", learning_rate))
    }

    fn with(base: OptimizerBase) -> Self {
        Self {
            base,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
            amsgrad: false,
            momentums: Vec::new(),
            velocities: Vec::new(),
            velocity_hats: Vec::new(),
        }
    }

    /// How much of the mean gradient stays at each step.
    #[must_use]
    pub fn beta_1(mut self, beta_1: f64) -> Self {
        self.beta_1 = beta_1;
        self
    }

    /// How much of the mean squared gradient stays at each step.
    #[must_use]
    pub fn beta_2(mut self, beta_2: f64) -> Self {
        self.beta_2 = beta_2;
        self
    }

    /// Keeps the divisor from 0.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Whether the greatest mean square so far divides.
    #[must_use]
    pub fn amsgrad(mut self, amsgrad: bool) -> Self {
        self.amsgrad = amsgrad;
        self
    }

    fn rule(&self, learning_rate: f64) -> AdamRule {
        AdamRule {
            learning_rate,
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            epsilon: self.epsilon,
            step: self.base.steps() + 1,
        }
    }
}

impl Default for Adam {
    /// With a learning rate of 0.001.
    fn default() -> Self {
        Self::new(0.001)
    }
}

shared_arguments!(Adam);

impl Optimizer for Adam {
    fn base(&self) -> &OptimizerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut OptimizerBase {
        &mut self.base
    }

    fn build_slots(&mut self, variables: &[Variable]) -> Result<()> {
        self.momentums = self.base.slots(variables, "momentum")?;
        self.velocities = self.base.slots(variables, "velocity")?;
        if self.amsgrad {
            self.velocity_hats = self.base.slots(variables, "velocity_hat")?;
        }
        Ok(())
    }

    fn update_step(
        &mut self,
        index: usize,
        gradient: &Tensor,
        variable: &Variable,
        learning_rate: f64,
    ) -> Result<()> {
        let (m, v) = (self.momentums[index].tensor(), self.velocities[index].tensor());
        let v_hat = self.velocity_hats.get(index).map(Variable::tensor);
        Ok(adam_step(
            &self.rule(learning_rate),
            variable.tensor(),
            gradient,
            m,
            v,
            v_hat,
        )?)
    }

    fn update_rows(
        &mut self,
        index: usize,
        gradient: &RowGradient,
        variable: &Variable,
        learning_rate: f64,
    ) -> Result<()> {
        let (m, v) = (self.momentums[index].tensor(), self.velocities[index].tensor());
        let v_hat = self.velocity_hats.get(index).map(Variable::tensor);
        Ok(adam_step_rows(
            &self.rule(learning_rate),
            variable.tensor(),
            gradient,
            m,
            v,
            v_hat,
        )?)
    }

    fn slots(&self) -> Vec<Variable> {
        let pairs = self.momentums.iter().zip(&self.velocities);
        pairs
            .flat_map(|(m, v)| [m, v])
            .chain(&self.velocity_hats)
            .cloned()
            .collect()
    }

    fn config(&self) -> Config {
        Config::new()
            .with("beta_1", self.beta_1)
            .with("beta_2", self.beta_2)
            .with("epsilon", self.epsilon)
            .with("amsgrad", self.amsgrad)
    }
}

impl Adam {
    fn read(base: OptimizerBase, r: &mut Reader<'_>) -> Result<Self> {
        let plain = Self::with(base);
        Ok(Self {
            beta_1: r.or("beta_1", plain.beta_1)?,
            beta_2: r.or("beta_2", plain.beta_2)?,
            epsilon: r.or("epsilon", plain.epsilon)?,
            amsgrad: r.or("amsgrad", plain.amsgrad)?,
            ..plain
        })
    }
}

pub(super) const ENTRY: Entry<dyn Optimizer> = Entry {
    class_name: "Adam",
    module: "keras.optimizers",
    aliases: &["adam"],
    doc: "The mean gradient over its root mean square.",
    build: |config, registry| {
        let mut r = config.reader("Adam");
        let base = OptimizerBase::read("Adam", 0.001, &mut r, registry)?;
        let optimizer = Adam::read(base, &mut r)?;
        r.finish()?;
        Ok(Box::new(optimizer))
    },
};

/// [`Adam`] whose weights decay by 0.004 a step, times the learning rate, unless told otherwise.
///
/// ```
/// use keras_core::{Optimizer, Variable, optimizers::AdamW};
/// use keras_ops::{Device, Tensor};
/// let w = Variable::new("w", &Tensor::new(&[1f64], &Device::Cpu)?, true)?;
/// let mut adamw: Box<dyn Optimizer> = Box::new(AdamW::new(0.1).weight_decay(0.5));
/// adamw.build(&[w.clone()])?;
/// adamw.apply(&[Some(w.snapshot()?)])?;
/// assert!((w.value().to_vec1::<f64>()?[0] - 0.85).abs() < 1e-6); // decay 0.05, then a step of 0.1
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct AdamW {
    adam: Adam,
}

impl AdamW {
    /// With Keras's defaults: those of [`Adam`], and a `weight_decay` of 0.004.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        let base = OptimizerBase::new("AdamW", learning_rate);
        Self {
            adam: Adam::with(base).weight_decay(Self::WEIGHT_DECAY),
        }
    }

    const WEIGHT_DECAY: f64 = 0.004;

    /// The same with other arguments: `AdamW::new(1e-3).with(|adam| adam.beta_1(0.8).amsgrad(true))`.
    #[must_use]
    pub fn with(self, change: impl FnOnce(Adam) -> Adam) -> Self {
        Self {
            adam: change(self.adam),
        }
    }

    /// Each step takes this part of every weight away, times the learning rate.
    #[must_use]
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        self.with(|adam| adam.weight_decay(weight_decay))
    }
}

impl Default for AdamW {
    /// With a learning rate of 0.001.
    fn default() -> Self {
        Self::new(0.001)
    }
}

impl Optimizer for AdamW {
    fn base(&self) -> &OptimizerBase {
        self.adam.base()
    }

    fn base_mut(&mut self) -> &mut OptimizerBase {
        self.adam.base_mut()
    }

    fn build_slots(&mut self, variables: &[Variable]) -> Result<()> {
        self.adam.build_slots(variables)
    }

    fn update_step(
        &mut self,
        index: usize,
        gradient: &Tensor,
        variable: &Variable,
        learning_rate: f64,
    ) -> Result<()> {
        self.adam.update_step(index, gradient, variable, learning_rate)
    }

    fn slots(&self) -> Vec<Variable> {
        self.adam.slots()
    }

    fn config(&self) -> Config {
        self.adam.config()
    }
}

pub(super) const ADAMW_ENTRY: Entry<dyn Optimizer> = Entry {
    class_name: "AdamW",
    module: "keras.optimizers",
    aliases: &["adamw"],
    doc: "Adam with decaying weights.",
    build: |config, registry| {
        let mut r = config.reader("AdamW");
        let given = r.raw("weight_decay").is_some();
        let mut base = OptimizerBase::read("AdamW", 0.001, &mut r, registry)?;
        if !given {
            base.weight_decay = Some(AdamW::WEIGHT_DECAY);
        }
        let adam = Adam::read(base, &mut r)?;
        r.finish()?;
        Ok(Box::new(AdamW { adam }))
    },
};
