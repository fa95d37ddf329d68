//! What the page shows, and who waits for news of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use keras_core::config::IntoValue;
use serde_json::{Map, Value, json};

#[derive(Debug, Default)]
pub(super) struct Board {
    state: Mutex<State>,
    changed: Condvar,
    watching: AtomicUsize,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Grows with every change.
    version: u64,
    /// Grows when rows are taken away.
    generation: u64,
    /// An epoch and its logs.
    pub(super) rows: Vec<(usize, Map<String, Value>)>,
    pub(super) model: String,
    pub(super) epochs: usize,
    pub(super) steps: Option<usize>,
    pub(super) epoch: usize,
    /// Batches done in this epoch.
    pub(super) batch: usize,
    pub(super) running: Map<String, Value>,
    pub(super) started: Option<Instant>,
    pub(super) elapsed: Duration,
    pub(super) first_epoch: usize,
    /// How the run ended.
    pub(super) outcome: Option<String>,
    closed: bool,
}

/// How far a page has been told.
#[derive(Debug, Default)]
pub(super) struct Told {
    version: Option<u64>,
    generation: u64,
    rows: usize,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        state.version += 1;
        self.changed.notify_all();
    }

    pub(super) fn read<R>(&self, read: impl FnOnce(&State) -> R) -> R {
        read(&self.lock())
    }

    pub(super) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    /// Whether a page is open.
    pub(super) fn watched(&self) -> bool {
        self.watching.load(Ordering::Relaxed) > 0
    }

    /// Counts a page as long as what is given lives.
    pub(super) fn watch(&self) -> Watch<'_> {
        self.watching.fetch_add(1, Ordering::Relaxed);
        Watch(self)
    }

    /// What a page does not know yet, waiting for it a while; `None` when there was nothing. An error is the end.
    pub(super) fn news(&self, told: &mut Told, wait: Duration) -> Result<Option<Value>, Closed> {
        let state = self.lock();
        let version = told.version;
        let same = |state: &mut State| Some(state.version) == version && !state.closed;
        let (state, _) = self
            .changed
            .wait_timeout_while(state, wait, same)
            .unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(Closed);
        }
        if Some(state.version) == told.version {
            return Ok(None);
        }
        let reset = told.version.is_none() || told.generation != state.generation;
        if reset {
            told.rows = 0;
        }
        let rows: Vec<Value> = state
            .rows
            .iter()
            .skip(told.rows)
            .map(|(epoch, logs)| json!({ "epoch": epoch, "logs": logs }))
            .collect();
        *told = Told {
            version: Some(state.version),
            generation: state.generation,
            rows: state.rows.len(),
        };
        Ok(Some(
            json!({ "reset": reset, "rows": rows, "status": state.status() }),
        ))
    }

    /// Everything, for who asks once.
    pub(super) fn all(&self) -> Value {
        let news = self.news(&mut Told::default(), Duration::ZERO);
        news.ok().flatten().unwrap_or_default()
    }
}

/// The server has ended.
#[derive(Debug)]
pub(super) struct Closed;

#[derive(Debug)]
pub(super) struct Watch<'a>(&'a Board);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.watching.fetch_sub(1, Ordering::Relaxed);
    }
}

impl State {
    /// Forgets what came from epoch `from` on.
    pub(super) fn keep_before(&mut self, from: usize) {
        self.rows.retain(|(epoch, _)| *epoch < from);
        self.generation += 1;
    }

    fn status(&self) -> Value {
        let elapsed = self.started.map_or(self.elapsed, |start| start.elapsed());
        json!({
            "model": self.model,
            "epochs": self.epochs,
            "first_epoch": self.first_epoch,
            "epoch": self.epoch,
            "steps": self.steps,
            "batch": self.batch,
            "running": self.running,
            "elapsed": elapsed.as_secs_f64(),
            "outcome": self.outcome,
        })
    }
}

/// Logs as JSON; what is no number there is its name.
pub(super) fn object(values: Vec<(String, f64)>) -> Map<String, Value> {
    let values = values.into_iter();
    values.map(|(name, value)| (name, value.into_value())).collect()
}
