//! The activations of Keras.
//!
//! ```
//! use keras_core::activations::LeakyRelu;
//! use keras_core::{Activation, layers::Dense};
//! use keras_ops::{Device, Tensor};
//! let y = LeakyRelu { negative_slope: 0.5 }.call(&Tensor::new(&[-2f32, 3.], &Device::Cpu)?)?;
//! assert_eq!(y.to_vec1::<f32>()?, [-1., 3.]);
//! Dense::new(4).activation("relu"); // by name, with Keras's default arguments
//! Dense::new(4).activation(LeakyRelu { negative_slope: 0.5 });
//! # Ok::<(), keras_core::Error>(())
//! ```

mod closure;
mod parametric;
mod plain;

use serde_json::{Value, json};

pub use closure::{FnActivation, activation_fn};
pub use parametric::{
    Celu, Elu, Gelu, Glu, HardShrink, LeakyRelu, LogSoftmax, Relu, SoftShrink, Softmax, Sparsemax,
    Squareplus, Threshold,
};
pub use plain::Plain;

use crate::config::Reader;
use crate::{Activation, Entry, Registry, Result, Spec, registry};

/// All activations of this crate.
pub static ENTRIES: &[Entry<dyn Activation>] = &[
    parametric::CELU,
    parametric::ELU,
    plain::EXPONENTIAL,
    parametric::GELU,
    parametric::GLU,
    parametric::HARD_SHRINK,
    plain::HARD_SIGMOID,
    plain::HARD_SILU,
    plain::HARD_TANH,
    parametric::LEAKY_RELU,
    plain::LINEAR,
    plain::LOG_SIGMOID,
    parametric::LOG_SOFTMAX,
    plain::MISH,
    parametric::RELU,
    plain::RELU6,
    plain::SELU,
    plain::SIGMOID,
    plain::SILU,
    parametric::SOFT_SHRINK,
    parametric::SOFTMAX,
    plain::SOFTPLUS,
    plain::SOFTSIGN,
    plain::SPARSE_PLUS,
    plain::SPARSE_SIGMOID,
    parametric::SPARSEMAX,
    parametric::SQUAREPLUS,
    plain::TANH,
    plain::TANH_SHRINK,
    parametric::THRESHOLD,
];

/// The form Keras saves an activation argument in: its name; with arguments, an object (that of the Keras
/// layer which has them, where there is one); a closure as a bare function.
///
/// ```
/// use keras_core::activations::{Relu, serialize};
/// assert_eq!(serialize(&Relu::default()), "relu");
/// let capped = serialize(&Relu { max_value: Some(6.), ..Relu::default() });
/// assert_eq!(capped["class_name"], "ReLU");
/// assert_eq!(capped["config"]["max_value"], 6.);
/// ```
pub fn serialize(activation: &dyn Activation) -> Value {
    let (name, config) = (activation.name(), activation.config());
    let known = registry::core().activations.find(name).is_ok();
    if !known && config.0.is_empty() {
        return json!({
            "module": "builtins", "class_name": "function", "config": name, "registered_name": "function",
        });
    }
    if config.0.is_empty() {
        return name.into();
    }
    let (module, class_name) = match name {
        "relu" => ("keras.layers", "ReLU"),
        "leaky_relu" => ("keras.layers", "LeakyReLU"),
        "elu" => ("keras.layers", "ELU"),
        "softmax" => ("keras.layers", "Softmax"),
        other => (if known { "keras.activations" } else { "" }, other),
    };
    let registered = (!known).then(|| format!("Custom>{name}"));
    json!({
        "module": Some(module).filter(|m| !m.is_empty()),
        "class_name": class_name,
        "config": config.0,
        "registered_name": registered,
    })
}

/// The activation that Keras's form means; `None` and null mean linear.
///
/// # Errors
/// When the name is unknown or the arguments are wrong.
///
/// ```
/// use keras_core::{Registry, activations};
/// let tanh = activations::deserialize(Some(&"tanh".into()), &Registry::core())?;
/// assert_eq!(activations::serialize(&*tanh), "tanh");
/// assert_eq!(activations::deserialize(None, &Registry::core())?.name(), "linear");
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn deserialize(value: Option<&Value>, registry: &Registry) -> Result<std::sync::Arc<dyn Activation>> {
    match value.filter(|v| !v.is_null()) {
        Some(value) => Ok(registry.activations.from_value(value, registry)?.into()),
        None => Ok(std::sync::Arc::new(plain::linear())),
    }
}

/// An activation argument of a layer: as given, and the object once it is known.
#[derive(Clone, Debug)]
pub(crate) struct Argument(Spec<dyn Activation>);

impl Default for Argument {
    fn default() -> Self {
        Self(Spec::from(plain::linear()))
    }
}

impl Argument {
    pub(crate) fn new(spec: Spec<dyn Activation>) -> Self {
        Self(spec)
    }

    /// Null is linear.
    pub(crate) fn read<'a>(reader: &mut Reader<'a>, key: &'a str, registry: &Registry) -> Result<Self> {
        let activation = deserialize(reader.raw(key), registry);
        Ok(Self(Spec::Value(reader.about(key, activation)?)))
    }

    /// Looks the name up.
    pub(crate) fn resolve(&mut self) -> Result<()> {
        let activation = self.get()?;
        let activations = &registry::core().activations;
        activations.check_numbers(activation.name(), &activation.config())?;
        self.0 = Spec::Value(activation);
        Ok(())
    }

    /// The activation; cheap once resolved.
    pub(crate) fn get(&self) -> Result<std::sync::Arc<dyn Activation>> {
        self.0.resolve(&registry::core().activations, registry::core())
    }

    pub(crate) fn to_value(&self) -> Value {
        match (self.get(), &self.0) {
            (Ok(activation), _) => serialize(&*activation),
            (Err(_), Spec::Name(name)) => name.as_str().into(),
            (Err(_), Spec::Value(activation)) => serialize(&**activation),
        }
    }
}
