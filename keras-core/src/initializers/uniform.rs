use keras_ops::{DType, Device, Tensor, random};

use super::{draw, entry};
use crate::{Config, Entry, Initializer, Result, bail};

/// Numbers uniform in `[minval, maxval)`.
///
/// ```
/// use keras_core::{Initializer, initializers::RandomUniform};
/// use keras_ops::{DType, Device};
/// let x = RandomUniform::default().call(&[100], DType::F32, &Device::Cpu)?.to_vec1::<f32>()?;
/// assert!(x.iter().all(|x| (-0.05..0.05).contains(x)));
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RandomUniform {
    /// The least number; -0.05 unless set.
    pub minval: f64,
    /// What all numbers are below; 0.05 unless set.
    pub maxval: f64,
    /// The same numbers at every call; `None` for others each time.
    pub seed: Option<u64>,
}

impl Default for RandomUniform {
    fn default() -> Self {
        Self {
            minval: -0.05,
            maxval: 0.05,
            seed: None,
        }
    }
}

impl Initializer for RandomUniform {
    fn call(&self, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
        if self.minval > self.maxval {
            bail!(
                "RandomUniform: `minval` {} is above `maxval` {}",
                self.minval,
                self.maxval
            );
        }
        Ok(random::uniform(
            shape,
            self.minval,
            self.maxval,
            dtype,
            device,
            draw(self.seed),
        )?)
    }

    fn config(&self) -> Config {
        Config::new()
            .with("seed", self.seed)
            .with("minval", self.minval)
            .with("maxval", self.maxval)
    }
}

pub(super) const ENTRY: Entry<dyn Initializer> = entry(
    "RandomUniform",
    &["random_uniform", "uniform"],
    "Uniform numbers.",
    |config, _| {
        let mut r = config.reader("RandomUniform");
        let initializer = RandomUniform {
            seed: r.seed()?,
            minval: r.or("minval", -0.05)?,
            maxval: r.or("maxval", 0.05)?,
        };
        r.finish()?;
        Ok(Box::new(initializer))
    },
);
