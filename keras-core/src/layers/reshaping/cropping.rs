//! Cropping.

use keras_ops::{self as ops, DType, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    DataFormat, base_accessors, cast_floats, common_methods, expect_rank, moved_dtype, one, only,
    spatial_entry,
};
use crate::layers::size::Sides;
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

/// Cuts off the ends of `N` spatial axes. See [`Cropping2D`].
#[derive(Debug)]
pub struct Cropping<const N: usize> {
    base: LayerBase,
    cropping: Sides<N>,
    data_format: DataFormat,
}

/// Cuts steps off the beginning and the end of sequences.
///
/// # Shapes
/// `(batch, steps, channels)` gives `(batch, steps - begin - end, channels)`. A mask ends here.
///
/// # Errors
/// When nothing would be left or the input is no batch of sequences.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::Cropping1D};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[[1f32], [2.], [3.], [4.]]], &Device::Cpu)?;
/// let y = Cropping1D::new((1, 2)).call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec3::<f32>()?, [[[2.]]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type Cropping1D = Cropping<1>;

/// Cuts rows and columns off the borders of images, a view of the same data.
///
/// # Shapes
/// `(batch, height, width, channels)` gives `(batch, height - top - bottom, width - left - right, channels)`; with
/// [`DataFormat::ChannelsFirst`] the channels come second. A mask ends here.
///
/// # Errors
/// When nothing would be left or the input is no batch of images.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::Cropping2D};
/// let image = vec![None, Some(28), Some(28), Some(3)];
/// let shapes = Cropping2D::new([(2, 3), (4, 4)]).compute_output_shape(&[image])?;
/// assert_eq!(shapes, [[None, Some(23), Some(20), Some(3)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type Cropping2D = Cropping<2>;

/// Cuts off the borders of volumes: see [`Cropping2D`].
///
/// # Shapes
/// `(batch, depth, height, width, channels)`, of which depth, height and width get smaller.
///
/// # Errors
/// As [`Cropping2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::Cropping3D};
/// let volume = vec![None, Some(28), Some(28), None, Some(3)];
/// let shapes = Cropping3D::new((2, 4, 2)).compute_output_shape(&[volume])?;
/// assert_eq!(shapes, [[None, Some(24), Some(20), None, Some(3)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type Cropping3D = Cropping<3>;

common_methods!([const N: usize] Cropping<N>);
spatial_entry!([const N: usize] Cropping<N>, "cuts off the ends of axes");

impl Cropping<2> {
    /// Where the channels are; last unless given.
    #[must_use]
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }
}

impl Cropping<3> {
    /// Where the channels are; last unless given.
    #[must_use]
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }
}

impl<const N: usize> Cropping<N> {
    const CLASS: &'static str = ["Cropping1D", "Cropping2D", "Cropping3D"][N - 1];
    const ALIASES: &'static [&'static str] = &[];
    /// What Keras cuts off unless told otherwise.
    const DEFAULT: usize = [1, 0, 1][N - 1];

    /// As much at each end.
    pub fn new(cropping: impl Into<Sides<N>>) -> Self {
        Self {
            base: LayerBase::default(),
            cropping: cropping.into(),
            data_format: DataFormat::default(),
        }
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(Self::CLASS);
        let mut layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            ..Self::new(reader.or("cropping", Sides::<N>::from(Self::DEFAULT))?)
        };
        if N > 1 {
            layer.data_format = reader.or_null("data_format", DataFormat::default())?;
        }
        reader.finish()?;
        Ok(layer)
    }

    /// The shape of what is left.
    fn left(&self, input: &[Option<usize>]) -> Result<Dims> {
        expect_rank(Self::CLASS, input, N + 2)?;
        let first = self.data_format.spatial_axis();
        let mut output = input.to_vec();
        for (axis, [begin, end]) in output[first..first + N].iter_mut().zip(self.cropping.0) {
            let Some(size) = axis else { continue };
            match size.checked_sub(begin.saturating_add(end)) {
                Some(left) if left > 0 => *size = left,
                _ => bail!(
                    "{}: `cropping` {:?} must leave something of the input {}",
                    Self::CLASS,
                    self.cropping.0,
                    shape::show(input)
                ),
            }
        }
        Ok(output)
    }
}

impl<const N: usize> Layer for Cropping<N> {
    base_accessors!();

    fn class_name(&self) -> &str {
        Self::CLASS
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        Ok(vec![self.left(only(Self::CLASS, inputs)?)?])
    }

    fn compute_output_dtype(&self, inputs: &[DType]) -> DType {
        moved_dtype(&self.base, inputs)
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_floats(&self.base, only(Self::CLASS, inputs)?)?;
        let left: Vec<usize> = self
            .left(&shape::dims_of(x.dims()))?
            .into_iter()
            .flatten()
            .collect();
        let mut start = vec![0; x.rank()];
        let first = self.data_format.spatial_axis();
        for (start, [begin, _]) in start[first..].iter_mut().zip(self.cropping.0) {
            *start = begin;
        }
        one(ops::slice(&x, &start, &left))
    }

    fn config(&self) -> Config {
        let config = Config::new().with("cropping", self.cropping);
        match N {
            1 => config,
            _ => config.with("data_format", self.data_format),
        }
    }
}
