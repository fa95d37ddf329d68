use keras_ops::Tensor;
use keras_ops::optimizer_step::{AdamRule, MuonRule, adam_step, muon_step};
use smallvec::smallvec;

use super::Patterns;
use super::define::optimizer;
use super::rule::{Rule, Slot, Step, VariableSlots, VariableSpecs, betas};
use crate::{Result, Variable};

optimizer! {
    /// Steps with all singular values alike for matrices, Adam for everything else and for embeddings; see
    /// [`muon_step`].
    ///
    /// ```
    /// use keras_core::{Optimizer, Variable, optimizers::Muon};
    /// use keras_ops::{Device, Tensor};
    /// let w = Variable::new("bias", &Tensor::new(&[1f64], &Device::Cpu)?, true)?;
    /// let mut muon = Muon::new(0.1).adam_weight_decay(None);
    /// muon.build(&[w.clone()])?;
    /// muon.apply(&[Some(w.snapshot()?)])?;
    /// assert!((w.value().to_vec1::<f64>()?[0] - 0.9).abs() < 1e-6); // no matrix: a step of Adam
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Muon, "muon", "Steps with all singular values alike for matrices, Adam for the rest.",
    learning_rate 0.001, weight_decay 0.004;
    arguments {
        /// How much of the mean gradient stays at each step of Adam.
        adam_beta_1: f64 = 0.9,
        /// How much of the mean squared gradient stays at each step of Adam.
        adam_beta_2: f64 = 0.999,
        /// Keeps Adam's divisor from 0.
        epsilon: f64 = 1e-7,
        /// Adam steps the variables in whose path one of these regular expressions is found.
        exclude_layers: Patterns [impl Into<Patterns>] = Patterns::default(),
        /// The first coefficient of the polynomial.
        muon_a: f64 = 3.4445,
        /// The second.
        muon_b: f64 = -4.775,
        /// The third.
        muon_c: f64 = 2.0315,
        /// Adam's learning rate as a part of the other.
        adam_lr_ratio: f64 = 1.,
        /// Decay of the momentum.
        momentum: f64 = 0.95,
        /// How often the polynomial is applied.
        ns_steps: usize = 5,
        /// Whether the gradient is taken as if the momentum step were done.
        nesterov: bool = true,
        /// Whether Adam steps the variables with `embedding` in their path.
        exclude_embeddings: bool = true,
        /// The decay of variables that Adam steps.
        adam_weight_decay: Option<f64> [impl Into<Option<f64>>] = Some(0.004),
        /// Times the root of a matrix's longer side, the root mean square of a step over the learning rate; `None`
        /// for steps as they come.
        rms_rate: Option<f64> [impl Into<Option<f64>>] = Some(0.2),
    }
}

impl Muon {
    fn for_adam(&self, variable: &Variable) -> Result<bool> {
        let path = variable.path();
        Ok(variable.shape().len() != 2
            || (self.exclude_embeddings && path.to_lowercase().contains("embedding"))
            || self.exclude_layers.find_in(&path)?)
    }
}

impl Rule for Muon {
    fn check(&self) -> Result<()> {
        self.exclude_layers.find_in("")?;
        betas(
            "Muon",
            [
                ("adam_beta_1", self.adam_beta_1),
                ("adam_beta_2", self.adam_beta_2),
            ],
        )
    }

    fn slots(&self, variable: &Variable) -> Result<VariableSpecs> {
        Ok(smallvec![
            Some(Slot::zeros("momentum")),
            self.for_adam(variable)?.then(|| Slot::zeros("velocity"))
        ])
    }

    fn decay(&self, base: Option<f64>, slots: &VariableSlots) -> Option<f64> {
        match slots.get(1) {
            Some(Some(_)) => self.adam_weight_decay,
            _ => base,
        }
    }

    fn step(&self, at: &Step<'_>, gradient: &Tensor) -> keras_ops::Result<()> {
        let momentum = at.slot(0)?;
        if let Some(velocity) = at.optional(1) {
            let rule = AdamRule {
                learning_rate: at.learning_rate * self.adam_lr_ratio,
                beta_1: self.adam_beta_1,
                beta_2: self.adam_beta_2,
                epsilon: self.epsilon,
                step: at.number,
            };
            return adam_step(&rule, at.variable, gradient, momentum, velocity, None);
        }
        let rule = MuonRule {
            learning_rate: at.learning_rate,
            momentum: self.momentum,
            nesterov: self.nesterov,
            coefficients: [self.muon_a, self.muon_b, self.muon_c],
            iterations: self.ns_steps,
            rms_rate: self.rms_rate,
        };
        muon_step(&rule, at.variable, gradient, momentum)
    }
}
