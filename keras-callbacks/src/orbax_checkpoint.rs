use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use keras_core::saving::Snapshot;
use keras_core::{Callback, Config, Context, Entry, Logs, Result, ResultExt, bail};
use serde_json::Value;

use crate::background::Background;
use crate::when::{self, When};
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
/// step is about to change before they are written; the step makes that copy, where the gradients were that it has used
/// up. The next save waits for the one before.
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
#[derive(Debug)]
pub struct OrbaxCheckpoint {
    directory: PathBuf,
    max_to_keep: Option<usize>,
    save_on_background: bool,
    shard_bytes: usize,
    when: When,
    background: Background,
    waited: Duration,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["orbax_checkpoint"],
    doc: "Saves the whole state of a training in the background.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let max_to_keep = match reader.raw("max_to_keep") {
            None => Some(1),
            Some(Value::Null) => None,
            Some(_) => Some(reader.req("max_to_keep")?),
        };
        let callback = OrbaxCheckpoint {
            when: When::read(NAME, &mut reader)?,
            max_to_keep,
            save_on_background: reader.or("save_on_background", true)?,
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
            max_to_keep: Some(1),
            save_on_background: true,
            shard_bytes: SHARD,
            when: When::default(),
            background: Background::default(),
            waited: Duration::ZERO,
        }
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

    /// About how many bytes a file has; 512 MiB if not set.
    #[must_use]
    pub fn shard_bytes(mut self, bytes: usize) -> Self {
        self.shard_bytes = bytes;
        self
    }

    /// How long training has waited for saves, without the copies that steps made.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Waits for the save that is being written.
    fn wait(&mut self, cx: &Context<'_>) -> Result<()> {
        match self.background.wait() {
            Some(written) => self.when.errors.settle(NAME, written, cx).map(drop),
            None => Ok(()),
        }
    }
}

when::arguments!(OrbaxCheckpoint);

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
        let _save = tracing::debug_span!("save").entered();
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
        folder::named(NAME, "directory", &self.directory)?;
        if self.max_to_keep == Some(0) || self.shard_bytes == 0 {
            bail!("{NAME}: `max_to_keep` and `shard_bytes` must be 1 or more, got 0");
        }
        self.when.check(NAME, self.when.best_only, cx)?;
        folder::check(&self.directory)
            .and_then(|()| folder::tidy(&self.directory))
            .context(|| NAME)?;
        if !self.when.weights_only {
            cx.save_on_signals();
        }
        Ok(())
    }

    when::counting!();

    fn on_train_batch_end(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        if self.when.after_batch(batch) && self.when.good(NAME, cx, logs)? {
            cx.want_snapshot();
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        if self.when.after_epoch(epoch) && self.when.good(NAME, cx, logs)? {
            cx.want_snapshot();
        }
        Ok(())
    }

    fn on_snapshot(&mut self, snapshot: &Snapshot, cx: &mut Context<'_>) -> Result<()> {
        let started = Instant::now();
        self.wait(cx)?;
        let step = match self.when.by_batch() {
            true => self.when.counter.total(),
            false => self.when.epoch,
        };
        let folder = self.directory.join(step.to_string());
        if self.when.verbose > 0 {
            cx.note(format!("saving {}", folder.display()));
        }
        let job = Job {
            snapshot: snapshot.clone(),
            folder,
            weights_only: self.when.weights_only,
            shard_bytes: self.shard_bytes,
            max_to_keep: self.max_to_keep,
        };
        if self.save_on_background {
            self.background.begin(Instant::now(), move || job.run())?;
        } else {
            self.when.errors.settle(NAME, job.run(), cx)?;
        }
        self.waited += started.elapsed();
        Ok(())
    }

    fn on_train_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        let written = self.wait(cx);
        self.background.end();
        written
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        let own = Config::new().with("directory", self.directory.display().to_string());
        self.when
            .config(own)
            .with("max_to_keep", self.max_to_keep)
            .with("save_on_background", self.save_on_background)
    }

    fn state(&self) -> Value {
        Value::Object(self.when.state().0)
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        let state = state::object(NAME, state)?;
        let mut reader = state.reader(NAME);
        self.when.load_state(NAME, &mut reader)?;
        reader.finish()
    }
}
