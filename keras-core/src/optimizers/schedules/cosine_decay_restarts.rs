use std::f32::consts::PI;

use crate::{Config, Entry, Result, Schedule};

/// Cosine waves one after the other: the first lasts `first_decay_steps`, each following one `t_mul` times as
/// long and starting at `m_mul` times the rate; each ends at `alpha` times the initial learning rate.
///
/// ```
/// use keras_core::{Schedule, optimizers::schedules::CosineDecayRestarts};
/// let rate = CosineDecayRestarts { m_mul: 0.5, ..CosineDecayRestarts::new(1., 2.) };
/// // Computed in f32, as in Keras.
/// for (step, expected) in [(0, 1.), (1, 0.5), (2, 0.5), (4, 0.25)] {
///     assert!((rate.call(step)? - expected).abs() < 1e-7);
/// }
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CosineDecayRestarts {
    /// The learning rate of step 0.
    pub initial_learning_rate: f64,
    /// The number of steps of the first wave.
    pub first_decay_steps: f64,
    /// How much longer each wave is than the one before; 2 unless set.
    pub t_mul: f64,
    /// How much higher each wave starts than the one before; 1 unless set.
    pub m_mul: f64,
    /// The end, as a part of the start.
    pub alpha: f64,
    /// The name.
    pub name: String,
}

impl CosineDecayRestarts {
    /// Each wave twice as long as the one before and as high.
    pub fn new(initial_learning_rate: f64, first_decay_steps: f64) -> Self {
        let name = "SGDRDecay".to_owned();
        Self {
            initial_learning_rate,
            first_decay_steps,
            t_mul: 2.,
            m_mul: 1.,
            alpha: 0.,
            name,
        }
    }
}

impl Schedule for CosineDecayRestarts {
    fn call(&self, step: u64) -> Result<f64> {
        super::positive("CosineDecayRestarts", "first_decay_steps", self.first_decay_steps)?;
        // In `f32` as in Keras: rounding decides on which side of a restart a step falls.
        let (t_mul, m_mul, alpha) = (self.t_mul as f32, self.m_mul as f32, self.alpha as f32);
        let waves = step as f32 / self.first_decay_steps as f32;
        let (restarts, place) = if t_mul == 1. {
            (waves.floor(), waves - waves.floor())
        } else {
            let restarts = ((1. - waves * (1. - t_mul)).ln() / t_mul.ln()).floor();
            let before = (1. - t_mul.powf(restarts)) / (1. - t_mul);
            (restarts, (waves - before) / t_mul.powf(restarts))
        };
        let cosine = 0.5 * m_mul.powf(restarts) * (1. + (PI * place).cos());
        Ok(self.initial_learning_rate * ((1. - alpha) * cosine + alpha) as f64)
    }

    fn config(&self) -> Config {
        Config::new()
            .with("initial_learning_rate", self.initial_learning_rate)
            .with("first_decay_steps", super::count(self.first_decay_steps))
            .with("t_mul", self.t_mul)
            .with("m_mul", self.m_mul)
            .with("alpha", self.alpha)
            .with("name", self.name.as_str())
    }
}

pub(super) const ENTRY: Entry<dyn Schedule> = super::entry(
    "CosineDecayRestarts",
    &["cosine_decay_restarts"],
    "Cosine waves, each longer than the one before.",
    |config, _| {
        let mut r = config.reader("CosineDecayRestarts");
        let schedule = CosineDecayRestarts {
            initial_learning_rate: r.req("initial_learning_rate")?,
            first_decay_steps: r.req("first_decay_steps")?,
            t_mul: r.or("t_mul", 2.)?,
            m_mul: r.or("m_mul", 1.)?,
            alpha: r.or("alpha", 0.)?,
            name: r.or_null("name", "SGDRDecay".to_owned())?,
        };
        r.finish()?;
        super::checked(schedule)
    },
);
