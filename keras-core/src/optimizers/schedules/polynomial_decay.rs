use crate::{Config, Entry, Result, Schedule};

/// `(initial - end) * (1 - step / decay_steps) ^ power + end`, staying at `end` from `decay_steps` on.
///
/// With `cycle`, `decay_steps` is multiplied by the smallest whole number that makes it reach `step`.
///
/// ```
/// use keras_core::{Schedule, optimizers::schedules::PolynomialDecay};
/// let line = PolynomialDecay { end_learning_rate: 0., ..PolynomialDecay::new(1., 4.) };
/// assert_eq!([line.call(0)?, line.call(1)?, line.call(9)?], [1., 0.75, 0.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PolynomialDecay {
    /// The learning rate of step 0.
    pub initial_learning_rate: f64,
    /// The number of steps until the end.
    pub decay_steps: f64,
    /// The learning rate at the end; 0.0001 unless set.
    pub end_learning_rate: f64,
    /// The power; 1 unless set.
    pub power: f64,
    /// Whether it starts again.
    pub cycle: bool,
    /// The name.
    pub name: String,
}

impl PolynomialDecay {
    /// A line to 0.0001.
    pub fn new(initial_learning_rate: f64, decay_steps: f64) -> Self {
        let name = "PolynomialDecay".to_owned();
        Self {
            initial_learning_rate,
            decay_steps,
            end_learning_rate: 1e-4,
            power: 1.,
            cycle: false,
            name,
        }
    }
}

impl Schedule for PolynomialDecay {
    fn call(&self, step: u64) -> Result<f64> {
        super::positive("PolynomialDecay", "decay_steps", self.decay_steps)?;
        let step = step as f64;
        let (step, steps) = if self.cycle {
            let cycles = if step == 0. {
                1.
            } else {
                (step / self.decay_steps).ceil()
            };
            (step, self.decay_steps * cycles)
        } else {
            (step.min(self.decay_steps), self.decay_steps)
        };
        let span = self.initial_learning_rate - self.end_learning_rate;
        Ok(span * (1. - step / steps).powf(self.power) + self.end_learning_rate)
    }

    fn config(&self) -> Config {
        Config::new()
            .with("initial_learning_rate", self.initial_learning_rate)
            .with("decay_steps", super::count(self.decay_steps))
            .with("end_learning_rate", self.end_learning_rate)
            .with("power", self.power)
            .with("cycle", self.cycle)
            .with("name", self.name.as_str())
    }
}

pub(super) const ENTRY: Entry<dyn Schedule> = super::entry(
    "PolynomialDecay",
    &["polynomial_decay"],
    "Falls to an end value by a power of the steps left.",
    |config, _| {
        let mut r = config.reader("PolynomialDecay");
        let schedule = PolynomialDecay {
            initial_learning_rate: r.req("initial_learning_rate")?,
            decay_steps: r.req("decay_steps")?,
            end_learning_rate: r.or("end_learning_rate", 1e-4)?,
            power: r.or("power", 1.)?,
            cycle: r.or("cycle", false)?,
            name: r.or_null("name", "PolynomialDecay".to_owned())?,
        };
        r.finish()?;
        super::checked(schedule)
    },
);
