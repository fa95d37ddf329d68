use std::fmt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use keras_core::saving::Snapshot;
use keras_core::{Callback, Config, Context, Entry, Error, Logs, Result, ResultExt, bail};
use serde_json::Value;

use crate::monitor::Monitor;
use crate::progress::number;
use crate::save_freq::Counter;
use crate::{Mode, SaveErrors, SaveFreq, folder, state};

const NAME: &str = "OrbaxCheckpoint";
/// Bytes of a file.
const SHARD: usize = 512 << 20;

/// Saves the whole state of a training in the background, as a folder of files a save.
///
/// `directory/<step>` holds safetensors files and a manifest that ties them together; `step` is the number of the
/// epoch, from 0, or of the batches so far when saving after batches. A folder appears whole or not at all.
/// [`Fit::resume`](keras_core::Fit::resume) of the directory goes on from the newest, to the same bits.
///
/// Training goes on while a save is written. There is no second copy of the weights but of those that an optimizer's
/// step is about to change before they are written; the step makes that copy. The next save waits for the one before.
///
/// SIGINT and SIGTERM end the current batch, save, and end `fit` as in
/// [`BackupAndRestore`](crate::BackupAndRestore).
///
/// # Errors
/// Before the first step, when the directory cannot be made or written, or the run will not log the monitored value;
/// when a save fails, at the next save or at the end of training (see [`save_errors`](Self::save_errors)).
///
/// # Examples
/// ```
/// use keras_callbacks::OrbaxCheckpoint;
/// use keras_core::Fit;
/// let fit = Fit::new().epochs(100).callback(OrbaxCheckpoint::new("checkpoints").max_to_keep(3));
/// # drop(fit);
/// ```
///
/// # Differs from Keras
/// The files are safetensors, not Orbax's, and hold more: random streams, running values, callbacks, history and the
/// place in the data.
pub struct OrbaxCheckpoint {
    directory: PathBuf,
    monitor: Monitor,
    verbose: usize,
    save_best_only: bool,
    save_freq: SaveFreq,
    initial_value_threshold: Option<f64>,
    max_to_keep: Option<usize>,
    save_on_background: bool,
    save_weights_only: bool,
    shard_bytes: usize,
    save_errors: SaveErrors,
    counter: Counter,
    epoch: usize,
    running: Option<JoinHandle<Result<()>>>,
    waited: Duration,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["orbax_checkpoint"],
    doc: "Saves the whole state of a training in the background.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let initial = reader.opt("initial_value_threshold")?;
        let mut monitor = Monitor::read(&mut reader)?;
        monitor.best = initial;
        let max_to_keep = match reader.raw("max_to_keep") {
            None => Some(1),
            Some(Value::Null) => None,
            Some(_) => Some(reader.req("max_to_keep")?),
        };
        let callback = OrbaxCheckpoint {
            monitor,
            verbose: reader.or("verbose", 0)?,
            save_best_only: reader.or("save_best_only", false)?,
            save_freq: SaveFreq::read(reader.raw("save_freq"))?,
            initial_value_threshold: initial,
            max_to_keep,
            save_on_background: reader.or("save_on_background", true)?,
            save_weights_only: reader.or("save_weights_only", false)?,
            save_errors: SaveErrors::read(reader.raw("save_errors"))?,
            ..OrbaxCheckpoint::new(reader.req::<String>("directory")?)
        };
        reader.finish()?;
        Ok(Box::new(callback))
    },
};

impl OrbaxCheckpoint {
    /// Below `directory`, after every epoch; the newest is kept.
    pub fn new(directory: impl AsRef<Path>) -> Self {
        Self {
            directory: directory.as_ref().to_owned(),
            monitor: Monitor::new("val_loss"),
            verbose: 0,
            save_best_only: false,
            save_freq: SaveFreq::Epoch,
            initial_value_threshold: None,
            max_to_keep: Some(1),
            save_on_background: true,
            save_weights_only: false,
            shard_bytes: SHARD,
            save_errors: SaveErrors::Stop,
            counter: Counter::default(),
            epoch: 0,
            running: None,
            waited: Duration::ZERO,
        }
    }

