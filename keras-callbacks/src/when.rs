//! When a callback saves: what [`ModelCheckpoint`](crate::ModelCheckpoint) and
//! [`OrbaxCheckpoint`](crate::OrbaxCheckpoint) share.

use keras_core::config::Reader;
use keras_core::{Config, Context, Logs, Result, bail};
use serde_json::Value;

use crate::monitor::Monitor;
use crate::progress::number;
use crate::save_freq::Counter;
use crate::{SaveErrors, SaveFreq, state};

/// What to save, after which epochs or batches, whether only the best, and what to do when it fails.
#[derive(Clone, Debug)]
pub(crate) struct When {
    pub(crate) monitor: Monitor,
    pub(crate) verbose: usize,
    pub(crate) best_only: bool,
    pub(crate) weights_only: bool,
    pub(crate) freq: SaveFreq,
    pub(crate) threshold: Option<f64>,
    pub(crate) errors: SaveErrors,
    pub(crate) epoch: usize,
    pub(crate) counter: Counter,
}

impl Default for When {
    fn default() -> Self {
        Self {
            monitor: Monitor::new("val_loss"),
            verbose: 0,
            best_only: false,
            weights_only: false,
            freq: SaveFreq::Epoch,
            threshold: None,
            errors: SaveErrors::Stop,
            epoch: 0,
            counter: Counter::default(),
        }
    }
}

impl When {
    pub(crate) fn read(callback: &str, reader: &mut Reader<'_>) -> Result<Self> {
        let threshold = reader.opt("initial_value_threshold")?;
        let mut monitor = Monitor::read(callback, reader)?;
        monitor.best = threshold;
        Ok(Self {
            monitor,
            verbose: reader.or("verbose", 0)?,
            best_only: reader.or("save_best_only", false)?,
            weights_only: reader.or("save_weights_only", false)?,
            freq: SaveFreq::read(callback, "save_freq", reader.raw("save_freq"))?,
            threshold,
            errors: SaveErrors::read(callback, reader.raw("save_errors"))?,
            ..Self::default()
        })
    }

    /// The arguments after those of `config`.
    pub(crate) fn config(&self, config: Config) -> Config {
        let mut config = config
            .with("monitor", self.monitor.name.as_str())
            .with("verbose", self.verbose)
            .with("save_best_only", self.best_only)
            .with("save_weights_only", self.weights_only)
            .with("mode", self.monitor.mode.name())
            .with("save_freq", self.freq)
            .with("initial_value_threshold", self.threshold);
        // Keras does not have it.
        if self.errors != SaveErrors::Stop {
            config.set("save_errors", self.errors);
        }
        config
    }

    pub(crate) fn by_batch(&self) -> bool {
        matches!(self.freq, SaveFreq::Batches(_))
    }

    /// Before the first step; `watches` says whether the monitored value matters.
    pub(crate) fn check(&mut self, callback: &str, watches: bool, cx: &Context<'_>) -> Result<()> {
        if self.freq == SaveFreq::Batches(0) {
            bail!("{callback}: `save_freq` must be 1 batch or more, got 0");
        }
        if self.threshold.is_some_and(f64::is_nan) {
            bail!(
                "{callback}: `initial_value_threshold` must be a number, got NaN; leave it out to have none"
            );
        }
        self.counter = Counter::default();
        if !watches {
            return Ok(());
        }
        self.monitor.check(callback, cx)?;
        if self.by_batch() && self.monitor.name.starts_with("val_") {
            bail!(
                "{callback}: batches have no `{}`: monitor a training value, or save after epochs",
                self.monitor.name
            );
        }
        Ok(())
    }

