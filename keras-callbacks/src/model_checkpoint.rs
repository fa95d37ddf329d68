use std::path::Path;

use keras_core::{Callback, Config, Context, Entry, Error, Logs, Result, ResultExt, bail};
use serde_json::Value;

use crate::monitor::Monitor;
use crate::progress::number;
use crate::template::{Fill, Template};
use crate::{Mode, SaveFreq, folder, state};

const NAME: &str = "ModelCheckpoint";

/// Saves the model, or its weights, during training.
///
/// The file name may hold `{epoch}` (counted from 1), `{batch}` (from 1, when saving after batches) and the
/// names of logs, each with a Python format: `ckpt/{epoch:02d}-{val_loss:.2f}.keras`. A whole model goes to
/// `….keras`, weights to `….weights.h5`. Without placeholders each save replaces the last; a save that fails
/// half-way leaves the last one whole. The best value is kept from one `fit` to the next.
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
    epoch: usize,
    batches: usize,
    saved: Vec<String>,
    last: Option<String>,
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
            epoch: 0,
            batches: 0,
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

    /// Whether this is a moment to save, and what to say if not.
    fn due(&mut self, cx: &Context<'_>, logs: &Logs) -> Result<bool> {
        if !self.save_best_only {
            return Ok(true);
        }
        self.monitor.resolve(NAME, cx)?;
        let Some(value) = logs.get(&self.monitor.name)? else {
            return Ok(false);
        };
        let improved = self.monitor.improve(value);
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
        folder::create(folder::of(Path::new(&path)))?;
        if self.save_weights_only {
            cx.model.save_weights(&path)?;
        } else {
            cx.model.save(&path)?;
        }
        self.last = Some(path.clone());
        self.saved.push(path);
        Ok(())
    }
}

impl Callback for ModelCheckpoint {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.check_name()?;
        if self.save_best_only {
            self.monitor.check(NAME, cx)?;
            if self.by_batch() && self.monitor.name.starts_with("val_") {
                bail!(
                    "{NAME}: batches have no `{}`: monitor a training value, or save after epochs",
                    self.monitor.name
                );
            }
        }
        let template = Template::parse(&self.filepath).context(|| NAME)?;
        self.check_placeholders(&template, cx)?;
        self.check_folder(&template)
    }

    fn on_epoch_begin(&mut self, epoch: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.epoch = epoch;
        Ok(())
    }

    fn on_train_batch_end(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        if let SaveFreq::Batches(every) = self.save_freq {
            self.batches += 1;
            if self.batches >= every {
                self.batches = 0;
                self.save(Some(batch), cx, logs)?;
            }
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.epoch = epoch;
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
        Config::new()
            .with("filepath", self.filepath.as_str())
            .with("monitor", self.monitor.name.as_str())
            .with("verbose", self.verbose)
            .with("save_best_only", self.save_best_only)
            .with("save_weights_only", self.save_weights_only)
            .with("mode", self.monitor.mode.name())
            .with("save_freq", self.save_freq)
            .with("initial_value_threshold", self.initial_value_threshold)
    }

    fn state(&self) -> Value {
        Value::Object(self.monitor.state().with("batches", self.batches).0)
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        let state = state::object(NAME, state)?;
        let mut reader = state.reader(NAME);
        self.monitor.best = reader.opt("best")?;
        self.batches = reader.req("batches")?;
        reader.finish()
    }
}
