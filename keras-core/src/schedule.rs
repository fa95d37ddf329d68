//! The contract of learning-rate schedules.

use crate::{Config, Result, config};

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
