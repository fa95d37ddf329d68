//! The contract of constraints.

use keras_ops::Tensor;

use crate::{Config, Result, config};

/// A projection of a variable after each update.
pub trait Constraint: std::fmt::Debug + Send + Sync + 'static {
    /// The projected value, of `w`'s shape.
    ///
    /// # Errors
    /// When the shape does not suit it.
    fn call(&self, w: &Tensor) -> Result<Tensor>;

    /// The name it is saved under.
    fn class_name(&self) -> &str {
        config::type_class_name::<Self>()
    }

    /// Its arguments by Keras's names.
    fn config(&self) -> Config {
        Config::new()
    }
}
