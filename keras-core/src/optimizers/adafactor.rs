use keras_ops::Tensor;
use keras_ops::optimizer_step::{AdafactorRule, adafactor_step};
use smallvec::smallvec;

use super::define::optimizer;
use super::rule::{Rule, Slot, Step, VariableSpecs};
use crate::{Result, Variable, bail};

optimizer! {
    /// Adam in little memory: the second moment of a matrix is kept as the means of its rows and columns; see
    /// [`adafactor_step`].
    ///
    /// ```
    /// use keras_core::{Optimizer, Variable, optimizers::Adafactor};
    /// use keras_ops::{Device, Tensor};
    /// let w = Variable::new("w", &Tensor::new(&[1f64], &Device::Cpu)?, true)?;
    /// let mut adafactor = Adafactor::new(0.5);
    /// adafactor.build(&[w.clone()])?;
    /// adafactor.apply(&[Some(w.snapshot()?)])?;
    /// assert!((w.value().to_vec1::<f64>()?[0] - 0.5).abs() < 1e-6); // a step of 0.5 times the variable's size
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Adafactor, "adafactor", "Adam in little memory.", learning_rate 0.001;
    arguments {
        /// The exponent of the second moment's decay, below 0.
        beta_2_decay: f64 = -0.8,
        /// Added to the squares of the gradient.
        epsilon_1: f64 = 1e-30,
        /// The least root mean square of a variable.
        epsilon_2: f64 = 1e-3,
        /// The root mean square of a step is at most this.
        clip_threshold: f64 = 1.,
        /// Whether a constant learning rate is at most `1 / sqrt(t)`.
        relative_step: bool = true,
    }
}

impl Rule for Adafactor {
    fn check(&self) -> Result<()> {
        if self.clip_threshold > 0. {
            return Ok(());
        }
        bail!(
            "Adafactor: `clip_threshold` must be greater than 0, got {}",
            self.clip_threshold
        )
    }

    fn slots(&self, variable: &Variable) -> Result<VariableSpecs> {
        let mean = |shape: Vec<usize>| Some(Slot::zeros("").shape(shape));
        let (rows, columns) = match variable.shape() {
            [outer @ .., rows, columns] => ([outer, &[*rows]].concat(), [outer, &[*columns]].concat()),
            // Keras saves two numbers there that it does not use.
            _ => (Vec::new(), Vec::new()),
        };
        Ok(smallvec![
            mean(rows),
            mean(columns),
            Some(Slot::zeros("velocity"))
        ])
    }

    fn step(&self, at: &Step<'_>, gradient: &Tensor) -> keras_ops::Result<()> {
        let most = match self.relative_step && at.constant {
            true => 1. / (at.number as f64).sqrt(),
            false => f64::INFINITY,
        };
        let rule = AdafactorRule {
            learning_rate: at.learning_rate.min(most),
            beta_2_decay: self.beta_2_decay,
            epsilon_1: self.epsilon_1,
            epsilon_2: self.epsilon_2,
            clip_threshold: self.clip_threshold,
            step: at.number,
        };
        let means = match at.variable.rank() {
            0 | 1 => None,
            _ => Some((at.slot(0)?, at.slot(1)?)),
        };
        adafactor_step(&rule, at.variable, gradient, at.slot(2)?, means)
    }
}
