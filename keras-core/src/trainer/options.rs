//! What `fit`, `evaluate` and `predict` are told.

use super::{Place, Resume};
use crate::data::{ClassWeight, Dataset, IntoDataset, Shuffle};
use crate::{Callback, Given, Result, bail};

/// How to train. See [`Model::fit`](crate::Model::fit).
///
/// ```
/// use keras_core::Fit;
/// let options = Fit::new().epochs(20).batch_size(128).validation_split(0.1).verbose(0);
/// # let _ = options;
/// ```
#[derive(Debug)]
pub struct Fit {
    pub(crate) epochs: usize,
    pub(crate) initial_epoch: usize,
    pub(crate) batch_size: Option<usize>,
    pub(crate) verbose: Option<u8>,
    pub(crate) callbacks: Vec<Given<dyn Callback>>,
    pub(crate) validation_split: f64,
    pub(crate) validation_data: Option<Result<Dataset>>,
    pub(crate) validation_batch_size: Option<usize>,
    pub(crate) validation_steps: Option<usize>,
    pub(crate) validation_freq: Frequency,
    pub(crate) steps_per_epoch: Option<usize>,
    pub(crate) shuffle: Shuffle,
    pub(crate) seed: Option<u64>,
    pub(crate) class_weight: ClassWeight,
    pub(crate) allow_nan: bool,
    pub(crate) start_at: Option<Place>,
    pub(crate) resume: Option<Resume>,
}

/// After which epochs to validate.
#[derive(Clone, Debug)]
pub(crate) enum Frequency {
    Every(usize),
    After(Vec<usize>),
}

impl Frequency {
    /// Whether epoch `epoch`, counted from 0, is one.
    pub(crate) fn is_due(&self, epoch: usize) -> bool {
        match self {
            Self::Every(n) => (epoch + 1).is_multiple_of(*n),
            Self::After(epochs) => epochs.contains(&(epoch + 1)),
        }
    }
}

impl Default for Fit {
    fn default() -> Self {
        Self {
            epochs: 1,
            initial_epoch: 0,
            batch_size: None,
            verbose: None,
            callbacks: Vec::new(),
            validation_split: 0.,
            validation_data: None,
            validation_batch_size: None,
            validation_steps: None,
            validation_freq: Frequency::Every(1),
            steps_per_epoch: None,
            shuffle: Shuffle::On,
            seed: None,
            class_weight: ClassWeight::default(),
            allow_nan: false,
            start_at: None,
            resume: None,
        }
    }
}

impl Fit {
    /// One epoch in batches of 32, shuffled.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of the epoch after the last, counted from 0: `epochs(5).initial_epoch(3)` trains two.
    #[must_use]
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// The number of the first epoch: where an interrupted training goes on.
    #[must_use]
    pub fn initial_epoch(mut self, epoch: usize) -> Self {
        self.initial_epoch = epoch;
        self
    }

    /// Samples a batch. If not set, 32, or with a number of steps what makes the data of one pass last for them.
    /// Data from an iterator comes in its own batches.
    #[must_use]
    pub fn batch_size(mut self, size: usize) -> Self {
        self.batch_size = Some(size);
        self
    }

    /// 0 silent, 1 progress bar, 2 one line an epoch; if not set, 1 on a terminal and 2 elsewhere.
    #[must_use]
    pub fn verbose(mut self, verbose: u8) -> Self {
        self.verbose = Some(verbose);
        self
    }

    /// Adds a callback, by name or by value. They are called in the order in which they were added.
    #[must_use]
    pub fn callback(mut self, callback: impl Into<Given<dyn Callback>>) -> Self {
        self.callbacks.push(callback.into());
        self
    }

    /// Sets aside this part of the data for validation: its end, before shuffling. Data in memory only.
    #[must_use]
    pub fn validation_split(mut self, part: f64) -> Self {
        self.validation_split = part;
        self
    }

