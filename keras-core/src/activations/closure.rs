//! Activations from closures.

use std::fmt;

use keras_ops::Tensor;

use crate::{Activation, Error, Result};

/// An activation from a closure. See [`activation_fn`].
pub struct FnActivation<F> {
    name: String,
    f: F,
}

/// An activation named `name` from a closure. Only its name is saved.
///
/// The closure may use candle's own differentiable operations or keras-ops.
///
/// ```
/// use keras_core::{Activation, activations::activation_fn, layers::Dense};
/// use keras_ops::{self as ops, Device, Tensor};
/// let cube = activation_fn("cube", |x: &Tensor| ops::pow_scalar(x, 3.));
/// assert_eq!(cube.call(&Tensor::new(&[-2f32], &Device::Cpu)?)?.to_vec1::<f32>()?, [-8.]);
/// Dense::new(4).activation(cube);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn activation_fn<F, E>(name: &str, f: F) -> FnActivation<F>
where
    F: Fn(&Tensor) -> Result<Tensor, E> + Send + Sync + 'static,
    E: Into<Error>,
{
    FnActivation {
        name: name.to_owned(),
        f,
    }
}

impl<F> fmt::Debug for FnActivation<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FnActivation({})", self.name)
    }
}

impl<F, E> Activation for FnActivation<F>
where
    F: Fn(&Tensor) -> Result<Tensor, E> + Send + Sync + 'static,
    E: Into<Error>,
{
    fn call(&self, x: &Tensor) -> Result<Tensor> {
        (self.f)(x).map_err(Into::into)
    }

    fn name(&self) -> &str {
        &self.name
    }
}
