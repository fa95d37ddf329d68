use keras_core::{Callback, Config, Context, Entry, Logs, Result, bail};
use serde_json::Value;

use crate::monitor::Monitor;
use crate::progress::number;
use crate::{Mode, state};

const NAME: &str = "ReduceLROnPlateau";

/// Lowers the learning rate when a value has not improved for `patience` epochs.
///
/// `rate = max(rate * factor, min_lr)`; then `cooldown` epochs pass before it counts again. The epoch's logs
/// get `learning_rate`, the rate that the epoch was trained with.
///
/// # Errors
/// Before the first step, when the run will not log the value, its direction is not known, the factor is 1 or
/// more, or the model is not compiled.
///
/// # Examples
/// ```
/// use keras_callbacks::ReduceLROnPlateau;
/// use keras_core::Fit;
/// let reduce = ReduceLROnPlateau::new("val_loss").factor(0.2).patience(5).min_lr(1e-5);
/// let fit = Fit::new().epochs(100).validation_split(0.1).callback(reduce);
/// # drop(fit);
/// ```
#[derive(Clone, Debug)]
pub struct ReduceLROnPlateau {
    monitor: Monitor,
    factor: f64,
    patience: usize,
    verbose: usize,
    cooldown: usize,
    min_lr: f64,
    wait: usize,
    cooling: usize,
    resumed: bool,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["reduce_lr_on_plateau"],
    doc: "Lowers the learning rate when a value has not improved for some epochs.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let mut monitor = Monitor::read(NAME, &mut reader)?;
        monitor.min_delta = reader.or("min_delta", 1e-4)?.abs();
        let callback = ReduceLROnPlateau {
            monitor,
            factor: reader.or("factor", 0.1)?,
            patience: reader.or("patience", 10)?,
            verbose: reader.or("verbose", 0)?,
            cooldown: reader.or("cooldown", 0)?,
            min_lr: reader.or("min_lr", 0.)?,
            ..ReduceLROnPlateau::new("")
        };
        callback.check_arguments()?;
        reader.finish()?;
        Ok(Box::new(callback))
    },
};

impl Default for ReduceLROnPlateau {
    fn default() -> Self {
        Self::new("val_loss")
    }
}

impl ReduceLROnPlateau {
    /// Watches the log `monitor`; a tenth after 10 epochs.
    pub fn new(monitor: &str) -> Self {
        let mut monitor = Monitor::new(monitor);
        monitor.min_delta = 1e-4;
        Self {
            monitor,
            factor: 0.1,
            patience: 10,
            verbose: 0,
            cooldown: 0,
            min_lr: 0.,
            wait: 0,
            cooling: 0,
            resumed: false,
        }
    }

    /// What the rate is multiplied by; 0.1 if not set.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Lowers at this many epochs in a row without improvement; 10 if not set.
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

    /// By how much a value must beat the best to count; 1e-4 if not set. The sign does not matter.
    #[must_use]
    pub fn min_delta(mut self, delta: f64) -> Self {
        self.monitor.min_delta = delta.abs();
        self
    }

    /// Epochs after lowering that do not count; 0 if not set.
    #[must_use]
    pub fn cooldown(mut self, epochs: usize) -> Self {
        self.cooldown = epochs;
        self
    }

    /// The rate does not go below this; 0 if not set.
    #[must_use]
    pub fn min_lr(mut self, rate: f64) -> Self {
        self.min_lr = rate;
        self
    }

    fn check_arguments(&self) -> Result<()> {
        if !(0. ..1.).contains(&self.factor) {
            bail!(
                "{NAME}: `factor` must be less than 1 and not negative, got {}",
                self.factor
            );
        }
        if self.min_lr.is_nan() || self.min_lr < 0. {
            bail!("{NAME}: `min_lr` must be 0 or more, got {}", self.min_lr);
        }
        Ok(())
    }

    fn reduce(&mut self, rate: f64, cx: &mut Context<'_>) -> Result<()> {
        // In f32, as the rate may have been stored.
        if rate as f32 > self.min_lr as f32 {
            let lower = (rate * self.factor).max(self.min_lr);
            cx.model.optimizer_mut()?.set_learning_rate(lower)?;
            cx.note(format!("learning rate now {}", number(lower)));
            self.cooling = self.cooldown;
            self.wait = 0;
        }
        Ok(())
    }
}

impl Callback for ReduceLROnPlateau {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.check_arguments()?;
        cx.model.optimizer()?;
        self.monitor.check(NAME, cx)?;
        cx.will_log("learning_rate");
        Ok(())
    }

    fn on_train_begin(&mut self, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        if !std::mem::take(&mut self.resumed) {
            self.monitor.best = None;
            self.wait = 0;
            self.cooling = 0;
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, _: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.monitor.resolve(NAME, cx)?;
        let rate = cx.model.optimizer()?.learning_rate()?;
        logs.set("learning_rate", rate);
        let Some(value) = logs.get(&self.monitor.name)? else {
            return Ok(());
        };
        if self.cooling > 0 {
            self.cooling -= 1;
            self.wait = 0;
        }
        if self.monitor.improve(value) {
            self.wait = 0;
        } else if self.cooling == 0 {
            self.wait += 1;
            if self.wait >= self.patience {
                self.reduce(rate, cx)?;
            }
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
            .with("factor", self.factor)
            .with("patience", self.patience)
            .with("verbose", self.verbose)
            .with("mode", self.monitor.mode.name())
            .with("min_delta", self.monitor.min_delta)
            .with("cooldown", self.cooldown)
            .with("min_lr", self.min_lr)
    }

    fn state(&self) -> Value {
        Value::Object(
            self.monitor
                .state()
                .with("wait", self.wait)
                .with("cooling", self.cooling)
                .0,
        )
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        let state = state::object(NAME, state)?;
        let mut reader = state.reader(NAME);
        self.monitor.best = reader.opt("best")?;
        self.wait = reader.req("wait")?;
        self.cooling = reader.req("cooling")?;
        self.resumed = true;
        reader.finish()
    }
}
