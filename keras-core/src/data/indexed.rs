//! Data by number, loaded on threads of its own: Keras's `PyDataset`.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use keras_ops::Seed;
use serde_json::Value;

use super::Batch;
use super::prefetch::{Prefetch, described};
use crate::{Error, Result, ResultExt, bail, random};

/// Samples or batches by number, read or computed when they are needed.
///
/// # Examples
/// ```
/// use keras_core::data::{Batch, Indexed, IndexedDataset};
/// struct Squares;
/// impl IndexedDataset for Squares {
///     fn len(&self) -> usize { 1000 }
///     fn get(&self, index: usize) -> keras_core::Result<Batch> {
///         Batch::new([index as f32], [(index * index) as f32])
///     }
/// }
/// let data = Indexed::samples(Squares).workers(4); // for `fit`, `evaluate`, `predict`
/// # let _ = data;
/// ```
#[expect(clippy::len_without_is_empty, reason = "nobody asks for it")]
pub trait IndexedDataset: Send + Sync + 'static {
    /// The number of items; of [`endless`](Self::endless) data it is not asked for.
    fn len(&self) -> usize;

    /// Item `index`: a sample without a batch axis for [`Indexed::samples`], a batch for [`Indexed::batches`].
    ///
    /// Called on several threads at once. What it draws from [`random`](crate::random) depends on the seed of the
    /// run, the pass and `index` alone.
    ///
    /// # Errors
    /// Whatever prevents it; it ends the run with an error that names the item.
    fn get(&self, index: usize) -> Result<Batch>;

    /// Whether there is an item for every number.
    fn endless(&self) -> bool {
        false
    }

    /// Called before epoch `epoch`; nothing is loaded meanwhile.
    ///
    /// # Errors
    /// Whatever prevents the epoch.
    fn on_epoch_begin(&self, _epoch: usize) -> Result<()> {
        Ok(())
    }

    /// Called after epoch `epoch`; nothing is loaded meanwhile.
    ///
    /// # Errors
    /// Whatever prevents the next epoch.
    fn on_epoch_end(&self, _epoch: usize) -> Result<()> {
        Ok(())
    }

    /// What it carries from epoch to epoch, if anything: saved in checkpoints.
    fn state(&self) -> Value {
        Value::Null
    }

    /// Continues from a [`state`](Self::state): called before `on_epoch_begin` of the epoch in which training goes on.
    ///
    /// # Errors
    /// When `state` is another dataset's.
    fn load_state(&self, _state: &Value) -> Result<()> {
        Ok(())
    }
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Sample,
    Batch,
}

/// An [`IndexedDataset`] as data for `fit`, `evaluate` and `predict`.
///
/// Items are loaded ahead on [`workers`](Self::workers) threads and come in an order that depends on the seed and
/// the pass alone, so that results do not depend on the number of threads. The order is shuffled where `fit`
/// shuffles; batches are then shuffled as wholes.
#[derive(Clone)]
pub struct Indexed {
    dataset: Arc<dyn IndexedDataset>,
    unit: Unit,
    workers: usize,
    max_queue_size: usize,
}

impl Indexed {
    /// Items are samples; `batch_size` of them are put together.
    pub fn samples(dataset: impl IndexedDataset) -> Self {
        Self::new(dataset, Unit::Sample)
    }

    /// Items are batches, as in Keras.
    pub fn batches(dataset: impl IndexedDataset) -> Self {
        Self::new(dataset, Unit::Batch)
    }

    fn new(dataset: impl IndexedDataset, unit: Unit) -> Self {
        Self {
            dataset: Arc::new(dataset),
            unit,
            workers: 1,
            max_queue_size: 10,
        }
    }

    /// The number of threads that load; 1 if not set. With 0 items are loaded when they are needed, on the thread
    /// that trains.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// How many batches at most lie ready or are being made; 10 if not set.
    #[must_use]
    pub fn max_queue_size(mut self, batches: usize) -> Self {
        self.max_queue_size = batches;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.max_queue_size == 0 {
            bail!("data: max_queue_size must be 1 or more, got 0");
        }
        if !self.dataset.endless() && self.dataset.len() == 0 {
            bail!("data: the dataset has no items (its `len` is 0)");
        }
        Ok(())
    }

