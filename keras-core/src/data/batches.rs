//! Batches made by an iterator.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, sync_channel};

use super::Batch;
use super::prefetch::described;
use crate::{Error, Result};

pub(super) type Iter = Box<dyn Iterator<Item = Result<Batch>>>;

/// Data as batches from an iterator, made anew for each epoch, or endless.
///
/// Where `steps_per_epoch` is given, an epoch goes on where the one before stopped; an iterator that ends is made
/// anew then.
///
/// ```
/// use keras_core::data::{Batch, Batches};
/// let data = Batches::new(|| (0..10).map(|i| Batch::new(vec![[i as f32]], vec![[2. * i as f32]])));
/// let endless = Batches::new(|| (0..).map(|i| Batch::new(vec![[i as f32]], vec![[2. * i as f32]])));
/// # let _ = (data, endless);
/// ```
pub struct Batches {
    make: Box<dyn FnMut() -> Iter>,
    len: Option<usize>,
}

impl Batches {
    /// From a function that starts an epoch.
    pub fn new<F, I>(mut epoch: F) -> Self
    where
        F: FnMut() -> I + 'static,
        I: IntoIterator<Item = Result<Batch>>,
        I::IntoIter: 'static,
    {
        Self {
            make: Box::new(move || Box::new(epoch().into_iter())),
            len: None,
        }
    }

    /// From one iterator for all epochs, as a generator of Python is: what an epoch took is gone. Give
    /// `steps_per_epoch`.
    pub fn once<I>(batches: I) -> Self
    where
        I: IntoIterator<Item = Result<Batch>>,
        I::IntoIter: 'static,
    {
        let mut batches = Some(batches.into_iter());
        Self {
            make: Box::new(move || match batches.take() {
                Some(batches) => Box::new(batches),
                None => Box::new(std::iter::empty()),
            }),
            len: None,
        }
    }

    /// [`new`](Self::new), the iterator running ahead on a thread of its own with at most `max_queue_size` batches
    /// ready. A panic in it ends the run with an error.
    ///
    /// ```
    /// use keras_core::data::{Batch, Batches};
    /// let data = Batches::ahead(8, || (0..10).map(|i| Batch::new(vec![[i as f32]], vec![[2. * i as f32]])));
    /// # let _ = data;
    /// ```
    pub fn ahead<F, I>(max_queue_size: usize, mut epoch: F) -> Self
    where
        F: FnMut() -> I + 'static,
        I: IntoIterator<Item = Result<Batch>>,
        I::IntoIter: Send + 'static,
    {
        Self {
            make: Box::new(move || Box::new(Ahead::start(max_queue_size, epoch().into_iter()))),
            len: None,
        }
    }

    /// Says how many batches an epoch has, for the progress bar.
    #[must_use]
    pub fn len(mut self, batches: usize) -> Self {
        self.len = Some(batches);
        self
    }

    pub(super) fn count(&self) -> Option<usize> {
        self.len
    }

    pub(super) fn start(&mut self) -> Iter {
        (self.make)()
    }
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batches({:?})", self.len)
    }
}

/// The batches of an iterator that runs on another thread. It stops when this is dropped.
struct Ahead(Receiver<Result<Batch>>);

impl Ahead {
    fn start(queue: usize, batches: impl Iterator<Item = Result<Batch>> + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(queue.saturating_sub(1));
        std::thread::spawn(move || {
            let mut batches = batches;
            loop {
                let batch = match catch_unwind(AssertUnwindSafe(|| batches.next())) {
                    Ok(None) => return,
                    Ok(Some(batch)) => batch,
                    Err(panic) => {
                        let why = described(&*panic);
                        Err(Error::invalid(format!("the iterator panicked: {why}")))
                    }
                };
                let last = batch.is_err();
                if sender.send(batch).is_err() || last {
                    return;
                }
            }
        });
        Self(receiver)
    }
}

impl Iterator for Ahead {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        self.0.recv().ok()
    }
}
