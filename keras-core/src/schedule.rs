//! The contract of learning-rate schedules.

use std::fmt;

use crate::{Config, Error, Result, config};

/// A learning rate that depends on the optimizer's step.
///
/// ```
/// use keras_core::Schedule;
/// #[derive(Debug)]
/// struct Halving;
/// impl Schedule for Halving {
///     fn call(&self, step: u64) -> keras_core::Result<f64> {
///         Ok(0.5f64.powi(step as i32))
///     }
/// }
/// assert_eq!(Halving.call(2)?, 0.25);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub trait Schedule: std::fmt::Debug + Send + Sync + 'static {
    /// The learning rate of update `step`, the first being 0.
    ///
    /// # Errors
    /// When the arguments make no schedule.
    fn call(&self, step: u64) -> Result<f64>;

    /// The name it is saved under.
    fn class_name(&self) -> &str {
        config::type_class_name::<Self>()
    }

    /// Its arguments by Keras's names.
    fn config(&self) -> Config {
        Config::new()
    }
}

/// A schedule from a closure. See [`schedule_fn`].
pub struct FnSchedule<F> {
    name: String,
    f: F,
}

/// A schedule named `name` from a closure `step -> learning rate`; steps count from 0. Only its name is saved.
///
/// ```
/// use keras_core::{Optimizer, optimizers::SGD, schedule_fn};
/// let warm_up = schedule_fn("warm_up", |step| 0.1 * (step as f64 / 100.).min(1.));
/// let sgd = SGD::new(warm_up);
/// assert_eq!(sgd.learning_rate()?, 0.);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn schedule_fn<F>(name: &str, f: F) -> FnSchedule<F>
where
    F: Fn(u64) -> f64 + Send + Sync + 'static,
{
    FnSchedule {
        name: name.to_owned(),
        f,
    }
}

impl<F> fmt::Debug for FnSchedule<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FnSchedule({})", self.name)
    }
}

impl<F> Schedule for FnSchedule<F>
where
    F: Fn(u64) -> f64 + Send + Sync + 'static,
{
    fn call(&self, step: u64) -> Result<f64> {
        let rate = (self.f)(step);
        if rate.is_finite() {
            return Ok(rate);
        }
        Err(Error::invalid(format!(
            "schedule `{}`: the learning rate of step {step} must be a finite number, got {rate}",
            self.name
        )))
    }

    fn class_name(&self) -> &str {
        &self.name
    }
}
