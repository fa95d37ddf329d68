//! A team of threads for the loops of kernels: the calling thread works with the others.
//!
//! A training step is some hundred short loops one after the other. Handing each to a pool costs two wake-ups:
//! one of a worker, one of the caller when it is done. Here the caller takes tasks itself, and between loops its
//! helpers look out for the next one for a moment before they sleep. On a thread of a rayon pool the loops run on
//! that pool, so `ThreadPool::install` decides, and loops inside tasks run on the thread that they are on.
//!
//! Who does which task is left to chance: tasks are made from sizes alone and combined in order, so results are
//! the same bits for any number of threads.

mod crew;
mod parts;

use std::cell::Cell;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

pub use parts::{IntoParts, Parts, Slice};

use crew::crew;

thread_local! {
    /// Whether this thread is at a task.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// How many threads a loop begun here may use.
pub fn threads() -> usize {
    if BUSY.get() {
        1
    } else {
        rayon::current_num_threads()
    }
}

/// `f(0)` to `f(count - 1)`, in any order and on several threads.
pub fn run(count: usize, f: &(dyn Fn(usize) + Sync)) {
    if count < 2 || threads() < 2 {
        (0..count).for_each(f);
    } else if rayon::current_thread_index().is_some() || !crew().run(count, f) {
        IntoParallelIterator::into_par_iter(0..count).for_each(f);
    }
}

/// Runs two functions, at once where there are threads.
pub fn join(a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    let tasks: [Box<dyn FnOnce() + Send + '_>; 2] = [Box::new(a), Box::new(b)];
    IntoParts::into_par_iter(Vec::from(tasks)).for_each(|task| task());
}

/// Marks this thread as being at a task as long as it lives.
struct Busy(bool);

impl Busy {
    fn new() -> Self {
        Self(BUSY.replace(true))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.set(self.0);
    }
}
