use std::path::Path;

use keras_core::config::{FromValue, IntoValue};
use keras_core::{Callback, Config, Context, Entry, Error, Logs, Result, ResultExt, bail};
use serde_json::{Value, json};

use crate::monitor::Monitor;
use crate::progress::number;
use crate::save_freq::Counter;
use crate::template::{Fill, Template};
use crate::{Mode, SaveErrors, SaveFreq, folder, state};

const NAME: &str = "ModelCheckpoint";

/// Saves the model, or its weights, during training.
///
/// The file name may hold `{epoch}` (counted from 1), `{batch}` (from 1, when saving after batches) and the
/// names of logs, each with a Python format: `ckpt/{epoch:02d}-{val_loss:.2f}.keras`. A whole model goes to
/// `….keras`, weights to `….weights.h5`. Without placeholders each save replaces the last; a save that fails
/// half-way leaves the last one whole. The best value is kept from one `fit` to the next.
/// [`keep_best`](Self::keep_best) and [`keep_last`](Self::keep_last) remove what is not among the best or the newest
/// any more.
///
/// # Errors
/// Before the first step: when the folder cannot be made or written, a placeholder or the monitored value is
/// not among the logs, or the file name ends in something else.
///
/// # Examples
/// ```
/// use keras_callbacks::ModelCheckpoint;
/// use keras_core::{Callback, Fit};
/// let best = ModelCheckpoint::new("best.keras").monitor("val_accuracy").save_best_only(true);
/// assert_eq!(best.config().get("mode").and_then(|m| m.as_str()), Some("auto"));
/// let fit = Fit::new().validation_split(0.1).callback(best);
/// # drop(fit);
/// ```
///
/// # Differs from Keras
/// An epoch that lacks the monitored value (validation that was not due) is not saved as the best; in a file
/// name a missing value reads `NA`.
#[derive(Clone, Debug)]
pub struct ModelCheckpoint {
    filepath: String,
    monitor: Monitor,
    verbose: usize,
    save_best_only: bool,
    save_weights_only: bool,
    save_freq: SaveFreq,
    initial_value_threshold: Option<f64>,
    save_errors: SaveErrors,
    keep: Keep,
    epoch: usize,
    counter: Counter,
    /// What was saved and not removed, oldest first, with the monitored value.
    kept: Vec<(String, f64)>,
    saved: Vec<String>,
    last: Option<String>,
}

/// What is kept of that which was saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Keep {
    #[default]
    All,
    Best(usize),
    Last(usize),
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["model_checkpoint"],
    doc: "Saves the model, or its weights, after epochs or batches.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let initial = reader.opt("initial_value_threshold")?;
        let mut monitor = Monitor::read(&mut reader)?;
        monitor.best = initial;
        let callback = ModelCheckpoint {
            monitor,
            verbose: reader.or("verbose", 0)?,
            save_best_only: reader.or("save_best_only", false)?,
            save_weights_only: reader.or("save_weights_only", false)?,
            save_freq: SaveFreq::read(reader.raw("save_freq"))?,
            initial_value_threshold: initial,
            save_errors: SaveErrors::read(reader.raw("save_errors"))?,
            keep: match (reader.opt("keep_best")?, reader.opt("keep_last")?) {
                (None, None) => Keep::All,
                (Some(count), None) => Keep::Best(count),
                (None, Some(count)) => Keep::Last(count),
                _ => bail!("{NAME}: give `keep_best` or `keep_last`, not both"),
            },
            ..ModelCheckpoint::new(&reader.req::<String>("filepath")?)
        };
        reader.finish()?;
        Ok(Box::new(callback))
    },
};

impl ModelCheckpoint {
    /// Saves to `filepath` after every epoch.
    pub fn new(filepath: &str) -> Self {
        Self {
            filepath: filepath.to_owned(),
            monitor: Monitor::new("val_loss"),
            verbose: 0,
            save_best_only: false,
            save_weights_only: false,
            save_freq: SaveFreq::Epoch,
            initial_value_threshold: None,
            save_errors: SaveErrors::Stop,
            keep: Keep::All,
            epoch: 0,
            counter: Counter::default(),
            kept: Vec::new(),
            saved: Vec::new(),
            last: None,
        }
    }

    /// The log that says which epoch is the best; `val_loss` if not set.
    #[must_use]
    pub fn monitor(mut self, name: &str) -> Self {
        name.clone_into(&mut self.monitor.name);
        self
    }

    /// 1 also notes when the best was not beaten.
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

