use keras_ops::{DType, Device, Tensor, random};

use super::{draw, entry};
use crate::{Config, Entry, Initializer, Result};

macro_rules! normal {
    ($(#[$doc:meta])* $name:ident, $sample:path, $entry:ident, $aliases:expr, $line:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name {
            /// The mean; 0 unless set.
            pub mean: f64,
            /// The standard deviation; 0.05 unless set.
            pub stddev: f64,
            /// The same numbers at every call; `None` for others each time.
            pub seed: Option<u64>,
        }

        impl Default for $name {
            fn default() -> Self {
                Self { mean: 0., stddev: 0.05, seed: None }
            }
        }

        impl Initializer for $name {
            fn call(&self, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
                Ok($sample(shape, self.mean, self.stddev, dtype, device, draw(self.seed))?)
            }

            fn config(&self) -> Config {
                Config::new().with("seed", self.seed).with("mean", self.mean).with("stddev", self.stddev)
            }
        }

        pub(super) const $entry: Entry<dyn Initializer> =
            entry(stringify!($name), $aliases, $line, |config, _| {
                let mut r = config.reader(stringify!($name));
                let initializer = $name {
                    seed: r.seed()?,
                    mean: r.or("mean", 0.)?,
                    stddev: r.or("stddev", 0.05)?,
                };
                r.finish()?;
                Ok(Box::new(initializer))
            });
    };
}

normal!(
    /// Normal numbers.
    ///
    /// ```
    /// use keras_core::{Initializer, initializers::RandomNormal};
    /// use keras_ops::{DType, Device};
    /// let normal = RandomNormal { seed: Some(1), ..RandomNormal::default() };
    /// let sample = || normal.call(&[5], DType::F32, &Device::Cpu);
    /// // Seeded: the same each time.
    /// assert_eq!(sample()?.to_vec1::<f32>()?, sample()?.to_vec1::<f32>()?);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomNormal,
    random::normal,
    NORMAL,
    &["random_normal", "normal"],
    "Normal numbers."
);
normal!(
    /// Normal numbers within two standard deviations of the mean.
    ///
    /// ```
    /// use keras_core::{Initializer, initializers::TruncatedNormal};
    /// use keras_ops::{DType, Device};
    /// let x = TruncatedNormal { stddev: 1., ..TruncatedNormal::default() };
    /// let x = x.call(&[500], DType::F32, &Device::Cpu)?.to_vec1::<f32>()?;
    /// assert!(x.iter().all(|x| x.abs() <= 2.));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    TruncatedNormal,
    random::truncated_normal,
    TRUNCATED,
    &["truncated_normal"],
    "Normal numbers within two standard deviations."
);
