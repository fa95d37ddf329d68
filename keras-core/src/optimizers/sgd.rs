use keras_ops::optimizer_step::{SgdRule, sgd_step, sgd_step_rows};
use keras_ops::{RowGradient, Tensor};
use smallvec::smallvec;

use super::define::optimizer;
use super::rule::{Rule, Slot, Step, VariableSpecs};
use crate::{Result, Variable, bail};

optimizer! {
    /// Gradient descent, with momentum if wanted: `w -= learning_rate g`; with `momentum`,
    /// `m = momentum m - learning_rate g`, then `w += m`, or with `nesterov` `w += momentum m - learning_rate g`.
    ///
    /// ```
    /// use keras_core::{Optimizer, Variable, optimizers::SGD};
    /// use keras_ops::{Device, Tensor};
    /// let w = Variable::new("w", &Tensor::new(&[1f32], &Device::Cpu)?, true)?;
    /// let mut sgd = SGD::new(0.5).momentum(0.5);
    /// sgd.build(&[w.clone()])?;
    /// for _ in 0..2 {
    ///     sgd.apply(&[Some(Tensor::new(&[1f32], &Device::Cpu)?)])?;
    /// }
    /// assert_eq!(w.value().to_vec1::<f32>()?, [-0.25]); // 1 - 0.5 - 0.75
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    SGD, "sgd", "Gradient descent, with momentum if wanted.", learning_rate 0.01;
    arguments {
        /// How much of the last step is repeated, in `[0, 1]`.
        momentum: f64 = 0.,
        /// Whether the gradient counts as if the momentum step were done.
        nesterov: bool = false,
    }
}

impl SGD {
    fn rule(&self, at: &Step<'_>) -> SgdRule {
        SgdRule {
            learning_rate: at.learning_rate,
            momentum: self.momentum,
            nesterov: self.nesterov,
        }
    }
}

impl Rule for SGD {
    fn check(&self) -> Result<()> {
        if (0. ..=1.).contains(&self.momentum) {
            return Ok(());
        }
        bail!("SGD: `momentum` must be in [0, 1], got {}", self.momentum)
    }

    fn slots(&self, _: &Variable) -> Result<VariableSpecs> {
        Ok(smallvec![(self.momentum != 0.).then(|| Slot::zeros("momentum"))])
    }

    fn step(&self, at: &Step<'_>, gradient: &Tensor) -> keras_ops::Result<()> {
        sgd_step(&self.rule(at), at.variable, gradient, at.optional(0))
    }

    fn step_rows(&self, at: &Step<'_>, gradient: &RowGradient) -> keras_ops::Result<()> {
        sgd_step_rows(&self.rule(at), at.variable, gradient, at.optional(0))
    }
}
