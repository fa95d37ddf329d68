//! Work done ahead on threads, delivered in order.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::{Error, Result};

/// Results of numbered pieces of work, in the order of their numbers.
pub(super) struct Prefetch<T> {
    shared: Arc<Shared<T>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    queue: u64,
    end: u64,
}

struct State<T> {
    /// The next number that a thread takes.
    claimed: u64,
    /// The next number that is delivered.
    delivered: u64,
    ready: BTreeMap<u64, Result<T>>,
    stop: bool,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next piece of work; waits while enough lies ready.
    fn claim(&self) -> Option<u64> {
        let mut state = self.lock();
        loop {
            if state.stop || state.claimed >= self.end {
                return None;
            }
            if state.claimed - state.delivered < self.queue {
                state.claimed += 1;
                return Some(state.claimed - 1);
            }
            state = self.wait(state);
        }
    }

    fn work(&self, make: impl Fn(u64) -> Result<T>) {
        while let Some(number) = self.claim() {
            // `make` names its place in its own errors; a panic of ours is caught here, so that nobody waits for ever.
            let made = catch_unwind(AssertUnwindSafe(|| make(number)));
            let made = made.unwrap_or_else(|panic| {
                let why = described(&*panic);
                Err(Error::invalid(format!(
                    "data: batch {number}: a worker panicked: {why}"
                )))
            });
            self.lock().ready.insert(number, made);
            self.changed.notify_all();
        }
    }
}

impl<T: Send + 'static> Prefetch<T> {
    pub(super) fn start(
        workers: usize,
        queue: usize,
        numbers: Range<u64>,
        make: impl Fn(u64) -> Result<T> + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                claimed: numbers.start,
                delivered: numbers.start,
                ready: BTreeMap::new(),
                stop: false,
            }),
            changed: Condvar::new(),
            queue: queue.max(1) as u64,
            end: numbers.end,
        });
        let make = Arc::new(make);
        let thread = |_| {
            let (shared, make) = (shared.clone(), make.clone());
            std::thread::spawn(move || shared.work(&*make))
        };
        // More would only wait.
        let threads = (0..workers.clamp(1, queue.max(1))).map(thread).collect();
        Self { shared, threads }
    }

    /// The next result; `None` after the last.
    pub(super) fn next(&mut self) -> Option<Result<T>> {
        let mut state = self.shared.lock();
        let number = state.delivered;
        if number >= self.shared.end {
            return None;
        }
        loop {
            if let Some(made) = state.ready.remove(&number) {
                state.delivered += 1;
                self.shared.changed.notify_all();
                return Some(made);
            }
            state = self.shared.wait(state);
        }
    }
}

impl<T> Drop for Prefetch<T> {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // Panics were caught.
            let _ = thread.join();
        }
    }
}

/// The message of a panic.
pub(crate) fn described(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
