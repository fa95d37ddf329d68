use serde_json::{Value, json};

use crate::data::Position;
use crate::{Result, bail};

/// How far a training has come: what [`Fit::start_at`](crate::Fit::start_at) goes on from.
///
/// ```
/// use keras_core::data::Position;
/// use keras_core::trainer::Place;
/// let place = Place { epoch: 2, step: 100, data: Position { pass: 2, batch: 100, seed: 7 } };
/// assert_eq!(Place::from_value(&place.to_value())?, place);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The epoch that is being trained, or the next one; from 0.
    pub epoch: usize,
    /// The batches of this epoch that are done.
    pub step: usize,
    /// The place in the data.
    pub data: Position,
}

impl Place {
    /// As JSON.
    pub fn to_value(self) -> Value {
        json!({"epoch": self.epoch, "step": self.step, "data": self.data.to_value()})
    }

    /// From [`to_value`](Self::to_value).
    ///
    /// # Errors
    /// When a part is missing.
    pub fn from_value(value: &Value) -> Result<Self> {
        let number = |key: &str| usize::try_from(value.get(key)?.as_u64()?).ok();
        match (number("epoch"), number("step"), value.get("data")) {
            (Some(epoch), Some(step), Some(data)) => Ok(Self {
                epoch,
                step,
                data: Position::from_value(data)?,
            }),
            _ => bail!("place in a training: expected {{\"epoch\", \"step\", \"data\"}}, got {value}"),
        }
    }
}
