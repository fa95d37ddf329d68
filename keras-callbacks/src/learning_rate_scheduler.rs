use std::fmt;

use keras_core::{Callback, Config, Context, Logs, Result, bail};

type Rate = Box<dyn FnMut(usize, f64) -> f64 + Send>;

/// Sets the learning rate before each epoch.
///
/// `rate = schedule(epoch, rate)`, with epochs counted from 0. The epoch's logs get `learning_rate`. For a
/// rate that changes with every step, give the optimizer a schedule instead.
///
/// # Errors
/// Before the first step, when the model is not compiled; in an epoch, when the schedule gives a rate that is
/// not finite, or the optimizer follows a schedule of its own.
///
/// # Examples
/// ```
/// use keras_callbacks::LearningRateScheduler;
/// use keras_core::Fit;
/// let slower = LearningRateScheduler::new(|epoch, rate| if epoch < 10 { rate } else { rate * 0.9 });
/// let fit = Fit::new().epochs(30).callback(slower);
/// # drop(fit);
/// ```
pub struct LearningRateScheduler {
    schedule: Rate,
}

impl LearningRateScheduler {
    /// With `schedule`, a function of the epoch and the current rate.
    pub fn new(schedule: impl FnMut(usize, f64) -> f64 + Send + 'static) -> Self {
        Self {
            schedule: Box::new(schedule),
        }
    }
}

impl fmt::Debug for LearningRateScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LearningRateScheduler")
    }
}

impl Callback for LearningRateScheduler {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        cx.will_log("learning_rate");
        cx.model.optimizer().map(drop)
    }

    fn on_epoch_begin(&mut self, epoch: usize, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        let optimizer = cx.model.optimizer_mut()?;
        let rate = (self.schedule)(epoch, optimizer.learning_rate()?);
        if !rate.is_finite() {
            bail!("the schedule must give a finite learning rate, got {rate} for epoch {epoch}");
        }
        optimizer.set_learning_rate(rate)
    }

    fn on_epoch_end(&mut self, _: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        logs.set("learning_rate", cx.model.optimizer()?.learning_rate()?);
        Ok(())
    }

    fn config(&self) -> Config {
        Config::new().with("verbose", 0)
    }
}
