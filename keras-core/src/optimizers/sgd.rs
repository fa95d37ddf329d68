use keras_ops::optimizer_step::{SgdRule, sgd_step, sgd_step_rows};
use keras_ops::{RowGradient, Tensor};

use super::OptimizerBase;
use super::arguments::shared_arguments;
use crate::{Config, Entry, LearningRate, Optimizer, Result, Variable, bail};

/// Gradient descent, with momentum if wanted: `w -= learning_rate g`; with `momentum`,
/// `m = momentum m - learning_rate g`, then `w += m`, or with `nesterov` `w += momentum m - learning_rate g`.
///
/// ```
/// use keras_core::{Optimizer, Variable, optimizers::SGD};
/// use keras_ops::{Device, Tensor};
/// let w = Variable::new("w", &Tensor::new(&[1f32], &Device::Cpu)?, true)?;
/// let mut sgd: Box<dyn Optimizer> = Box::new(SGD::new(0.5).momentum(0.5));
/// sgd.build(&[w.clone()])?;
/// for _ in 0..2 {
///     sgd.apply(&[Some(Tensor::new(&[1f32], &Device::Cpu)?)])?;
/// }
/// assert_eq!(w.value().to_vec1::<f32>()?, [-0.25]); // 1 - 0.5 - 0.75
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct SGD {
    base: OptimizerBase,
    momentum: f64,
    nesterov: bool,
    momentums: Vec<Variable>,
}

impl SGD {
    /// Plain gradient descent.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        let base = OptimizerBase::new("SGD", learning_rate);
        Self {
            base,
            momentum: 0.,
            nesterov: false,
            momentums: Vec::new(),
        }
    }

    /// How much of the last step is repeated, in `[0, 1]`.
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Whether the gradient counts as if the momentum step were done.
    #[must_use]
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }

    fn rule(&self, learning_rate: f64) -> SgdRule {
        SgdRule {
            learning_rate,
            momentum: self.momentum,
            nesterov: self.nesterov,
        }
    }

    fn check(&self) -> Result<()> {
        if (0. ..=1.).contains(&self.momentum) {
            return Ok(());
        }
        bail!("SGD: `momentum` must be in [0, 1], got {}", self.momentum)
    }
}

impl Default for SGD {
    /// With a learning rate of 0.01.
    fn default() -> Self {
        Self::new(0.01)
    }
}

shared_arguments!(SGD);

impl Optimizer for SGD {
    fn base(&self) -> &OptimizerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut OptimizerBase {
        &mut self.base
    }

    fn build_slots(&mut self, variables: &[Variable]) -> Result<()> {
        self.check()?;
        if self.momentum != 0. {
            self.momentums = self.base.slots(variables, "momentum")?;
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
        let momentum = self.momentums.get(index).map(Variable::tensor);
        Ok(sgd_step(
            &self.rule(learning_rate),
            variable.tensor(),
            gradient,
            momentum,
        )?)
    }

    fn update_rows(
        &mut self,
        index: usize,
        gradient: &RowGradient,
        variable: &Variable,
        learning_rate: f64,
    ) -> Result<()> {
        let momentum = self.momentums.get(index).map(Variable::tensor);
        Ok(sgd_step_rows(
            &self.rule(learning_rate),
            variable.tensor(),
            gradient,
            momentum,
        )?)
    }

    fn slots(&self) -> Vec<Variable> {
        self.momentums.clone()
    }

    fn config(&self) -> Config {
        Config::new()
            .with("momentum", self.momentum)
            .with("nesterov", self.nesterov)
    }
}

pub(super) const ENTRY: Entry<dyn Optimizer> = Entry {
    class_name: "SGD",
    module: "keras.optimizers",
    aliases: &["sgd"],
    doc: "Gradient descent, with momentum if wanted.",
    build: |config, registry| {
        let mut r = config.reader("SGD");
        let optimizer = SGD {
            base: OptimizerBase::read("SGD", 0.01, &mut r, registry)?,
            momentum: r.or("momentum", 0.)?,
            nesterov: r.or("nesterov", false)?,
            momentums: Vec::new(),
        };
        r.finish()?;
        optimizer.check()?;
        Ok(Box::new(optimizer))
    },
};
