//! What a layer is told about one of its weights: initializer, regularizer, constraint.

use keras_ops::Tensor;

use super::base::{nested_value, read_nested};
use crate::config::Reader;
use crate::layer::{Build, LayerBase, Weight};
use crate::{Config, Constraint, Initializer, Registry, Regularizer, Result, Spec, Variable};

/// The arguments about a weight, and the weight once it is made. Made by [`weight_args!`](weight_args).
#[derive(Clone, Debug)]
pub(super) struct WeightArgs {
    /// Names of the three arguments.
    keys: [&'static str; 3],
    pub(super) initializer: Spec<dyn Initializer>,
    pub(super) regularizer: Option<Spec<dyn Regularizer>>,
    pub(super) constraint: Option<Spec<dyn Constraint>>,
    /// Whether the layer computes with it in its own dtype.
    autocast: bool,
    variable: Option<Variable>,
}

/// [`WeightArgs`] whose arguments begin with a prefix: `weight_args!("kernel", "glorot_uniform")`.
macro_rules! weight_args {
    ($prefix:literal, $initializer:literal) => {
        crate::layers::weight::WeightArgs::new(
            [
                concat!($prefix, "_initializer"),
                concat!($prefix, "_regularizer"),
                concat!($prefix, "_constraint"),
            ],
            $initializer,
        )
    };
}
pub(super) use weight_args;

impl WeightArgs {
    pub(super) fn new(keys: [&'static str; 3], initializer: &str) -> Self {
        Self {
            keys,
            initializer: initializer.into(),
            regularizer: None,
            constraint: None,
            autocast: true,
            variable: None,
        }
    }

    /// Keeps its own precision, whatever the layer computes in.
    pub(super) fn exact(mut self) -> Self {
        self.autocast = false;
        self
    }

    /// With what a configuration says.
    pub(super) fn read(mut self, reader: &mut Reader<'_>, registry: &Registry) -> Result<Self> {
        let [initializer, regularizer, constraint] = self.keys;
        self.initializer = read_nested(reader, initializer, registry)?.unwrap_or(self.initializer);
        self.regularizer = read_nested(reader, regularizer, registry)?;
        self.constraint = read_nested(reader, constraint, registry)?;
        Ok(self)
    }

    /// Makes the weight.
    pub(super) fn build(
        &mut self,
        base: &mut LayerBase,
        name: &str,
        shape: &[usize],
        cx: &Build,
    ) -> Result<()> {
        let weight = Weight::new(name, shape)
            .autocast(self.autocast)
            .initializer(self.initializer.clone())
            .regularizer(self.regularizer.clone())
            .constraint(self.constraint.clone());
        self.variable = Some(base.add_weight(weight, cx)?);
        Ok(())
    }

    /// The weight's value.
    pub(super) fn value(&self, base: &LayerBase) -> Result<Tensor> {
        base.value(&self.variable)
    }

    pub(super) fn variable(&self) -> Option<&Variable> {
        self.variable.as_ref()
    }
}

/// Adds the arguments of several weights in Keras's order: all initializers, all regularizers (that of the output
/// after them), all constraints.
pub(super) fn write_weights(
    config: &mut Config,
    weights: &[&WeightArgs],
    activity_regularizer: Option<Option<&Spec<dyn Regularizer>>>,
) {
    for weight in weights {
        config.set(weight.keys[0], nested_value(Some(&weight.initializer)));
    }
    for weight in weights {
        config.set(weight.keys[1], nested_value(weight.regularizer.as_ref()));
    }
    if let Some(regularizer) = activity_regularizer {
        config.set("activity_regularizer", nested_value(regularizer));
    }
    for weight in weights {
        config.set(weight.keys[2], nested_value(weight.constraint.as_ref()));
    }
}

/// Builder methods for the [`WeightArgs`] at `self.$field`: initializer, regularizer, constraint.
macro_rules! one_weight_methods {
    (
        [$($generics:tt)*] $type:ty, $($field:ident).+, $what:literal, $default:literal:
        $initializer:ident $regularizer:ident $constraint:ident
    ) => {
        impl<$($generics)*> $type {
            #[doc = concat!("The ", $what, "'s start value, `\"", $default, "\"` unless given.")]
            #[must_use]
            pub fn $initializer(
                mut self,
                initializer: impl Into<crate::Spec<dyn crate::Initializer>>,
            ) -> Self {
                self.$($field).+.initializer = initializer.into();
                self
            }

            #[doc = concat!("A penalty on the ", $what, ".")]
            #[must_use]
            pub fn $regularizer(
                mut self,
                regularizer: impl Into<crate::Spec<dyn crate::Regularizer>>,
            ) -> Self {
                self.$($field).+.regularizer = Some(regularizer.into());
                self
            }

            #[doc = concat!("A projection of the ", $what, " after each update.")]
            #[must_use]
            pub fn $constraint(mut self, constraint: impl Into<crate::Spec<dyn crate::Constraint>>) -> Self {
                self.$($field).+.constraint = Some(constraint.into());
                self
            }
        }
    };
}
pub(super) use one_weight_methods;
