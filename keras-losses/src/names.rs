//! Losses by name and in Keras's form: `keras.losses.get`, `serialize`, `deserialize`.

use keras_core::{Envelope, Loss, Registry, Result};
use serde_json::Value;

use crate::ENTRIES;

/// The losses of this crate.
fn built_in() -> Registry {
    let mut registry = Registry::empty();
    registry.losses.add(ENTRIES);
    registry
}

/// The loss of this name, with Keras's default arguments: its class name, its function's name or a short form.
///
/// # Errors
/// When no loss has this name; says which is nearest.
///
/// # Examples
/// ```
/// assert_eq!(keras_losses::get("mse")?.class_name(), "MeanSquaredError");
/// let error = keras_losses::get("mean_sqared_error").unwrap_err().to_string();
/// assert!(error.contains("Did you mean `mean_squared_error`?"), "{error}");
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn get(name: &str) -> Result<Box<dyn Loss>> {
    let registry = built_in();
    registry.losses.by_name(name, &registry)
}

/// Keras's form of a loss: `{module, class_name, config, registered_name}`.
///
/// # Examples
/// ```
/// use keras_losses::{Huber, serialize};
/// let value = serialize(&Huber { delta: 0.5, ..Huber::default() });
/// assert_eq!((&value["module"], &value["class_name"]), (&"keras.losses".into(), &"Huber".into()));
/// assert_eq!(value["config"]["delta"], 0.5);
/// ```
pub fn serialize(loss: &dyn Loss) -> Value {
    let entry = ENTRIES.iter().find(|entry| entry.class_name == loss.class_name());
    let module = entry.map_or("", |entry| entry.module);
    let envelope = Envelope {
        module: module.to_owned(),
        class_name: loss.class_name().to_owned(),
        config: loss.config(),
        registered_name: module.is_empty().then(|| loss.class_name().to_owned()),
    };
    envelope.to_value()
}

/// The loss that Keras's form means: a name, `{class_name, config}` with or without module, or a bare function.
/// A loss of your own is found in a [`Registry`] that has it: `registry.losses.from_value`.
///
/// # Errors
/// When the class is unknown or its configuration wrong.
///
/// # Examples
/// ```
/// use keras_losses::{Tversky, deserialize, serialize};
/// let loss = deserialize(&serialize(&Tversky { alpha: 0.3, ..Tversky::default() }))?;
/// assert_eq!((loss.class_name(), &loss.config().0["alpha"]), ("Tversky", &0.3.into()));
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn deserialize(value: &Value) -> Result<Box<dyn Loss>> {
    let registry = built_in();
    registry.losses.from_value(value, &registry)
}
