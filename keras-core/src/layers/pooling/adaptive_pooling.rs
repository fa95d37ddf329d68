//! Pooling to a given size.

use std::marker::PhantomData;

use keras_ops::Tensor;

use super::kind::{self, AveragePool, MaxPool, PoolKind};
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    DataFormat, base_accessors, cast_input, common_methods, expect_rank, one, only, spatial_entry,
};
use crate::layers::size::Size;
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

/// As many windows as `output_size` says, which together cover `N` spatial axes evenly. See
/// [`AdaptiveAveragePooling2D`] and [`AdaptiveMaxPooling2D`].
#[derive(Debug)]
pub struct AdaptivePooling<K: PoolKind, const N: usize> {
    base: LayerBase,
    output_size: Size<N>,
    data_format: DataFormat,
    kind: PhantomData<K>,
}

/// The means of `output_size` windows over one axis: see [`AdaptiveAveragePooling2D`].
///
/// # Shapes
/// `(batch, steps, channels)` gives `(batch, output_size, channels)`.
///
/// # Errors
/// As [`AdaptiveAveragePooling2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::AdaptiveAveragePooling1D};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[[0f32], [1.], [2.], [3.], [4.]]], &Device::Cpu)?;
/// let y = AdaptiveAveragePooling1D::new(3).call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [0.5, 2., 3.5]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type AdaptiveAveragePooling1D = AdaptivePooling<AveragePool, 1>;

/// The means of as many windows as `output_size` says, which together cover the image evenly, whatever its size.
///
/// Output `i` of an axis with `n` pixels and `m` outputs is the mean of `floor(i n / m) .. ceil((i + 1) n / m)`.
///
/// # Shapes
/// `(batch, height, width, channels)` gives `(batch, output height, output width, channels)`; with
/// [`DataFormat::ChannelsFirst`] the channels come second. A mask ends here.
///
/// # Errors
/// When a size is 0 or the input is no batch of images.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::AdaptiveAveragePooling2D};
/// let image = vec![None, None, Some(64), Some(3)];
/// let shapes = AdaptiveAveragePooling2D::new([7, 5]).compute_output_shape(&[image])?;
/// assert_eq!(shapes, [[None, Some(7), Some(5), Some(3)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type AdaptiveAveragePooling2D = AdaptivePooling<AveragePool, 2>;

/// The means of as many windows as `output_size` says over three axes: see [`AdaptiveAveragePooling2D`].
///
/// # Shapes
/// `(batch, depth, height, width, channels)` gives `(batch, output depth, output height, output width, channels)`.
///
/// # Errors
/// As [`AdaptiveAveragePooling2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::AdaptiveAveragePooling3D};
/// let volume = vec![None, Some(8), Some(8), Some(8), Some(2)];
/// let shapes = AdaptiveAveragePooling3D::new(3).compute_output_shape(&[volume])?;
/// assert_eq!(shapes, [[None, Some(3), Some(3), Some(3), Some(2)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type AdaptiveAveragePooling3D = AdaptivePooling<AveragePool, 3>;

/// The largest values of `output_size` windows over one axis: see [`AdaptiveMaxPooling2D`].
///
/// # Shapes
/// `(batch, steps, channels)` gives `(batch, output_size, channels)`.
///
/// # Errors
/// As [`AdaptiveMaxPooling2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::AdaptiveMaxPooling1D};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[[0f32], [1.], [2.], [3.], [4.]]], &Device::Cpu)?;
/// let y = AdaptiveMaxPooling1D::new(3).call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [1., 3., 4.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type AdaptiveMaxPooling1D = AdaptivePooling<MaxPool, 1>;

/// The largest values of the windows of [`AdaptiveAveragePooling2D`]. Shapes and errors as there.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::{AdaptiveMaxPooling2D, DataFormat}};
/// let image = vec![None, Some(3), Some(64), Some(64)];
/// let layer = AdaptiveMaxPooling2D::new(7).data_format(DataFormat::ChannelsFirst);
/// assert_eq!(layer.compute_output_shape(&[image])?, [[None, Some(3), Some(7), Some(7)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type AdaptiveMaxPooling2D = AdaptivePooling<MaxPool, 2>;

/// The largest values of the windows of [`AdaptiveAveragePooling3D`]. Shapes and errors as there.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::AdaptiveMaxPooling3D};
/// let volume = vec![Some(1), Some(8), Some(8), Some(8), Some(2)];
/// let shapes = AdaptiveMaxPooling3D::new([1, 2, 3]).compute_output_shape(&[volume])?;
/// assert_eq!(shapes, [[Some(1), Some(1), Some(2), Some(3), Some(2)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type AdaptiveMaxPooling3D = AdaptivePooling<MaxPool, 3>;

common_methods!([K: PoolKind, const N: usize] AdaptivePooling<K, N>);
spatial_entry!(
    [K: PoolKind, const N: usize] AdaptivePooling<K, N>,
    "one value for each of a given number of windows"
);

impl<K: PoolKind, const N: usize> AdaptivePooling<K, N> {
    const CLASS: &'static str = kind::of::<K, _>(
        [
            [
                "AdaptiveMaxPooling1D",
                "AdaptiveMaxPooling2D",
                "AdaptiveMaxPooling3D",
            ],
            [
                "AdaptiveAveragePooling1D",
                "AdaptiveAveragePooling2D",
                "AdaptiveAveragePooling3D",
            ],
        ],
        N,
    );
    const ALIASES: &'static [&'static str] = &[];

    /// To outputs of this size.
    pub fn new(output_size: impl Into<Size<N>>) -> Self {
        Self {
            base: LayerBase::default(),
            output_size: output_size.into(),
            data_format: DataFormat::default(),
            kind: PhantomData,
        }
    }

    /// Where the channels are; last unless given.
    #[must_use]
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(Self::CLASS);
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            output_size: reader.req("output_size")?,
            data_format: reader.or_null("data_format", DataFormat::default())?,
            kind: PhantomData,
        };
        reader.finish()?;
        layer.output_size.positive(Self::CLASS, "output_size")?;
        Ok(layer)
    }
}

impl<K: PoolKind, const N: usize> Layer for AdaptivePooling<K, N> {
    base_accessors!();

    fn class_name(&self) -> &str {
        Self::CLASS
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.output_size.positive(Self::CLASS, "output_size")?;
        let input = only(Self::CLASS, inputs)?;
        expect_rank(Self::CLASS, input, N + 2)?;
        let first = self.data_format.spatial_axis();
        let mut output = input.clone();
        for (axis, size) in output[first..first + N].iter_mut().zip(self.output_size.0) {
            if *axis == Some(0) {
                bail!(
                    "{}: the input {} is empty: there is nothing to pool",
                    Self::CLASS,
                    shape::show(input)
                );
            }
            *axis = Some(size);
        }
        Ok(vec![output])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only(Self::CLASS, inputs)?)?;
        one(K::adaptive(
            &x,
            &self.output_size.0,
            self.data_format.channels_first(),
        ))
    }

    fn config(&self) -> Config {
        Config::new()
            .with("output_size", self.output_size)
            .with("data_format", self.data_format)
    }
}
