//! How long the spans of a training step are open, by name.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::dispatcher::SetGlobalDefaultError;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The spans of a training step.
pub const NAMES: [&str; 5] = ["step", "forward", "backward", "gradient", "update"];

#[derive(Debug, Default)]
struct State {
    /// Open spans, and since when each is entered.
    open: Vec<(&'static str, Option<Instant>)>,
    free: Vec<usize>,
    total: BTreeMap<&'static str, Duration>,
}

/// A subscriber that adds up the time in spans of some names.
#[derive(Debug)]
pub struct Spans {
    names: &'static [&'static str],
    state: Mutex<State>,
}

impl Spans {
    /// Looks at spans of these names from now on, on all threads.
    ///
    /// # Errors
    /// When something looks at spans already.
    pub fn watch(names: &'static [&'static str]) -> Result<&'static Self, SetGlobalDefaultError> {
        let state = Mutex::default();
        let spans: &'static Self = Box::leak(Box::new(Self { names, state }));
        tracing::subscriber::set_global_default(spans)?;
        Ok(spans)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was measured so far.
    pub fn reset(&self) {
        self.state().total.clear();
    }

    /// The seconds in spans of this name.
    pub fn seconds(&self, name: &str) -> f64 {
        self.state().total.get(name).map_or(0., Duration::as_secs_f64)
    }
}

impl Subscriber for &'static Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && self.names.contains(&metadata.name())
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut state = self.state();
        let span = (attributes.metadata().name(), None);
        let at = match state.free.pop() {
            Some(at) => {
                state.open[at] = span;
                at
            }
            None => {
                state.open.push(span);
                state.open.len() - 1
            }
        };
        Id::from_u64(at as u64 + 1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, span: &Id) {
        let at = span.into_u64() as usize - 1;
        self.state().open[at].1 = Some(Instant::now());
    }

    fn exit(&self, span: &Id) {
        let mut state = self.state();
        let (name, since) = state.open[span.into_u64() as usize - 1];
        if let Some(since) = since {
            *state.total.entry(name).or_default() += since.elapsed();
        }
    }

    fn try_close(&self, span: Id) -> bool {
        self.state().free.push(span.into_u64() as usize - 1);
        true
    }
}
