use std::time::{Duration, Instant};

use keras_core::{Callback, Config, Context, Entry, Logs, Result, bail};
use serde_json::Value;

use crate::state;

const NAME: &str = "Timer";

/// Measures how long training takes, and ends it when its time is up.
///
/// The logs of each epoch get `seconds`, the time from the epoch's beginning to its end with validation. Time goes on
/// where training goes on from a checkpoint.
///
/// # Errors
/// Before the first step, when the limit is no positive time.
///
/// # Examples
/// ```
/// use keras_callbacks::Timer;
/// use keras_core::{Fit, Shared};
/// use std::time::Duration;
/// let timer = Shared::new(Timer::new().stop_after(Duration::from_secs(3600)));
/// let fit = Fit::new().epochs(1000).callback(timer.clone());
/// # drop(fit);
/// assert_eq!(timer.lock().total(), Duration::ZERO);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Timer {
    limit: Option<Duration>,
    /// What earlier runs of this training took.
    before: Duration,
    run: Option<Instant>,
    epoch: Option<Instant>,
    resumed: bool,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["timer"],
    doc: "Measures how long training takes, and ends it when its time is up.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let mut timer = Timer::new();
        if let Some(seconds) = reader.opt("stop_after")? {
            match Duration::try_from_secs_f64(seconds) {
                Ok(limit) => timer.limit = Some(limit),
                Err(e) => bail!("{NAME}: `stop_after` must be a number of seconds, got {seconds}: {e}"),
            }
        }
        reader.finish()?;
        Ok(Box::new(timer))
    },
};

impl Timer {
    /// Measures only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends training after the batch in which so much time is up.
    #[must_use]
    pub fn stop_after(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The time of the training so far, with the runs that it goes on from.
    pub fn total(&self) -> Duration {
        self.before + self.run.map_or(Duration::ZERO, |run| run.elapsed())
    }

    fn look(&self, cx: &mut Context<'_>) {
        if self.limit.is_some_and(|limit| self.total() >= limit) && !cx.stopping() {
            cx.stop_training_because(format!("{:.1} s are up", self.total().as_secs_f64()));
        }
    }
}

impl Callback for Timer {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if self.limit == Some(Duration::ZERO) {
            bail!("{NAME}: `stop_after` must be more than no time");
        }
        cx.will_log("seconds");
        Ok(())
    }

    fn on_train_begin(&mut self, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        if !std::mem::take(&mut self.resumed) {
            self.before = Duration::ZERO;
        }
        self.run = Some(Instant::now());
        Ok(())
    }

    fn on_epoch_begin(&mut self, _: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.epoch = Some(Instant::now());
        Ok(())
    }

    fn on_epoch_resume(&mut self, _: usize, _: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.epoch = Some(Instant::now());
        Ok(())
    }

    fn on_train_batch_end(&mut self, _: usize, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.look(cx);
        Ok(())
    }

    fn on_epoch_end(&mut self, _: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        if let Some(epoch) = self.epoch {
            logs.set("seconds", epoch.elapsed().as_secs_f64());
        }
        self.look(cx);
        Ok(())
    }

    fn on_train_end(&mut self, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        (self.before, self.run) = (self.total(), None);
        Ok(())
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        Config::new().with("stop_after", self.limit.map(|limit| limit.as_secs_f64()))
    }

    fn state(&self) -> Value {
        Value::Object(Config::new().with("seconds", self.total().as_secs_f64()).0)
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        let state = state::object(NAME, state)?;
        let mut reader = state.reader(NAME);
        self.before = Duration::try_from_secs_f64(reader.req("seconds")?).unwrap_or_default();
        self.resumed = true;
        reader.finish()
    }
}
