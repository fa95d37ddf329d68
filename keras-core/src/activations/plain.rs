//! Activations without arguments: they differ only by their formula.

use std::fmt;

use keras_ops::{self as ops, FusedActivation, Tensor};

use crate::{Activation, Entry, Result};

/// An activation that has no arguments. Look one up by its name: `"tanh"`.
#[derive(Clone, Copy)]
pub struct Plain {
    name: &'static str,
    formula: fn(&Tensor) -> ops::Result<Tensor>,
    fused: Option<FusedActivation>,
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plain({})", self.name)
    }
}

impl Activation for Plain {
    fn call(&self, x: &Tensor) -> Result<Tensor> {
        Ok((self.formula)(x)?)
    }

    fn name(&self) -> &str {
        self.name
    }

    fn fused(&self) -> Option<FusedActivation> {
        self.fused
    }
}

/// The identity.
pub(crate) fn linear() -> Plain {
    Plain {
        name: "linear",
        formula: ops::linear,
        fused: Some(FusedActivation::Linear),
    }
}

macro_rules! plain {
    ($($entry:ident = $name:literal $aliases:expr, $formula:path, $fused:expr, $doc:literal;)*) => { $(
        pub(super) const $entry: Entry<dyn Activation> = Entry {
            class_name: $name,
            module: "keras.activations",
            aliases: &$aliases,
            doc: $doc,
            build: |config, _| {
                config.reader($name).finish()?;
                Ok(Box::new(Plain { name: $name, formula: $formula, fused: $fused }))
            },
        };
    )* };
}

plain! {
    EXPONENTIAL = "exponential" [], ops::exponential, None, "e^x";
    HARD_SIGMOID = "hard_sigmoid" [], ops::hard_sigmoid, None, "min(max(x / 6 + 1/2, 0), 1)";
    HARD_SILU = "hard_silu" ["hard_swish"], ops::hard_silu, None, "x * hard_sigmoid(x)";
    HARD_TANH = "hard_tanh" [], ops::hard_tanh, None, "min(max(x, -1), 1)";
    LINEAR = "linear" [], ops::linear, Some(FusedActivation::Linear), "x";
    LOG_SIGMOID = "log_sigmoid" [], ops::log_sigmoid, None, "log(sigmoid(x))";
    MISH = "mish" [], ops::mish, None, "x * tanh(softplus(x))";
    RELU6 = "relu6" [], ops::relu6, None, "min(max(x, 0), 6)";
    SELU = "selu" [], ops::selu, None, "1.0507 x where positive, else 1.7581 (e^x - 1)";
    SIGMOID = "sigmoid" [], ops::sigmoid, Some(FusedActivation::Sigmoid), "1 / (1 + e^-x)";
    SILU = "silu" ["swish"], ops::silu, None, "x * sigmoid(x)";
    SOFTPLUS = "softplus" [], ops::softplus, None, "log(1 + e^x)";
    SOFTSIGN = "softsign" [], ops::softsign, None, "x / (1 + |x|)";
    SPARSE_PLUS = "sparse_plus" [], ops::sparse_plus, None, "0 up to -1, (x + 1)^2 / 4 to 1, then x";
    SPARSE_SIGMOID = "sparse_sigmoid" [], ops::sparse_sigmoid, None, "min(max((x + 1) / 2, 0), 1)";
    TANH = "tanh" [], ops::tanh, Some(FusedActivation::Tanh), "the hyperbolic tangent";
    TANH_SHRINK = "tanh_shrink" [], ops::tanh_shrink, None, "x - tanh(x)";
}
