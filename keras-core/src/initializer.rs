//! The contract of initializers.

use keras_ops::{DType, Device, Tensor};

use crate::{Config, Result, config};

/// Makes the start value of a variable.
///
/// # Examples
/// ```
/// use keras_core::{Initializer, Result};
/// use keras_ops::{DType, Device, Tensor};
/// #[derive(Debug)]
/// struct Ramp;
/// impl Initializer for Ramp {
///     fn call(&self, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
///         let n = shape.iter().product::<usize>() as u32;
///         Ok(Tensor::arange(0, n, device)?.to_dtype(dtype)?.reshape(shape)?)
///     }
/// }
/// assert_eq!(Ramp.class_name(), "Ramp");
/// assert_eq!(Ramp.call(&[2], DType::F32, &Device::Cpu)?.to_vec1::<f32>()?, [0., 1.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub trait Initializer: std::fmt::Debug + Send + Sync + 'static {
    /// A tensor of `shape`. Random ones without a seed draw one of the thread's.
    ///
    /// # Errors
    /// When the initializer cannot make this shape.
    fn call(&self, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor>;

    /// The name it is saved under.
    fn class_name(&self) -> &str {
        config::type_class_name::<Self>()
    }

    /// Its arguments by Keras's names.
    fn config(&self) -> Config {
        Config::new()
    }
}
