use std::f64::consts::PI;

use crate::{Config, Entry, Result, Schedule};

/// Half a cosine wave from the initial learning rate to `alpha` times it over `decay_steps`:
/// `initial * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha)`.
///
/// With a `warmup_target` the rate first rises in a line from the initial one to the target over
/// `warmup_steps`, and the wave starts from the target.
///
/// ```
/// use keras_core::{Schedule, optimizers::schedules::CosineDecay};
/// let rate = CosineDecay { warmup_target: Some(1.), warmup_steps: 2., ..CosineDecay::new(0., 4.) };
/// assert_eq!([rate.call(1)?, rate.call(2)?, rate.call(4)?, rate.call(9)?], [0.5, 1., 0.5, 0.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CosineDecay {
    /// The learning rate of step 0.
    pub initial_learning_rate: f64,
    /// The number of steps of the wave.
    pub decay_steps: f64,
    /// The end, as a part of the start.
    pub alpha: f64,
    /// The name.
    pub name: String,
    /// Where the warm-up ends; `None` for no warm-up.
    pub warmup_target: Option<f64>,
    /// The number of steps of the warm-up.
    pub warmup_steps: f64,
}

impl CosineDecay {
    /// To 0, without warm-up.
    pub fn new(initial_learning_rate: f64, decay_steps: f64) -> Self {
        let name = "CosineDecay".to_owned();
        Self {
            initial_learning_rate,
            decay_steps,
            alpha: 0.,
            name,
            warmup_target: None,
            warmup_steps: 0.,
        }
    }

    fn wave(&self, step: f64, start: f64) -> f64 {
        let cosine = 0.5 * (1. + (PI * step.min(self.decay_steps) / self.decay_steps).cos());
        start * ((1. - self.alpha) * cosine + self.alpha)
    }
}

impl Schedule for CosineDecay {
    fn call(&self, step: u64) -> Result<f64> {
        super::positive("CosineDecay", "decay_steps", self.decay_steps)?;
        let (step, initial) = (step as f64, self.initial_learning_rate);
        Ok(match self.warmup_target {
            None => self.wave(step, initial),
            Some(target) if step < self.warmup_steps => {
                (target - initial) * (step / self.warmup_steps) + initial
            }
            Some(target) => self.wave(step - self.warmup_steps, target),
        })
    }

    fn config(&self) -> Config {
        Config::new()
            .with("initial_learning_rate", self.initial_learning_rate)
            .with("decay_steps", super::count(self.decay_steps))
            .with("alpha", self.alpha)
            .with("name", self.name.as_str())
            .with("warmup_target", self.warmup_target)
            .with("warmup_steps", super::count(self.warmup_steps))
    }
}

pub(super) const ENTRY: Entry<dyn Schedule> = super::entry(
    "CosineDecay",
    &["cosine_decay"],
    "Half a cosine wave, after a warm-up if wanted.",
    |config, _| {
        let mut r = config.reader("CosineDecay");
        let schedule = CosineDecay {
            initial_learning_rate: r.req("initial_learning_rate")?,
            decay_steps: r.req("decay_steps")?,
            alpha: r.or("alpha", 0.)?,
            name: r.or_null("name", "CosineDecay".to_owned())?,
            warmup_target: r.opt("warmup_target")?,
            warmup_steps: r.or("warmup_steps", 0.)?,
        };
        r.finish()?;
        super::checked(schedule)
    },
);
