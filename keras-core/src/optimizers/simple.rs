//! Optimizers that are a few numbers, a slot or two a variable, and one update rule.

use keras_ops::Tensor;
use keras_ops::optimizer_step::{self as rules, fill_in_place};

use super::OptimizerBase;
use super::arguments::shared_arguments;
use crate::{Config, Entry, LearningRate, Optimizer, Result, Variable};

/// Defines an optimizer: its arguments with their defaults, its slots with the argument that fills them (or
/// zeros), and its step.
macro_rules! optimizers {
    ($(
        $(#[$doc:meta])*
        $name:ident, $alias:literal, $about:literal, $rate:literal,
        arguments { $($(#[$argument_doc:meta])* $argument:ident: $type:ty = $default:expr,)* }
        slots { $($slot:literal = $fill:expr,)* }
        |$this:ident, $step:ident, $var:ident, $grad:ident, $slots:ident| $update:expr;
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            base: OptimizerBase,
            $($argument: $type,)*
            slots: Vec<Vec<Variable>>,
        }

        impl $name {
            #[doc = concat!("With Keras's defaults for everything but the learning rate, which is ",
                stringify!($rate), " there.")]
            pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
                Self::with(OptimizerBase::new(stringify!($name), learning_rate))
            }

            fn with(base: OptimizerBase) -> Self {
                Self { base, $($argument: $default,)* slots: Vec::new() }
            }

            $(
                $(#[$argument_doc])*
                #[must_use]
                pub fn $argument(mut self, $argument: $type) -> Self {
                    self.$argument = $argument;
                    self
                }
            )*

            pub(super) const ENTRY: Entry<dyn Optimizer> = Entry {
                class_name: stringify!($name),
                module: "keras.optimizers",
                aliases: &[$alias],
                doc: $about,
                build: |config, registry| {
                    let mut r = config.reader(stringify!($name));
                    let plain = Self::with(OptimizerBase::read(stringify!($name), $rate, &mut r, registry)?);
                    let optimizer = Self {
                        $($argument: r.or(stringify!($argument), plain.$argument)?,)*
                        ..plain
                    };
                    r.finish()?;
                    Ok(Box::new(optimizer))
                },
            };
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new($rate)
            }
        }

        shared_arguments!($name);

        impl Optimizer for $name {
            fn base(&self) -> &OptimizerBase {
                &self.base
            }

            fn base_mut(&mut self) -> &mut OptimizerBase {
                &mut self.base
            }

            fn build_slots(&mut self, variables: &[Variable]) -> Result<()> {
                let $this = &*self;
                let fills = [$(($slot, Fill::from($fill))),*];
                let slots = fills.iter().map(|(name, fill)| {
                    let slots = $this.base.slots(variables, name)?;
                    let pairs = slots.iter().zip(variables);
                    pairs.into_iter().try_for_each(|(slot, variable)| fill.apply(slot, variable))?;
                    Ok(slots)
                });
                self.slots = slots.collect::<Result<_>>()?;
                Ok(())
            }

            fn update_step(
                &mut self,
                index: usize,
                $grad: &Tensor,
                variable: &Variable,
                learning_rate: f64,
            ) -> Result<()> {
                let $this = &*self;
                let $step = Step { rate: learning_rate, number: self.base.steps() + 1 };
                let $var = variable.tensor();
                let $slots: Vec<&Tensor> = self.slots.iter().map(|slot| slot[index].tensor()).collect();
                Ok($update?)
            }

            fn slots(&self) -> Vec<Variable> {
                self.slots.iter().flatten().cloned().collect()
            }

            fn config(&self) -> Config {
                Config::new()$(.with(stringify!($argument), self.$argument))*
            }
        }
    )*};
}

/// What a step is made with besides the optimizer's arguments.
#[derive(Clone, Copy)]
struct Step {
    rate: f64,
    /// From 1.
    number: u64,
}

/// What a slot starts with.
enum Fill {
    Value(f64),
    Variable,
}

impl From<f64> for Fill {
    fn from(value: f64) -> Self {
        Self::Value(value)
    }
}

