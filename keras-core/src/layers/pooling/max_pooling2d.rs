//! The largest value of each window of an image.

use keras_ops::{self as ops, Padding, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    DataFormat, base_accessors, cast_input, common_methods, expect_rank, layer_entry, one, only,
};
use crate::layers::window::{Pair, Window, positive, read_pair};
use crate::shape::Dims;
use crate::{Config, Registry, Result};

/// The largest value of each window, by channel.
///
/// # Shapes
/// `(batch, height, width, channels)` gives `(batch, height', width', channels)`; with
/// [`DataFormat::ChannelsFirst`] the channels come second.
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
#[derive(Debug)]
pub struct MaxPooling2D {
    base: LayerBase,
    window: Window,
}

common_methods!(MaxPooling2D);
layer_entry!(MaxPooling2D, "the largest value of each window");

impl MaxPooling2D {
    /// With windows of this size, side by side.
    pub fn new(pool_size: impl Into<Pair>) -> Self {
        let size = pool_size.into();
        let window = Window {
            size,
            strides: size,
            dilation: 1.into(),
            padding: Padding::default(),
            data_format: DataFormat::default(),
        };
        Self {
            base: LayerBase::default(),
            window,
        }
    }

    /// How far the window moves; its size unless given.
    #[must_use]
    pub fn strides(mut self, strides: impl Into<Pair>) -> Self {
        self.window.strides = strides.into();
        self
    }

    /// How the border is treated; [`Padding::Valid`] unless given.
    #[must_use]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.window.padding = padding;
        self
    }

    /// Where the channels are; last unless given.
    #[must_use]
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.window.data_format = data_format;
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("MaxPooling2D");
        let base = LayerBase::from_reader(&mut reader)?;
        let size = read_pair(&mut reader, "pool_size")?.unwrap_or(2.into());
        let window = Window {
            size,
            strides: read_pair(&mut reader, "strides")?.unwrap_or(size),
            dilation: 1.into(),
            padding: reader.or("padding", Padding::default())?,
            data_format: reader.or("data_format", DataFormat::default())?,
        };
        reader.finish()?;
        let layer = Self { base, window };
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        positive("MaxPooling2D", "pool_size", self.window.size)?;
        positive("MaxPooling2D", "strides", self.window.strides)
    }
}

impl Layer for MaxPooling2D {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = only("MaxPooling2D", inputs)?;
        expect_rank("MaxPooling2D", input, 4)?;
        Ok(vec![self.window.output(
            "MaxPooling2D",
            input,
            input[self.window.channel_axis()],
        )?])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only("MaxPooling2D", inputs)?)?;
        one(ops::max_pool2d(&x, &self.window.pool_options()))
    }

    fn config(&self) -> Config {
        Config::new()
            .with("pool_size", self.window.size.0)
            .with("padding", self.window.padding)
            .with("strides", self.window.strides.0)
            .with("data_format", self.window.data_format)
    }
}