    /// The log that says which is the best; `val_loss` if not set.
    #[must_use]
    pub fn monitor(mut self, name: &str) -> Self {
        name.clone_into(&mut self.monitor.name);
        self
    }

    /// 1 notes what is saved.
    #[must_use]
    pub fn verbose(mut self, verbose: usize) -> Self {
        self.verbose = verbose;
        self
    }

    /// Whether to save only when the monitored value is the best so far.
    #[must_use]
    pub fn save_best_only(mut self, only: bool) -> Self {
        self.save_best_only = only;
        self
    }

    /// Whether larger or smaller is better; by the name if not set.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.monitor.mode = mode;
        self
    }

    /// After every epoch, or after so many batches.
    #[must_use]
    pub fn save_freq(mut self, freq: impl Into<SaveFreq>) -> Self {
        self.save_freq = freq.into();
        self
    }

    /// The value that the first save must beat.
    #[must_use]
    pub fn initial_value_threshold(mut self, value: f64) -> Self {
        self.initial_value_threshold = Some(value);
        self.monitor.best = Some(value);
        self
    }

    /// How many saves are kept: 1 if not set, all for `None`.
    #[must_use]
    pub fn max_to_keep(mut self, count: impl Into<Option<usize>>) -> Self {
        self.max_to_keep = count.into();
        self
    }

    /// Whether training goes on while a save is written; yes if not set.
    #[must_use]
    pub fn save_on_background(mut self, background: bool) -> Self {
        self.save_on_background = background;
        self
    }

    /// Whether to save the weights alone, for [`Model::load_weights`](keras_core::Model::load_weights).
    #[must_use]
    pub fn save_weights_only(mut self, only: bool) -> Self {
        self.save_weights_only = only;
        self
    }

    /// About how many bytes a file has; 512 MiB if not set.
    #[must_use]
    pub fn shard_bytes(mut self, bytes: usize) -> Self {
        self.shard_bytes = bytes;
        self
    }

    /// What to do when a save fails; training ends if not set.
    #[must_use]
    pub fn save_errors(mut self, errors: SaveErrors) -> Self {
        self.save_errors = errors;
        self
    }

    /// How long training has waited for saves, without the copies that steps made.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Waits for the save that is being written.
    fn join(&mut self, cx: &Context<'_>) -> Result<()> {
        let Some(running) = self.running.take() else {
            return Ok(());
        };
        let written = running
            .join()
            .unwrap_or_else(|_| Err(Error::invalid("the thread that saves panicked")));
        self.save_errors.settle(NAME, written, cx).map(drop)
    }

    fn due(&mut self, cx: &Context<'_>, logs: &Logs) -> Result<bool> {
        if !self.save_best_only {
            return Ok(true);
        }
        self.monitor.resolve(NAME, cx)?;
        let value = logs.get(&self.monitor.name)?;
        let improved = value.is_some_and(|value| self.monitor.improve(value));
        if let (false, 1.., Some(best)) = (improved, self.verbose, self.monitor.best) {
            cx.note(format!("{} not better than {}", self.monitor.name, number(best)));
        }
        Ok(improved)
    }
}

/// What a thread needs to write a save.
struct Job {
    snapshot: Snapshot,
    folder: PathBuf,
    weights_only: bool,
    shard_bytes: usize,
    max_to_keep: Option<usize>,
}

impl Job {
    fn run(self) -> Result<()> {
        match self.weights_only {
            true => self
                .snapshot
                .save_weights_sharded(&self.folder, self.shard_bytes)?,
            false => self.snapshot.save_sharded(&self.folder, self.shard_bytes)?,
        }
        let directory = folder::of(&self.folder);
        let Some(keep) = self.max_to_keep else {
            return Ok(());
        };
        let mut all = folder::entries(directory, |name| name.bytes().all(|b| b.is_ascii_digit()))?;
        let step = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u64>().ok();
        all.sort_by_key(step);
        // Of a run before, from whose earlier save training goes on.
        let newest = step(&self.folder);
        let (later, until): (Vec<_>, Vec<_>) = all.into_iter().partition(|path| step(path) > newest);
        let old = until.len().saturating_sub(keep.max(1));
        until[..old]
            .iter()
            .chain(&later)
            .try_for_each(|path| folder::remove(path))
    }
}

