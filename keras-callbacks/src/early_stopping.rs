use keras_core::ops::Tensor;
use keras_core::{Callback, Config, Context, Entry, Logs, Result, Variable, bail};
use serde_json::Value;

use crate::monitor::Monitor;
use crate::progress::number;
use crate::{Mode, state};

const NAME: &str = "EarlyStopping";

/// Ends training when a value has not improved for `patience` epochs.
///
/// An epoch improves when its value beats the best so far by more than `min_delta`. With a `baseline`, only
/// epochs that also beat the baseline count as improvement. With
/// [`restore_best_weights`](Self::restore_best_weights) the model ends with the weights of its best epoch,
/// also when training was not stopped.
///
/// Epochs without the value (validation that was not due) do not count.
///
/// # Errors
/// Before the first step, when the run will not log the value or its direction is not known.
///
/// # Examples
/// ```
/// use keras_callbacks::EarlyStopping;
/// use keras_core::{Callback, Fit, Shared};
/// let stop = Shared::new(EarlyStopping::new("val_loss").patience(3).restore_best_weights(true));
/// let fit = Fit::new().epochs(100).validation_split(0.1).callback(stop.clone());
/// # drop(fit);
/// assert_eq!(stop.lock().stopped_epoch(), None); // set once fit has stopped
/// assert_eq!(stop.config().get("patience").and_then(|p| p.as_u64()), Some(3));
/// ```
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    monitor: Monitor,
    patience: usize,
    verbose: usize,
    baseline: Option<f64>,
    restore_best_weights: bool,
    start_from_epoch: usize,
    wait: usize,
    best_epoch: Option<usize>,
    stopped_epoch: Option<usize>,
    last_epoch: usize,
    kept: Option<Kept>,
    resumed: bool,
}

/// The weights of an epoch.
#[derive(Clone, Debug)]
struct Kept {
    epoch: usize,
    value: f64,
    weights: Vec<(String, Variable, Tensor)>,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["early_stopping"],
    doc: "Ends training when a value has not improved for some epochs.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let mut monitor = Monitor::read(NAME, &mut reader)?;
        monitor.min_delta = reader.or("min_delta", 0.)?.abs();
        let callback = EarlyStopping {
            monitor,
            patience: reader.or("patience", 0)?,
            verbose: reader.or("verbose", 0)?,
            baseline: reader.opt("baseline")?,
            restore_best_weights: reader.or("restore_best_weights", false)?,
            start_from_epoch: reader.or("start_from_epoch", 0)?,
            ..EarlyStopping::new("")
        };
        reader.finish()?;
        Ok(Box::new(callback))
    },
};

impl Default for EarlyStopping {
    fn default() -> Self {
        Self::new("val_loss")
    }
}

impl EarlyStopping {
    /// Watches the log `monitor`: `val_loss`, `val_accuracy`, ….
    pub fn new(monitor: &str) -> Self {
        Self {
            monitor: Monitor::new(monitor),
            patience: 0,
            verbose: 0,
            baseline: None,
            restore_best_weights: false,
            start_from_epoch: 0,
            wait: 0,
            best_epoch: None,
            stopped_epoch: None,
            last_epoch: 0,
            kept: None,
            resumed: false,
        }
    }

    /// By how much a value must beat the best to count; 0 if not set. The sign does not matter.
    #[must_use]
    pub fn min_delta(mut self, delta: f64) -> Self {
        self.monitor.min_delta = delta.abs();
        self
    }

