//! Activations with arguments.

use keras_ops::{self as ops, FusedActivation, Tensor};
use serde_json::Value;

use crate::config::{Config, IntoValue, Reader};
use crate::{Activation, Entry, Result};

/// How arguments are read and written; by the type of the field.
trait Field: Sized {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self>;
    fn value(&self) -> Value;
}

macro_rules! field {
    ($($t:ty),*) => { $(
        impl Field for $t {
            fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
                reader.or(key, default)
            }
            fn value(&self) -> Value {
                self.into_value()
            }
        }
    )* };
}
field!(f64, i64, bool);

impl Field for Option<f64> {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, _default: Self) -> Result<Self> {
        reader.opt(key)
    }
    fn value(&self) -> Value {
        self.into_value()
    }
}

/// Axes are one number or a list.
impl Field for Vec<i64> {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
        match reader.raw(key) {
            Some(Value::Array(_)) => reader.or(key, default),
            Some(_) => Ok(vec![reader.req(key)?]),
            None => reader.or(key, default),
        }
    }
    fn value(&self) -> Value {
        match self.as_slice() {
            [one] => (*one).into(),
            many => many.into_value(),
        }
    }
}

macro_rules! parametric {
    ($(
        $(#[$doc:meta])*
        $type:ident $entry:ident = $name:literal $aliases:expr, $line:literal,
        { $($(#[$fdoc:meta])* $field:ident: $t:ty = $default:expr,)* }
        |$this:ident, $x:ident| $formula:expr;
    )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $type { $($(#[$fdoc])* pub $field: $t,)* }

        impl Default for $type {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl Activation for $type {
            fn call(&self, $x: &Tensor) -> Result<Tensor> {
                let $this = self;
                Ok($formula?)
            }

            fn name(&self) -> &str {
                $name
            }

            fn config(&self) -> Config {
                if *self == Self::default() {
                    return Config::new();
                }
                Config::new()$(.with(stringify!($field), self.$field.value()))*
            }

            fn fused(&self) -> Option<FusedActivation> {
                ($name == "relu" && *self == Self::default()).then_some(FusedActivation::Relu)
            }
        }

        pub(super) const $entry: Entry<dyn Activation> = Entry {
            class_name: $name,
            module: "keras.activations",
            aliases: &$aliases,
            doc: $line,
            build: |config, _| {
                let default = $type::default();
                let mut reader = config.reader($name);
                // The names of the layers of the same formula are accepted, with the arguments all layers have.
                reader.ignore(&["name", "trainable", "dtype"]);
                let built = $type { $($field: Field::read(&mut reader, stringify!($field), default.$field)?,)* };
                reader.finish()?;
                Ok(Box::new(built))
            },
        };
    )* };
}

parametric! {
    /// `max(x, 0) + alpha * (e^(min(x, 0) / alpha) - 1)`.
    Celu CELU = "celu" [], "max(x, 0) + alpha * (e^(min(x, 0) / alpha) - 1)",
    {
        /// The value that large negative inputs near, negated.
        alpha: f64 = 1.,
    } |s, x| ops::celu(x, s.alpha);
    /// `x` where positive, else `alpha * (e^x - 1)`.
    Elu ELU = "elu" ["ELU"], "x where positive, else alpha * (e^x - 1)",
    {
        /// The value that large negative inputs near, negated.
        alpha: f64 = 1.,
    } |s, x| ops::elu(x, s.alpha);
    /// `x * P(N(0, 1) <= x)`, or its approximation by tanh.
    Gelu GELU = "gelu" [], "x * P(N(0, 1) <= x)",
    {
        /// Whether to use the approximation.
        approximate: bool = false,
    } |s, x| ops::gelu(x, s.approximate);
    /// `a * sigmoid(b)`, where `a` and `b` are the halves of `x` along `axis`.
    Glu GLU = "glu" [], "a * sigmoid(b) of the halves a, b of x",
    {
        /// The axis to halve.
        axis: i64 = -1,
    } |s, x| ops::glu(x, s.axis);
    /// `x` where `|x| > threshold`, else 0.
    HardShrink HARD_SHRINK = "hard_shrink" [], "x where |x| > threshold, else 0",
    {
        /// How far from 0 values pass.
        threshold: f64 = 0.5,
    } |s, x| ops::hard_shrink(x, s.threshold);
    /// `x` where it is at least 0, else `negative_slope * x`.
    LeakyRelu LEAKY_RELU = "leaky_relu" ["LeakyReLU"], "x where at least 0, else negative_slope * x",
    {
        /// The slope below 0.
        negative_slope: f64 = 0.2,
    } |s, x| ops::leaky_relu(x, s.negative_slope);
    /// The logarithm of [`Softmax`], computed stably.
    LogSoftmax LOG_SOFTMAX = "log_softmax" [], "log(softmax(x))",
    {
        /// The axes over which probabilities sum to 1.
        axis: Vec<i64> = vec![-1],
    } |s, x| ops::log_softmax(x, &s.axis);
    /// `max(x, 0)`, with Keras's further arguments: `negative_slope * (x - threshold)` below the threshold,
    /// `x` from there to `max_value`.
    Relu RELU = "relu" ["ReLU"], "max(x, 0)",
    {
        /// The slope below the threshold.
        negative_slope: f64 = 0.,
        /// The largest value.
        max_value: Option<f64> = None,
        /// From where on values pass.
        threshold: f64 = 0.,
    } |s, x| ops::relu_with(x, s.negative_slope, s.max_value, s.threshold);
    /// `x` moved towards 0 by `threshold`, 0 within it.
    SoftShrink SOFT_SHRINK = "soft_shrink" [], "x moved towards 0 by threshold",
    {
        /// How far.
        threshold: f64 = 0.5,
    } |s, x| ops::soft_shrink(x, s.threshold);
    /// `e^x / sum(e^x)`.
    Softmax SOFTMAX = "softmax" ["Softmax"], "e^x / sum(e^x)",
    {
        /// The axes over which probabilities sum to 1.
        axis: Vec<i64> = vec![-1],
    } |s, x| ops::softmax(x, &s.axis);
    /// The point of the probability simplex nearest to `x`: like [`Softmax`], with true zeros.
    Sparsemax SPARSEMAX = "sparsemax" [], "softmax with zeros",
    {
        /// The axis over which probabilities sum to 1.
        axis: i64 = -1,
    } |s, x| ops::sparsemax(x, s.axis);
    /// `(x + sqrt(x^2 + b)) / 2`.
    Squareplus SQUAREPLUS = "squareplus" [], "(x + sqrt(x^2 + b)) / 2",
    {
        /// How smooth the bend is.
        b: f64 = 4.,
    } |s, x| ops::squareplus(x, s.b);
    /// `x` where `x > threshold`, else `default_value`.
    Threshold THRESHOLD = "threshold" [], "x where above threshold, else default_value",
    {
        /// From where on values pass.
        threshold: f64 = 0.,
        /// What the others become.
        default_value: f64 = 0.,
    } |s, x| ops::threshold(x, s.threshold, s.default_value);
}
