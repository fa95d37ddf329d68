use std::path::{Path, PathBuf};

use keras_core::saving::Snapshot;
use keras_core::{Callback, Config, Context, Entry, Error, Logs, Result, ResultExt, bail};
use serde_json::Value;

use crate::save_freq::Counter;
use crate::{SaveErrors, SaveFreq, folder, state};

const NAME: &str = "BackupAndRestore";

/// Keeps the whole state of a training in a folder, and goes on from it when the same program is run again.
///
/// A training that was killed, interrupted or stopped by an error continues as if nothing had happened: weights,
/// optimizer, random streams, running values, callbacks, history and the place in the data are those of the last
/// save, also in the middle of an epoch, and the results are the same to the last bit. Each save is one file,
/// `backup-<epoch>-<batch>.ckpt`, which appears whole or not at all; a file that is damaged or of another training is
/// refused with its reason, and the one before it is used.
///
/// SIGINT (Ctrl-C) and SIGTERM end the current batch, save, and end `fit` with
/// [`Error::Interrupted`](keras_core::Error::Interrupted); a second one ends the process at once. When training is
/// done, the folder is emptied.
///
/// # Errors
/// Before the first step, when the folder cannot be made or written, or none of its checkpoints can be used; in
/// training, when saving fails (see [`save_errors`](Self::save_errors)).
///
/// # Examples
/// ```
/// use keras_callbacks::BackupAndRestore;
/// use keras_core::Fit;
/// let fit = Fit::new().epochs(100).callback(BackupAndRestore::new("backup").save_freq(500));
/// # drop(fit);
/// ```
///
/// # Differs from Keras
/// Keras restores weights and the number of the epoch, and empties the folder also after an error. There are no
/// saves but those of signals with `save_freq(SaveFreq::Never)`, Keras's `False`.
#[derive(Clone, Debug)]
pub struct BackupAndRestore {
    backup_dir: PathBuf,
    save_freq: SaveFreq,
    double_checkpoint: bool,
    delete_checkpoint: bool,
    save_errors: SaveErrors,
    counter: Counter,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["backup_and_restore"],
    doc: "Keeps the whole state of a training and goes on from it.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let callback = BackupAndRestore::new(reader.req::<String>("backup_dir")?)
            .save_freq(SaveFreq::read(NAME, "save_freq", reader.raw("save_freq"))?)
            .double_checkpoint(reader.or("double_checkpoint", false)?)
            .delete_checkpoint(reader.or("delete_checkpoint", true)?)
            .save_errors(SaveErrors::read(NAME, reader.raw("save_errors"))?);
        reader.finish()?;
        Ok(Box::new(callback))
    },
};

impl BackupAndRestore {
    /// In `backup_dir`, which holds nothing else; after every epoch.
    pub fn new(backup_dir: impl AsRef<Path>) -> Self {
        Self {
            backup_dir: backup_dir.as_ref().to_owned(),
            save_freq: SaveFreq::Epoch,
            double_checkpoint: false,
            delete_checkpoint: true,
            save_errors: SaveErrors::Stop,
            counter: Counter::default(),
        }
    }

    /// After every epoch, or after so many batches.
    #[must_use]
    pub fn save_freq(mut self, freq: impl Into<SaveFreq>) -> Self {
        self.save_freq = freq.into();
        self
    }

    /// Whether to keep the save before the last one too, for the case that the disk damages the last.
    #[must_use]
    pub fn double_checkpoint(mut self, double: bool) -> Self {
        self.double_checkpoint = double;
        self
    }

    /// Whether to empty the folder when training is done: completed, or stopped by a callback.
    #[must_use]
    pub fn delete_checkpoint(mut self, delete: bool) -> Self {
        self.delete_checkpoint = delete;
        self
    }

    /// What to do when a save fails; training ends if not set.
    #[must_use]
    pub fn save_errors(mut self, errors: SaveErrors) -> Self {
        self.save_errors = errors;
        self
    }

    /// The saves in the folder, oldest first.
    fn saves(&self) -> Result<Vec<PathBuf>> {
        let is_save = |name: &str| name.starts_with("backup-") && name.ends_with(".ckpt");
        folder::entries(&self.backup_dir, is_save)
    }

    fn save(&self, snapshot: &Snapshot) -> Result<()> {
        let place = snapshot.place();
        folder::create(&self.backup_dir)?;
        let name = format!("backup-{:08}-{:08}.ckpt", place.epoch, place.step);
        let path = self.backup_dir.join(name);
        snapshot.clone().save(&path)?;
        // What is newer by name was refused when training went on from an older one.
        let (before, after): (Vec<_>, Vec<_>) = self
            .saves()?
            .into_iter()
            .filter(|p| *p != path)
            .partition(|p| *p < path);
        let keep = usize::from(self.double_checkpoint);
        let old = before.len().saturating_sub(keep);
        before[..old]
            .iter()
            .chain(&after)
            .try_for_each(|path| folder::remove(path))
    }
}

impl Callback for BackupAndRestore {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        folder::named(NAME, "backup_dir", &self.backup_dir)?;
        if self.save_freq == SaveFreq::Batches(0) {
            bail!("{NAME}: `save_freq` must be 1 batch or more, got 0");
        }
        folder::check(&self.backup_dir)
            .and_then(|()| folder::tidy(&self.backup_dir))
            .context(|| NAME)?;
        self.counter = Counter::default();
        cx.save_on_signals();
        cx.resume_from(&self.backup_dir);
        Ok(())
    }

    fn on_train_batch_end(&mut self, batch: usize, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        if self.counter.due(self.save_freq, batch) {
            cx.want_snapshot();
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, _: usize, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.counter.new_epoch();
        if self.save_freq == SaveFreq::Epoch {
            cx.want_snapshot();
        }
        Ok(())
    }

    fn on_snapshot(&mut self, snapshot: &Snapshot, cx: &mut Context<'_>) -> Result<()> {
        let saved = self.save(snapshot);
        self.save_errors.settle(NAME, saved, cx).map(drop)
    }

    fn on_train_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        if !self.delete_checkpoint || !cx.outcome().is_done() {
            return Ok(());
        }
        for path in self.saves()? {
            folder::remove(&path)?;
        }
        match std::fs::remove_dir(&self.backup_dir) {
            // Somebody else's files stay.
            Err(e) if e.kind() == std::io::ErrorKind::DirectoryNotEmpty => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|e| Error::io(&self.backup_dir, "cannot remove this folder", e)),
        }
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        let mut config = Config::new()
            .with("backup_dir", self.backup_dir.display().to_string())
            .with("save_freq", self.save_freq)
            .with("double_checkpoint", self.double_checkpoint)
            .with("delete_checkpoint", self.delete_checkpoint);
        // Keras does not have it.
        if self.save_errors != SaveErrors::Stop {
            config.set("save_errors", self.save_errors);
        }
        config
    }

    fn state(&self) -> Value {
        self.counter.state()
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        self.counter = Counter::from_state(&state::object(NAME, state)?, NAME)?;
        Ok(())
    }
}
