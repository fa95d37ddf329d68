//! Pooling over all of an image.

use std::marker::PhantomData;

use keras_ops::{self as ops, Tensor};

use super::kind::{self, AveragePool, MaxPool, PoolKind};
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    DataFormat, base_accessors, cast_input, common_methods, expect_rank, one, only, spatial_entry,
};
use crate::shape::Dims;
use crate::{Config, Registry, Result, bail};

/// One value for each channel over `N` spatial axes. See [`GlobalAveragePooling2D`] and [`GlobalMaxPooling2D`].
#[derive(Debug)]
pub struct GlobalPooling<K: PoolKind, const N: usize> {
    base: LayerBase,
    data_format: DataFormat,
    keepdims: bool,
    kind: PhantomData<K>,
}

/// The largest value of each channel over all steps: see [`GlobalMaxPooling2D`].
///
/// # Shapes
/// `(batch, steps, channels)` gives `(batch, channels)`, with `keepdims` `(batch, 1, channels)`.
///
/// # Errors
/// As [`GlobalMaxPooling2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::GlobalMaxPooling1D};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[[1f32, 8.], [5., 2.]]], &Device::Cpu)?;
/// let y = GlobalMaxPooling1D::new().call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[5., 8.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type GlobalMaxPooling1D = GlobalPooling<MaxPool, 1>;

/// The largest value of each channel of an image.
///
/// # Shapes
/// `(batch, height, width, channels)` gives `(batch, channels)`, with `keepdims` `(batch, 1, 1, channels)`; with
/// [`DataFormat::ChannelsFirst`] the channels come second. A mask ends here.
///
/// # Errors
/// When the input is no batch of images, or the images are empty.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::GlobalMaxPooling2D};
/// let image = vec![None, None, Some(7), Some(3)];
/// let shapes = GlobalMaxPooling2D::new().keepdims(true).compute_output_shape(&[image])?;
/// assert_eq!(shapes, [[None, Some(1), Some(1), Some(3)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type GlobalMaxPooling2D = GlobalPooling<MaxPool, 2>;

/// The largest value of each channel over three axes: see [`GlobalMaxPooling2D`].
///
/// # Shapes
/// `(batch, depth, height, width, channels)` gives `(batch, channels)`, with `keepdims` `(batch, 1, 1, 1, channels)`.
///
/// # Errors
/// As [`GlobalMaxPooling2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::GlobalMaxPooling3D};
/// let volume = vec![None, Some(4), Some(5), Some(6), Some(2)];
/// assert_eq!(GlobalMaxPooling3D::new().compute_output_shape(&[volume])?, [[None, Some(2)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type GlobalMaxPooling3D = GlobalPooling<MaxPool, 3>;

/// The mean of each channel over the steps that the mask leaves: see [`GlobalAveragePooling2D`].
///
/// # Shapes
/// `(batch, steps, channels)` gives `(batch, channels)`, with `keepdims` `(batch, 1, channels)`. The mask is `(batch,
/// steps)`; it ends here.
///
/// # Errors
/// When the input or its mask has another rank.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::GlobalAveragePooling1D};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[[1f32], [5.], [100.]]], &Device::Cpu)?;
/// let mut cx = Call::new(false);
/// cx.masks.push(Some(Tensor::new(&[[1u8, 1, 0]], &Device::Cpu)?));
/// let y = GlobalAveragePooling1D::new().call(&[x], &mut cx)?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[3.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type GlobalAveragePooling1D = GlobalPooling<AveragePool, 1>;

/// The mean of each channel of an image.
///
/// # Shapes
/// `(batch, height, width, channels)` gives `(batch, channels)`, with `keepdims` `(batch, 1, 1, channels)`; with
/// [`DataFormat::ChannelsFirst`] the channels come second. A mask ends here.
///
/// # Errors
/// When the input is no batch of images.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::GlobalAveragePooling2D};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[[[1f32], [2.]], [[4.], [5.]]]], &Device::Cpu)?;
/// let y = GlobalAveragePooling2D::new().call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[3.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type GlobalAveragePooling2D = GlobalPooling<AveragePool, 2>;

/// The mean of each channel over three axes: see [`GlobalAveragePooling2D`].
///
/// # Shapes
/// `(batch, depth, height, width, channels)` gives `(batch, channels)`, with `keepdims` `(batch, 1, 1, 1, channels)`.
///
/// # Errors
/// As [`GlobalAveragePooling2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::{DataFormat, GlobalAveragePooling3D}};
/// let volume = vec![None, Some(4), Some(5), Some(6), Some(2)];
/// let layer = GlobalAveragePooling3D::new().data_format(DataFormat::ChannelsFirst);
/// assert_eq!(layer.compute_output_shape(&[volume])?, [[None, Some(4)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type GlobalAveragePooling3D = GlobalPooling<AveragePool, 3>;