impl Callback for OrbaxCheckpoint {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if self.save_freq == SaveFreq::Batches(0) {
            bail!("{NAME}: save_freq must be 1 batch or more, got 0");
        }
        if self.max_to_keep == Some(0) || self.shard_bytes == 0 {
            bail!("{NAME}: max_to_keep and shard_bytes must be 1 or more, got 0");
        }
        if self.save_best_only {
            self.monitor.check(NAME, cx)?;
            if matches!(self.save_freq, SaveFreq::Batches(_)) && self.monitor.name.starts_with("val_") {
                bail!(
                    "{NAME}: batches have no `{}`: monitor a training value, or save after epochs",
                    self.monitor.name
                );
            }
        }
        folder::check(&self.directory)
            .and_then(|()| folder::tidy(&self.directory))
            .context(|| NAME)?;
        self.counter = Counter::default();
        if !self.save_weights_only {
            cx.save_on_signals();
        }
        Ok(())
    }

    fn on_epoch_begin(&mut self, epoch: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.epoch = epoch;
        Ok(())
    }

    fn on_epoch_resume(&mut self, epoch: usize, _: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.epoch = epoch;
        Ok(())
    }

    fn on_train_batch_end(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        if self.counter.due(self.save_freq, batch) && self.due(cx, logs)? {
            cx.want_snapshot();
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.epoch = epoch;
        self.counter.new_epoch();
        if self.save_freq == SaveFreq::Epoch && self.due(cx, logs)? {
            cx.want_snapshot();
        }
        Ok(())
    }

    fn on_snapshot(&mut self, snapshot: &Snapshot, cx: &mut Context<'_>) -> Result<()> {
        let started = Instant::now();
        self.join(cx)?;
        let step = match self.save_freq {
            SaveFreq::Batches(_) => self.counter.total(),
            _ => self.epoch,
        };
        let folder = self.directory.join(step.to_string());
        if self.verbose > 0 {
            cx.note(format!("saving {}", folder.display()));
        }
        let job = Job {
            snapshot: snapshot.clone(),
            folder,
            weights_only: self.save_weights_only,
            shard_bytes: self.shard_bytes,
            max_to_keep: self.max_to_keep,
        };
        if self.save_on_background {
            self.running = Some(std::thread::spawn(move || job.run()));
        } else {
            self.save_errors.settle(NAME, job.run(), cx)?;
        }
        self.waited += started.elapsed();
        Ok(())
    }

    fn on_train_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.join(cx)
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        let mut config = Config::new()
            .with("directory", self.directory.display().to_string())
            .with("monitor", self.monitor.name.as_str())
            .with("verbose", self.verbose)
            .with("save_best_only", self.save_best_only)
            .with("mode", self.monitor.mode.name())
            .with("save_freq", self.save_freq)
            .with("initial_value_threshold", self.initial_value_threshold)
            .with("max_to_keep", self.max_to_keep)
            .with("save_on_background", self.save_on_background)
            .with("save_weights_only", self.save_weights_only);
        // Keras does not have it.
        if self.save_errors != SaveErrors::Stop {
            config.set("save_errors", self.save_errors);
        }
        config
    }

    fn state(&self) -> Value {
        let state = self.monitor.state().with("counter", self.counter.state());
        Value::Object(state.0)
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        let state = state::object(NAME, state)?;
        let mut reader = state.reader(NAME);
        self.monitor.best = reader.opt("best")?;
        self.counter = Counter::from_state(&state::object(NAME, &reader.req::<Value>("counter")?)?, NAME)?;
        reader.finish()
    }
}

impl fmt::Debug for OrbaxCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(NAME)
            .field("directory", &self.directory)
            .field("save_freq", &self.save_freq)
            .field("running", &self.running.is_some())
            .finish_non_exhaustive()
    }
}
