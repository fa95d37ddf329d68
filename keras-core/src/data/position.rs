use serde_json::{Value, json};

use crate::{Result, bail};

/// A place in the data: which pass over it, how many of its batches are done, and the seed that orders are made from.
///
/// With the same data, batch size and options, a stream that is put here gives the same batches as the one it was
/// taken from.
///
/// ```
/// use keras_core::data::Position;
/// let place = Position { pass: 3, batch: 17, seed: 42 };
/// assert_eq!(Position::from_value(&place.to_value())?, place);
/// assert!(Position::from_value(&serde_json::json!({"pass": 3})).is_err());
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The number of the pass, from 0: that of the epoch, unless epochs have a number of steps of their own.
    pub pass: u64,
    /// The batches of this pass that are done.
    pub batch: u64,
    /// What the orders of all passes depend on.
    pub seed: u64,
}

impl Position {
    /// As JSON.
    pub fn to_value(self) -> Value {
        json!({"pass": self.pass, "batch": self.batch, "seed": self.seed})
    }

    /// From [`to_value`](Self::to_value).
    ///
    /// # Errors
    /// When a number is missing.
    pub fn from_value(value: &Value) -> Result<Self> {
        let number = |key: &str| value.get(key).and_then(Value::as_u64);
        match (number("pass"), number("batch"), number("seed")) {
            (Some(pass), Some(batch), Some(seed)) => Ok(Self { pass, batch, seed }),
            _ => bail!("data position: expected {{\"pass\", \"batch\", \"seed\"}}, got {value}"),
        }
    }
}
