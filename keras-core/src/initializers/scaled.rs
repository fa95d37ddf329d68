use keras_ops::{DType, Device, Tensor};

use super::{Distribution, FanMode, VarianceScaling, axes_value, entry, read_axes};
use crate::{Config, Entry, Initializer, Result};

macro_rules! scaled {
    ($(#[$doc:meta])* $name:ident, $entry:ident, $alias:literal, $scale:literal, $mode:ident, $from:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $name {
            /// The same numbers at every call; `None` for others each time.
            pub seed: Option<u64>,
            /// The axes of inputs, if not by convention; used when both are given.
            pub input_axes: Option<Vec<i64>>,
            /// The axes of outputs, if not by convention; used when both are given.
            pub output_axes: Option<Vec<i64>>,
        }

        impl Initializer for $name {
            fn call(&self, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
                let scaling = VarianceScaling {
                    scale: $scale,
                    mode: FanMode::$mode,
                    distribution: Distribution::$from,
                    seed: self.seed,
                    input_axes: self.input_axes.clone(),
                    output_axes: self.output_axes.clone(),
                };
                scaling.call(shape, dtype, device)
            }

            fn config(&self) -> Config {
                Config::new()
                    .with("seed", self.seed)
                    .with("input_axes", axes_value(&self.input_axes))
                    .with("output_axes", axes_value(&self.output_axes))
            }
        }

        pub(super) const $entry: Entry<dyn Initializer> = entry(
            stringify!($name),
            &[$alias],
            concat!("Variance scaling: ", stringify!($from), ", ", stringify!($mode), "."),
            |config, _| {
                let mut r = config.reader(stringify!($name));
                let seed = r.seed()?;
                let [input_axes, output_axes] = read_axes(&mut r)?;
                r.finish()?;
                Ok(Box::new($name { seed, input_axes, output_axes }))
            },
        );
    };
}

scaled!(
    /// Uniform in `±sqrt(6 / (inputs + outputs))`: Keras's default for kernels.
    ///
    /// ```
    /// use keras_core::{Initializer, initializers::GlorotUniform};
    /// use keras_ops::{DType, Device};
    /// let x = GlorotUniform::default().call(&[350, 250], DType::F32, &Device::Cpu)?;
    /// assert!(x.flatten_all()?.to_vec1::<f32>()?.iter().all(|x| x.abs() <= 0.1));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    GlorotUniform,
    GLOROT_UNIFORM,
    "glorot_uniform",
    1.,
    FanAvg,
    Uniform
);
scaled!(
    /// Truncated normal of variance `2 / (inputs + outputs)`.
    GlorotNormal,
    GLOROT_NORMAL,
    "glorot_normal",
    1.,
    FanAvg,
    TruncatedNormal
);
scaled!(
    /// Truncated normal of variance `1 / inputs`.
    LecunNormal,
    LECUN_NORMAL,
    "lecun_normal",
    1.,
    FanIn,
    TruncatedNormal
);
scaled!(
    /// Uniform in `±sqrt(3 / inputs)`.
    LecunUniform,
    LECUN_UNIFORM,
    "lecun_uniform",
    1.,
    FanIn,
    Uniform
);
scaled!(
    /// Truncated normal of variance `2 / inputs`, for layers before a relu.
    HeNormal,
    HE_NORMAL,
    "he_normal",
    2.,
    FanIn,
    TruncatedNormal
);
scaled!(
    /// Uniform in `±sqrt(6 / inputs)`, for layers before a relu.
    HeUniform,
    HE_UNIFORM,
    "he_uniform",
    2.,
    FanIn,
    Uniform
);
