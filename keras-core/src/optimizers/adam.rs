//! Adam and AdamW, which differ in a default.

use keras_ops::optimizer_step::{AdamRule, adam_step, adam_step_rows};
use keras_ops::{RowGradient, Tensor};
use smallvec::smallvec;

use super::define::optimizer;
use super::rule::{Rule, Slot, Step, VariableSpecs, betas};
use crate::{Result, Variable, bail};

macro_rules! adams {
    ($(
        $(#[$doc:meta])*
        $name:ident, $alias:literal, $about:literal, learning_rate $rate:literal $(, weight_decay $decay:literal)?;
    )*) => {$(
        optimizer! {
            $(#[$doc])*
            $name, $alias, $about, learning_rate $rate $(, weight_decay $decay)?;
            arguments {
                /// How much of the mean gradient stays at each step.
                beta_1: f64 = 0.9,
                /// How much of the mean squared gradient stays at each step.
                beta_2: f64 = 0.999,
                /// Keeps the divisor from 0.
                epsilon: f64 = 1e-7,
                /// Whether the greatest mean square so far divides.
                amsgrad: bool = false,
            }
        }

        impl $name {
            fn rule(&self, at: &Step<'_>) -> AdamRule {
                AdamRule {
                    learning_rate: at.learning_rate,
                    beta_1: self.beta_1,
                    beta_2: self.beta_2,
                    epsilon: self.epsilon,
                    step: at.number,
                }
            }
        }

        impl Rule for $name {
            fn check(&self) -> Result<()> {
                $(let _ = $decay;
                if self.base.weight_decay.is_none() {
                    bail!("{}: `weight_decay` must be a number, got null", stringify!($name));
                })?
                betas(stringify!($name), [("beta_1", self.beta_1), ("beta_2", self.beta_2)])
            }

            fn slots(&self, _: &Variable) -> Result<VariableSpecs> {
                Ok(smallvec![
                    Some(Slot::zeros("momentum")),
                    Some(Slot::zeros("velocity")),
                    self.amsgrad.then(|| Slot::zeros("velocity_hat").group(1)),
                ])
            }

            fn step(&self, at: &Step<'_>, gradient: &Tensor) -> keras_ops::Result<()> {
                let (m, v, v_hat) = (at.slot(0)?, at.slot(1)?, at.optional(2));
                adam_step(&self.rule(at), at.variable, gradient, m, v, v_hat)
            }

            fn step_rows(&self, at: &Step<'_>, gradient: &RowGradient) -> keras_ops::Result<()> {
                let (m, v, v_hat) = (at.slot(0)?, at.slot(1)?, at.optional(2));
                adam_step_rows(&self.rule(at), at.variable, gradient, m, v, v_hat)
            }
        }
    )*};
}

adams! {
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
    /// let mut adam = Adam::new(0.1).clipnorm(1.);
    /// adam.build(&[w.clone()])?;
    /// adam.apply(&[Some(Tensor::new(&[30f32], &Device::Cpu)?)])?;
    /// assert!((w.value().to_vec1::<f32>()?[0] - 0.9).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Adam, "adam", "The mean gradient over its root mean square.", learning_rate 0.001;

    /// [`Adam`] whose weights decay by 0.004 a step, times the learning rate, unless told otherwise.
    ///
    /// ```
    /// use keras_core::{Optimizer, Variable, optimizers::AdamW};
    /// use keras_ops::{Device, Tensor};
    /// let w = Variable::new("w", &Tensor::new(&[1f64], &Device::Cpu)?, true)?;
    /// let mut adamw = AdamW::new(0.1).weight_decay(0.5);
    /// adamw.build(&[w.clone()])?;
    /// adamw.apply(&[Some(w.snapshot()?)])?;
    /// assert!((w.value().to_vec1::<f64>()?[0] - 0.85).abs() < 1e-6); // decay 0.05, then a step of 0.1
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    AdamW, "adamw", "Adam with decaying weights.", learning_rate 0.001, weight_decay 0.004;
}
