//! Optimizers that are a few numbers, a slot or two a variable, and one formula.

use keras_ops::Tensor;
use keras_ops::optimizer_step as rules;
use smallvec::smallvec;

use super::define::optimizer;
use super::rule::{Rule, Slot, Step, VariableSpecs, betas};
use crate::{Result, Variable, bail};

/// [`optimizer!`] with its slots, the check of its arguments, and its step by `slots` given as tensors.
macro_rules! optimizers {
    ($(
        $(#[$doc:meta])*
        $name:ident, $alias:literal, $about:literal, learning_rate $rate:literal;
        arguments $arguments:tt
        $(state $state:tt)?
        slots |$built:ident| [$($slot:expr),*]
        $(check |$checked:ident| $check:expr,)?
        $(begin |$begun:ident, $number:ident| $begin:expr,)?
        step |$this:ident, $at:ident, $gradient:ident, [$($tensor:ident),*]| $update:expr;
    )*) => {$(
        optimizer! {
            $(#[$doc])*
            $name, $alias, $about, learning_rate $rate;
            arguments $arguments
            $(state $state)?
        }

        impl Rule for $name {
            $(fn check(&self) -> Result<()> {
                let $checked = self;
                $check
            })?

            fn slots(&self, _: &Variable) -> Result<VariableSpecs> {
                let $built = self;
                Ok(smallvec![$(Some($slot)),*])
            }

            $(fn begin(&mut self, $number: u64) {
                let $begun = self;
                $begin
            })?

            fn step(&self, $at: &Step<'_>, $gradient: &Tensor) -> keras_ops::Result<()> {
                let $this = self;
                let mut places = 0..;
                $(let $tensor = $at.slot(places.next().unwrap_or_default())?;)*
                $update
            }
        }
    )*};
}

/// The product of the momentums of all steps so far.
#[derive(Clone, Copy, Debug)]
struct NadamProduct {
    steps: u64,
    value: f64,
}

impl Default for NadamProduct {
    fn default() -> Self {
        Self { steps: 0, value: 1. }
    }
}

impl NadamProduct {
    fn advance(&mut self, beta_1: f64, to: u64) {
        if self.steps > to {
            *self = Self::default();
        }
        for step in self.steps + 1..=to {
            self.value *= rules::NadamRule::u(beta_1, step);
        }
        self.steps = to;
    }
}

optimizers! {
    /// Steps of the size of the last steps: `a = rho a + (1 - rho) g²`,
    /// `d = -sqrt(b + epsilon) / sqrt(a + epsilon) g`, `b = rho b + (1 - rho) d²`, `w += learning_rate d`.
    ///
    /// ```
    /// use keras_core::{Optimizer, Variable, optimizers::Adadelta};
    /// use keras_ops::{Device, Tensor};
    /// let w = Variable::new("w", &Tensor::new(&[1f64], &Device::Cpu)?, true)?;
    /// let mut adadelta = Adadelta::new(1.);
    /// adadelta.build(&[w.clone()])?;
    /// adadelta.apply(&[Some(w.snapshot()?)])?;
    /// assert!((w.value().to_vec1::<f64>()?[0] - 0.998586).abs() < 1e-6); // 1 - sqrt(1e-7 / 0.05)
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Adadelta, "adadelta", "Steps of the size of the last steps.", learning_rate 0.001;
    arguments {
        /// How much of the averages stays at each step.
        rho: f64 = 0.95,
        /// Keeps the divisor from 0.
        epsilon: f64 = 1e-7,
    }
    slots |_this| [Slot::zeros("accumulated_grad"), Slot::zeros("accumulated_delta_var")]
    check |this| betas("Adadelta", [("rho", this.rho)]),
    step |this, at, gradient, [accumulated, deltas]| {
        let rule = rules::AdadeltaRule { learning_rate: at.learning_rate, rho: this.rho, epsilon: this.epsilon };
        rules::adadelta_step(&rule, at.variable, gradient, accumulated, deltas)
    };

    /// A learning rate for each weight, falling with its gradients: `a += g²`,
    /// `w -= learning_rate g / sqrt(a + epsilon)`.
    ///
    /// ```
    /// use keras_core::{Optimizer, Variable, optimizers::Adagrad};
    /// use keras_ops::{Device, Tensor};
    /// let w = Variable::new("w", &Tensor::new(&[1f64], &Device::Cpu)?, true)?;
    /// let mut adagrad = Adagrad::new(0.5).initial_accumulator_value(3.);
    /// adagrad.build(&[w.clone()])?;
    /// adagrad.apply(&[Some(w.snapshot()?)])?;
    /// assert!((w.value().to_vec1::<f64>()?[0] - 0.75).abs() < 1e-6); // 1 - 0.5 / sqrt(4)
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Adagrad, "adagrad", "A learning rate for each weight, falling with its gradients.", learning_rate 0.001;
    arguments {
        /// What the sums of squares start with.
        initial_accumulator_value: f64 = 0.1,
        /// Keeps the divisor from 0.
        epsilon: f64 = 1e-7,
    }
    slots |this| [Slot::filled("accumulator", this.initial_accumulator_value)]
    step |this, at, gradient, [accumulator]| {
        let rule = rules::AdagradRule { learning_rate: at.learning_rate, epsilon: this.epsilon };
        rules::adagrad_step(&rule, at.variable, gradient, accumulator)
    };

    /// Adam with the greatest gradient in place of the mean square: `m += (g - m) (1 - beta_1)`,
    /// `u = max(beta_2 u, |g|)`, `w -= learning_rate m / ((1 - beta_1^t) (u + epsilon))`.
    Adamax, "adamax", "Adam with the greatest gradient in place of the mean square.", learning_rate 0.001;
    arguments {
        /// Decay of the first moment.
        beta_1: f64 = 0.9,
        /// Decay of the norm.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from 0.
        epsilon: f64 = 1e-7,
    }
    slots |_this| [Slot::zeros("momentum"), Slot::zeros("norm")]
    check |this| betas("Adamax", [("beta_1", this.beta_1), ("beta_2", this.beta_2)]),
    step |this, at, gradient, [m, u]| {
        let rule = rules::AdamaxRule {
            learning_rate: at.learning_rate,
            beta_1: this.beta_1,
            beta_2: this.beta_2,
            epsilon: this.epsilon,
            step: at.number,
        };
        rules::adamax_step(&rule, at.variable, gradient, m, u)
    };

    /// Adam with Nesterov's momentum; see [`nadam_step`](rules::nadam_step).
    Nadam, "nadam", "Adam with Nesterov's momentum.", learning_rate 0.001;
    arguments {
        /// Decay of the first moment.
        beta_1: f64 = 0.9,
        /// Decay of the second moment.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from 0.
        epsilon: f64 = 1e-7,
    }
    state { product: NadamProduct = NadamProduct::default(), }
    slots |_this| [Slot::zeros("momentum"), Slot::zeros("velocity")]
    check |this| betas("Nadam", [("beta_1", this.beta_1), ("beta_2", this.beta_2)]),
    begin |this, number| this.product.advance(this.beta_1, number),
    step |this, at, gradient, [m, v]| {
        let rule = rules::NadamRule {
            learning_rate: at.learning_rate,
            beta_1: this.beta_1,
            beta_2: this.beta_2,
            epsilon: this.epsilon,
            step: at.number,
            u_product: this.product.value,
        };
        rules::nadam_step(&rule, at.variable, gradient, m, v)
    };

    /// Follow the regularised leader; see [`ftrl_step`](rules::ftrl_step).
    Ftrl, "ftrl", "Follow the regularised leader: sparse weights.", learning_rate 0.001;
    arguments {
        /// How the learning rate falls with the accumulated squares; 0 or less.
        learning_rate_power: f64 = -0.5,
        /// What the sums of squares start with.
        initial_accumulator_value: f64 = 0.1,
        /// Strength of the L1 penalty.
        l1_regularization_strength: f64 = 0.,
        /// Strength of the L2 penalty.
        l2_regularization_strength: f64 = 0.,
        /// Strength of the L2 penalty on the gradient's side.
        l2_shrinkage_regularization_strength: f64 = 0.,
        /// The divisor at the start.
        beta: f64 = 0.,
    }
    slots |this| [Slot::filled("accumulator", this.initial_accumulator_value), Slot::zeros("linear")]
    check |this| {
        let least = [
            ("initial_accumulator_value", this.initial_accumulator_value),
            ("l1_regularization_strength", this.l1_regularization_strength),
            ("l2_regularization_strength", this.l2_regularization_strength),
            ("l2_shrinkage_regularization_strength", this.l2_shrinkage_regularization_strength),
        ];
        if this.learning_rate_power.is_nan() || this.learning_rate_power > 0. {
            bail!("Ftrl: `learning_rate_power` must be 0 or less, got {}", this.learning_rate_power);
        }
        match least.into_iter().find(|(_, value)| value.is_nan() || *value < 0.) {
            Some((argument, value)) => bail!("Ftrl: `{argument}` must be 0 or more, got {value}"),
            None => Ok(()),
        }
    },
    step |this, at, gradient, [accumulator, linear]| {
        let rule = rules::FtrlRule {
            learning_rate: at.learning_rate,
            learning_rate_power: this.learning_rate_power,
            l1: this.l1_regularization_strength,
            l2: this.l2_regularization_strength,
            shrinkage: this.l2_shrinkage_regularization_strength,
            beta: this.beta,
        };
        rules::ftrl_step(&rule, at.variable, gradient, accumulator, linear)
    };

    /// Steps of one size, in the momentum's direction: `w -= learning_rate sign(beta_1 m + (1 - beta_1) g)`,
    /// `m = beta_2 m + (1 - beta_2) g`.
    ///
    /// ```
    /// use keras_core::{Optimizer, Variable, optimizers::Lion};
    /// use keras_ops::{Device, Tensor};
    /// let w = Variable::new("w", &Tensor::new(&[3f64, -5.], &Device::Cpu)?, true)?;
    /// let mut lion = Lion::new(0.5);
    /// lion.build(&[w.clone()])?;
    /// lion.apply(&[Some(w.snapshot()?)])?;
    /// assert_eq!(w.value().to_vec1::<f64>()?, [2.5, -4.5]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Lion, "lion", "Steps of one size, in the momentum's direction.", learning_rate 0.001;
    arguments {
        /// The momentum's part in a step.
        beta_1: f64 = 0.9,
        /// Decay of the momentum.
        beta_2: f64 = 0.99,
    }
    slots |_this| [Slot::zeros("momentum")]
    check |this| {
        if !(this.beta_1 > 0. && this.beta_1 <= 1.) {
            bail!("Lion: `beta_1` must be in (0, 1], got {}; with 0 the momentum has no part", this.beta_1);
        }
        betas("Lion", [("beta_2", this.beta_2)])
    },
    step |this, at, gradient, [m]| {
        let rule = rules::LionRule { learning_rate: at.learning_rate, beta_1: this.beta_1, beta_2: this.beta_2 };
        rules::lion_step(&rule, at.variable, gradient, m)
    };

    /// Adam's direction, as long as the variable's norm; see [`lamb_step`](rules::lamb_step).
    Lamb, "lamb", "Adam's direction, as long as the variable's norm: for large batches.", learning_rate 0.001;
    arguments {
        /// Decay of the first moment.
        beta_1: f64 = 0.9,
        /// Decay of the second moment.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from 0.
        epsilon: f64 = 1e-7,
    }
    slots |_this| [Slot::zeros("momentum"), Slot::zeros("velocity")]
    check |this| betas("Lamb", [("beta_1", this.beta_1), ("beta_2", this.beta_2)]),
    step |this, at, gradient, [m, v]| {
        let rule = rules::LambRule {
            learning_rate: at.learning_rate,
            beta_1: this.beta_1,
            beta_2: this.beta_2,
            epsilon: this.epsilon,
            step: at.number,
        };
        rules::lamb_step(&rule, at.variable, gradient, m, v)
    };

    /// AdamW whose weights are averages, so that no schedule is needed; see
    /// [`schedule_free_adamw_step`](rules::schedule_free_adamw_step).
    ScheduleFreeAdamW, "schedulefreeadamw", "AdamW whose weights are averages, without a schedule.",
    learning_rate 0.0025;
    arguments {
        /// The average's part in the weights.
        beta_1: f64 = 0.9,
        /// Decay of the second moment.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from 0.
        epsilon: f64 = 1e-8,
        /// Steps over which the learning rate grows from 0.
        warmup_steps: usize = 0,
    }
    slots |_this| [Slot::copy("momentum"), Slot::zeros("velocity")]
    check |this| {
        if this.beta_1 == 0. {
            bail!("ScheduleFreeAdamW: `beta_1` must be in (0, 1), got 0; the weights would forget their average");
        }
        betas("ScheduleFreeAdamW", [("beta_1", this.beta_1), ("beta_2", this.beta_2)])
    },
    step |this, at, gradient, [z, v]| {
        let warm = match this.warmup_steps {
            0 => 1.,
            steps => (at.number as f64 / steps as f64).min(1.),
        };
        let rule = rules::ScheduleFreeAdamwRule {
            learning_rate: at.learning_rate * warm,
            beta_1: this.beta_1,
            beta_2: this.beta_2,
            epsilon: this.epsilon,
            step: at.number,
        };
        rules::schedule_free_adamw_step(&rule, at.variable, gradient, z, v)
    };
}
