//! The window of a convolution over `N` spatial axes.

use keras_ops::{ConvArgs, Padding};

use crate::config::Reader;
use crate::layers::{DataFormat, Size};
use crate::shape::{self, Dims};
use crate::{Config, Result, bail};

/// A window over `N` spatial axes and how it moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<const N: usize> {
    pub(super) size: Size<N>,
    pub(super) strides: Size<N>,
    pub(super) dilation: Size<N>,
    pub(super) padding: Padding,
    pub(super) data_format: DataFormat,
}

impl<const N: usize> Window<N> {
    /// One that moves by single steps.
    pub(super) fn new(size: Size<N>) -> Self {
        Self {
            size,
            strides: 1.into(),
            dilation: 1.into(),
            padding: Padding::default(),
            data_format: DataFormat::default(),
        }
    }

    /// The arguments of a convolution.
    pub(super) fn read_conv(reader: &mut Reader<'_>) -> Result<Self> {
        let default = Self::new(reader.req("kernel_size")?);
        Ok(Self {
            strides: reader.or("strides", default.strides)?,
            dilation: reader.or("dilation_rate", default.dilation)?,
            padding: reader.or("padding", default.padding)?,
            data_format: reader.or("data_format", default.data_format)?,
            ..default
        })
    }

    /// Adds what [`read_conv`](Self::read_conv) reads to a configuration.
    pub(super) fn write_conv(&self, config: &mut Config) {
        config.set("kernel_size", self.size);
        config.set("strides", self.strides);
        config.set("padding", self.padding);
        config.set("data_format", self.data_format);
        config.set("dilation_rate", self.dilation);
    }

    /// An error when a size is 0, the padding none of the layer's, or the window both strides and is dilated, which
    /// Keras has no rule for.
    pub(super) fn check(&self, class_name: &str) -> Result<()> {
        self.size.positive(class_name, "kernel_size")?;
        self.strides.positive(class_name, "strides")?;
        self.dilation.positive(class_name, "dilation_rate")?;
        if !matches!(self.padding, Padding::Valid | Padding::Same) {
            bail!(
                "{class_name}: `padding` must be \"valid\" or \"same\", got {:?}",
                self.padding
            );
        }
        let (strides, dilation) = (self.strides.0, self.dilation.0);
        if strides.iter().any(|s| *s > 1) && dilation.iter().any(|d| *d > 1) {
            bail!(
                "{class_name}: `strides` {strides:?} and `dilation_rate` {dilation:?} cannot both be above 1"
            );
        }
        Ok(())
    }

    /// Where the channels are in a batch of images.
    pub(super) fn channel_axis(&self) -> usize {
        match self.data_format {
            DataFormat::ChannelsLast => N + 1,
            DataFormat::ChannelsFirst => 1,
        }
    }

    /// The shape after the window has passed, with `filters` channels.
    pub(super) fn output(&self, class_name: &str, input: &Dims, filters: usize) -> Result<Dims> {
        let first = if self.data_format == DataFormat::ChannelsFirst {
            2
        } else {
            1
        };
        let mut output = input.clone();
        output[self.channel_axis()] = Some(filters);
        for (axis, size) in output[first..first + N].iter_mut().enumerate() {
            let reach = self.dilation.0[axis] * (self.size.0[axis] - 1) + 1;
            let stride = self.strides.0[axis];
            *size = match *size {
                None => None,
                Some(size) if self.padding == Padding::Same => Some(size.div_ceil(stride)),
                Some(size) if size >= reach => Some((size - reach) / stride + 1),
                Some(_) => bail!(
                    "{class_name}: the output would be empty: a window of {:?} (dilation {:?}) does not fit into the \
                     input {}; use a smaller window or padding \"same\"",
                    self.size.0,
                    self.dilation.0,
                    shape::show(input)
                ),
            };
        }
        Ok(output)
    }

    /// How the convolution of the inputs moves.
    pub(super) fn conv_args(&self) -> ConvArgs {
        ConvArgs {
            strides: self.strides.0.into(),
            padding: self.padding,
            dilation: self.dilation.0.into(),
            channels_first: self.data_format == DataFormat::ChannelsFirst,
            ..ConvArgs::default()
        }
    }
}
