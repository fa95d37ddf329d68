use keras_ops::optimizer_step::{RmspropRule, rmsprop_step, rmsprop_step_rows};
use keras_ops::{RowGradient, Tensor};
use smallvec::smallvec;

use super::define::optimizer;
use super::rule::{Rule, Slot, Step, VariableSpecs, betas};
use crate::{Result, Variable};

optimizer! {
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
    /// let mut rmsprop = RMSprop::new(0.1);
    /// rmsprop.build(&[w.clone()])?;
    /// rmsprop.apply(&[Some(w.snapshot()?)])?; // the gradient of w² / 2
    /// assert!((w.value().to_vec1::<f64>()?[0] - 9.683772).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RMSprop, "rmsprop", "The gradient over its root mean square.", learning_rate 0.001;
    arguments {
        /// How much of the averages stays at each step.
        rho: f64 = 0.9,
        /// How much of the last step is repeated.
        momentum: f64 = 0.,
        /// Keeps the divisor from 0.
        epsilon: f64 = 1e-7,
        /// Whether the variance of the gradient divides instead of its mean square.
        centered: bool = false,
    }
}

impl RMSprop {
    fn rule(&self, at: &Step<'_>) -> RmspropRule {
        RmspropRule {
            learning_rate: at.learning_rate,
            rho: self.rho,
            momentum: self.momentum,
            epsilon: self.epsilon,
        }
    }
}

impl Rule for RMSprop {
    fn check(&self) -> Result<()> {
        betas("RMSprop", [("rho", self.rho)])
    }

    fn slots(&self, _: &Variable) -> Result<VariableSpecs> {
        Ok(smallvec![
            Some(Slot::zeros("velocity")),
            (self.momentum > 0.).then(|| Slot::zeros("momentum").group(1)),
            self.centered.then(|| Slot::zeros("average_gradient").group(2)),
        ])
    }

    fn step(&self, at: &Step<'_>, gradient: &Tensor) -> keras_ops::Result<()> {
        let (momentum, average) = (at.optional(1), at.optional(2));
        rmsprop_step(
            &self.rule(at),
            at.variable,
            gradient,
            at.slot(0)?,
            momentum,
            average,
        )
    }

    fn step_rows(&self, at: &Step<'_>, gradient: &RowGradient) -> keras_ops::Result<()> {
        let (momentum, average) = (at.optional(1), at.optional(2));
        rmsprop_step_rows(
            &self.rule(at),
            at.variable,
            gradient,
            at.slot(0)?,
            momentum,
            average,
        )
    }
}