common_methods!([K: PoolKind, const N: usize] GlobalPooling<K, N>);
spatial_entry!([K: PoolKind, const N: usize] GlobalPooling<K, N>, "one value for each channel");

impl<K: PoolKind, const N: usize> Default for GlobalPooling<K, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: PoolKind, const N: usize> GlobalPooling<K, N> {
    const CLASS: &'static str = kind::of::<K, _>(
        [
            ["GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"],
            [
                "GlobalAveragePooling1D",
                "GlobalAveragePooling2D",
                "GlobalAveragePooling3D",
            ],
        ],
        N,
    );
    const ALIASES: &'static [&'static str] = &[kind::of::<K, _>(
        [
            ["GlobalMaxPool1D", "GlobalMaxPool2D", "GlobalMaxPool3D"],
            ["GlobalAvgPool1D", "GlobalAvgPool2D", "GlobalAvgPool3D"],
        ],
        N,
    )];

    /// For channels last; the spatial axes are dropped.
    pub fn new() -> Self {
        Self {
            base: LayerBase::default(),
            data_format: DataFormat::default(),
            keepdims: false,
            kind: PhantomData,
        }
    }

    /// Where the channels are; last unless given.
    #[must_use]
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }

    /// Whether the spatial axes stay, with size 1.
    #[must_use]
    pub fn keepdims(mut self, keepdims: bool) -> Self {
        self.keepdims = keepdims;
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(Self::CLASS);
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            data_format: reader.or_null("data_format", DataFormat::default())?,
            keepdims: reader.or("keepdims", false)?,
            kind: PhantomData,
        };
        reader.finish()?;
        Ok(layer)
    }

    /// Whether a mask counts: Keras has it for means over one axis alone.
    const MASKS: bool = N == 1 && !K::IS_MAX;

    /// The mean over the steps where the mask is not 0: sum by sum, so that no step at all gives NaN, as in Keras.
    fn masked_mean(&self, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let steps = self.data_format.spatial_axis();
        if mask.rank() != 2 || mask.dims()[0] != x.dims()[0] || mask.dims()[1] != x.dims()[steps] {
            bail!(
                "{}: expected a mask of shape (batch, steps) for the input {:?}, got {:?}",
                Self::CLASS,
                x.dims(),
                mask.dims()
            );
        }
        let channels = self.data_format.channel_axis(3) as i64;
        let axes = [steps as i64];
        let mask = ops::not_equal(mask, &ops::full_like(mask, 0.)?)?;
        let mask = ops::expand_dims(&mask, channels)?;
        let kept = ops::where_(&mask, x, &ops::full_like(x, 0.)?)?;
        let count = ops::sum(&ops::cast(&mask, x.dtype())?, Some(&axes), self.keepdims)?;
        Ok(ops::divide(
            &ops::sum(&kept, Some(&axes), self.keepdims)?,
            &count,
        )?)
    }
}

impl<K: PoolKind, const N: usize> Layer for GlobalPooling<K, N> {
    base_accessors!();

    fn class_name(&self) -> &str {
        Self::CLASS
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let input = only(Self::CLASS, inputs)?;
        expect_rank(Self::CLASS, input, N + 2)?;
        let channel_axis = self.data_format.channel_axis(N + 2);
        if !self.keepdims {
            return Ok(vec![vec![input[0], input[channel_axis]]]);
        }
        let mut output = vec![Some(1); N + 2];
        output[0] = input[0];
        output[channel_axis] = input[channel_axis];
        Ok(vec![output])
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        if Self::MASKS { &["mask"] } else { &[] }
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only(Self::CLASS, cx.arguments.positional(inputs))?)?;
        match cx.masks.first() {
            Some(Some(mask)) if Self::MASKS && x.rank() == 3 => Ok(self.masked_mean(&x, mask)?.into()),
            _ => one(K::global(&x, self.keepdims, self.data_format.channels_first())),
        }
    }

    fn compute_mask(&self, _inputs: &[Tensor], _masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        // It was used here and has no meaning behind.
        Ok(if Self::MASKS { vec![None] } else { Vec::new() })
    }

    fn config(&self) -> Config {
        Config::new()
            .with("data_format", self.data_format)
            .with("keepdims", self.keepdims)
    }
}