impl Fill {
    fn apply(&self, slot: &Variable, variable: &Variable) -> Result<()> {
        match self {
            Self::Value(0.) => Ok(()),
            Self::Value(value) => Ok(fill_in_place(slot.tensor(), *value)?),
            Self::Variable => slot.assign(&variable.snapshot()?),
        }
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
    /// let mut adadelta: Box<dyn Optimizer> = Box::new(Adadelta::new(1.));
    /// adadelta.build(&[w.clone()])?;
    /// adadelta.apply(&[Some(w.snapshot()?)])?;
    /// assert!((w.value().to_vec1::<f64>()?[0] - 0.998586).abs() < 1e-6); // 1 - sqrt(1e-7 / 0.05)
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Adadelta, "adadelta", "Steps of the size of the last steps.", 0.001,
    arguments {
        /// How much of the averages stays at each step.
        rho: f64 = 0.95,
        /// Keeps the divisor from 0.
        epsilon: f64 = 1e-7,
    }
    slots { "accumulated_grad" = 0., "accumulated_delta_var" = 0., }
    |this, step, var, grad, slots| {
        let rule = rules::AdadeltaRule { learning_rate: step.rate, rho: this.rho, epsilon: this.epsilon };
        rules::adadelta_step(&rule, var, grad, slots[0], slots[1])
    };

    /// A learning rate for each weight, falling with its gradients: `a += g²`,
    /// `w -= learning_rate g / sqrt(a + epsilon)`.
    ///
    /// ```
    /// use keras_core::{Optimizer, Variable, optimizers::Adagrad};
    /// use keras_ops::{Device, Tensor};
    /// let w = Variable::new("w", &Tensor::new(&[1f64], &Device::Cpu)?, true)?;
    /// let mut adagrad: Box<dyn Optimizer> = Box::new(Adagrad::new(0.5).initial_accumulator_value(3.));
    /// adagrad.build(&[w.clone()])?;
    /// adagrad.apply(&[Some(w.snapshot()?)])?;
    /// assert!((w.value().to_vec1::<f64>()?[0] - 0.75).abs() < 1e-6); // 1 - 0.5 / sqrt(4)
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Adagrad, "adagrad", "A learning rate for each weight, falling with its gradients.", 0.001,
    arguments {
        /// What the sums of squares start with.
        initial_accumulator_value: f64 = 0.1,
        /// Keeps the divisor from 0.
        epsilon: f64 = 1e-7,
    }
    slots { "accumulator" = this.initial_accumulator_value, }
    |this, step, var, grad, slots| {
        let rule = rules::AdagradRule { learning_rate: step.rate, epsilon: this.epsilon };
        rules::adagrad_step(&rule, var, grad, slots[0])
    };

    /// Adam with the greatest gradient in place of the mean square: `m += (g - m) (1 - beta_1)`,
    /// `u = max(beta_2 u, |g|)`, `w -= learning_rate m / ((1 - beta_1^t) (u + epsilon))`.
    Adamax, "adamax", "Adam with the greatest gradient in place of the mean square.", 0.001,
    arguments {
        /// Decay of the first moment.
        beta_1: f64 = 0.9,
        /// Decay of the norm.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from 0.
        epsilon: f64 = 1e-7,
    }
    slots { "momentum" = 0., "norm" = 0., }
    |this, step, var, grad, slots| {
        let rule = rules::AdamaxRule {
            learning_rate: step.rate,
            beta_1: this.beta_1,
            beta_2: this.beta_2,
            epsilon: this.epsilon,
            step: step.number,
        };
        rules::adamax_step(&rule, var, grad, slots[0], slots[1])
    };

    /// Adam with Nesterov's momentum; see [`nadam_step`](rules::nadam_step).
    Nadam, "nadam", "Adam with Nesterov's momentum.", 0.001,
    arguments {
        /// Decay of the first moment.
        beta_1: f64 = 0.9,
        /// Decay of the second moment.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from 0.
        epsilon: f64 = 1e-7,
    }
    slots { "momentum" = 0., "velocity" = 0., }
    |this, step, var, grad, slots| {
        let rule = rules::NadamRule {
            learning_rate: step.rate,
            beta_1: this.beta_1,
            beta_2: this.beta_2,
            epsilon: this.epsilon,
            step: step.number,
            u_product: rules::NadamRule::u_product(this.beta_1, step.number),
        };
        rules::nadam_step(&rule, var, grad, slots[0], slots[1])
    };

    /// Follow the regularised leader; see [`ftrl_step`](rules::ftrl_step).
    Ftrl, "ftrl", "Follow the regularised leader: sparse weights.", 0.001,
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
    slots { "accumulator" = this.initial_accumulator_value, "linear" = 0., }
    |this, step, var, grad, slots| {
        let rule = rules::FtrlRule {
            learning_rate: step.rate,
            learning_rate_power: this.learning_rate_power,
            l1: this.l1_regularization_strength,
            l2: this.l2_regularization_strength,
            shrinkage: this.l2_shrinkage_regularization_strength,
            beta: this.beta,
        };
        rules::ftrl_step(&rule, var, grad, slots[0], slots[1])
    };

    /// Steps of one size, in the momentum's direction: `w -= learning_rate sign(beta_1 m + (1 - beta_1) g)`,
    /// `m = beta_2 m + (1 - beta_2) g`.
    ///
    /// ```
    /// use keras_core::{Optimizer, Variable, optimizers::Lion};
    /// use keras_ops::{Device, Tensor};
    /// let w = Variable::new("w", &Tensor::new(&[3f64, -5.], &Device::Cpu)?, true)?;
    /// let mut lion: Box<dyn Optimizer> = Box::new(Lion::new(0.5));
    /// lion.build(&[w.clone()])?;
    /// lion.apply(&[Some(w.snapshot()?)])?;
    /// assert_eq!(w.value().to_vec1::<f64>()?, [2.5, -4.5]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Lion, "lion", "Steps of one size, in the momentum's direction.", 0.001,
    arguments {
        /// The momentum's part in a step.
        beta_1: f64 = 0.9,
        /// Decay of the momentum.
        beta_2: f64 = 0.99,
    }
    slots { "momentum" = 0., }
    |this, step, var, grad, slots| {
        let rule = rules::LionRule { learning_rate: step.rate, beta_1: this.beta_1, beta_2: this.beta_2 };
        rules::lion_step(&rule, var, grad, slots[0])
    };

    /// Adam's direction, as long as the variable's norm; see [`lamb_step`](rules::lamb_step).
    Lamb, "lamb", "Adam's direction, as long as the variable's norm: for large batches.", 0.001,
    arguments {
        /// Decay of the first moment.
        beta_1: f64 = 0.9,
        /// Decay of the second moment.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from 0.
        epsilon: f64 = 1e-7,
    }
    slots { "momentum" = 0., "velocity" = 0., }
    |this, step, var, grad, slots| {
        let rule = rules::LambRule {
            learning_rate: step.rate,
            beta_1: this.beta_1,
            beta_2: this.beta_2,
            epsilon: this.epsilon,
            step: step.number,
        };
        rules::lamb_step(&rule, var, grad, slots[0], slots[1])
    };

    /// AdamW whose weights are averages, so that no schedule is needed; see
    /// [`schedule_free_adamw_step`](rules::schedule_free_adamw_step).
    ScheduleFreeAdamW, "schedulefreeadamw", "AdamW whose weights are averages, without a schedule.", 0.0025,
    arguments {
        /// The average's part in the weights.
        beta_1: f64 = 0.9,
        /// Decay of the second moment.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from 0.
        epsilon: f64 = 1e-8,
        /// Steps over which the learning rate grows from 0.
        warmup_steps: u64 = 0,
    }
    slots { "momentum" = Fill::Variable, "velocity" = 0., }
    |this, step, var, grad, slots| {
        let warm = match this.warmup_steps {
            0 => 1.,
            steps => (step.number as f64 / steps as f64).min(1.),
        };
        let rule = rules::ScheduleFreeAdamwRule {
            learning_rate: step.rate * warm,
            beta_1: this.beta_1,
            beta_2: this.beta_2,
            epsilon: this.epsilon,
            step: step.number,
        };
        rules::schedule_free_adamw_step(&rule, var, grad, slots[0], slots[1])
    };
}
