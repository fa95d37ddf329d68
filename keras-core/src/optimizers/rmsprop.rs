use keras_ops::optimizer_step::{RmspropRule, rmsprop_step, rmsprop_step_rows};
use keras_ops::{RowGradient, Tensor};

use super::OptimizerBase;
use super::arguments::shared_arguments;
use crate::{Config, Entry, LearningRate, Optimizer, Result, Variable};

/// The gradient over its root mean square: `v = rho v + (1 - rho) g²`,
/// `w -= learning_rate g / sqrt(v + epsilon)`.
///
/// With `centered`, `a = rho a + (1 - rho) g` and the variance `v - a²` takes the place of `v`; with
/// `momentum`, `m = momentum m + step` and `w -= m`.
///
/// ```
/// use keras_core::{Optimizer, Variable, optimizers::RMSprop};
/// use keras_ops::{Device, Tensor};
/// let w = Variable::new("w", &Tensor::new(&[10f64], &Device::Cpu)?, true)?;
/// let mut rmsprop: Box<dyn Optimizer> = Box::new(RMSprop::new(0.1));
/// rmsprop.build(&[w.clone()])?;
/// rmsprop.apply(&[Some(w.snapshot()?)])?; // the gradient of w² / 2
/// assert!((w.value().to_vec1::<f64>()?[0] - 9.683772).abs() < 1e-6);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct RMSprop {
    base: OptimizerBase,
    rho: f64,
    momentum: f64,
    epsilon: f64,
    centered: bool,
    velocities: Vec<Variable>,
    momentums: Vec<Variable>,
    average_gradients: Vec<Variable>,
}

impl RMSprop {
    /// With Keras's defaults: `rho` 0.9, no momentum, `epsilon` 1e-7, not centred.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        Self::with(OptimizerBase::new("RMSprop", learning_rate))
    }

    fn with(base: OptimizerBase) -> Self {
        Self {
            base,
            rho: 0.9,
            momentum: 0.,
            epsilon: 1e-7,
            centered: false,
            velocities: Vec::new(),
            momentums: Vec::new(),
            average_gradients: Vec::new(),
        }
    }

    /// How much of the averages stays at each step.
    #[must_use]
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// How much of the last step is repeated.
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Keeps the divisor from 0.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Whether the variance of the gradient divides instead of its mean square.
    #[must_use]
    pub fn centered(mut self, centered: bool) -> Self {
        self.centered = centered;
        self
    }

    fn rule(&self, learning_rate: f64) -> RmspropRule {
        RmspropRule {
            learning_rate,
            rho: self.rho,
            momentum: self.momentum,
            epsilon: self.epsilon,
        }
    }
}

impl Default for RMSprop {
    /// With a learning rate of 0.001.
    fn default() -> Self {
        Self::new(0.001)
    }
}

shared_arguments!(RMSprop);

impl Optimizer for RMSprop {
    fn base(&self) -> &OptimizerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut OptimizerBase {
        &mut self.base
    }

    fn build_slots(&mut self, variables: &[Variable]) -> Result<()> {
        self.velocities = self.base.slots(variables, "velocity")?;
        if self.momentum > 0. {
            self.momentums = self.base.slots(variables, "momentum")?;
        }
        if self.centered {
            self.average_gradients = self.base.slots(variables, "average_gradient")?;
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
        let velocity = self.velocities[index].tensor();
        let momentum = self.momentums.get(index).map(Variable::tensor);
        let average = self.average_gradients.get(index).map(Variable::tensor);
        Ok(rmsprop_step(
            &self.rule(learning_rate),
            variable.tensor(),
            gradient,
            velocity,
            momentum,
            average,
        )?)
    }

    fn update_rows(
        &mut self,
        index: usize,
        gradient: &RowGradient,
        variable: &Variable,
        learning_rate: f64,
    ) -> Result<()> {
        let velocity = self.velocities[index].tensor();
        let momentum = self.momentums.get(index).map(Variable::tensor);
        let average = self.average_gradients.get(index).map(Variable::tensor);
        Ok(rmsprop_step_rows(
            &self.rule(learning_rate),
            variable.tensor(),
            gradient,
            velocity,
            momentum,
            average,
        )?)
    }

    fn slots(&self) -> Vec<Variable> {
        self.velocities
            .iter()
            .chain(&self.momentums)
            .chain(&self.average_gradients)
            .cloned()
            .collect()
    }

    fn config(&self) -> Config {
        Config::new()
            .with("rho", self.rho)
            .with("momentum", self.momentum)
            .with("epsilon", self.epsilon)
            .with("centered", self.centered)
    }
}

pub(super) const ENTRY: Entry<dyn Optimizer> = Entry {
    class_name: "RMSprop",
    module: "keras.optimizers",
    aliases: &["rmsprop"],
    doc: "The gradient over its root mean square.",
    build: |config, registry| {
        let mut r = config.reader("RMSprop");
        let plain = RMSprop::with(OptimizerBase::read("RMSprop", 0.001, &mut r, registry)?);
        let optimizer = RMSprop {
            rho: r.or("rho", plain.rho)?,
            momentum: r.or("momentum", plain.momentum)?,
            epsilon: r.or("epsilon", plain.epsilon)?,
            centered: r.or("centered", plain.centered)?,
            ..plain
        };
        r.finish()?;
        Ok(Box::new(optimizer))
    },
};
