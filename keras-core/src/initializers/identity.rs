use keras_ops::{DType, Device, Tensor};

use super::entry;
use crate::{Config, Entry, Initializer, Result, bail};

/// `gain` on the diagonal of a matrix, 0 elsewhere.
///
/// Differs from Keras, whose configuration forgets the gain.
///
/// ```
/// use keras_core::{Initializer, initializers::Identity};
/// use keras_ops::{DType, Device};
/// let x = Identity { gain: 2. }.call(&[2, 3], DType::F32, &Device::Cpu)?;
/// assert_eq!(x.to_vec2::<f32>()?, [[2., 0., 0.], [0., 2., 0.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The value on the diagonal; 1 unless set.
    pub gain: f64,
}

impl Default for Identity {
    fn default() -> Self {
        Self { gain: 1. }
    }
}

impl Initializer for Identity {
    fn call(&self, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
        let &[rows, columns] = shape else {
            bail!("Identity: expected the shape of a matrix, got {shape:?}");
        };
        let mut values = vec![0f64; rows * columns];
        values
            .iter_mut()
            .step_by(columns + 1)
            .take(rows.min(columns))
            .for_each(|x| *x = self.gain);
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?
            .to_dtype(dtype)?
            .to_device(device)?)
    }

    fn config(&self) -> Config {
        Config::new().with("gain", self.gain)
    }
}

pub(super) const ENTRY: Entry<dyn Initializer> = entry(
    "Identity",
    &["identity", "IdentityInitializer"],
    "The identity matrix.",
    |config, _| {
        let mut r = config.reader("Identity");
        let initializer = Identity {
            gain: r.or("gain", 1.)?,
        };
        r.finish()?;
        Ok(Box::new(initializer))
    },
);
