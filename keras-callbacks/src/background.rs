//! Work that is done while training goes on.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use keras_core::{Error, Result};

type Work = Box<dyn FnOnce() -> Result<()> + Send>;

/// A thread, made when there is something to do, that does one thing at a time. What it was given is done before this is
/// gone.
#[derive(Default)]
pub(crate) struct Background {
    thread: Option<Thread>,
}

struct Thread {
    board: Arc<Board>,
    handle: JoinHandle<()>,
}

/// What the two threads leave for each other.
#[derive(Default)]
struct Board {
    desk: Mutex<Desk>,
    changed: Condvar,
}

#[derive(Default)]
enum Desk {
    #[default]
    Idle,
    /// To begin then.
    Waiting(Work, Instant),
    Busy,
    Done(Result<()>),
    /// There is nothing more to do.
    End,
}

impl Background {
    /// Begins `work` at the time `from`, or now if that has passed. What was begun before must have been [waited for](Self::wait) or
    /// [withdrawn](Self::withdraw).
    pub(crate) fn begin(
        &mut self,
        from: Instant,
        work: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let thread = match self.thread.take() {
            Some(thread) => thread,
            None => Thread::start()?,
        };
        thread.board.put(Desk::Waiting(Box::new(work), from));
        self.thread = Some(thread);
        Ok(())
    }

    /// Takes back what was not begun yet; gives the time at which it was to begin.
    pub(crate) fn withdraw(&mut self) -> Option<Instant> {
        let mut desk = self.thread.as_ref()?.board.lock();
        let Desk::Waiting(_, from) = *desk else {
            return None;
        };
        *desk = Desk::Idle;
        Some(from)
    }

    /// How that which was begun has ended, if it has; nothing when this was told before.
    pub(crate) fn poll(&mut self) -> Option<Result<()>> {
        let board = self.thread.as_ref()?.board.clone();
        let mut desk = board.lock();
        match std::mem::take(&mut *desk) {
            Desk::Done(done) => Some(done),
            other => {
                *desk = other;
                None
            }
        }
    }

    /// [`poll`](Self::poll) when it has ended, which need not wait for its time any more.
    pub(crate) fn wait(&mut self) -> Option<Result<()>> {
        let board = self.thread.as_ref()?.board.clone();
        let mut desk = board.lock();
        loop {
            match std::mem::take(&mut *desk) {
                Desk::Idle => return None,
                Desk::Done(done) => return Some(done),
                Desk::Waiting(work, _) => {
                    *desk = Desk::Waiting(work, Instant::now());
                    board.changed.notify_all();
                }
                other => *desk = other,
            }
            desk = board.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the thread when it has done what it was given.
    pub(crate) fn end(&mut self) {
        // Nobody asks for it any more.
        let _ = self.wait();
        if let Some(Thread { board, handle }) = self.thread.take() {
            board.put(Desk::End);
            let _ = handle.join();
        }
    }
}

impl Thread {
    fn start() -> Result<Self> {
        let board = Arc::new(Board::default());
        let own = board.clone();
        let builder = std::thread::Builder::new().name("keras-save".to_owned());
        let handle = builder.spawn(move || own.serve());
        let handle = handle.map_err(|e| Error::invalid(format!("cannot start a thread to save: {e}")))?;
        Ok(Self { board, handle })
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, desk: Desk) {
        *self.lock() = desk;
        self.changed.notify_all();
    }

    /// What the thread does.
    fn serve(&self) {
        while let Some(work) = self.next() {
            let work = std::panic::AssertUnwindSafe(work);
            let done = std::panic::catch_unwind(|| { work }.0());
            let done = done.unwrap_or_else(|_| Err(Error::invalid("the thread that saves panicked")));
            self.put(Desk::Done(done));
        }
    }

    fn next(&self) -> Option<Work> {
        let mut desk = self.lock();
        loop {
            let left = match std::mem::take(&mut *desk) {
                Desk::End => return None,
                Desk::Waiting(work, from) => match from.checked_duration_since(Instant::now()) {
                    Some(left) if !left.is_zero() => {
                        *desk = Desk::Waiting(work, from);
                        Some(left)
                    }
                    _ => {
                        *desk = Desk::Busy;
                        return Some(work);
                    }
                },
                other => {
                    *desk = other;
                    None
                }
            };
            desk = match left {
                None => self.changed.wait(desk).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    let woken = self.changed.wait_timeout(desk, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.end();
    }
}

/// What another does is its own.
impl Clone for Background {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let desk = self.thread.as_ref().map(|thread| match *thread.board.lock() {
            Desk::Idle | Desk::End => "idle",
            Desk::Waiting(..) => "waiting",
            Desk::Busy => "busy",
            Desk::Done(_) => "done",
        });
        write!(f, "Background({})", desk.unwrap_or("none"))
    }
}
