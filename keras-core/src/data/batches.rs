//! Batches: cut from arrays in memory, or made by an iterator.

use std::fmt;

use keras_ops::Seed;

use super::dataset::Samples;
use super::{Arrays, IntoArrays};
use crate::{Result, bail};

/// One batch.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Inputs.
    pub x: Arrays,
    /// Targets.
    pub y: Option<Arrays>,
    /// Sample weights.
    pub sample_weight: Option<Arrays>,
}

impl Batch {
    /// A batch with targets.
    ///
    /// # Errors
    /// When rows differ in length.
    pub fn new(x: impl IntoArrays, y: impl IntoArrays) -> Result<Self> {
        Ok(Self {
            x: x.into_arrays()?,
            y: Some(y.into_arrays()?),
            sample_weight: None,
        })
    }

    /// With a weight a sample.
    ///
    /// # Errors
    /// When rows differ in length.
    pub fn sample_weight(mut self, weight: impl IntoArrays) -> Result<Self> {
        self.sample_weight = Some(weight.into_arrays()?);
        Ok(self)
    }
}

type Iter = Box<dyn Iterator<Item = Result<Batch>>>;

/// Data as batches from an iterator, made anew for each epoch.
///
/// ```
/// use keras_core::data::{Batch, Batches};
/// let data = Batches::new(|| (0..10).map(|i| Batch::new(vec![[i as f32]], vec![[2. * i as f32]])));
/// # let _ = data;
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

    /// Says how many batches an epoch has, for the progress bar.
    #[must_use]
    pub fn len(mut self, batches: usize) -> Self {
        self.len = Some(batches);
        self
    }
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batches({:?})", self.len)
    }
}

/// A run's data as a stream of batches in the model's order of inputs and outputs.
pub(crate) enum Stream {
    Arrays {
        samples: Samples,
        batch: usize,
        shuffle: Option<u64>,
        epoch: u64,
        order: Vec<u32>,
        at: usize,
    },
    Iterator {
        batches: Batches,
        names: (Vec<String>, Vec<String>),
        current: Option<Iter>,
        expect_y: bool,
    },
}

impl Stream {
    pub(crate) fn arrays(samples: Samples, batch: usize, shuffle: Option<u64>) -> Self {
        Self::Arrays {
            samples,
            batch,
            shuffle,
            epoch: 0,
            order: Vec::new(),
            at: 0,
        }
    }

    pub(crate) fn iterator(
        batches: Batches,
        inputs: Vec<String>,
        outputs: Vec<String>,
        expect_y: bool,
    ) -> Self {
        Self::Iterator {
            batches,
            names: (inputs, outputs),
            current: None,
            expect_y,
        }
    }

    /// Batches an epoch, where known.
    pub(crate) fn batches(&self) -> Option<usize> {
        match self {
            Self::Arrays { samples, batch, .. } => Some(samples.len.div_ceil(*batch)),
            Self::Iterator { batches, .. } => batches.len,
        }
    }

    /// Goes to the start of an epoch; shuffled orders depend on the seed and `epoch` alone.
    pub(crate) fn restart(&mut self, number: u64) {
        match self {
            Self::Arrays {
                samples,
                shuffle,
                epoch,
                order,
                at,
                ..
            } => {
                *at = 0;
                *epoch = number;
                if let Some(seed) = shuffle {
                    *order = keras_ops::random::permutation(samples.len, Seed::new(*seed, number));
                }
            }
            Self::Iterator { batches, current, .. } => *current = Some((batches.make)()),
        }
    }

    /// The next batch; `None` at the end of the epoch.
    pub(crate) fn next(&mut self) -> Result<Option<Samples>> {
        match self {
            Self::Arrays {
                samples,
                batch,
                order,
                at,
                ..
            } => {
                let (from, to) = (*at, (*at + *batch).min(samples.len));
                if from >= to {
                    return Ok(None);
                }
                *at = to;
                Ok(Some(if order.is_empty() {
                    samples.range(from, to)?
                } else {
                    samples.rows(&order[from..to])?
                }))
            }
            Self::Iterator {
                batches,
                names,
                current,
                expect_y,
            } => {
                let iter = current.get_or_insert_with(|| (batches.make)());
                let Some(batch) = iter.next() else { return Ok(None) };
                Ok(Some(in_order(&batch?, &names.0, &names.1, *expect_y)?))
            }
        }
    }
}

/// A batch's tensors in the model's order.
pub(crate) fn in_order(
    batch: &Batch,
    inputs: &[String],
    outputs: &[String],
    expect_y: bool,
) -> Result<Samples> {
    let x = batch.x.in_order("x", inputs)?;
    let y = match &batch.y {
        Some(y) => y.in_order("y", outputs)?,
        None if expect_y => bail!("data: targets are missing; give `(x, y)`"),
        None => Vec::new(),
    };
    let w = match &batch.sample_weight {
        Some(w) if w.0.len() == 1 && w.0[0].0.is_none() => vec![w.0[0].1.clone(); outputs.len()],
        Some(w) => w.in_order("sample_weight", outputs)?,
        None => Vec::new(),
    };
    Samples::new(x, y, w)
}
