use keras_core::config::IntoValue;
use keras_core::{Result, bail};
use serde_json::Value;

/// When to save.
///
/// ```
/// use keras_callbacks::SaveFreq;
/// assert_eq!(SaveFreq::from(500), SaveFreq::Batches(500));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaveFreq {
    /// After every epoch.
    #[default]
    Epoch,
    /// After every so many training batches, counted through all epochs.
    Batches(usize),
}

impl SaveFreq {
    pub(crate) fn read(value: Option<&Value>) -> Result<Self> {
        match value {
            None => Ok(Self::Epoch),
            Some(Value::String(name)) if name == "epoch" => Ok(Self::Epoch),
            Some(other) => match other.as_u64().and_then(|n| usize::try_from(n).ok()) {
                Some(batches) => Ok(Self::Batches(batches)),
                None => bail!("save_freq must be \"epoch\" or a number of batches, got {other}"),
            },
        }
    }
}

impl From<usize> for SaveFreq {
    fn from(batches: usize) -> Self {
        Self::Batches(batches)
    }
}

impl IntoValue for SaveFreq {
    fn into_value(self) -> Value {
        match self {
            Self::Epoch => Value::from("epoch"),
            Self::Batches(batches) => Value::from(batches),
        }
    }
}
