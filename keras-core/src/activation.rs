//! The contract of activations.

use keras_ops::{FusedActivation, Tensor};

use crate::{Config, Result, config};

/// A function of a layer's output, usually element-wise.
pub trait Activation: std::fmt::Debug + Send + Sync + 'static {
    /// The activated value, of `x`'s shape.
    ///
    /// # Errors
    /// When the shape does not suit it.
    fn call(&self, x: &Tensor) -> Result<Tensor>;

    /// The name it is saved under: Keras's function name (`relu`).
    fn name(&self) -> &str {
        config::type_class_name::<Self>()
    }

    /// Its arguments by Keras's names; empty when the name says all.
    fn config(&self) -> Config {
        Config::new()
    }

    /// The form that kernels apply together with a product, where there is one.
    fn fused(&self) -> Option<FusedActivation> {
        None
    }
}
