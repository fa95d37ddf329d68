//! Reading back what `state()` wrote.

use keras_core::{Config, Result, bail};
use serde_json::Value;

/// The object in `state`, to read by name.
pub(crate) fn object(callback: &str, state: &Value) -> Result<Config> {
    match state {
        Value::Object(map) => Ok(Config(map.clone())),
        other => bail!("{callback}: its saved state must be an object, got {other}"),
    }
}
