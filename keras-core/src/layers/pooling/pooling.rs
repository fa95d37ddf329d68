//! Pooling over windows of one size.

use std::marker::PhantomData;

use keras_ops::{PoolArgs, Tensor};

use super::kind::{self, AveragePool, MaxPool, PoolKind};
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    base_accessors, cast_input, common_methods, expect_rank, one, only, spatial_entry,
};
use crate::layers::size::Size;
use crate::layers::window::{Window, window_methods};
use crate::shape::Dims;
use crate::{Config, Registry, Result};

/// One value for each window over `N` spatial axes, by channel. See [`MaxPooling2D`] and [`AveragePooling2D`].
#[derive(Debug)]
pub struct Pooling<K: PoolKind, const N: usize> {
    base: LayerBase,
    window: Window<N>,
    kind: PhantomData<K>,
}

/// The largest value of each window over one axis: see [`MaxPooling2D`].
///
/// # Shapes
/// `(batch, steps, channels)` gives `(batch, new steps, channels)`.
///
/// # Errors
/// As [`MaxPooling2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::MaxPooling1D};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[[1f32], [5.], [2.], [4.]]], &Device::Cpu)?;
/// let y = MaxPooling1D::new(2).strides(1).call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [5., 5., 4.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type MaxPooling1D = Pooling<MaxPool, 1>;

/// The largest value of each window, by channel.
///
/// # Shapes
/// `(batch, height, width, channels)` gives `(batch, height', width', channels)`; with
/// [`DataFormat::ChannelsFirst`](crate::layers::DataFormat) the channels come second. A mask ends here.
///
/// # Errors
/// When a size is 0, the input is no batch of images, or the window does not fit into it.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::MaxPooling2D};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[[[1f32], [2.]], [[4.], [3.]]]], &Device::Cpu)?;
/// let y = MaxPooling2D::new(2).call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].dims(), [1, 1, 1, 1]);
/// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [4.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type MaxPooling2D = Pooling<MaxPool, 2>;

/// The largest value of each window over three axes: see [`MaxPooling2D`].
///
/// # Shapes
/// `(batch, depth, height, width, channels)` gives `(batch, depth', height', width', channels)`.
///
/// # Errors
/// As [`MaxPooling2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::MaxPooling3D};
/// let volume = vec![None, Some(4), Some(5), Some(6), Some(1)];
/// let shapes = MaxPooling3D::new([1, 2, 3]).compute_output_shape(&[volume])?;
/// assert_eq!(shapes, [[None, Some(4), Some(2), Some(2), Some(1)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type MaxPooling3D = Pooling<MaxPool, 3>;

/// The mean of each window over one axis: see [`AveragePooling2D`].
///
/// # Shapes
/// `(batch, steps, channels)` gives `(batch, new steps, channels)`.
///
/// # Errors
/// As [`AveragePooling2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::AveragePooling1D};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[[1f32], [5.], [2.], [4.]]], &Device::Cpu)?;
/// let y = AveragePooling1D::new(2).call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [3., 3.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type AveragePooling1D = Pooling<AveragePool, 1>;

/// The mean of each window, by channel: of the pixels that are there, not of those that the padding adds.
///
/// # Shapes
/// `(batch, height, width, channels)` gives `(batch, height', width', channels)`; with
/// [`DataFormat::ChannelsFirst`](crate::layers::DataFormat) the channels come second. A mask ends here.
///
/// # Errors
/// When a size is 0, the input is no batch of images, or the window does not fit into it.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::{AveragePooling2D, Padding}};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[[[1f32], [2.], [9.]], [[4.], [5.], [7.]]]], &Device::Cpu)?;
/// let y = AveragePooling2D::new(2).padding(Padding::Same).call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [3., 8.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type AveragePooling2D = Pooling<AveragePool, 2>;

/// The mean of each window over three axes: see [`AveragePooling2D`].
///
/// # Shapes
/// `(batch, depth, height, width, channels)` gives `(batch, depth', height', width', channels)`.
///
/// # Errors
/// As [`AveragePooling2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::{AveragePooling3D, DataFormat}};
/// let volume = vec![None, Some(1), Some(4), Some(5), Some(6)];
/// let layer = AveragePooling3D::new(2).data_format(DataFormat::ChannelsFirst);
/// assert_eq!(layer.compute_output_shape(&[volume])?, [[None, Some(1), Some(2), Some(2), Some(3)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type AveragePooling3D = Pooling<AveragePool, 3>;

common_methods!([K: PoolKind, const N: usize] Pooling<K, N>);
window_methods!(
    [K: PoolKind, const N: usize] Pooling<K, N>, N, "How far the window moves; its size unless given."
);
spatial_entry!([K: PoolKind, const N: usize] Pooling<K, N>, "one value for each window");

impl<K: PoolKind, const N: usize> Pooling<K, N> {
    const CLASS: &'static str = kind::of::<K, _>(
        [
            ["MaxPooling1D", "MaxPooling2D", "MaxPooling3D"],
            ["AveragePooling1D", "AveragePooling2D", "AveragePooling3D"],
        ],
        N,
    );
    const ALIASES: &'static [&'static str] = &[kind::of::<K, _>(
        [
            ["MaxPool1D", "MaxPool2D", "MaxPool3D"],
            ["AvgPool1D", "AvgPool2D", "AvgPool3D"],
        ],
        N,
    )];

    /// With windows of this size, side by side.
    pub fn new(pool_size: impl Into<Size<N>>) -> Self {
        let size = pool_size.into();
        let window = Window {
            strides: size,
            ..Window::new(size)
        };
        Self::with(LayerBase::default(), window)
    }

    fn with(base: LayerBase, window: Window<N>) -> Self {
        Self {
            base,
            window,
            kind: PhantomData,
        }
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(Self::CLASS);
        let base = LayerBase::from_reader(&mut reader)?;
        // Keras has a default for the size of maxima alone.
        let size = match K::IS_MAX {
            true => reader.or("pool_size", 2.into())?,
            false => reader.req("pool_size")?,
        };
        let layer = Self::with(base, Window::read_pool(&mut reader, size)?);
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        self.window.check(Self::CLASS, "pool_size")
    }

    /// The arguments of the operation.
    pub(in crate::layers) fn args(&self) -> PoolArgs {
        self.window.pool_args()
    }
}

impl<K: PoolKind, const N: usize> Layer for Pooling<K, N> {
    base_accessors!();

    fn class_name(&self) -> &str {
        Self::CLASS
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = only(Self::CLASS, inputs)?;
        expect_rank(Self::CLASS, input, N + 2)?;
        let channels = input[self.window.channel_axis()];
        Ok(vec![self.window.output(Self::CLASS, input, channels)?])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only(Self::CLASS, inputs)?)?;
        one(K::windows(&x, &self.args()))
    }

    fn config(&self) -> Config {
        Config::new()
            .with("pool_size", self.window.size)
            .with("padding", self.window.padding)
            .with("strides", self.window.strides)
            .with("data_format", self.window.data_format)
    }
}
