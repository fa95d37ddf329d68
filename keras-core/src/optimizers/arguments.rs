//! The builder methods that all optimizers share.

/// Gives an optimizer with a field `base` a method for each shared argument.
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

            /// Variables whose name contains one of `names` do not decay.
            #[must_use]
            pub fn exclude_from_weight_decay(mut self, names: &[&str]) -> Self {
                self.base.exclude_from_weight_decay = names.iter().map(|name| (*name).to_owned()).collect();
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

pub(super) use shared_arguments;