    /// Takes the monitored value in: whether it is the best so far. `None` where there is none; says what was not beaten
    /// when it is `told` to.
    pub(crate) fn improved(
        &mut self,
        callback: &str,
        tell: bool,
        cx: &Context<'_>,
        logs: &Logs,
    ) -> Result<Option<(f64, bool)>> {
        self.monitor.resolve(callback, cx)?;
        let Some(value) = logs.get(&self.monitor.name)? else {
            return Ok(None);
        };
        let improved = self.monitor.improve(value);
        if let (false, true, 1.., Some(best)) = (improved, tell, self.verbose, self.monitor.best) {
            cx.note(format!("{} not better than {}", self.monitor.name, number(best)));
        }
        Ok(Some((value, improved)))
    }

    /// Whether the monitored value is the best so far, where only the best is saved.
    pub(crate) fn good(&mut self, callback: &str, cx: &Context<'_>, logs: &Logs) -> Result<bool> {
        if !self.best_only {
            return Ok(true);
        }
        let improved = self.improved(callback, true, cx, logs)?;
        Ok(improved.is_some_and(|(_, improved)| improved))
    }

    /// Whether a save after `batch` is due.
    pub(crate) fn after_batch(&mut self, batch: usize) -> bool {
        self.counter.due(self.freq, batch)
    }

    /// Whether a save after `epoch` is due.
    pub(crate) fn after_epoch(&mut self, epoch: usize) -> bool {
        self.epoch = epoch;
        self.counter.new_epoch();
        self.freq == SaveFreq::Epoch
    }

    pub(crate) fn state(&self) -> Config {
        self.monitor.state().with("counter", self.counter.state())
    }

    pub(crate) fn load_state(&mut self, callback: &str, reader: &mut Reader<'_>) -> Result<()> {
        self.monitor.best = reader.opt("best")?;
        let counter = state::object(callback, &reader.req::<Value>("counter")?)?;
        self.counter = Counter::from_state(&counter, callback)?;
        Ok(())
    }
}

/// The arguments that say when, for a callback with a field `when`.
macro_rules! arguments {
    ($callback:ident) => {
        impl $callback {
            /// The log that says which is the best; `val_loss` if not set.
            #[must_use]
            pub fn monitor(mut self, name: &str) -> Self {
                name.clone_into(&mut self.when.monitor.name);
                self
            }

            /// 1 says more in the progress display.
            #[must_use]
            pub fn verbose(mut self, verbose: usize) -> Self {
                self.when.verbose = verbose;
                self
            }

            /// Whether to save only when the monitored value is the best so far.
            #[must_use]
            pub fn save_best_only(mut self, only: bool) -> Self {
                self.when.best_only = only;
                self
            }

            /// Whether to save the weights alone, without architecture, optimizer and what else a training has.
            #[must_use]
            pub fn save_weights_only(mut self, only: bool) -> Self {
                self.when.weights_only = only;
                self
            }

            /// Whether larger or smaller is better; by the name if not set.
            #[must_use]
            pub fn mode(mut self, mode: Mode) -> Self {
                self.when.monitor.mode = mode;
                self
            }

            /// After every epoch, or after so many batches.
            #[must_use]
            pub fn save_freq(mut self, freq: impl Into<SaveFreq>) -> Self {
                self.when.freq = freq.into();
                self
            }

            /// The value that the first save must beat.
            #[must_use]
            pub fn initial_value_threshold(mut self, value: f64) -> Self {
                self.when.threshold = Some(value);
                self.when.monitor.best = Some(value);
                self
            }

            /// What to do when a save fails; training ends if not set.
            #[must_use]
            pub fn save_errors(mut self, errors: SaveErrors) -> Self {
                self.when.errors = errors;
                self
            }
        }
    };
}
pub(crate) use arguments;

/// The hooks that only count, for a callback with a field `when`.
macro_rules! counting {
    () => {
        fn on_epoch_begin(&mut self, epoch: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
            self.when.epoch = epoch;
            Ok(())
        }

        fn on_epoch_resume(
            &mut self,
            epoch: usize,
            _: usize,
            _: &mut Context<'_>,
            _: &mut Logs,
        ) -> Result<()> {
            self.when.epoch = epoch;
            Ok(())
        }
    };
}
pub(crate) use counting;