    /// Stops at this many epochs in a row without improvement; 0, the default, and 1 both stop at the first.
    #[must_use]
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }

    /// Whether larger or smaller is better; by the name if not set.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.monitor.mode = mode;
        self
    }

    /// The value to beat: epochs that don't are no improvement.
    #[must_use]
    pub fn baseline(mut self, value: f64) -> Self {
        self.baseline = Some(value);
        self
    }

    /// Whether the model ends with the weights of its best epoch. Keeps a copy of the weights.
    #[must_use]
    pub fn restore_best_weights(mut self, restore: bool) -> Self {
        self.restore_best_weights = restore;
        self
    }

    /// Watches from this epoch on, counted from 0.
    #[must_use]
    pub fn start_from_epoch(mut self, epoch: usize) -> Self {
        self.start_from_epoch = epoch;
        self
    }

    /// The epoch, counted from 0, after which it stopped training; `None` when it did not.
    pub fn stopped_epoch(&self) -> Option<usize> {
        self.stopped_epoch
    }

    /// The epoch, counted from 0, with the best value.
    pub fn best_epoch(&self) -> Option<usize> {
        self.best_epoch
    }

    /// The best value.
    pub fn best(&self) -> Option<f64> {
        self.monitor.best
    }

    fn keep(&mut self, epoch: usize, value: f64, cx: &Context<'_>) -> Result<()> {
        let copy = |(path, variable): (String, Variable)| Ok((path, variable.clone(), variable.snapshot()?));
        let weights = cx.model.weights().into_iter().map(copy).collect::<Result<_>>()?;
        self.kept = Some(Kept {
            epoch,
            value,
            weights,
        });
        Ok(())
    }

    fn message(&self) -> Option<String> {
        let mut parts = Vec::new();
        let name = &self.monitor.name;
        if let Some(epoch) = self.stopped_epoch {
            let missed = match self.baseline {
                Some(value)
                    if !self
                        .monitor
                        .best
                        .is_some_and(|b| self.monitor.beats(b, Some(value))) =>
                {
                    format!("not beaten the baseline {}", number(value))
                }
                _ => "not improved".to_owned(),
            };
            let epochs = if self.wait == 1 { "epoch" } else { "epochs" };
            parts.push(format!(
                "Stopped after epoch {}: {name} has {missed} for {} {epochs}.",
                epoch + 1,
                self.wait
            ));
        }
        if let Some(kept) = self.kept.as_ref().filter(|k| k.epoch != self.last_epoch) {
            parts.push(format!(
                "Restored weights of epoch {} ({name} {}).",
                kept.epoch + 1,
                number(kept.value)
            ));
        }
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

impl Callback for EarlyStopping {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if self.baseline.is_some_and(f64::is_nan) {
            bail!("{NAME}: `baseline` must be a number, got NaN; leave it out to have none");
        }
        self.monitor.check(NAME, cx)
    }

    fn on_train_begin(&mut self, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        if !std::mem::take(&mut self.resumed) {
            self.wait = 0;
            self.monitor.best = None;
            self.best_epoch = None;
            self.stopped_epoch = None;
            self.kept = None;
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.monitor.resolve(NAME, cx)?;
        self.last_epoch = epoch;
        let Some(value) = logs
            .get(&self.monitor.name)?
            .filter(|_| epoch >= self.start_from_epoch)
        else {
            return Ok(());
        };
        self.wait += 1;
        let improved = self.monitor.improve(value);
        if self.restore_best_weights && (improved || self.kept.is_none()) {
            self.keep(epoch, value, cx)?;
        }
        if improved {
            self.best_epoch = Some(epoch);
            if self.baseline.is_none_or(|b| self.monitor.beats(value, Some(b))) {
                self.wait = 0;
            }
        } else if self.wait >= self.patience && epoch > 0 {
            self.stopped_epoch = Some(epoch);
            cx.stop_training();
        }
        Ok(())
    }

    fn on_train_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        if let Some(message) = self.message() {
            cx.note(message);
        }
        for (_, variable, value) in self.kept.take().into_iter().flat_map(|k| k.weights) {
            variable.assign(&value)?;
        }
        Ok(())
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        Config::new()
            .with("monitor", self.monitor.name.as_str())
            .with("min_delta", self.monitor.min_delta)
            .with("patience", self.patience)
            .with("verbose", self.verbose)
            .with("mode", self.monitor.mode.name())
            .with("baseline", self.baseline)
            .with("restore_best_weights", self.restore_best_weights)
            .with("start_from_epoch", self.start_from_epoch)
    }

    fn state(&self) -> Value {
        let state = self
            .monitor
            .state()
            .with("wait", self.wait)
            .with("best_epoch", self.best_epoch);
        let kept = self.kept.as_ref();
        let state = state
            .with("stopped_epoch", self.stopped_epoch)
            .with("last_epoch", self.last_epoch)
            .with("kept_epoch", kept.map(|k| k.epoch))
            .with("kept_value", kept.map(|k| k.value));
        Value::Object(state.0)
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        let state = state::object(NAME, state)?;
        let mut reader = state.reader(NAME);
        self.monitor.best = reader.opt("best")?;
        self.wait = reader.req("wait")?;
        self.best_epoch = reader.opt("best_epoch")?;
        self.stopped_epoch = reader.opt("stopped_epoch")?;
        self.last_epoch = reader.req("last_epoch")?;
        let kept = (reader.opt("kept_epoch")?, reader.opt("kept_value")?);
        self.kept = match kept {
            (Some(epoch), Some(value)) => Some(Kept {
                epoch,
                value,
                weights: Vec::new(),
            }),
            _ => None,
        };
        self.resumed = true;
        reader.finish()
    }

    fn state_tensors(&self) -> Vec<(String, Tensor)> {
        let kept = self.kept.iter().flat_map(|kept| &kept.weights);
        kept.map(|(path, _, value)| (path.clone(), value.clone()))
            .collect()
    }

    fn load_state_tensors(&mut self, tensors: Vec<(String, Tensor)>, cx: &mut Context<'_>) -> Result<()> {
        let own = |(path, value): (String, Tensor)| Ok((path.clone(), cx.model.weight(&path)?, value));
        let weights = tensors.into_iter().map(own).collect::<Result<_>>()?;
        if let Some(kept) = &mut self.kept {
            kept.weights = weights;
        }
        Ok(())
    }
}
