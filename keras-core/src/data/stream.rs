//! A run's data as a stream of batches in the model's order of inputs and outputs.

use keras_ops::Seed;
use serde_json::Value;

use super::batches::Iter;
use super::class_weight::ClassWeight;
use super::indexed::{Loading, Pass};
use super::names::Names;
use super::{Batches, Indexed, Position, Samples};
use crate::{Result, ResultExt, random};

/// How samples in memory are shuffled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shuffle {
    /// Not at all.
    Off,
    /// All of them, anew for each pass.
    #[default]
    On,
    /// Within each batch; the batches stay in order (Keras: `"batch"`). Indexed data is not shuffled.
    Batch,
}

impl From<bool> for Shuffle {
    fn from(shuffle: bool) -> Self {
        if shuffle { Self::On } else { Self::Off }
    }
}

/// The batches of a run.
pub(crate) struct Stream {
    source: Source,
    names: Names,
    shuffle: Shuffle,
    class_weight: ClassWeight,
    at: Position,
    /// Whether a pass has begun.
    started: bool,
    /// Whether any has.
    begun: bool,
    /// Whether batches that are not in memory are checked to be without NaN.
    finite: bool,
    /// Where the thread's random source stood before the iterator of this pass was made.
    random: Option<(u64, u64)>,
}

enum Source {
    Arrays {
        samples: Box<Samples>,
        batch: usize,
        order: Vec<u32>,
    },
    Indexed {
        data: Indexed,
        batch: usize,
        loading: Option<Loading>,
    },
    Iterator {
        batches: Batches,
        current: Option<Iter>,
    },
}

impl Stream {
    fn new(source: Source, names: Names) -> Self {
        Self {
            source,
            names,
            shuffle: Shuffle::Off,
            class_weight: ClassWeight::default(),
            at: Position::default(),
            started: false,
            begun: false,
            finite: false,
            random: None,
        }
    }

    /// Samples that are in order and checked.
    pub(crate) fn arrays(samples: Samples, batch: usize) -> Self {
        let source = Source::Arrays {
            samples: Box::new(samples),
            batch,
            order: Vec::new(),
        };
        Self::new(source, Names::default())
    }

    pub(crate) fn iterator(batches: Batches, names: Names) -> Self {
        let source = Source::Iterator {
            batches,
            current: None,
        };
        Self::new(source, names)
    }

    pub(crate) fn indexed(data: Indexed, batch: usize, names: Names) -> Result<Self> {
        data.check()?;
        let source = Source::Indexed {
            data,
            batch,
            loading: None,
        };
        Ok(Self::new(source, names))
    }

    /// Shuffled, with orders that depend on `seed`.
    pub(crate) fn shuffled(mut self, shuffle: Shuffle, seed: u64) -> Self {
        self.shuffle = shuffle;
        self.at.seed = seed;
        self
    }

    /// With sample weights by class.
    pub(crate) fn weighted(mut self, class_weight: ClassWeight) -> Self {
        self.class_weight = class_weight;
        self
    }

    /// Refuses NaN.
    pub(crate) fn finite(mut self, finite: bool) -> Self {
        self.finite = finite;
        self
    }

    /// Batches a pass, where known.
    pub(crate) fn batches(&self) -> Option<usize> {
        match &self.source {
            Source::Arrays { samples, batch, .. } => Some(samples.len.div_ceil(*batch)),
            Source::Indexed { data, batch, .. } => data.count(*batch),
            Source::Iterator { batches, .. } => batches.count(),
        }
    }

    /// Samples a batch, where it is the same for all.
    pub(crate) fn batch_size(&self) -> Option<usize> {
        match &self.source {
            Source::Arrays { batch, .. } => Some(*batch),
            Source::Indexed { data, batch, .. } => data.is_by_sample().then_some(*batch),
            Source::Iterator { .. } => None,
        }
    }

    /// Samples a pass, where known.
    pub(crate) fn samples(&self) -> Option<usize> {
        match &self.source {
            Source::Arrays { samples, .. } => Some(samples.len),
            Source::Indexed { data, .. } if data.is_by_sample() && !self.endless() => {
                Some(data.dataset().len())
            }
            Source::Indexed { .. } | Source::Iterator { .. } => None,
        }
    }

    /// Whether it never ends.
    pub(crate) fn endless(&self) -> bool {
        matches!(&self.source, Source::Indexed { data, .. } if data.dataset().endless())
    }

    /// Where it stands.
    pub(crate) fn position(&self) -> Position {
        self.at
    }

    /// Where the thread's random source stood before the iterator of this pass was made.
    pub(crate) fn random(&self) -> Option<(u64, u64)> {
        self.random
    }

    /// What the dataset carries from epoch to epoch.
    pub(crate) fn state(&self) -> Value {
        match &self.source {
            Source::Indexed { data, .. } => data.dataset().state(),
            _ => Value::Null,
        }
    }

