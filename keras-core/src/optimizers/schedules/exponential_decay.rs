use crate::{Config, Entry, Result, Schedule};

/// `initial_learning_rate * decay_rate ^ (step / decay_steps)`; with `staircase` the division is rounded down.
///
/// ```
/// use keras_core::{Schedule, optimizers::schedules::ExponentialDecay};
/// let smooth = ExponentialDecay::new(0.1, 10., 0.5);
/// assert_eq!(smooth.call(10)?, 0.05);
/// let stairs = ExponentialDecay { staircase: true, ..smooth };
/// assert_eq!(stairs.call(19)?, 0.05);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExponentialDecay {
    /// The learning rate of step 0.
    pub initial_learning_rate: f64,
    /// The number of steps that `decay_rate` is for.
    pub decay_steps: f64,
    /// What the learning rate is multiplied by.
    pub decay_rate: f64,
    /// Whether it falls in stairs.
    pub staircase: bool,
    /// The name.
    pub name: String,
}

impl ExponentialDecay {
    /// Without stairs.
    pub fn new(initial_learning_rate: f64, decay_steps: f64, decay_rate: f64) -> Self {
        let name = "ExponentialDecay".to_owned();
        Self {
            initial_learning_rate,
            decay_steps,
            decay_rate,
            staircase: false,
            name,
        }
    }
}

impl Schedule for ExponentialDecay {
    fn call(&self, step: u64) -> Result<f64> {
        super::positive("ExponentialDecay", "decay_steps", self.decay_steps)?;
        let p = step as f64 / self.decay_steps;
        let p = if self.staircase { p.floor() } else { p };
        Ok(self.initial_learning_rate * self.decay_rate.powf(p))
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
    "ExponentialDecay",
    &["exponential_decay"],
    "Multiplies by a rate every so many steps.",
    |config, _| {
        let mut r = config.reader("ExponentialDecay");
        let schedule = ExponentialDecay {
            initial_learning_rate: r.req("initial_learning_rate")?,
            decay_steps: r.req("decay_steps")?,
            decay_rate: r.req("decay_rate")?,
            staircase: r.or("staircase", false)?,
            name: r.or_null("name", "ExponentialDecay".to_owned())?,
        };
        r.finish()?;
        super::checked(schedule)
    },
);