    /// Data to validate with after each epoch.
    #[must_use]
    pub fn validation_data(mut self, data: impl IntoDataset) -> Self {
        self.validation_data = Some(data.into_dataset());
        self
    }

    /// Samples a validation batch; [`batch_size`](Self::batch_size) if not set.
    #[must_use]
    pub fn validation_batch_size(mut self, size: usize) -> Self {
        self.validation_batch_size = Some(size);
        self
    }

    /// Validates with this many batches only.
    #[must_use]
    pub fn validation_steps(mut self, steps: usize) -> Self {
        self.validation_steps = Some(steps);
        self
    }

    /// Validates after every `epochs`-th epoch only.
    #[must_use]
    pub fn validation_freq(mut self, epochs: usize) -> Self {
        self.validation_freq = Frequency::Every(epochs);
        self
    }

    /// Validates after these epochs only, counted from 1 as Keras does.
    #[must_use]
    pub fn validation_epochs(mut self, epochs: impl Into<Vec<usize>>) -> Self {
        self.validation_freq = Frequency::After(epochs.into());
        self
    }

    /// Ends an epoch after this many batches; the next goes on where it stopped.
    ///
    /// As in Keras, the end of the data ends an epoch too, with a warning, and the next one starts from its beginning.
    #[must_use]
    pub fn steps_per_epoch(mut self, steps: usize) -> Self {
        self.steps_per_epoch = Some(steps);
        self
    }

    /// Whether to shuffle before each epoch: `true` if not set, `false`, or [`Shuffle::Batch`] for within the batches
    /// only. Data from an iterator comes as it is.
    #[must_use]
    pub fn shuffle(mut self, shuffle: impl Into<Shuffle>) -> Self {
        self.shuffle = shuffle.into();
        self
    }

    /// The seed of the shuffling; one of the thread's source if not set.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Weighs the samples of class `label` by `weight`; classes without one count 1. For models with one output, and
    /// not together with sample weights.
    #[must_use]
    pub fn class_weight(mut self, label: i64, weight: f64) -> Self {
        self.class_weight.insert(label, weight);
        self
    }

    /// Trains on data with NaN in it instead of refusing.
    #[must_use]
    pub fn allow_nan(mut self, allow: bool) -> Self {
        self.allow_nan = allow;
        self
    }

    /// Starts in the middle: where [`Model::place`](crate::Model::place) said that a run stood. The running values
    /// of losses and metrics go on as they are when the place is within an epoch.
    ///
    /// Data, batch size and shuffling must be those of that run; the seed is part of the place. It takes the place
    /// of [`initial_epoch`](Self::initial_epoch).
    #[must_use]
    pub fn start_at(mut self, place: Place) -> Self {
        self.start_at = Some(place);
        self
    }

    /// Goes on from a checkpoint as if training had never ended: a file, or the newest in a folder that is whole and of
    /// this training. Weights, optimizer, random streams, running values, callbacks, history and the place in the data
    /// are those of the checkpoint, also in the middle of an epoch, so that the results are the same to the last bit.
    ///
    /// Model, compile, data, batch size and shuffling must be those of that run; the seed is part of the checkpoint,
    /// and it takes the place of [`initial_epoch`](Self::initial_epoch). Checkpoints are written by the callbacks
    /// `BackupAndRestore` and `OrbaxCheckpoint`; the former goes on by itself.
    ///
    /// Differs from Keras, whose `BackupAndRestore` restores weights and the number of the epoch alone.
    #[must_use]
    pub fn resume(mut self, path: impl AsRef<std::path::Path>) -> Self {
        self.resume = Some(Resume::from(path.as_ref()));
        self
    }

