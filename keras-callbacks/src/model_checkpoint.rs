use std::path::Path;
use std::time::{Duration, Instant};

use keras_core::config::{FromValue, IntoValue};
use keras_core::{Callback, Config, Context, Entry, Error, Logs, Result, ResultExt, bail};
use serde_json::{Value, json};

use crate::background::Background;
use crate::template::{Fill, Template};
use crate::when::{self, When};
use crate::{Mode, SaveErrors, SaveFreq, folder, state};

const NAME: &str = "ModelCheckpoint";
/// What has at most so many bytes is copied and written while training goes on.
const SMALL: usize = 16 << 20;
/// A file is not replaced again before.
const PAUSE: Duration = Duration::from_millis(100);

/// Saves the model, or its weights, during training.
///
/// The file name may hold `{epoch}` (counted from 1), `{batch}` (from 1, when saving after batches) and the
/// names of logs, each with a Python format: `ckpt/{epoch:02d}-{val_loss:.2f}.keras`. A whole model goes to
/// `….keras`, weights to `….weights.h5`. Without placeholders each save replaces the last; a save that fails
/// half-way leaves the last one whole. The best value is kept from one `fit` to the next.
/// [`keep_best`](Self::keep_best) and [`keep_last`](Self::keep_last) remove what is not among the best or the newest
/// any more.
///
/// Up to 16 MB are copied and written while training goes on, and are on the disk when `fit` returns, and before any
/// callback of one's own is called next or a loop of one's own goes on. Where nobody in the program could look, a file
/// that is replaced more often than every 0.1 s, or than the disk takes it, skips what is between: a program that is
/// killed loses that much of training. The newest is always written. [`save_on_background`](Self::save_on_background)
/// turns this off. What is larger is written before training goes on, so that there is no second copy of the weights.
///
/// # Errors
/// Before the first step: when the folder cannot be made or written, a placeholder or the monitored value is
/// not among the logs, or the file name ends in something else. When a save fails, after the batch that was trained
/// meanwhile, or at the end of training (see [`save_errors`](Self::save_errors)).
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
/// name a missing value reads `NA`. For another program a small file may appear shortly after the end of its epoch.
#[derive(Clone, Debug)]
pub struct ModelCheckpoint {
    filepath: String,
    save_on_background: bool,
    keep: Keep,
    when: When,
    /// What was saved and not removed, oldest first, with the monitored value.
    kept: Vec<(String, f64)>,
    /// What the progress display is to be told: `saved` or `saving`, and the file.
    notes: Vec<(&'static str, String)>,
    last: Option<String>,
    background: Background,
    /// The file that is being written, with the monitored value.
    writing: Option<(String, f64)>,
    /// The file that was written last, and when it may be replaced.
    pause: Option<(String, Instant)>,
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
        let callback = ModelCheckpoint {
            when: When::read(NAME, &mut reader)?,
            save_on_background: reader.or("save_on_background", true)?,
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
            save_on_background: true,
            keep: Keep::All,
            when: When::default(),
            kept: Vec::new(),
            notes: Vec::new(),
            last: None,
            background: Background::default(),
            writing: None,
            pause: None,
        }
    }

    /// Whether training goes on while a file of up to 16 MB is written; yes if not set. A save to another file, the end
    /// of training and a checkpoint of the training wait for it.
    #[must_use]
    pub fn save_on_background(mut self, background: bool) -> Self {
        self.save_on_background = background;
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

    /// The files that were saved and not removed, oldest first.
    pub fn kept(&self) -> Vec<&str> {
        self.kept.iter().map(|(path, _)| path.as_str()).collect()
    }

    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.when.monitor.best
    }

    /// The file saved last.
    pub fn last_saved(&self) -> Option<&str> {
        self.last.as_deref()
    }

    fn check_name(&self) -> Result<()> {
        let path = &self.filepath;
        if self.when.weights_only && !path.ends_with(".weights.h5") {
            bail!("{NAME}: a file of weights must end in `.weights.h5`, got `{path}`");
        }
        if !self.when.weights_only && !path.ends_with(".keras") {
            bail!(
                "{NAME}: a file of a whole model must end in `.keras`, got `{path}`; for weights alone use \
                 save_weights_only(true) and `.weights.h5`"
            );
        }
        if self.when.freq == SaveFreq::Never {
            bail!(
                "{NAME}: `save_freq` must be after epochs or batches; saving on signals alone is what BackupAndRestore does"
            );
        }
        if matches!(self.keep, Keep::Best(0) | Keep::Last(0)) {
            bail!("{NAME}: `keep_best` and `keep_last` must be 1 or more, got 0");
        }
        if matches!(self.keep, Keep::Best(_)) && self.when.best_only {
            bail!("{NAME}: `keep_best` says which to save; leave out `save_best_only`");
        }
        Ok(())
    }

