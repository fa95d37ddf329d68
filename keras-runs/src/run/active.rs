//! The run that is active on a thread.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::path::PathBuf;

use super::RunHandle;
use crate::Metadata;

thread_local! {
    static ACTIVE: RefCell<Vec<RunHandle>> = const { RefCell::new(Vec::new()) };
    static DEFERRED: RefCell<Vec<Metadata>> = const { RefCell::new(Vec::new()) };
}

/// The run that is active on this thread: the innermost that was started or [entered](RunHandle::enter) and has not
/// ended.
///
/// ```
/// use keras_runs::{RunOptions, active_run, is_run_active};
/// assert!(!is_run_active());
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let run = RunOptions::new().runs_dir(base.path()).start()?;
/// assert_eq!(active_run().map(|r| r.path().to_owned()).as_deref(), Some(run.path()));
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn active_run() -> Option<RunHandle> {
    ACTIVE.with_borrow(|active| active.last().cloned())
}

/// Whether a run is active on this thread.
pub fn is_run_active() -> bool {
    ACTIVE.with_borrow(|active| !active.is_empty())
}

/// The folder of this thread's active run, for files of your own; without a run, the current folder.
pub fn run_dir() -> PathBuf {
    match active_run() {
        Some(run) => run.path().to_owned(),
        None => std::env::current_dir().unwrap_or_else(|_| ".".into()),
    }
}

pub(crate) fn defer(metadata: Metadata) {
    DEFERRED.with_borrow_mut(|deferred| deferred.push(metadata));
}

pub(crate) fn deferred() -> Vec<Metadata> {
    DEFERRED.take()
}

/// Makes a run active on this thread until it is dropped.
#[derive(Debug)]
#[must_use = "the run is active until this is dropped"]
pub struct Entered {
    run: RunHandle,
    /// It belongs to this thread.
    _thread: PhantomData<*const ()>,
}

impl Entered {
    pub(crate) fn new(run: &RunHandle) -> Self {
        ACTIVE.with_borrow_mut(|active| active.push(run.clone()));
        Self {
            run: run.clone(),
            _thread: PhantomData,
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // A thread that ends may have dropped its list.
        let _ = ACTIVE.try_with(|active| {
            let mut active = active.borrow_mut();
            if let Some(at) = active.iter().rposition(|run| run.same(&self.run)) {
                active.remove(at);
            }
        });
    }
}
