//! SIGINT and SIGTERM while a training runs that saves its state then.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::{Error, Result};

/// What handlers of this process share. They stay for its whole life, since a handler that is taken away leaves the
/// signal without any effect.
struct State {
    /// Whether the next signal ends the process, as it does without us.
    deadly: Arc<AtomicBool>,
    /// The last signal, or 0.
    seen: Arc<AtomicUsize>,
    /// The number of trainings that wait for one.
    waiting: AtomicUsize,
}

static STATE: OnceLock<std::result::Result<State, String>> = OnceLock::new();

fn install() -> std::io::Result<State> {
    let state = State {
        deadly: Arc::new(AtomicBool::new(true)),
        seen: Arc::new(AtomicUsize::new(0)),
        waiting: AtomicUsize::new(0),
    };
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal sees that it is not deadly, then makes the second so.
        flag::register_conditional_default(signal, state.deadly.clone())?;
        flag::register(signal, state.deadly.clone())?;
        flag::register_usize(signal, state.seen.clone(), signal as usize)?;
    }
    Ok(state)
}

/// While it lives, a signal is noted and not deadly; a second one is.
pub(super) struct Signals(&'static State);

impl Signals {
    pub(super) fn watch() -> Result<Self> {
        let state = STATE.get_or_init(|| install().map_err(|e| e.to_string()));
        let state = state
            .as_ref()
            .map_err(|e| Error::invalid(format!("fit: cannot handle SIGINT and SIGTERM: {e}")))?;
        if state.waiting.fetch_add(1, Ordering::SeqCst) == 0 {
            state.seen.store(0, Ordering::SeqCst);
            state.deadly.store(false, Ordering::SeqCst);
        }
        Ok(Self(state))
    }

    /// The name of the signal that came.
    pub(super) fn seen(&self) -> Option<&'static str> {
        match self.0.seen.load(Ordering::Relaxed) {
            0 => None,
            signal if signal == SIGTERM as usize => Some("SIGTERM"),
            _ => Some("SIGINT"),
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        if self.0.waiting.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.deadly.store(true, Ordering::SeqCst);
        }
    }
}
