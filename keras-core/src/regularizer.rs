//! The contract of regularizers.

use keras_ops::Tensor;

use crate::{Config, Result, config};

/// A penalty on a variable or an output, added to the loss.
pub trait Regularizer: std::fmt::Debug + Send + Sync + 'static {
    /// The penalty of `x`, a scalar.
    ///
    /// # Errors
    /// When the shape does not suit it.
    fn call(&self, x: &Tensor) -> Result<Tensor>;

    /// The name it is saved under.
    fn class_name(&self) -> &str {
        config::type_class_name::<Self>()
    }

    /// Its arguments by Keras's names.
    fn config(&self) -> Config {
        Config::new()
    }
}