    /// Whether to save the weights alone, without architecture and optimizer.
    #[must_use]
    pub fn save_weights_only(mut self, only: bool) -> Self {
        self.save_weights_only = only;
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

    /// Saves what is among the best `count` so far, and removes what is not any more. In place of
    /// [`keep_last`](Self::keep_last).
    #[must_use]
    pub fn keep_best(mut self, count: usize) -> Self {
        self.keep = Keep::Best(count);
        self
    }

    /// Keeps the `count` files that were saved last and removes older ones. In place of
    /// [`keep_best`](Self::keep_best).
    #[must_use]
    pub fn keep_last(mut self, count: usize) -> Self {
        self.keep = Keep::Last(count);
        self
    }

    /// What to do when a save fails; training ends if not set.
    #[must_use]
    pub fn save_errors(mut self, errors: SaveErrors) -> Self {
        self.save_errors = errors;
        self
    }

    /// The files that were saved and not removed, oldest first.
    pub fn kept(&self) -> Vec<&str> {
        self.kept.iter().map(|(path, _)| path.as_str()).collect()
    }

    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.monitor.best
    }

    /// The file saved last.
    pub fn last_saved(&self) -> Option<&str> {
        self.last.as_deref()
    }

    fn by_batch(&self) -> bool {
        matches!(self.save_freq, SaveFreq::Batches(_))
    }

    fn check_name(&self) -> Result<()> {
        let path = &self.filepath;
        if self.save_weights_only && !path.ends_with(".weights.h5") {
            bail!("{NAME}: a file of weights must end in `.weights.h5`, got `{path}`");
        }
        if !self.save_weights_only && !path.ends_with(".keras") {
            bail!(
                "{NAME}: a file of a whole model must end in `.keras`, got `{path}`; for weights alone use \
                 save_weights_only(true) and `.weights.h5`"
            );
        }
        if self.save_freq == SaveFreq::Batches(0) {
            bail!("{NAME}: save_freq must be 1 batch or more, got 0");
        }
        if self.save_freq == SaveFreq::Never {
            bail!(
                "{NAME}: save_freq must be after epochs or batches; saving on signals alone is what BackupAndRestore does"
            );
        }
        if matches!(self.keep, Keep::Best(0) | Keep::Last(0)) {
            bail!("{NAME}: keep_best and keep_last must be 1 or more, got 0");
        }
        if matches!(self.keep, Keep::Best(_)) && self.save_best_only {
            bail!("{NAME}: keep_best says which to save; leave out save_best_only");
        }
        Ok(())
    }

    fn check_placeholders(&self, template: &Template, cx: &Context<'_>) -> Result<()> {
        let mut names = vec!["epoch".to_owned()];
        let mut logs = cx.params.epoch_names();
        if self.by_batch() {
            names.push("batch".to_owned());
            logs.retain(|name| !name.starts_with("val_"));
        }
        names.extend(logs);
        for (name, whole) in template.names() {
            if !names.iter().any(|n| n == name) {
                let place = format!("{NAME}: file name `{}`", self.filepath);
                return Err(Error::unknown("placeholder", name, names).context(place));
            }
            if whole && !matches!(name, "epoch" | "batch") {
                bail!("{NAME}: `{name}` is no whole number; write {{{name}:.2f}} instead of {{{name}:…d}}");
            }
        }
        Ok(())
    }

    fn check_folder(&self, template: &Template) -> Result<()> {
        let head = template.head();
        let end = head.rfind(std::path::is_separator).map_or(0, |at| at + 1);
        folder::check(Path::new(&head[..end])).context(|| NAME)?;
        if template.names().next().is_none() && Path::new(head).is_dir() {
            return Err(Error::file(
                head,
                "is a folder; give ModelCheckpoint the name of a file",
            ));
        }
        Ok(())
    }

    fn path(&self, batch: Option<usize>, logs: &Logs) -> Result<String> {
        Template::parse(&self.filepath)?.fill(|name| match (name, batch) {
            ("epoch", _) => Ok(Fill::Whole(self.epoch + 1)),
            ("batch", Some(batch)) => Ok(Fill::Whole(batch + 1)),
            _ => Ok(logs.get(name)?.map_or(Fill::Missing, Fill::Number)),
        })
    }

    /// The place of the worst among what is kept.
    fn worst(&self) -> Option<usize> {
        let mut worst = None;
        for (index, (_, value)) in self.kept.iter().enumerate() {
            let beaten = |at: usize| self.monitor.beats(self.kept[at].1, Some(*value));
            if worst.is_none_or(beaten) {
                worst = Some(index);
            }
        }
        worst
    }

    fn watches(&self) -> bool {
        self.save_best_only || matches!(self.keep, Keep::Best(_))
    }

    /// Whether this is a moment to save, and what to say if not.
    fn due(&mut self, cx: &Context<'_>, logs: &Logs) -> Result<bool> {
        if !self.watches() {
            return Ok(true);
        }
        self.monitor.resolve(NAME, cx)?;
        let Some(value) = logs.get(&self.monitor.name)? else {
            return Ok(false);
        };
        let improved = self.monitor.improve(value);
        if let Keep::Best(count) = self.keep {
            let threshold = self.initial_value_threshold;
            let enough = self.worst().filter(|_| self.kept.len() >= count);
            let worst = enough.map(|at| self.kept[at].1);
            return Ok(!value.is_nan()
                && threshold.is_none_or(|t| self.monitor.beats(value, Some(t)))
                && worst.is_none_or(|worst| self.monitor.beats(value, Some(worst))));
        }
        if let (false, 1.., Some(best)) = (improved, self.verbose, self.monitor.best) {
            cx.note(format!("{} not better than {}", self.monitor.name, number(best)));
        }
        Ok(improved)
    }