    /// Continues from a [`state`](Self::state).
    pub(crate) fn load_state(&self, state: &Value) -> Result<()> {
        match &self.source {
            Source::Indexed { data, .. } => data.dataset().load_state(state).context(|| "data"),
            _ => Ok(()),
        }
    }

    /// Goes to a [`position`](Self::position). An iterator is made anew and its batches before are passed over.
    pub(crate) fn seek(&mut self, to: Position) -> Result<()> {
        self.at.seed = to.seed;
        self.begin(to.pass, to.batch, true)
    }

    /// Starts pass `number`.
    pub(crate) fn restart(&mut self, number: u64) -> Result<()> {
        self.begin(number, 0, false)
    }

    /// Whether any pass has begun.
    pub(crate) fn begun(&self) -> bool {
        self.begun
    }

    /// Whether a pass has begun and its end, where it is known, is not reached.
    pub(crate) fn within_pass(&self) -> bool {
        self.started && self.batches().is_none_or(|count| self.at.batch < count as u64)
    }

    /// The next pass starts anew.
    pub(crate) fn end_pass(&mut self) {
        self.started = false;
    }

    fn begin(&mut self, number: u64, skip: u64, seeking: bool) -> Result<()> {
        (self.at.pass, self.at.batch) = (number, skip);
        (self.started, self.begun) = (true, true);
        let seed = Seed::new(self.at.seed, number);
        match &mut self.source {
            Source::Arrays {
                samples,
                order,
                batch,
            } => {
                order.clear();
                match self.shuffle {
                    Shuffle::Off => {}
                    Shuffle::On => *order = keras_ops::random::permutation(samples.len, seed),
                    Shuffle::Batch => {
                        let seed = random::derive(self.at.seed, number);
                        order.extend(0..samples.len as u32);
                        for (index, rows) in order.chunks_mut(*batch).enumerate() {
                            keras_ops::random::shuffle_slice(rows, Seed::new(seed, index as u64));
                        }
                    }
                }
            }
            Source::Indexed { data, batch, loading } => {
                // Two passes are not loaded at once.
                *loading = None;
                // The dataset has not heard yet of the epoch in which a training goes on.
                if !seeking {
                    let pass = Pass {
                        number,
                        seed: self.at.seed,
                        shuffle: self.shuffle == Shuffle::On,
                        batch_size: *batch,
                    };
                    *loading = Some(data.start(pass, skip));
                }
            }
            Source::Iterator { batches, current } => {
                self.random = Some(random::state());
                let mut iter = batches.start();
                for _ in 0..skip {
                    iter.next().transpose()?;
                }
                *current = Some(iter);
            }
        }
        Ok(())
    }

    pub(crate) fn on_epoch_begin(&mut self, epoch: usize) -> Result<()> {
        match &self.source {
            Source::Indexed { data, .. } => data.dataset().on_epoch_begin(epoch),
            _ => Ok(()),
        }
    }

    pub(crate) fn on_epoch_end(&mut self, epoch: usize) -> Result<()> {
        match &mut self.source {
            Source::Indexed { data, loading, .. } => {
                // What is loaded ahead may be made of what changes now.
                *loading = None;
                data.dataset().on_epoch_end(epoch)
            }
            _ => Ok(()),
        }
    }

    /// The next batch; `None` at the end of the pass.
    pub(crate) fn next(&mut self) -> Result<Option<Samples>> {
        if self.started && !self.within_pass() {
            return Ok(None);
        }
        let Some(mut batch) = self.cut()? else {
            return Ok(None);
        };
        self.at.batch += 1;
        self.class_weight.apply(&mut batch)?;
        Ok(Some(batch))
    }

    fn cut(&mut self) -> Result<Option<Samples>> {
        if !self.started {
            self.restart(self.at.pass)?;
        }
        let batch = match &mut self.source {
            Source::Arrays {
                samples,
                batch,
                order,
            } => {
                let from = (self.at.batch as usize).saturating_mul(*batch);
                let to = from.saturating_add(*batch).min(samples.len);
                if from >= to {
                    return Ok(None);
                }
                return Ok(Some(if order.is_empty() {
                    samples.range(from, to)?
                } else {
                    samples.rows(&order[from..to])?
                }));
            }
            Source::Indexed { data, batch, loading } => {
                if loading.is_none() {
                    let pass = Pass {
                        number: self.at.pass,
                        seed: self.at.seed,
                        shuffle: self.shuffle == Shuffle::On,
                        batch_size: *batch,
                    };
                    *loading = Some(data.start(pass, self.at.batch));
                }
                loading.as_mut().and_then(Loading::next)
            }
            Source::Iterator { current, .. } => current.as_mut().and_then(Iterator::next),
        };
        let Some(batch) = batch else { return Ok(None) };
        let batch = batch.and_then(|batch| {
            let batch = batch.in_order(&self.names)?;
            if self.finite {
                batch.check_finite()?;
            }
            Ok(batch)
        });
        batch.context(|| format!("batch {}", self.at.batch)).map(Some)
    }
}