    pub(super) fn is_by_sample(&self) -> bool {
        self.unit == Unit::Sample
    }

    pub(super) fn dataset(&self) -> &dyn IndexedDataset {
        &*self.dataset
    }

    /// Batches a pass; `None` for endless data.
    pub(super) fn count(&self, batch_size: usize) -> Option<usize> {
        let items = (!self.dataset.endless()).then(|| self.dataset.len())?;
        Some(match self.unit {
            Unit::Sample => items.div_ceil(batch_size),
            Unit::Batch => items,
        })
    }

    /// Starts loading a pass from batch `from` on.
    pub(super) fn start(&self, pass: Pass, from: u64) -> Loading {
        let items = (!self.dataset.endless()).then(|| self.dataset.len());
        let order = items.filter(|_| pass.shuffle).map(|items| {
            let order = keras_ops::random::permutation(items, Seed::new(pass.seed, pass.number));
            Arc::from(order)
        });
        let load = Load {
            dataset: self.dataset.clone(),
            unit: self.unit,
            order,
            items,
            batch_size: pass.batch_size,
            seed: random::derive(pass.seed, pass.number),
        };
        let to = self.count(pass.batch_size).map(|count| count as u64);
        match self.workers {
            0 => Loading::Here { load, next: from, to },
            workers => {
                let make = move |batch| load.batch(batch);
                Loading::Ahead(Prefetch::start(
                    workers,
                    self.max_queue_size,
                    from..to.unwrap_or(u64::MAX),
                    make,
                ))
            }
        }
    }
}

impl fmt::Debug for Indexed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Indexed")
            .field("unit", &self.unit)
            .field("workers", &self.workers)
            .field("max_queue_size", &self.max_queue_size)
            .finish_non_exhaustive()
    }
}

/// How a pass is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    pub(super) number: u64,
    pub(super) seed: u64,
    pub(super) shuffle: bool,
    pub(super) batch_size: usize,
}

/// Makes the batches of a pass, each for itself.
pub(super) struct Load {
    dataset: Arc<dyn IndexedDataset>,
    unit: Unit,
    order: Option<Arc<[u32]>>,
    items: Option<usize>,
    batch_size: usize,
    seed: u64,
}

impl Load {
    fn batch(&self, batch: u64) -> Result<Batch> {
        match self.unit {
            Unit::Batch => self.item(batch),
            Unit::Sample => {
                let from = batch * self.batch_size as u64;
                let to = from + self.batch_size as u64;
                let to = self.items.map_or(to, |items| to.min(items as u64));
                let samples = (from..to).map(|place| self.item(place));
                Batch::stack(&samples.collect::<Result<Vec<_>>>()?).context(|| format!("batch {batch}"))
            }
        }
    }

    /// The item at a place of the order.
    fn item(&self, place: u64) -> Result<Batch> {
        let index = match &self.order {
            Some(order) => order
                .get(place as usize)
                .map_or(place as usize, |item| *item as usize),
            None => place as usize,
        };
        let name = match self.unit {
            Unit::Sample => "sample",
            Unit::Batch => "batch",
        };
        let seed = random::derive(self.seed, index as u64);
        let get = || random::with_seed(seed, || self.dataset.get(index));
        let got = catch_unwind(AssertUnwindSafe(get));
        got.unwrap_or_else(|panic| Err(Error::invalid(format!("it panicked: {}", described(&*panic)))))
            .context(|| format!("data: {name} {index}"))
    }
}

/// A pass that is being loaded.
pub(super) enum Loading {
    Here { load: Load, next: u64, to: Option<u64> },
    Ahead(Prefetch<Batch>),
}

impl Loading {
    pub(super) fn next(&mut self) -> Option<Result<Batch>> {
        match self {
            Self::Ahead(prefetch) => prefetch.next(),
            Self::Here { load, next, to } => {
                if to.is_some_and(|to| *next >= to) {
                    return None;
                }
                *next += 1;
                Some(load.batch(*next - 1))
            }
        }
    }
}
