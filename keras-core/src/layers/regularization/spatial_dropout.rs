//! Dropout of whole maps.

use keras_ops::{self as ops, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    DataFormat, base_accessors, cast_input, common_methods, expect_rank, layer_entry, one, only, same_shape,
};
use crate::layers::regularization::noise::{Noise, seed_method};
use crate::shape::Dims;
use crate::{Config, Registry, Result};

macro_rules! spatial_dropout {
    ($(
        $(#[$doc:meta])*
        $type:ident $module:ident: $rank:literal, $line:literal $(, $format:ident)?;
    )*) => { $(
        $(#[$doc])*
        ///
        /// # Errors
        /// When `rate` is outside 0..=1 or the input has another rank.
        #[derive(Debug)]
        pub struct $type {
            base: LayerBase,
            noise: Noise,
            data_format: DataFormat,
        }

        common_methods!($type);
        seed_method!($type);

        impl $type {
            /// Drops a share `rate` of the maps.
            pub fn new(rate: f64) -> Self {
                let mut base = LayerBase::default();
                let noise = Noise::new(&mut base, rate);
                Self::with(base, noise)
            }

            fn with(base: LayerBase, noise: Noise) -> Self {
                Self { base, noise, data_format: DataFormat::default() }
            }

            $(
                /// Where the channels are; last unless given.
                #[must_use]
                pub fn $format(mut self, data_format: DataFormat) -> Self {
                    self.$format = data_format;
                    self
                }
            )?

            fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
                let mut reader = config.reader(stringify!($type));
                let mut base = LayerBase::from_reader(&mut reader)?;
                let noise = Noise::read(stringify!($type), &mut reader, &mut base, "rate")?;
                #[allow(unused_mut, reason = "not all have a data format")]
                let mut layer = Self::with(base, noise);
                $(layer.$format = reader.or(stringify!($format), layer.$format)?;)?
                reader.finish()?;
                Ok(layer)
            }
        }

        impl Layer for $type {
            base_accessors!();

            fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
                self.noise.check(stringify!($type), "rate")?;
                expect_rank(stringify!($type), only(stringify!($type), inputs)?, $rank)?;
                same_shape(stringify!($type), inputs)
            }

            fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
                let x = cast_input(&self.base, only(stringify!($type), inputs)?)?;
                if !cx.training || self.noise.rate == 0. {
                    return Ok(x.into());
                }
                let channels = match self.data_format {
                    DataFormat::ChannelsLast => $rank - 1,
                    DataFormat::ChannelsFirst => 1,
                };
                let size = |(axis, size): (usize, &usize)| if [0, channels].contains(&axis) { *size } else { 1 };
                let shape: Vec<usize> = x.dims().iter().enumerate().map(size).collect();
                one(ops::nn::dropout(&x, self.noise.rate, Some(&shape), self.noise.seeds.next()))
            }

            fn supports_masking(&self) -> bool {
                true
            }

            fn config(&self) -> Config {
                Config::new()
                    .with("rate", self.noise.rate)
                    .with("seed", self.noise.seed)
                    $(.with(stringify!($format), self.$format))?
            }
        }

        pub(super) mod $module {
            use super::{$type, layer_entry};
            layer_entry!($type, $line);
        }
    )* };
}

spatial_dropout! {
    /// In training, sets a share `rate` of the channels to 0 over all steps, and scales the rest by `1 / (1 - rate)`.
    ///
    /// # Shapes
    /// `(batch, steps, channels)`, and the output alike.
    ///
    /// ```
    /// use keras_core::{Layer, layer::Call, layers::SpatialDropout1D};
    /// use keras_ops::{DType, Device, Tensor};
    /// let x = Tensor::ones((1, 3, 8), DType::F32, &Device::Cpu)?;
    /// let y = SpatialDropout1D::new(0.5).call(&[x], &mut Call::new(true))?.0[0].squeeze(0)?.to_vec2::<f32>()?;
    /// assert!(y.iter().all(|step| *step == y[0]));
    /// assert!(y[0].iter().all(|v| *v == 0. || *v == 2.));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    SpatialDropout1D one_d: 3, "sets whole channels of sequences to 0 in training";
    /// In training, sets a share `rate` of the channels to 0 over all pixels, and scales the rest by `1 / (1 - rate)`.
    ///
    /// # Shapes
    /// `(batch, height, width, channels)`, or with the channels second, and the output alike.
    SpatialDropout2D two_d: 4, "sets whole channels of images to 0 in training", data_format;
    /// In training, sets a share `rate` of the channels to 0 over all places, and scales the rest by `1 / (1 - rate)`.
    ///
    /// # Shapes
    /// `(batch, depth, height, width, channels)`, or with the channels second, and the output alike.
    SpatialDropout3D three_d: 5, "sets whole channels of volumes to 0 in training", data_format;
}
