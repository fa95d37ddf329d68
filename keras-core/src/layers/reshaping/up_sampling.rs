//! Enlarging by whole factors.

use keras_ops::image::{self, Interpolation};
use keras_ops::{self as ops, DType, Tensor};
use serde_json::Value;

use crate::config::IntoValue;
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    DataFormat, base_accessors, cast_floats, cast_input, common_methods, expect_rank, moved_dtype, only,
    spatial_entry,
};
use crate::layers::size::Size;
use crate::shape::Dims;
use crate::{Config, Registry, Result};

/// Makes `N` spatial axes `size` times as long. See [`UpSampling2D`].
#[derive(Debug)]
pub struct UpSampling<const N: usize> {
    base: LayerBase,
    size: Size<N>,
    data_format: DataFormat,
    interpolation: Interpolation,
}

/// Repeats each step of a sequence `size` times.
///
/// # Shapes
/// `(batch, steps, channels)` gives `(batch, steps * size, channels)`. A mask ends here.
///
/// # Errors
/// When `size` is 0 or the input is no batch of sequences.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::UpSampling1D};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[[1f32], [2.]]], &Device::Cpu)?;
/// let y = UpSampling1D::new(2).call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [1., 1., 2., 2.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type UpSampling1D = UpSampling<1>;

/// Images `size` times as high and wide: repeats pixels, or interpolates between them.
///
/// # Shapes
/// `(batch, height, width, channels)` gives `(batch, height * size[0], width * size[1], channels)`; with
/// [`DataFormat::ChannelsFirst`] the channels come second. A mask ends here.
///
/// # Errors
/// When a size is 0 or the input is no batch of images.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::{Interpolation, UpSampling2D}};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[[[0f32], [4.]]]], &Device::Cpu)?;
/// let y = UpSampling2D::new([1, 2]).call(&[x.clone()], &mut Call::new(false))?;
/// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [0., 0., 4., 4.]);
/// let smooth = UpSampling2D::new([1, 2]).interpolation(Interpolation::Bilinear);
/// let y = smooth.call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [0., 1., 3., 4.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type UpSampling2D = UpSampling<2>;

/// Repeats the elements of volumes along depth, height and width.
///
/// # Shapes
/// `(batch, depth, height, width, channels)`, of which depth, height and width get `size` times as long; with
/// [`DataFormat::ChannelsFirst`] the channels come second. A mask ends here.
///
/// # Errors
/// When a size is 0 or the input is no batch of volumes.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::UpSampling3D};
/// let volume = vec![None, Some(1), None, Some(2), Some(3)];
/// let shapes = UpSampling3D::new([2, 2, 4]).compute_output_shape(&[volume])?;
/// assert_eq!(shapes, [[None, Some(2), None, Some(8), Some(3)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type UpSampling3D = UpSampling<3>;

common_methods!([const N: usize] UpSampling<N>);
spatial_entry!([const N: usize] UpSampling<N>, "enlarges by whole factors");

impl UpSampling<2> {
    /// Where the channels are; last unless given.
    #[must_use]
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }

    /// How values between pixels are made; [`Interpolation::Nearest`], which repeats pixels, unless given.
    #[must_use]
    pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
        self.interpolation = interpolation;
        self
    }
}

impl UpSampling<3> {
    /// Where the channels are; last unless given.
    #[must_use]
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }
}

impl<const N: usize> UpSampling<N> {
    const CLASS: &'static str = ["UpSampling1D", "UpSampling2D", "UpSampling3D"][N - 1];
    const ALIASES: &'static [&'static str] = &[];

    /// By these factors.
    pub fn new(size: impl Into<Size<N>>) -> Self {
        Self {
            base: LayerBase::default(),
            size: size.into(),
            data_format: DataFormat::default(),
            interpolation: Interpolation::Nearest,
        }
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(Self::CLASS);
        let mut layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            ..Self::new(reader.or("size", Size::<N>::from(2))?)
        };
        if N > 1 {
            layer.data_format = reader.or_null("data_format", layer.data_format)?;
        }
        if N == 2 {
            layer.interpolation = reader.or("interpolation", layer.interpolation)?;
        }
        reader.finish()?;
        layer.size.positive(Self::CLASS, "size")?;
        Ok(layer)
    }
}

impl<const N: usize> Layer for UpSampling<N> {
    base_accessors!();

    fn class_name(&self) -> &str {
        Self::CLASS
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.size.positive(Self::CLASS, "size")?;
        let input = only(Self::CLASS, inputs)?;
        expect_rank(Self::CLASS, input, N + 2)?;
        let mut output = input.clone();
        let first = self.data_format.spatial_axis();
        for (axis, factor) in output[first..first + N].iter_mut().zip(self.size.0) {
            *axis = axis.map(|size| size * factor);
        }
        Ok(vec![output])
    }

    fn compute_output_dtype(&self, inputs: &[DType]) -> DType {
        match self.interpolation {
            Interpolation::Nearest => moved_dtype(&self.base, inputs),
            _ => self.base.compute_dtype(),
        }
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = only(Self::CLASS, inputs)?;
        let mut x = match self.interpolation {
            Interpolation::Nearest => cast_floats(&self.base, x)?,
            _ => cast_input(&self.base, x)?,
        };
        let first = self.data_format.spatial_axis();
        if x.dtype().is_float() {
            let mut factors = [1; 5];
            factors[first..first + N].copy_from_slice(&self.size.0);
            return Ok(image::upsample(&x, &factors[..N + 2], self.interpolation)?.into());
        }
        for (axis, factor) in self.size.0.into_iter().enumerate() {
            x = ops::repeat(&x, factor, (first + axis) as i64)?;
        }
        Ok(x.into())
    }

    fn config(&self) -> Config {
        // Keras keeps one number for one axis.
        let size: Value = match self.size.0.as_slice() {
            [one] => one.into_value(),
            _ => self.size.into_value(),
        };
        let mut config = Config::new().with("size", size);
        if N > 1 {
            config.set("data_format", self.data_format);
        }
        if N == 2 {
            config.set("interpolation", self.interpolation);
        }
        config
    }
}