    fn check_placeholders(&self, template: &Template, cx: &Context<'_>) -> Result<()> {
        let mut names = vec!["epoch".to_owned()];
        let mut logs = cx.params.epoch_names();
        if self.when.by_batch() {
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
            ("epoch", _) => Ok(Fill::Whole(self.when.epoch + 1)),
            ("batch", Some(batch)) => Ok(Fill::Whole(batch + 1)),
            _ => Ok(logs.get(name)?.map_or(Fill::Missing, Fill::Number)),
        })
    }

    /// The place of the worst among what is kept.
    fn worst(&self) -> Option<usize> {
        let mut worst = None;
        for (index, (_, value)) in self.kept.iter().enumerate() {
            let beaten = |at: usize| self.when.monitor.beats(self.kept[at].1, Some(*value));
            if worst.is_none_or(beaten) {
                worst = Some(index);
            }
        }
        worst
    }

    fn watches(&self) -> bool {
        self.when.best_only || matches!(self.keep, Keep::Best(_))
    }

    /// Whether this is a moment to save.
    fn due(&mut self, cx: &Context<'_>, logs: &Logs) -> Result<bool> {
        let Keep::Best(count) = self.keep else {
            return self.when.good(NAME, cx, logs);
        };
        let Some((value, _)) = self.when.improved(NAME, false, cx, logs)? else {
            return Ok(false);
        };
        let monitor = &self.when.monitor;
        let beats = |other: f64| monitor.beats(value, Some(other));
        let worst = self.worst().filter(|_| self.kept.len() >= count);
        Ok(!value.is_nan()
            && self.when.threshold.is_none_or(beats)
            && worst.is_none_or(|at| beats(self.kept[at].1)))
    }

    fn save(&mut self, batch: Option<usize>, cx: &Context<'_>, logs: &Logs) -> Result<()> {
        if self.keep != Keep::All {
            // Which are kept depends on whether the one before was saved.
            self.wait(cx)?;
        }
        self.poll(cx)?;
        if !self.due(cx, logs)? {
            return Ok(());
        }
        let path = self.path(batch, logs)?;
        if self.writing.as_ref().is_none_or(|(writing, _)| *writing != path) {
            self.wait(cx)?;
        }
        let value = logs.get(&self.when.monitor.name)?.unwrap_or(f64::NAN);
        let packed = match self.when.weights_only {
            true => Ok(cx.model.pack_weights()),
            false => cx.model.pack(),
        };
        let small = |bytes| self.save_on_background && bytes <= SMALL;
        let packed = packed.and_then(|packed| match small(packed.bytes()) {
            true => Ok((packed.detach()?, true)),
            false => Ok((packed, false)),
        });
        let (packed, later) = match packed {
            Ok(packed) => packed,
            Err(error) => return self.saved(path, value, Err(error), cx),
        };
        let file = path.clone();
        let write = move || {
            folder::create(folder::of(Path::new(&file)))?;
            packed.write(&file)
        };
        if !later {
            self.wait(cx)?;
            return self.saved(path, value, write(), cx);
        }
        let now = Instant::now();
        let from = match &self.pause {
            Some((file, until)) if *file == path => now.max(*until),
            _ => now,
        };
        let from = self.background.begin(from, write)?;
        self.pause = Some((path.clone(), from + PAUSE));
        self.notes.push(("saving", path.clone()));
        self.writing = Some((path, value));
        Ok(())
    }

    /// Waits for the file that is being written.
    fn wait(&mut self, cx: &Context<'_>) -> Result<()> {
        let written = self.background.wait();
        self.written(written, true, cx)
    }

    /// Looks whether it was written.
    fn poll(&mut self, cx: &Context<'_>) -> Result<()> {
        if self.writing.is_none() {
            return Ok(());
        }
        let all = self.background.idle();
        let written = self.background.poll();
        self.written(written, all, cx)
    }

    /// What came of writing; whether that was `all`.
    fn written(&mut self, written: Option<Result<()>>, all: bool, cx: &Context<'_>) -> Result<()> {
        let writing = match all {
            true => self.writing.take(),
            false => self.writing.clone().filter(|_| written.is_some()),
        };
        match (written, writing) {
            (Some(written), Some((path, value))) => self.settle(path, value, written, cx).map(drop),
            _ => Ok(()),
        }
    }

    /// What came of writing `path` while training waited.
    fn saved(&mut self, path: String, value: f64, written: Result<()>, cx: &Context<'_>) -> Result<()> {
        if self.settle(path.clone(), value, written, cx)? {
            self.notes.push(("saved", path));
        }
        Ok(())
    }

    /// What came of writing `path`; whether it is saved.
    fn settle(&mut self, path: String, value: f64, written: Result<()>, cx: &Context<'_>) -> Result<bool> {
        let saved = written.and_then(|()| self.remove(&path, value));
        let saved = self.when.errors.settle(NAME, saved, cx)?;
        if saved {
            self.last = Some(path);
        }
        Ok(saved)
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

when::arguments!(ModelCheckpoint);

impl Callback for ModelCheckpoint {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.check_name()?;
        self.when.check(NAME, self.watches(), cx)?;
        self.pause = None;
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

    when::counting!();

    fn on_train_batch_end(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.poll(cx)?;
        match self.when.after_batch(batch) {
            true => self.save(Some(batch), cx, logs),
            false => Ok(()),
        }
    }

    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        if self.when.after_epoch(epoch) {
            self.save(None, cx, logs)?;
        }
        match std::mem::take(&mut self.notes).as_slice() {
            [] => {}
            [(verb, path)] => cx.note(format!("{verb} {path}")),
            [.., (verb, path)] => cx.note(format!("{verb} … {path}")),
        }
        Ok(())
    }

    fn before_state(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.wait(cx)
    }

    fn unfinished(&self) -> bool {
        self.writing.is_some()
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
        let own = Config::new().with("filepath", self.filepath.as_str());
        let mut config = self.when.config(own);
        // Keras does not have them.
        if !self.save_on_background {
            config.set("save_on_background", false);
        }
        match self.keep {
            Keep::All => {}
            Keep::Best(count) => config.set("keep_best", count),
            Keep::Last(count) => config.set("keep_last", count),
        }
        config
    }

    fn state(&self) -> Value {
        let kept = self.kept.iter();
        let kept: Vec<Value> = kept
            .map(|(path, value)| json!([path, value.into_value()]))
            .collect();
        Value::Object(
            self.when
                .state()
                .with("last", self.last.clone())
                .with("kept", kept)
                .0,
        )
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        let state = state::object(NAME, state)?;
        let mut reader = state.reader(NAME);
        self.when.load_state(NAME, &mut reader)?;
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
