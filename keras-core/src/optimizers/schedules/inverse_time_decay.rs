use crate::{Config, Entry, Result, Schedule};

/// `initial_learning_rate / (1 + decay_rate * step / decay_steps)`; with `staircase` the division by
/// `decay_steps` is rounded down.
///
/// ```
/// use keras_core::{Schedule, optimizers::schedules::InverseTimeDecay};
/// assert_eq!(InverseTimeDecay::new(0.5, 10., 1.).call(10)?, 0.25);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct InverseTimeDecay {
    /// The learning rate of step 0.
    pub initial_learning_rate: f64,
    /// How often the decay is applied.
    pub decay_steps: f64,
    /// The decay.
    pub decay_rate: f64,
    /// Whether it falls in stairs.
    pub staircase: bool,
    /// The name.
    pub name: String,
}

impl InverseTimeDecay {
    /// Without stairs.
    pub fn new(initial_learning_rate: f64, decay_steps: f64, decay_rate: f64) -> Self {
        let name = "InverseTimeDecay".to_owned();
        Self {
            initial_learning_rate,
            decay_steps,
            decay_rate,
            staircase: false,
            name,
        }
    }
}

impl Schedule for InverseTimeDecay {
    fn call(&self, step: u64) -> Result<f64> {
        super::positive("InverseTimeDecay", "decay_steps", self.decay_steps)?;
        let p = step as f64 / self.decay_steps;
        let p = if self.staircase { p.floor() } else { p };
        Ok(self.initial_learning_rate / (1. + self.decay_rate * p))
    }

    fn config(&self) -> Config {
        Config::new()
            .with("initial_learning_rate", self.initial_learning_rate)
            .with("decay_steps", super::count(self.decay_steps))
            .with("decay_rate", self.decay_rate)
            .with("staircase", self.staircase)
            .with("name", self.name.as_str())
    }
}

pub(super) const ENTRY: Entry<dyn Schedule> = super::entry(
    "InverseTimeDecay",
    &["inverse_time_decay"],
    "Divides by a number that grows with the steps.",
    |config, _| {
        let mut r = config.reader("InverseTimeDecay");
        let schedule = InverseTimeDecay {
            initial_learning_rate: r.req("initial_learning_rate")?,
            decay_steps: r.req("decay_steps")?,
            decay_rate: r.req("decay_rate")?,
            staircase: r.or("staircase", false)?,
            name: r.or_null("name", "InverseTimeDecay".to_owned())?,
        };
        r.finish()?;
        super::checked(schedule)
    },
);
