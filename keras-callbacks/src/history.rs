use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keras_core::{Callback, Context, Entry, History as Values, Logs, Result};
use serde_json::Value;

const NAME: &str = "History";

/// Records the logs of every epoch where they can be read while training runs, or after it failed.
///
/// `fit` returns the same values when it is done.
///
/// # Examples
/// ```
/// use keras_callbacks::History;
/// use keras_core::Fit;
/// let history = History::new();
/// let values = history.values();
/// let fit = Fit::new().callback(history);
/// # drop(fit);
/// assert_eq!(values.lock().map(|v| v.epochs().len()).unwrap_or(0), 0);
/// ```
#[derive(Debug, Default)]
pub struct History {
    values: Arc<Mutex<Values>>,
    resumed: bool,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["history"],
    doc: "Records the logs of every epoch.",
    build: |config, _| {
        config.reader(NAME).finish()?;
        Ok(Box::new(History::new()))
    },
};

impl History {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// A handle on the values, which each `fit` starts anew unless it goes on from a checkpoint.
    pub fn values(&self) -> Arc<Mutex<Values>> {
        self.values.clone()
    }
}

impl History {
    fn lock(&self) -> MutexGuard<'_, Values> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Callback for History {
    fn on_train_begin(&mut self, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        if !std::mem::take(&mut self.resumed) {
            *self.lock() = Values::default();
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, _: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.lock().push(epoch, logs)
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn state(&self) -> Value {
        self.lock().to_value()
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        *self.lock() = Values::from_value(state)?;
        self.resumed = true;
        Ok(())
    }
}
