//! Normal noise.

use keras_ops::{self as ops, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry, only, same_shape};
use crate::layers::regularization::noise::{Noise, seed_method};
use crate::shape::Dims;
use crate::{Config, Registry, Result, bail};

macro_rules! gaussian {
    ($(
        $(#[$doc:meta])*
        $type:ident $module:ident: $line:literal, $key:ident, $(#[$new:meta])* |$x:ident, $rate:ident| ($mean:expr, $stddev:expr) $apply:ident;
    )*) => { $(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $type {
            base: LayerBase,
            noise: Noise,
        }

        common_methods!($type);
        seed_method!($type);

        impl $type {
            $(#[$new])*
            pub fn new($key: f64) -> Self {
                let mut base = LayerBase::default();
                let noise = Noise::new(&mut base, $key);
                Self { base, noise }
            }

            fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
                let mut reader = config.reader(stringify!($type));
                let mut base = LayerBase::from_reader(&mut reader)?;
                let noise = Noise::read(stringify!($type), &mut reader, &mut base, stringify!($key))?;
                reader.finish()?;
                Ok(Self { base, noise })
            }
        }

        impl Layer for $type {
            base_accessors!();

            fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
                self.noise.check(stringify!($type), stringify!($key))?;
                same_shape(stringify!($type), inputs)
            }

            fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
                let $x = cast_input(&self.base, only(stringify!($type), inputs)?)?;
                let $rate = self.noise.rate;
                if !cx.training || $rate == 0. {
                    return Ok($x.into());
                }
                let (mean, stddev): (f64, f64) = ($mean, $stddev);
                if !stddev.is_finite() {
                    bail!("{}: `{}` must be below 1 in training, got {}", stringify!($type), stringify!($key), $rate);
                }
                let (dtype, device) = ($x.dtype(), $x.device());
                let noise = ops::random::normal($x.dims(), mean, stddev, dtype, device, self.noise.seeds.next())?;
                Ok(ops::$apply(&$x, &noise)?.into())
            }

            fn supports_masking(&self) -> bool {
                true
            }

            fn config(&self) -> Config {
                Config::new().with(stringify!($key), self.noise.rate).with("seed", self.noise.seed)
            }
        }

        pub(super) mod $module {
            use super::{$type, layer_entry};
            layer_entry!($type, $line);
        }
    )* };
}

gaussian! {
    /// In training, multiplies by normal numbers of mean 1 and standard deviation `sqrt(rate / (1 - rate))`.
    ///
    /// # Shapes
    /// The output has the input's shape.
    ///
    /// # Errors
    /// When `rate` is outside 0..=1, or 1 in training.
    ///
    /// ```
    /// use keras_core::{Layer, layer::Call, layers::GaussianDropout};
    /// use keras_ops::{DType, Device, Tensor};
    /// let x = Tensor::ones(4000, DType::F32, &Device::Cpu)?;
    /// let layer = GaussianDropout::new(0.2).seed(1);
    /// let y = layer.call(&[x.clone()], &mut Call::new(true))?.0[0].to_vec1::<f32>()?;
    /// let mean = y.iter().sum::<f32>() / 4000.;
    /// let variance = y.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / 4000.;
    /// assert!((mean - 1.).abs() < 0.04 && (variance - 0.25).abs() < 0.03); // 0.2 / 0.8
    /// assert_eq!(layer.call(&[x], &mut Call::new(false))?.0[0].to_vec1::<f32>()?, [1.; 4000]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    GaussianDropout gaussian_dropout: "multiplies by normal numbers around 1 in training", rate,
        /// With the noise of a dropout of this rate.
        |x, rate| (1., (rate / (1. - rate)).sqrt()) multiply;
    /// In training, adds normal numbers of mean 0 and standard deviation `stddev`.
    ///
    /// # Shapes
    /// The output has the input's shape.
    ///
    /// # Errors
    /// When `stddev` is outside 0..=1.
    ///
    /// ```
    /// use keras_core::{Layer, layer::Call, layers::GaussianNoise};
    /// use keras_ops::{DType, Device, Tensor};
    /// let x = Tensor::zeros(4000, DType::F32, &Device::Cpu)?;
    /// let y = GaussianNoise::new(0.5).seed(1).call(&[x], &mut Call::new(true))?.0[0].to_vec1::<f32>()?;
    /// let variance = y.iter().map(|v| v * v).sum::<f32>() / 4000.;
    /// assert!((variance - 0.25).abs() < 0.03);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    GaussianNoise gaussian_noise: "adds normal numbers in training", stddev,
        /// With this standard deviation, from 0 to 1.
        |x, stddev| (0., stddev) add;
}
