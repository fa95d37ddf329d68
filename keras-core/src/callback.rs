//! The contract of callbacks.

mod context;
mod outcome;
mod params;

pub use context::Context;
pub use outcome::Outcome;
pub(crate) use params::Board;
pub use params::Params;

use keras_ops::Tensor;
use serde_json::Value;

use crate::saving::Snapshot;
use crate::{Config, Logs, Result, config};

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
    /// After the last epoch; also when training was stopped, interrupted or failed: [`Context::outcome`] tells. It is
    /// called for every callback whose `on_train_begin` was, whatever others return here.
    fn on_train_end(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// Before an epoch.
    fn on_epoch_begin(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// In place of [`on_epoch_begin`](Self::on_epoch_begin), where training goes on in the middle of an epoch: its
    /// first `step` batches were done before.
    fn on_epoch_resume(
        &mut self,
        epoch: usize,
        step: usize,
        cx: &mut Context<'_>,
        logs: &mut Logs,
    ) -> Result<()> {
        Ok(())
    }
    /// After an epoch and its validation.
    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// Before a training batch: calls [`on_batch_begin`](Self::on_batch_begin) unless replaced.
    fn on_train_batch_begin(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.on_batch_begin(batch, cx, logs)
    }
    /// After a training batch: calls [`on_batch_end`](Self::on_batch_end) unless replaced.
    fn on_train_batch_end(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.on_batch_end(batch, cx, logs)
    }
    /// Another name of [`on_train_batch_begin`](Self::on_train_batch_begin).
    fn on_batch_begin(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        Ok(())
    }
    /// Another name of [`on_train_batch_end`](Self::on_train_batch_end).
    fn on_batch_end(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
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

    /// Called with the state of the training after a hook in which this callback
    /// [asked for it](Context::want_snapshot), and when a signal ends the run of one that
    /// [saves then](Context::save_on_signals): the place to write a checkpoint.
    ///
    /// # Errors
    /// What ends the run.
    fn on_snapshot(&mut self, snapshot: &Snapshot, cx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Whether something still goes on in the background that others could miss, as a file that is being written.
    /// [`before_state`](Self::before_state) is to finish it, and is called before a callback that does not
    /// [stand alone](Self::stands_alone), and before a loop of the user's own goes on.
    fn unfinished(&self) -> bool {
        false
    }
    /// Whether this never looks at what other callbacks leave outside of the model and the logs, as their files, so
    /// that these need not be finished first.
    fn stands_alone(&self) -> bool {
        false
    }
    /// Called before the [`state`](Self::state)s of all callbacks are taken for a checkpoint: the place to finish what
    /// still goes on in the background, so that the state tells of nothing that is not done.
    ///
    /// # Errors
    /// What ends the run.
    fn before_state(&mut self, cx: &mut Context<'_>) -> Result<()> {
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

    /// What changed since it was made: counters, best values. Saved in checkpoints, after all callbacks have seen a
    /// batch's or epoch's end.
    fn state(&self) -> Value {
        Value::Null
    }

    /// Continues from a [`state`](Self::state); called before `on_train_begin`, which must not undo it.
    ///
    /// # Errors
    /// When `state` is another callback's.
    fn load_state(&mut self, state: &Value) -> Result<()> {
        Ok(())
    }

    /// The part of its [`state`](Self::state) that is tensors, by name: weights that it keeps.
    fn state_tensors(&self) -> Vec<(String, Tensor)> {
        Vec::new()
    }

    /// Continues from [`state_tensors`](Self::state_tensors); called after `load_state`.
    ///
    /// # Errors
    /// When they are another model's.
    fn load_state_tensors(&mut self, tensors: Vec<(String, Tensor)>, cx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }
}
