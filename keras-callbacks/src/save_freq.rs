use keras_core::config::IntoValue;
use keras_core::{Config, Result, bail};
use serde_json::Value;

/// When to save, or to write.
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
    /// Not at all, but when a signal ends training (Keras: `False`).
    Never,
}

impl SaveFreq {
    /// Reads the argument `name` of `callback`.
    pub(crate) fn read(callback: &str, name: &str, value: Option<&Value>) -> Result<Self> {
        match value {
            None => Ok(Self::Epoch),
            Some(Value::String(name)) if name == "epoch" => Ok(Self::Epoch),
            Some(Value::Bool(false)) => Ok(Self::Never),
            Some(other) => match other.as_u64().and_then(|n| usize::try_from(n).ok()) {
                Some(batches) => Ok(Self::Batches(batches)),
                None => bail!("{callback}: `{name}` must be \"epoch\" or a number of batches, got {other}"),
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
            Self::Never => Value::from(false),
        }
    }
}

/// The batches since the last save. A block of steps that runs at once counts as many as it has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter {
    since: usize,
    /// The batches of this epoch that were counted.
    seen: usize,
    /// All batches.
    total: usize,
}

impl Counter {
    /// Counts up to `batch`; whether it is time to save.
    pub(crate) fn due(&mut self, freq: SaveFreq, batch: usize) -> bool {
        let more = (batch + 1).saturating_sub(self.seen);
        (self.since, self.total) = (self.since + more, self.total + more);
        self.seen = batch + 1;
        match freq {
            SaveFreq::Batches(every) if self.since >= every => {
                self.since = 0;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    pub(crate) fn new_epoch(&mut self) {
        self.seen = 0;
    }

    pub(crate) fn state(&self) -> Value {
        Value::Object(
            Config::new()
                .with("batches", self.since)
                .with("seen", self.seen)
                .with("total", self.total)
                .0,
        )
    }

    pub(crate) fn from_state(state: &Config, callback: &str) -> Result<Self> {
        let mut reader = state.reader(callback);
        let counter = Self {
            since: reader.req("batches")?,
            seen: reader.req("seen")?,
            total: reader.req("total")?,
        };
        reader.finish()?;
        Ok(counter)
    }
}
