//! Work that is done while training goes on.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use keras_core::{Error, Result};

type Work = Box<dyn FnOnce() -> Result<()> + Send>;

/// A thread, made when there is something to do, that does one thing at a time. What it was given last is done before
/// this is gone.
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
struct Desk {
    /// To begin then, or when that which is being done has ended.
    next: Option<(Work, Instant)>,
    busy: bool,
    /// What came of it, until somebody asks: a failure before what came later.
    done: Option<Result<()>>,
    /// There is nothing more to do.
    end: bool,
}

impl Desk {
    fn idle(&self) -> bool {
        self.next.is_none() && !self.busy
    }
}

impl Background {
    /// Begins `work` at the time `from`, or now if that has passed, when nothing else is being done any more. What was to
    /// begin and has not is dropped: `work` takes its place and its time. Gives the time.
    pub(crate) fn begin(
        &mut self,
        from: Instant,
        work: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> Result<Instant> {
        let thread = match self.thread.take() {
            Some(thread) => thread,
            None => Thread::start()?,
        };
        let mut desk = thread.board.lock();
        let before = desk.next.take();
        let from = before.as_ref().map_or(from, |(_, from)| *from);
        desk.next = Some((Box::new(work), from));
        drop(desk);
        if before.is_none() {
            thread.board.changed.notify_all();
        }
        self.thread = Some(thread);
        Ok(from)
    }

    /// Whether all that was begun has ended.
    pub(crate) fn idle(&self) -> bool {
        self.thread
            .as_ref()
            .is_none_or(|thread| thread.board.lock().idle())
    }

    /// What came of that which was begun, when all of it has ended or something has failed; nothing when this was told
    /// before.
    pub(crate) fn poll(&mut self) -> Option<Result<()>> {
        let mut desk = self.thread.as_ref()?.board.lock();
        match desk.done {
            Some(Ok(())) if !desk.idle() => None,
            _ => desk.done.take(),
        }
    }

    /// [`poll`](Self::poll) when all has ended, which need not wait for its time any more.
    pub(crate) fn wait(&mut self) -> Option<Result<()>> {
        let board = &self.thread.as_ref()?.board;
        let mut desk = board.lock();
        if let Some((_, from)) = &mut desk.next {
            *from = Instant::now();
            board.changed.notify_all();
        }
        while !desk.idle() {
            desk = board.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
        desk.done.take()
    }

    /// Ends the thread when it has done what it was given.
    pub(crate) fn end(&mut self) {
        // Nobody asks for it any more.
        let _ = self.wait();
        if let Some(Thread { board, handle }) = self.thread.take() {
            board.lock().end = true;
            board.changed.notify_all();
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

    /// What the thread does.
    fn serve(&self) {
        while let Some(work) = self.next() {
            let work = std::panic::AssertUnwindSafe(work);
            let done = std::panic::catch_unwind(|| { work }.0());
            let done = done.unwrap_or_else(|_| Err(Error::invalid("the thread that saves panicked")));
            let mut desk = self.lock();
            desk.busy = false;
            if !matches!(desk.done, Some(Err(_))) {
                desk.done = Some(done);
            }
            drop(desk);
            self.changed.notify_all();
        }
    }

    fn next(&self) -> Option<Work> {
        let mut desk = self.lock();
        loop {
            let now = Instant::now();
            desk = match desk.next.take() {
                Some((work, from)) if from <= now => {
                    desk.busy = true;
                    return Some(work);
                }
                Some((work, from)) => {
                    desk.next = Some((work, from));
                    let woken = self.changed.wait_timeout(desk, from - now);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None if desk.end => return None,
                None => self.changed.wait(desk).unwrap_or_else(PoisonError::into_inner),
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
        let desk = self.thread.as_ref().map(|thread| {
            let desk = thread.board.lock();
            match (desk.busy, &desk.next, &desk.done) {
                (true, ..) => "busy",
                (_, Some(_), _) => "waiting",
                (.., Some(_)) => "done",
                _ => "idle",
            }
        });
        write!(f, "Background({})", desk.unwrap_or("none"))
    }
}