    fn save(&mut self, batch: Option<usize>, cx: &Context<'_>, logs: &Logs) -> Result<()> {
        if !self.due(cx, logs)? {
            return Ok(());
        }
        let path = self.path(batch, logs)?;
        let value = logs.get(&self.monitor.name)?.unwrap_or(f64::NAN);
        let saved = self.write(&path, cx).and_then(|()| self.remove(&path, value));
        if self.save_errors.settle(NAME, saved, cx)? {
            self.last = Some(path.clone());
            self.saved.push(path);
        }
        Ok(())
    }

    fn write(&self, path: &str, cx: &Context<'_>) -> Result<()> {
        folder::create(folder::of(Path::new(path)))?;
        match self.save_weights_only {
            true => cx.model.save_weights(path),
            false => cx.model.save(path),
        }
    }

    /// Notes what was saved, and removes what is not kept any more.
    fn remove(&mut self, path: &str, value: f64) -> Result<()> {
        let (count, best) = match self.keep {
            Keep::All => return Ok(()),
            Keep::Best(count) => (count, true),
            Keep::Last(count) => (count, false),
        };
        self.kept.retain(|(known, _)| known != path);
        self.kept.push((path.to_owned(), value));
        while self.kept.len() > count {
            let at = if best { self.worst().unwrap_or(0) } else { 0 };
            let (old, _) = self.kept.remove(at);
            folder::remove(Path::new(&old))?;
        }
        Ok(())
    }
}

impl Callback for ModelCheckpoint {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.check_name()?;
        self.counter = Counter::default();
        if self.watches() {
            self.monitor.check(NAME, cx)?;
            if self.by_batch() && self.monitor.name.starts_with("val_") {
                bail!(
                    "{NAME}: batches have no `{}`: monitor a training value, or save after epochs",
                    self.monitor.name
                );
            }
        }
        let template = Template::parse(&self.filepath).context(|| NAME)?;
        if self.keep != Keep::All && template.names().next().is_none() {
            bail!(
                "{NAME}: to keep several files, their names must differ; put {{epoch}} or a log into `{}`",
                self.filepath
            );
        }
        self.check_placeholders(&template, cx)?;
        self.check_folder(&template)
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
        if self.counter.due(self.save_freq, batch) {
            self.save(Some(batch), cx, logs)?;
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.epoch = epoch;
        self.counter.new_epoch();
        if !self.by_batch() {
            self.save(None, cx, logs)?;
        }
        match std::mem::take(&mut self.saved).as_slice() {
            [] => {}
            [path] => cx.note(format!("saved {path}")),
            [.., path] => cx.note(format!("saved … {path}")),
        }
        Ok(())
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        let mut config = Config::new()
            .with("filepath", self.filepath.as_str())
            .with("monitor", self.monitor.name.as_str())
            .with("verbose", self.verbose)
            .with("save_best_only", self.save_best_only)
            .with("save_weights_only", self.save_weights_only)
            .with("mode", self.monitor.mode.name())
            .with("save_freq", self.save_freq)
            .with("initial_value_threshold", self.initial_value_threshold);
        // Keras does not have them.
        match self.keep {
            Keep::All => {}
            Keep::Best(count) => config.set("keep_best", count),
            Keep::Last(count) => config.set("keep_last", count),
        }
        if self.save_errors != SaveErrors::Stop {
            config.set("save_errors", self.save_errors);
        }
        config
    }

    fn state(&self) -> Value {
        let kept = self.kept.iter();
        let kept: Vec<Value> = kept
            .map(|(path, value)| json!([path, value.into_value()]))
            .collect();
        let state = self.monitor.state().with("counter", self.counter.state());
        Value::Object(state.with("last", self.last.clone()).with("kept", kept).0)
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        let state = state::object(NAME, state)?;
        let mut reader = state.reader(NAME);
        self.monitor.best = reader.opt("best")?;
        self.counter = Counter::from_state(&state::object(NAME, &reader.req::<Value>("counter")?)?, NAME)?;
        self.last = reader.opt("last")?;
        let kept: Vec<Value> = reader.req("kept")?;
        let read = |entry: &Value| {
            Some((
                entry.get(0)?.as_str()?.to_owned(),
                f64::from_value(entry.get(1)?)?,
            ))
        };
        self.kept = kept.iter().filter_map(read).collect();
        reader.finish()
    }
}
