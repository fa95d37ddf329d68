//! Activations with a bend as layers.

use keras_ops::{self as ops, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry, one, only, same_shape};
use crate::shape::Dims;
use crate::{Arg, Config, Registry, Result, bail};

/// An argument that must not be below 0, nor NaN.
trait Bound {
    fn holds(self) -> bool;
}

impl Bound for f64 {
    fn holds(self) -> bool {
        self >= 0.
    }
}

impl Bound for Option<f64> {
    fn holds(self) -> bool {
        self.is_none_or(Bound::holds)
    }
}

macro_rules! rectified {
    ($(
        $(#[$doc:meta])*
        $type:ident $module:ident: $line:literal,
        { $($(#[$fdoc:meta])* $field:ident: $t:ty = $default:expr, $name:literal $(or $older:literal)?, $positive:literal;)* }
        |$this:ident, $x:ident| $formula:expr;
    )*) => { $(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $type {
            base: LayerBase,
            $($field: $t,)*
        }

        common_methods!($type);

        impl Default for $type {
            fn default() -> Self {
                Self { base: LayerBase::default(), $($field: $default,)* }
            }
        }

        impl $type {
            /// With Keras's default arguments.
            pub fn new() -> Self {
                Self::default()
            }

            $(
                $(#[$fdoc])*
                #[must_use]
                pub fn $field(mut self, value: impl Into<$t>) -> Self {
                    self.$field = value.into();
                    self
                }
            )*

            fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
                let mut reader = config.reader(stringify!($type));
                let base = LayerBase::from_reader(&mut reader)?;
                $(
                    let $field = $default;
                    $(let $field = <$t as Arg>::read(&mut reader, $older, $field)?;)?
                    let $field = <$t as Arg>::read(&mut reader, $name, $field)?;
                )*
                reader.finish()?;
                let layer = Self { base, $($field,)* };
                layer.check()?;
                Ok(layer)
            }

            fn check(&self) -> Result<()> {
                $(if $positive && !self.$field.holds() {
                    bail!(
                        "{}: `{}` must be 0 or more, got {}",
                        stringify!($type),
                        $name,
                        Arg::write(&self.$field)
                    );
                })*
                Ok(())
            }
        }

        impl Layer for $type {
            base_accessors!();

            fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
                self.check()?;
                same_shape(stringify!($type), inputs)
            }

            fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
                let $x = &cast_input(&self.base, only(stringify!($type), inputs)?)?;
                let $this = self;
                one($formula)
            }

            fn supports_masking(&self) -> bool {
                true
            }

            fn config(&self) -> Config {
                Config::new()$(.with($name, Arg::write(&self.$field)))*
            }
        }

        pub(super) mod $module {
            use super::{$type, layer_entry};
            layer_entry!($type, $line);
        }
    )* };
}

rectified! {
    /// `max(x, 0)`; with arguments `x` from `threshold` to `max_value`, the latter above, and
    /// `negative_slope * (x - threshold)` below.
    ///
    /// # Shapes
    /// The output has the input's shape.
    ///
    /// # Errors
    /// When an argument is below 0.
    ///
    /// ```
    /// use keras_core::{Layer, layer::Call, layers::ReLU};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[-10f32, -5., 0., 5., 10.], &Device::Cpu)?;
    /// let y = ReLU::new().max_value(6.).negative_slope(0.5).call(&[x], &mut Call::new(false))?;
    /// assert_eq!(y.0[0].to_vec1::<f32>()?, [-5., -2.5, 0., 5., 6.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    ReLU relu: "max(x, 0)",
    {
        /// The largest value; no bound unless given.
        max_value: Option<f64> = None, "max_value", true;
        /// The slope below the threshold, 0 unless given.
        negative_slope: f64 = 0., "negative_slope", true;
        /// From where on values pass, 0 unless given.
        threshold: f64 = 0., "threshold", true;
    } |s, x| ops::relu_with(x, s.negative_slope, s.max_value, s.threshold);
    /// `x` where it is at least 0, else `negative_slope * x`.
    ///
    /// # Shapes
    /// The output has the input's shape.
    ///
    /// # Errors
    /// When the slope is below 0.
    ///
    /// ```
    /// use keras_core::{Layer, layer::Call, layers::LeakyReLU};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[-10f32, 0., 5.], &Device::Cpu)?;
    /// let y = LeakyReLU::new().negative_slope(0.5).call(&[x], &mut Call::new(false))?;
    /// assert_eq!(y.0[0].to_vec1::<f32>()?, [-5., 0., 5.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    LeakyReLU leaky_relu: "x where at least 0, else negative_slope * x",
    {
        /// The slope below 0, 0.3 unless given.
        negative_slope: f64 = 0.3, "negative_slope" or "alpha", true;
    } |s, x| ops::leaky_relu(x, s.negative_slope);
    /// `x` where positive, else `alpha * (e^x - 1)`.
    ///
    /// # Shapes
    /// The output has the input's shape.
    ///
    /// ```
    /// use keras_core::{Layer, layer::Call, layers::ELU};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[-1e3f32, 0., 5.], &Device::Cpu)?;
    /// let y = ELU::new().alpha(0.5).call(&[x], &mut Call::new(false))?;
    /// assert_eq!(y.0[0].to_vec1::<f32>()?, [-0.5, 0., 5.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    ELU elu: "x where positive, else alpha * (e^x - 1)",
    {
        /// The value that large negative inputs near, negated; 1 unless given.
        alpha: f64 = 1., "alpha", false;
    } |s, x| ops::elu(x, s.alpha);
}