    /// Checks what needs no data.
    pub(crate) fn check(&self) -> Result<()> {
        at_least_one("fit", "batch_size", self.batch_size)?;
        at_least_one("fit", "steps_per_epoch", self.steps_per_epoch)?;
        at_least_one("fit", "validation_batch_size", self.validation_batch_size)?;
        at_least_one("fit", "validation_steps", self.validation_steps)?;
        check_verbose("fit", self.verbose)?;
        if self.initial_epoch > self.epochs {
            bail!(
                "fit: initial_epoch {} is beyond epochs {}, so nothing would be trained; epochs is the number of the last \
                 epoch, not how many more",
                self.initial_epoch,
                self.epochs
            );
        }
        if self.resume.is_some() && self.start_at.is_some() {
            bail!("fit: give `resume` or `start_at`, not both");
        }
        match &self.validation_freq {
            Frequency::Every(0) => bail!("fit: validation_freq must be 1 or more, got 0"),
            Frequency::After(epochs) if epochs.contains(&0) => {
                bail!("fit: validation_epochs count from 1, got 0")
            }
            _ => {}
        }
        if self.validation_data.is_none() && self.validation_split == 0. {
            let set = [
                ("validation_steps", self.validation_steps),
                ("validation_batch_size", self.validation_batch_size),
            ];
            if let Some((name, _)) = set.into_iter().find(|(_, value)| value.is_some()) {
                bail!(
                    "fit: {name} is set, but there is nothing to validate with; give validation_data or validation_split"
                );
            }
        }
        Ok(())
    }
}

/// # Errors
/// When a count is 0.
pub(crate) fn at_least_one(what: &str, argument: &str, value: Option<usize>) -> Result<()> {
    if value == Some(0) {
        bail!("{what}: {argument} must be 1 or more, got 0");
    }
    Ok(())
}

/// # Errors
/// When it is no mode.
pub(crate) fn check_verbose(what: &str, verbose: Option<u8>) -> Result<()> {
    match verbose {
        Some(3..) => bail!(
            "{what}: verbose must be 0 (silent), 1 (progress bar) or 2 (a line an epoch), got {}",
            verbose.unwrap_or_default()
        ),
        _ => Ok(()),
    }
}

macro_rules! pass {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name {
            pub(crate) batch_size: Option<usize>,
            pub(crate) steps: Option<usize>,
            pub(crate) verbose: Option<u8>,
            pub(crate) callbacks: Vec<Given<dyn Callback>>,
            $(pub(crate) $field: $type,)*
        }

        impl $name {
            /// In batches of 32.
            pub fn new() -> Self {
                Self::default()
            }

            /// Samples a batch. If not set, 32, or with a number of steps what makes the data last for them.
            #[must_use]
            pub fn batch_size(mut self, size: usize) -> Self {
                self.batch_size = Some(size);
                self
            }

            /// Only this many batches.
            #[must_use]
            pub fn steps(mut self, steps: usize) -> Self {
                self.steps = Some(steps);
                self
            }

            /// 0 silent, 1 progress bar, 2 one line; if not set, 1 on a terminal and 2 elsewhere.
            #[must_use]
            pub fn verbose(mut self, verbose: u8) -> Self {
                self.verbose = Some(verbose);
                self
            }

            /// Adds a callback, by name or by value.
            #[must_use]
            pub fn callback(mut self, callback: impl Into<Given<dyn Callback>>) -> Self {
                self.callbacks.push(callback.into());
                self
            }

            pub(crate) fn check(&self, what: &str) -> Result<()> {
                at_least_one(what, "batch_size", self.batch_size)?;
                at_least_one(what, "steps", self.steps)?;
                check_verbose(what, self.verbose)
            }
        }
    };
}

pass! {
    /// How to evaluate. See [`Model::evaluate`](crate::Model::evaluate).
    Evaluate { allow_nan: bool }
}

impl Evaluate {
    /// Evaluates data with NaN in it instead of refusing.
    #[must_use]
    pub fn allow_nan(mut self, allow: bool) -> Self {
        self.allow_nan = allow;
        self
    }
}

pass! {
    /// How to predict. See [`Model::predict`](crate::Model::predict).
    Predict {}
}
