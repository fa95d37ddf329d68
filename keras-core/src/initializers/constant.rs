use keras_ops::{DType, Device, Tensor};

use super::entry;
use crate::{Config, Entry, Initializer, Result};

/// All elements the same.
///
/// ```
/// use keras_core::{Initializer, initializers::Constant};
/// use keras_ops::{DType, Device};
/// let x = Constant { value: 3. }.call(&[2], DType::F32, &Device::Cpu)?;
/// assert_eq!(x.to_vec1::<f32>()?, [3., 3.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Constant {
    /// The value; 0 unless set.
    pub value: f64,
}

impl Initializer for Constant {
    fn call(&self, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
        Ok(Tensor::full(self.value, shape, &Device::Cpu)?
            .to_dtype(dtype)?
            .to_device(device)?
            .contiguous()?)
    }

    fn config(&self) -> Config {
        Config::new().with("value", self.value)
    }
}

pub(super) const CONSTANT: Entry<dyn Initializer> =
    entry("Constant", &["constant"], "One value everywhere.", |config, _| {
        let mut r = config.reader("Constant");
        let initializer = Constant {
            value: r.or("value", 0.)?,
        };
        r.finish()?;
        Ok(Box::new(initializer))
    });

/// All zeros.
#[derive(Clone, Copy, Debug, Default)]
pub struct Zeros;

impl Initializer for Zeros {
    fn call(&self, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
        Ok(Tensor::zeros(shape, dtype, device)?)
    }
}

pub(super) const ZEROS: Entry<dyn Initializer> =
    entry("Zeros", &["zeros", "zero"], "All zeros.", |config, _| {
        config.reader("Zeros").finish()?;
        Ok(Box::new(Zeros))
    });

/// All ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ones;

impl Initializer for Ones {
    fn call(&self, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
        Ok(Tensor::ones(shape, dtype, device)?)
    }
}

pub(super) const ONES: Entry<dyn Initializer> = entry("Ones", &["ones", "one"], "All ones.", |config, _| {
    config.reader("Ones").finish()?;
    Ok(Box::new(Ones))
});
