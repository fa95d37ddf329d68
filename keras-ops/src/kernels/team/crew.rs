//! The threads themselves.

use std::any::Any;
use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Busy;

// Looks at the state that are free of system calls, and how long a helper then looks on between yielding before it
// sleeps. Most gaps between the loops of a training step are shorter.
const LOOKS: u32 = 1 << 10;
const PATIENCE: Duration = Duration::from_micros(200);

// The state of a crew: the number of the turn, whether helpers may join it, and how many have.
const OPEN: u64 = 1 << 31;
const TURN: u64 = 1 << 32;
const HELPERS: u64 = OPEN - 1;

/// The crew of the process: as many threads as rayon's, less the caller.
pub(super) fn crew() -> &'static Crew {
    static CREW: OnceLock<&Crew> = OnceLock::new();
    CREW.get_or_init(|| {
        let crew: &'static Crew = Box::leak(Box::default());
        for number in 1..rayon::current_num_threads() {
            let name = format!("keras-ops {number}");
            // A thread that cannot be had is a helper less.
            let _ = thread::Builder::new().name(name).spawn(|| crew.help());
        }
        crew
    })
}

#[derive(Clone, Copy)]
struct Job {
    tasks: *const (dyn Fn(usize) + Sync),
    count: usize,
}

#[derive(Default)]
pub(super) struct Crew {
    /// Held by the caller whose loop it is.
    caller: Mutex<()>,
    state: AtomicU64,
    job: UnsafeCell<Option<Job>>,
    /// Tasks that somebody has set out to do.
    taken: AtomicUsize,
    /// Those of them that the caller does, from the first task on, and that the helpers do, from the last one back. So
    /// a caller finds in its cache what it has left there in the loop before.
    first: AtomicUsize,
    last: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    asleep: AtomicUsize,
    bed: Mutex<()>,
    bell: Condvar,
}

// SAFETY: `job` is written by the holder of `caller` while no helper is in the turn, and read by those in it; the
// tasks it points to are `Sync`.
unsafe impl Sync for Crew {}
// SAFETY: as above; the pointer is only followed during the turn of the caller that it borrows from.
unsafe impl Send for Crew {}

impl Crew {
    /// Runs all tasks, or none when the crew is at another caller's.
    pub(super) fn run(&self, count: usize, tasks: &(dyn Fn(usize) + Sync)) -> bool {
        let Ok(_caller) = self.caller.try_lock() else {
            return false;
        };
        // SAFETY: the turn is closed below, and no helper is in it any more, before this function returns.
        let tasks = unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), *const (dyn Fn(usize) + Sync + 'static)>(
                tasks,
            )
        };
        let job = Job { tasks, count };
        // SAFETY: this caller alone holds the crew, and the last turn ended with no helper in it.
        unsafe { *self.job.get() = Some(job) };
        for count in [&self.taken, &self.first, &self.last] {
            count.store(0, Ordering::Relaxed);
        }
        let turn = (self.state.load(Ordering::Relaxed) & !(OPEN | HELPERS)).wrapping_add(TURN);
        // In one order with `asleep`: either a helper sees the turn before it sleeps, or we see that it sleeps.
        self.state.store(turn | OPEN, Ordering::SeqCst);
        let asleep = self.asleep.load(Ordering::SeqCst);
        if asleep > 0 {
            let _bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
            (0..asleep.min(count - 1)).for_each(|_| self.bell.notify_one());
        }
        self.work(job, |_| self.first.fetch_add(1, Ordering::Relaxed));
        let mut looks = 0;
        if self.state.fetch_and(!OPEN, Ordering::AcqRel) & HELPERS > 0 {
            while self.state.load(Ordering::Acquire) & HELPERS > 0 {
                pause(&mut looks);
            }
        }
        let panic = self.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(panic) = panic {
            drop(_caller);
            resume_unwind(panic);
        }
        true
    }

    /// Does tasks until none is left; `place` says which one is next of so many.
    fn work(&self, job: Job, place: impl Fn(usize) -> usize) {
        let _busy = Busy::new();
        // SAFETY: the caller of the turn that this thread is in waits for it, so what the tasks borrow is there.
        let tasks = unsafe { &*job.tasks };
        let all = || {
            loop {
                if self.taken.fetch_add(1, Ordering::Relaxed) >= job.count {
                    break;
                }
                tasks(place(job.count));
            }
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(all)) {
            self.taken.store(job.count, Ordering::Relaxed);
            let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(panic);
        }
    }

    /// The life of a helper.
    fn help(&self) {
        let mut last = 0;
        loop {
            let state = self.wait(last);
            // Fails when another helper joined first, or when the turn is over.
            let joined =
                (self.state).compare_exchange_weak(state, state + 1, Ordering::Acquire, Ordering::Relaxed);
            if joined.is_err() {
                continue;
            }
            last = state & !(OPEN | HELPERS);
            // SAFETY: this helper is in the turn, so the caller does not write.
            if let Some(job) = unsafe { *self.job.get() } {
                self.work(job, |count| count - 1 - self.last.fetch_add(1, Ordering::Relaxed));
            }
            self.state.fetch_sub(1, Ordering::Release);
        }
    }

    /// Waits for a turn other than `last`.
    fn wait(&self, last: u64) -> u64 {
        let wanted = |state: u64| state & OPEN > 0 && state & !(OPEN | HELPERS) != last;
        let mut looks = 0;
        let mut since = None;
        loop {
            let state = self.state.load(Ordering::Relaxed);
            if wanted(state) {
                return state;
            }
            pause(&mut looks);
            if looks < LOOKS || since.get_or_insert_with(Instant::now).elapsed() < PATIENCE {
                continue;
            }
            let mut bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
            self.asleep.fetch_add(1, Ordering::SeqCst);
            while !wanted(self.state.load(Ordering::SeqCst)) {
                bed = self.bell.wait(bed).unwrap_or_else(PoisonError::into_inner);
            }
            self.asleep.fetch_sub(1, Ordering::SeqCst);
            drop(bed);
            (looks, since) = (0, None);
        }
    }
}

/// Waits a little; from the `LOOKS`th time on it lets others have the processor.
fn pause(looks: &mut u32) {
    if *looks < LOOKS {
        *looks += 1;
        spin_loop();
    } else {
        thread::yield_now();
    }
}
