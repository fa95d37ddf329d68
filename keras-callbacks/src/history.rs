use std::sync::{Arc, Mutex, PoisonError};

use keras_core::{Callback, Context, Entry, History as Values, Logs, Result};

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
pub struct History(Arc<Mutex<Values>>);

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

    /// A handle on the values, which each `fit` starts anew.
    pub fn values(&self) -> Arc<Mutex<Values>> {
        self.0.clone()
    }
}

impl Callback for History {
    fn on_train_begin(&mut self, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Values::default();
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, _: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(epoch, logs)
    }

    fn class_name(&self) -> &str {
        NAME
    }
}
