use keras_core::config::IntoValue;
use keras_core::{Context, Result, bail};
use serde_json::Value;

/// What to do when something cannot be saved: the disk is full, the folder is gone or may not be written to. What was
/// saved before is still whole.
///
/// ```
/// use keras_callbacks::{ModelCheckpoint, SaveErrors};
/// let best = ModelCheckpoint::new("best.keras").save_errors(SaveErrors::Warn);
/// # drop(best);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaveErrors {
    /// End training with the error, which names the file.
    #[default]
    Stop,
    /// Say it and go on training.
    Warn,
}

impl SaveErrors {
    pub(crate) fn read(callback: &str, value: Option<&Value>) -> Result<Self> {
        match value.map(Value::as_str) {
            None | Some(Some("stop")) => Ok(Self::Stop),
            Some(Some("warn")) => Ok(Self::Warn),
            Some(_) => bail!(
                "{callback}: `save_errors` must be \"stop\" or \"warn\", got {}",
                value.unwrap_or(&Value::Null)
            ),
        }
    }

    /// What came of saving, and whether it was saved.
    pub(crate) fn settle(self, callback: &str, saved: Result<()>, cx: &Context<'_>) -> Result<bool> {
        match (saved, self) {
            (Ok(()), _) => Ok(true),
            (Err(error), Self::Stop) => Err(error),
            (Err(error), Self::Warn) => {
                cx.note(format!("{callback} could not save, training goes on: {error}"));
                Ok(false)
            }
        }
    }
}

impl IntoValue for SaveErrors {
    fn into_value(self) -> Value {
        Value::from(match self {
            Self::Stop => "stop",
            Self::Warn => "warn",
        })
    }
}
