//! Defines an optimizer: a struct of its arguments, the builder methods that all share, its entry.

/// An optimizer by its arguments with their defaults; the [`Rule`](super::rule::Rule) says the rest.
///
/// A type in brackets after an argument's is what its builder method takes. `state` is neither argument nor slot:
/// what a rule keeps between variables.
macro_rules! optimizer {
    (
        $(#[$doc:meta])*
        $name:ident, $alias:literal, $about:literal, learning_rate $rate:literal $(, weight_decay $decay:literal)?;
        arguments { $(
            $(#[$argument_doc:meta])*
            $argument:ident: $type:ty $([$given:ty])? = $default:expr,
        )* }
        $(state { $($field:ident: $field_type:ty = $start:expr,)* })?
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            base: $crate::optimizers::OptimizerBase,
            $($argument: $type,)*
            $($($field: $field_type,)*)?
            slots: $crate::optimizers::rule::Slots,
        }

        impl $name {
            #[doc = concat!("With Keras's defaults for everything but the learning rate, which is ",
                stringify!($rate), " there.")]
            pub fn new(learning_rate: impl Into<$crate::LearningRate>) -> Self {
                let base = $crate::optimizers::OptimizerBase::new(stringify!($name), learning_rate);
                Self::with(base)$(.weight_decay($decay))?
            }

            fn with(base: $crate::optimizers::OptimizerBase) -> Self {
                Self {
                    base,
                    $($argument: $default,)*
                    $($($field: $start,)*)?
                    slots: $crate::optimizers::rule::Slots::default(),
                }
            }

            $($crate::optimizers::define::optimizer!(@set [$(#[$argument_doc])*] $argument, $type $(, $given)?);)*

            pub(super) const ENTRY: $crate::Entry<dyn $crate::Optimizer> = $crate::Entry {
                class_name: stringify!($name),
                module: "keras.optimizers",
                aliases: &[$alias],
                doc: $about,
                build: |config, registry| {
                    let mut r = config.reader(stringify!($name));
                    let base =
                        $crate::optimizers::OptimizerBase::read(stringify!($name), $rate, &mut r, registry)?;
                    let optimizer = Self::with(base);
                    $(let optimizer = match config.get("weight_decay") {
                        None => optimizer.weight_decay($decay),
                        Some(_) => optimizer,
                    };)?
                    let optimizer = Self {
                        $($argument: $crate::Arg::read(&mut r, stringify!($argument), optimizer.$argument)?,)*
                        ..optimizer
                    };
                    r.finish()?;
                    $crate::optimizers::rule::Rule::check(&optimizer)?;
                    Ok(Box::new(optimizer))
                },
            };
        }

        impl Default for $name {
            #[doc = concat!("With a learning rate of ", stringify!($rate), ".")]
            fn default() -> Self {
                Self::new($rate)
            }
        }

        $crate::optimizers::define::shared_arguments!($name);

        impl $crate::Optimizer for $name {
            fn base(&self) -> &$crate::optimizers::OptimizerBase {
                &self.base
            }

            fn base_mut(&mut self) -> &mut $crate::optimizers::OptimizerBase {
                &mut self.base
            }

            fn build_slots(&mut self, variables: &[$crate::Variable]) -> $crate::Result<()> {
                use $crate::optimizers::rule::{Rule, Slots};
                Rule::check(self)?;
                self.slots = Slots::new(&self.base, variables, |variable| Rule::slots(self, variable))?;
                Ok(())
            }

            fn start(&mut self) -> $crate::Result<()> {
                self.slots.start(&self.base.variables)
            }

            fn update_step(
                &mut self,
                index: usize,
                gradient: &keras_ops::Tensor,
                variable: &$crate::Variable,
                learning_rate: f64,
            ) -> $crate::Result<()> {
                use $crate::optimizers::rule::Rule;
                self.slots.will_change(index)?;
                Rule::begin(self, self.base.steps() + 1);
                let at = self.base.step(variable, self.slots.get(index)?, learning_rate);
                Ok(Rule::step(self, &at, gradient)?)
            }

            fn update_rows(
                &mut self,
                index: usize,
                gradient: &keras_ops::RowGradient,
                variable: &$crate::Variable,
                learning_rate: f64,
            ) -> $crate::Result<()> {
                use $crate::optimizers::rule::Rule;
                self.slots.will_change(index)?;
                Rule::begin(self, self.base.steps() + 1);
                let at = self.base.step(variable, self.slots.get(index)?, learning_rate);
                Ok(Rule::step_rows(self, &at, gradient)?)
            }

            fn take_gradients(&mut self, gradients: Vec<Option<keras_ops::Gradient>>) -> $crate::Result<()> {
                $crate::optimizers::base::take(self, gradients)
            }

            fn slots(&self) -> Vec<$crate::Variable> {
                self.slots.in_order()
            }

            fn decay_of(&self, index: usize) -> Option<f64> {
                let base = self.base.weight_decay;
                match self.slots.get(index) {
                    Ok(slots) => $crate::optimizers::rule::Rule::decay(self, base, slots),
                    Err(_) => base,
                }
            }

            fn config(&self) -> $crate::Config {
                $crate::Config::new()$(.with(stringify!($argument), $crate::Arg::write(&self.$argument)))*
            }
        }
    };
    (@set [$(#[$doc:meta])*] $argument:ident, $type:ty) => {
        $(#[$doc])*
        #[must_use]
        pub fn $argument(mut self, $argument: $type) -> Self {
            self.$argument = $argument;
            self
        }
    };
    (@set [$(#[$doc:meta])*] $argument:ident, $type:ty, $given:ty) => {
        $(#[$doc])*
        #[must_use]
        pub fn $argument(mut self, $argument: $given) -> Self {
            self.$argument = $argument.into();
            self
        }
    };
}

/// Gives an optimizer with a field `base` a builder method for each argument that all optimizers share.
macro_rules! shared_arguments {
    ($optimizer:ty) => {
        impl $optimizer {
            /// Under another name.
            #[must_use]
            pub fn name(mut self, name: &str) -> Self {
                name.clone_into(&mut self.base.name);
                self
            }

            /// Each step takes this part of every weight away, times the learning rate.
            #[must_use]
            pub fn weight_decay(mut self, weight_decay: f64) -> Self {
                self.base.weight_decay = Some(weight_decay);
                self
            }

            /// Variables in whose name one of these regular expressions is found do not decay.
            #[must_use]
            pub fn exclude_from_weight_decay(
                mut self,
                names: impl Into<$crate::optimizers::Patterns>,
            ) -> Self {
                self.base.exclude_from_weight_decay = names.into();
                self
            }

            /// These variables do not decay.
            #[must_use]
            pub fn exclude_variables_from_weight_decay(mut self, variables: &[$crate::Variable]) -> Self {
                self.base.excluded_variables = variables.to_vec();
                self
            }

            /// Variables whose path, or the path of a layer that holds them, is matched by the regular expression
            /// `path` step with the learning rate times `factor`. Where several match, the last one counts.
            ///
            /// Differs from Keras, which has this only through a [`MultiOptimizer`](super::MultiOptimizer).
            ///
            /// ```
            /// use keras_core::optimizers::Adam;
            /// let adam = Adam::new(1e-3)
            ///     .learning_rate_multiplier("encoder", 0.1) // encoder/dense/kernel, …
            ///     .learning_rate_multiplier(".*/bias", 2.);
            /// # let _ = adam;
            /// ```
            #[must_use]
            pub fn learning_rate_multiplier(mut self, path: &str, factor: f64) -> Self {
                self.base
                    .learning_rate_multipliers
                    .push((path.to_owned(), factor));
                self
            }

            /// Each gradient is scaled down to this norm, if its norm is greater.
            #[must_use]
            pub fn clipnorm(mut self, norm: f64) -> Self {
                self.base.clipnorm = Some(norm);
                self
            }

            /// All gradients are scaled down together to this norm, if their norm is greater.
            #[must_use]
            pub fn global_clipnorm(mut self, norm: f64) -> Self {
                self.base.global_clipnorm = Some(norm);
                self
            }

            /// The elements of gradients are brought into `[-value, value]`.
            #[must_use]
            pub fn clipvalue(mut self, value: f64) -> Self {
                self.base.clipvalue = Some(value);
                self
            }

            /// Keeps moving averages of the weights, of which `momentum` stays at each step; after training
            /// the weights become them.
            #[must_use]
            pub fn use_ema(mut self, momentum: f64) -> Self {
                self.base.use_ema = true;
                self.base.ema_momentum = momentum;
                self
            }

            /// The weights become their averages every `steps` steps.
            #[must_use]
            pub fn ema_overwrite_frequency(mut self, steps: u64) -> Self {
                self.base.ema_overwrite_frequency = Some(steps);
                self
            }

            /// The loss is multiplied by `factor` before the gradients are taken, and they are divided by it.
            #[must_use]
            pub fn loss_scale_factor(mut self, factor: f64) -> Self {
                self.base.loss_scale_factor = Some(factor);
                self
            }

            /// The mean of the gradients of `steps` batches makes one step.
            #[must_use]
            pub fn gradient_accumulation_steps(mut self, steps: u64) -> Self {
                self.base.gradient_accumulation_steps = Some(steps);
                self
            }
        }
    };
}

pub(super) use {optimizer, shared_arguments};
