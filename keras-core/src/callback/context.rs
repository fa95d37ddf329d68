use std::path::Path;

use super::params::Board;
use super::{Outcome, Params};
use crate::Model;
use crate::trainer::Resume;

/// What a callback may see and do while it is called.
#[derive(Debug)]
pub struct Context<'a> {
    /// The model in training.
    pub model: &'a mut Model,
    /// What this run was started with.
    pub params: &'a Params,
    stop: &'a mut bool,
    /// The place of the callback in its list.
    slot: usize,
}

impl<'a> Context<'a> {
    /// For the trainer, and for tests of callbacks.
    pub fn new(model: &'a mut Model, params: &'a Params, stop: &'a mut bool) -> Self {
        Self {
            model,
            params,
            stop,
            slot: 0,
        }
    }

    pub(crate) fn at(mut self, slot: usize) -> Self {
        self.slot = slot;
        self
    }

    /// Ends training after this batch or epoch (Keras: `model.stop_training = True`).
    pub fn stop_training(&mut self) {
        self.stop_as(None);
    }

    /// [`stop_training`](Self::stop_training), saying why: the reason is part of the run's [`Outcome`].
    ///
    /// ```
    /// # use keras_core::{Callback, Context, Logs, Result};
    /// # #[derive(Debug)]
    /// # struct Budget;
    /// # impl Callback for Budget {
    /// fn on_epoch_end(&mut self, _: usize, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
    ///     cx.stop_training_because("the budget is spent");
    ///     Ok(())
    /// }
    /// # }
    /// ```
    pub fn stop_training_because(&mut self, reason: impl Into<String>) {
        self.stop_as(Some(reason.into()));
    }

    fn stop_as(&mut self, reason: Option<String>) {
        *self.stop = true;
        self.params.board().stopped.get_or_insert((self.slot, reason));
    }

    /// Ends the evaluation or validation that is going on after this batch (Keras: `model.stop_evaluating = True`).
    /// Its scores are those of the batches so far.
    pub fn stop_evaluating(&mut self, reason: impl Into<String>) {
        self.params.board().reason = Some(reason.into());
        Board::set(&self.params.board.stop_evaluating);
    }

    /// Ends the prediction that is going on after this batch (Keras: `model.stop_predicting = True`). Its outputs are
    /// those of the batches so far.
    pub fn stop_predicting(&mut self, reason: impl Into<String>) {
        self.params.board().reason = Some(reason.into());
        Board::set(&self.params.board.stop_predicting);
    }

    /// Whether training ends.
    pub fn stopping(&self) -> bool {
        *self.stop
    }

    /// How the run ended, in `on_train_end`; [`Outcome::Running`] before.
    pub fn outcome(&self) -> Outcome {
        self.params.board().outcome.clone()
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

    /// Says in [`Callback::check`](crate::Callback::check) that this callback adds `name` to the logs of an epoch's
    /// end, so that the callbacks after it may monitor it.
    pub fn will_log(&self, name: &str) {
        let mut board = self.params.board();
        if !board.names.iter().any(|n| n == name) {
            board.names.push(name.to_owned());
        }
    }

    /// Asks for the whole state of the training, as it is when all callbacks have seen this batch's or epoch's end:
    /// [`Callback::on_snapshot`](crate::Callback::on_snapshot) is then called with it. By `fit`, in `on_train_batch_end`
    /// and `on_epoch_end`; a loop of one's own has no such state.
    pub fn want_snapshot(&self) {
        let mut board = self.params.board();
        if !board.snapshots.contains(&self.slot) {
            board.snapshots.push(self.slot);
        }
        Board::set(&self.params.board.wanted);
    }

    /// Says in [`Callback::check`](crate::Callback::check) that this callback keeps the state of the training when
    /// SIGINT or SIGTERM ends it: `fit` then handles these signals, ends the current batch, and calls
    /// [`Callback::on_snapshot`](crate::Callback::on_snapshot). A second signal ends the process at once.
    pub fn save_on_signals(&self) {
        let mut board = self.params.board();
        if !board.rescuers.contains(&self.slot) {
            board.rescuers.push(self.slot);
        }
    }

    /// Says in [`Callback::check`](crate::Callback::check) where training goes on from, if there is a checkpoint: the
    /// newest in `folder`. It counts before [`Fit::resume`](crate::Fit::resume).
    pub fn resume_from(&self, folder: impl AsRef<Path>) {
        self.params.board().resume = Some(Resume::if_any(folder.as_ref()));
    }
}
