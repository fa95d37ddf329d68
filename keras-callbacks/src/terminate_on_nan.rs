use keras_core::{Callback, Config, Context, Entry, Logs, Result, bail};

const NAME: &str = "TerminateOnNaN";

/// Ends training when the loss is NaN or infinite.
///
/// It reads the loss of every batch, for which a step waits for the device.
///
/// # Errors
/// With [`raise_error`](Self::raise_error), at the batch with such a loss.
///
/// # Examples
/// ```
/// use keras_callbacks::TerminateOnNaN;
/// use keras_core::Fit;
/// let fit = Fit::new().callback(TerminateOnNaN::new().raise_error(true));
/// # drop(fit);
/// ```
#[derive(Clone, Debug, Default)]
pub struct TerminateOnNaN {
    raise_error: bool,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["terminate_on_nan"],
    doc: "Ends training when the loss is NaN or infinite.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let raise_error = reader.or("raise_error", false)?;
        reader.finish()?;
        Ok(Box::new(TerminateOnNaN { raise_error }))
    },
};

impl TerminateOnNaN {
    /// Stops as if the last epoch were done.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `fit` ends with an error instead.
    #[must_use]
    pub fn raise_error(mut self, raise: bool) -> Self {
        self.raise_error = raise;
        self
    }
}

impl Callback for TerminateOnNaN {
    fn on_train_batch_end(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        let Some(loss) = logs.get("loss")?.filter(|loss| !loss.is_finite()) else {
            return Ok(());
        };
        if self.raise_error {
            bail!(
                "the loss is {loss} after batch {batch}; try a smaller learning rate or clip the gradients"
            );
        }
        cx.note(format!("stopped: the loss is {loss} after batch {batch}"));
        cx.stop_training();
        Ok(())
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        Config::new().with("raise_error", self.raise_error)
    }
}
