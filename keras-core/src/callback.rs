//! The contract of callbacks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::{Config, Error, Logs, Model, Result, config};

/// What a callback may see and do while it is called.
#[derive(Debug)]
pub struct Context<'a> {
    /// The model in training.
    pub model: &'a mut Model,
    /// What this run was started with.
    pub params: &'a Params,
    stop: &'a mut bool,
}

impl<'a> Context<'a> {
    /// For the trainer, and for tests of callbacks.
    pub fn new(model: &'a mut Model, params: &'a Params, stop: &'a mut bool) -> Self {
        Self { model, params, stop }
    }

    /// Ends training after this batch or epoch (Keras: `model.stop_training = True`).
    pub fn stop_training(&mut self) {
        *self.stop = true;
    }

    /// Whether training ends.
    pub fn stopping(&self) -> bool {
        *self.stop
    }

    /// Tells the person in front of the screen something: `saved best.keras`. During an epoch it ends the
    /// epoch's line of the progress display, at other times it is a line of its own.
    ///
    /// ```
    /// # use keras_core::{Callback, Context, Logs, Result};
    /// # #[derive(Debug)]
    /// # struct Report;
    /// # impl Callback for Report {
    /// fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
    ///     cx.note(format!("report {epoch} written"));
    ///     Ok(())
    /// }
    /// # }
    /// ```
    pub fn note(&self, text: impl Into<String>) {
        self.params.board().notes.push(text.into());
    }

    /// Takes the notes made since the last call: for the callback that shows progress.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut self.params.board().notes)
    }

    /// Says in [`Callback::check`] that this callback adds `name` to the logs of an epoch's end, so that the
    /// callbacks after it may monitor it.
    pub fn will_log(&self, name: &str) {
        let mut board = self.params.board();
        if !board.names.iter().any(|n| n == name) {
            board.names.push(name.to_owned());
        }
    }
}

/// What callbacks leave for one another in a run.
#[derive(Debug, Default)]
pub(crate) struct Board {
    notes: Vec<String>,
    names: Vec<String>,
}

/// What a run was started with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Params {
    /// The number of epochs planned, counted from 0: training from `initial_epoch` ends here.
    pub epochs: usize,
    /// The first epoch's number.
    pub initial_epoch: usize,
    /// Batches an epoch, where known.
    pub steps: Option<usize>,
    /// Samples a batch, where known.
    pub batch_size: Option<usize>,
    /// Samples an epoch, where known.
    pub samples: Option<usize>,
    /// Samples of validation, where known.
    pub validation_samples: Option<usize>,
    /// 0 silent, 1 progress bar, 2 one line an epoch.
    pub verbose: u8,
    /// Whether there is validation data.
    pub validation: bool,
    /// The names that the logs of an epoch's end will hold.
    pub log_names: Vec<String>,
    pub(crate) board: Arc<Mutex<Board>>,
}

impl Params {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// [`log_names`](Self::log_names), and what callbacks said they [will log](Context::will_log).
    pub fn epoch_names(&self) -> Vec<String> {
        let mut names = self.log_names.clone();
        for name in &self.board().names {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// Checks that the logs will hold `monitor`.
    ///
    /// # Errors
    /// When they won't; lists what they will hold and the nearest name.
    pub fn check_monitor(&self, callback: &str, monitor: &str) -> Result<()> {
        let names = self.epoch_names();
        if names.iter().any(|n| n == monitor) {
            return Ok(());
        }
        let mut message = format!("{callback} monitors `{monitor}`, which this run will not produce");
        message += &format!("\n  available: {}.", names.join(", "));
        if let Some(near) = crate::error::nearest(monitor, &names) {
            message += &format!(" Did you mean `{near}`?");
        } else if monitor.starts_with("val_") && !self.validation {
            message += " Give `Fit` validation_data or validation_split for `val_…`.";
        }
        Err(Error::Invalid(message))
    }
}

/// Something to do at certain moments of training, evaluation or prediction. All hooks do nothing by
/// default.
///
/// Epochs and batches count from 0. `logs` holds the running values; what an `on_epoch_end` adds is seen by
/// the callbacks after it and by the history.
///
/// # Examples
/// ```
/// use keras_core::{Callback, Context, Logs, Result};
/// #[derive(Debug, Default)]
/// struct StopWhenGood;
/// impl Callback for StopWhenGood {
///     fn on_epoch_end(&mut self, _epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
///         if logs.get("accuracy")?.is_some_and(|a| a > 0.99) {
///             cx.stop_training();
///         }
///         Ok(())
///     }
/// }
/// assert_eq!(StopWhenGood.class_name(), "StopWhenGood");
/// ```
#[expect(unused_variables, reason = "named for the docs")]
pub trait Callback: std::fmt::Debug + Send + 'static {
    /// Called before anything else, so that a wrong monitor or an unwritable folder is found before the first
    /// step.
    ///
    /// # Errors
    /// What makes the run pointless.
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Before the first epoch.
    fn on_train_begin(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// After the last epoch; also when training was stopped.
    fn on_train_end(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// Before an epoch.
    fn on_epoch_begin(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// After an epoch and its validation.
    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// Before a training batch.
    fn on_train_batch_begin(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// After a training batch.
    fn on_train_batch_end(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// Before an evaluation; also before validation.
    fn on_test_begin(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// After an evaluation; also after validation.
    fn on_test_end(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// Before an evaluation batch.
    fn on_test_batch_begin(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// After an evaluation batch.
    fn on_test_batch_end(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// Before a prediction.
    fn on_predict_begin(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// After a prediction.
    fn on_predict_end(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// Before a prediction batch.
    fn on_predict_batch_begin(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// After a prediction batch, whose outputs are in the logs: `logs.tensors("outputs")`.
    fn on_predict_batch_end(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }

    /// The name it is saved under.
    fn class_name(&self) -> &str {
        config::type_class_name::<Self>()
    }

    /// Its arguments by Keras's names.
    fn config(&self) -> Config {
        Config::new()
    }

    /// What changed since it was made: counters, best values. Saved in checkpoints.
    fn state(&self) -> Value {
        Value::Null
    }

    /// Continues from a [`state`](Self::state).
    ///
    /// # Errors
    /// When `state` is another callback's.
    fn load_state(&mut self, state: &Value) -> Result<()> {
        Ok(())
    }
}
