use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Outcome;
use crate::trainer::Resume;
use crate::{Error, Result};

/// What callbacks leave for one another, and for the trainer, in a run.
#[derive(Debug, Default)]
pub(crate) struct Board {
    state: Mutex<Notices>,
    /// Whether a callback wants the state of the training.
    pub(crate) wanted: AtomicBool,
    pub(crate) stop_evaluating: AtomicBool,
    pub(crate) stop_predicting: AtomicBool,
}

#[derive(Debug, Default)]
pub(crate) struct Notices {
    pub(crate) notes: Vec<String>,
    pub(crate) names: Vec<String>,
    pub(crate) outcome: Outcome,
    /// Which callback stopped training, and why.
    pub(crate) stopped: Option<(usize, Option<String>)>,
    /// Why an evaluation or prediction was stopped.
    pub(crate) reason: Option<String>,
    /// The callbacks that want the state of the training after this hook.
    pub(crate) snapshots: Vec<usize>,
    /// The callbacks that want it when a signal ends the run.
    pub(crate) rescuers: Vec<usize>,
    /// Where to go on from.
    pub(crate) resume: Option<Resume>,
}

impl Board {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Notices> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(flag: &AtomicBool) {
        flag.store(true, Ordering::Relaxed);
    }

    /// Whether `flag` is set; it is not any more.
    pub(crate) fn take(flag: &AtomicBool) -> bool {
        flag.load(Ordering::Relaxed) && flag.swap(false, Ordering::Relaxed)
    }
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
    pub(crate) board: Arc<Board>,
}

impl Params {
    pub(crate) fn board(&self) -> MutexGuard<'_, Notices> {
        self.board.lock()
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
