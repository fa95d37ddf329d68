//! The spans of some batches as a trace for Perfetto and Chrome.

use std::cell::RefCell;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use keras_core::{Error, Result};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Dispatch, Event, Metadata, Subscriber};

use crate::folder;

thread_local! {
    /// What makes this thread's spans go to a recorder; it must end on the thread that it began on.
    static GUARD: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
}

/// Takes down the spans of the thread it was started on.
#[derive(Debug)]
pub(super) struct Profile(Arc<Inner>);

struct Inner {
    start: Instant,
    /// Who hears of events meanwhile.
    others: Dispatch,
    spans: Mutex<Spans>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} spans", self.lock().done.len())
    }
}

#[derive(Debug, Default)]
struct Spans {
    names: Vec<String>,
    /// Those that have begun: their numbers and when.
    open: Vec<(u64, f64)>,
    /// Name, beginning, length; in microseconds.
    done: Vec<(String, f64, f64)>,
}

impl Profile {
    pub(super) fn start() -> Self {
        let inner = Arc::new(Inner {
            start: Instant::now(),
            others: tracing::dispatcher::get_default(Clone::clone),
            spans: Mutex::default(),
        });
        let guard = set_default(Recorder(Arc::clone(&inner)));
        GUARD.with(|slot| *slot.borrow_mut() = Some(guard));
        Self(inner)
    }

    /// A span that is none of `tracing`'s begins.
    pub(super) fn begin(&self, name: String) {
        let id = self.0.name(name);
        self.0.enter(id);
    }

    /// The last that was begun so ends.
    pub(super) fn end(&self) {
        let last = self.0.lock().open.last().map(|(id, _)| *id);
        if let Some(id) = last {
            self.0.exit(id);
        }
    }

    /// Writes what was taken down, and ends.
    pub(super) fn finish(self, path: &Path) -> Result<()> {
        let spans = self.0.lock();
        let event = |(name, at, took): &(String, f64, f64)| json!({ "name": name, "ph": "X", "ts": at, "dur": took, "pid": 1, "tid": 1 });
        let events: Vec<Value> = spans.done.iter().map(event).collect();
        let trace = json!({ "displayTimeUnit": "ms", "traceEvents": events });
        folder::create(folder::of(path))?;
        std::fs::write(path, trace.to_string()).map_err(|e| Error::io(path, "cannot write", e))
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        GUARD.with(|slot| slot.borrow_mut().take());
        // What was switched on for the recorder is off again.
        tracing::callsite::rebuild_interest_cache();
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Spans> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> f64 {
        self.start.elapsed().as_nanos() as f64 / 1e3
    }

    /// A number, from 1, for a span of this name.
    fn name(&self, name: String) -> u64 {
        let mut spans = self.lock();
        spans.names.push(name);
        spans.names.len() as u64
    }

    fn enter(&self, id: u64) {
        let now = self.now();
        self.lock().open.push((id, now));
    }

    fn exit(&self, id: u64) {
        let now = self.now();
        let mut spans = self.lock();
        let Some(at) = spans.open.iter().rposition(|(open, _)| *open == id) else {
            return;
        };
        let (_, begun) = spans.open.remove(at);
        let name = spans.names.get(id as usize - 1).cloned().unwrap_or_default();
        spans.done.push((name, begun, now - begun));
    }
}

struct Recorder(Arc<Inner>);

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() || self.0.others.enabled(metadata)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut name = Name(span.metadata().name().to_owned());
        span.record(&mut name);
        Id::from_u64(self.0.name(name.0))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if self.0.others.enabled(event.metadata()) {
            self.0.others.event(event);
        }
    }

    fn enter(&self, span: &Id) {
        self.0.enter(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        self.0.exit(span.into_u64());
    }
}

/// The span's name with its fields: `layer dense`.
struct Name(String);

impl Visit for Name {
    fn record_str(&mut self, _: &Field, value: &str) {
        self.0 += &format!(" {value}");
    }

    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        self.0 += &format!(" {value:?}");
    }
}
