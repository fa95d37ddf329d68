//! Zeros at the borders.

use keras_ops::{self as ops, DType, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    DataFormat, base_accessors, cast_floats, common_methods, expect_rank, moved_dtype, one, only,
    spatial_entry,
};
use crate::layers::size::Sides;
use crate::shape::Dims;
use crate::{Config, Registry, Result};

/// Adds zeros at the ends of `N` spatial axes. See [`ZeroPadding2D`].
#[derive(Debug)]
pub struct ZeroPadding<const N: usize> {
    base: LayerBase,
    padding: Sides<N>,
    data_format: DataFormat,
}

/// Adds steps of zeros at the beginning and the end of sequences: see [`ZeroPadding2D`].
///
/// # Shapes
/// `(batch, steps, channels)` gives `(batch, begin + steps + end, channels)`.
///
/// # Errors
/// As [`ZeroPadding2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::ZeroPadding1D};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[[1f32], [2.]]], &Device::Cpu)?;
/// let y = ZeroPadding1D::new((1, 2)).call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [0., 1., 2., 0., 0.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type ZeroPadding1D = ZeroPadding<1>;

/// Adds rows and columns of zeros around images.
///
/// # Shapes
/// `(batch, height, width, channels)` gives `(batch, top + height + bottom, left + width + right, channels)`; with
/// [`DataFormat::ChannelsFirst`] the channels come second. A mask ends here.
///
/// # Errors
/// When the input is no batch of images.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::ZeroPadding2D};
/// let image = vec![None, Some(28), None, Some(3)];
/// let shapes = ZeroPadding2D::new([(0, 1), (2, 2)]).compute_output_shape(&[image])?;
/// assert_eq!(shapes, [[None, Some(29), None, Some(3)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type ZeroPadding2D = ZeroPadding<2>;

/// Adds zeros around volumes: see [`ZeroPadding2D`].
///
/// # Shapes
/// `(batch, depth, height, width, channels)`, of which depth, height and width get larger.
///
/// # Errors
/// As [`ZeroPadding2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::ZeroPadding3D};
/// let volume = vec![None, Some(1), Some(2), Some(2), Some(3)];
/// let shapes = ZeroPadding3D::new(2).compute_output_shape(&[volume])?;
/// assert_eq!(shapes, [[None, Some(5), Some(6), Some(6), Some(3)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type ZeroPadding3D = ZeroPadding<3>;

common_methods!([const N: usize] ZeroPadding<N>);
spatial_entry!([const N: usize] ZeroPadding<N>, "adds zeros at the ends of axes");

impl<const N: usize> ZeroPadding<N> {
    const CLASS: &'static str = ["ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"][N - 1];
    const ALIASES: &'static [&'static str] = &[];

    /// As many zeros at each end.
    pub fn new(padding: impl Into<Sides<N>>) -> Self {
        Self {
            base: LayerBase::default(),
            padding: padding.into(),
            data_format: DataFormat::default(),
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
            padding: reader.or("padding", 1.into())?,
            data_format: reader.or_null("data_format", DataFormat::default())?,
        };
        reader.finish()?;
        Ok(layer)
    }
}

impl<const N: usize> Layer for ZeroPadding<N> {
    base_accessors!();

    fn class_name(&self) -> &str {
        Self::CLASS
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let input = only(Self::CLASS, inputs)?;
        expect_rank(Self::CLASS, input, N + 2)?;
        let mut output = input.clone();
        let first = self.data_format.spatial_axis();
        for (axis, [begin, end]) in output[first..first + N].iter_mut().zip(self.padding.0) {
            *axis = axis.map(|size| begin + size + end);
        }
        Ok(vec![output])
    }

    fn compute_output_dtype(&self, inputs: &[DType]) -> DType {
        moved_dtype(&self.base, inputs)
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_floats(&self.base, only(Self::CLASS, inputs)?)?;
        let mut padding = [(0, 0); 5];
        let first = self.data_format.spatial_axis();
        for (to, [begin, end]) in padding[first..].iter_mut().zip(self.padding.0) {
            *to = (begin, end);
        }
        one(ops::pad(&x, &padding[..N + 2], 0.))
    }

    fn config(&self) -> Config {
        Config::new()
            .with("padding", self.padding)
            .with("data_format", self.data_format)
    }
}
