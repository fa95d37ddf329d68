//! The arithmetic of windows that slide over spatial axes: convolution and pooling.

use keras_ops::{ConvArgs, Padding, PoolArgs};

use super::base::DataFormat;
use super::size::Size;
use crate::config::Reader;
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
            ..default.placed(reader)?
        })
    }

    /// The arguments of a pooling, whose windows lie side by side unless told otherwise.
    pub(super) fn read_pool(reader: &mut Reader<'_>, size: Size<N>) -> Result<Self> {
        let default = Self::new(size);
        Ok(Self {
            strides: reader.or_null("strides", size)?,
            ..default.placed(reader)?
        })
    }

    fn placed(self, reader: &mut Reader<'_>) -> Result<Self> {
        Ok(Self {
            padding: reader.or("padding", self.padding)?,
            data_format: reader.or_null("data_format", self.data_format)?,
            ..self
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

    /// An error when a size is 0 or the padding is none of the layer's.
    pub(super) fn check(&self, class_name: &str, size: &str) -> Result<()> {
        self.size.positive(class_name, size)?;
        self.strides.positive(class_name, "strides")?;
        self.dilation.positive(class_name, "dilation_rate")?;
        match self.padding {
            Padding::Valid | Padding::Same => Ok(()),
            Padding::Causal if class_name == "Conv1D" => Ok(()),
            other => bail!(
                "{class_name}: `padding` must be \"valid\" or \"same\", got {other:?}; \"causal\" is for Conv1D, and \
                 for other borders put a ZeroPadding layer in front"
            ),
        }
    }

    /// An error when the window both strides and is dilated, which Keras has no rule for.
    pub(super) fn check_one_above_1(&self, class_name: &str) -> Result<()> {
        let Self {
            strides, dilation, ..
        } = self;
        if strides.0.iter().any(|s| *s > 1) && dilation.0.iter().any(|d| *d > 1) {
            bail!(
                "{class_name}: `strides` {:?} and `dilation_rate` {:?} cannot both be above 1",
                strides.0,
                dilation.0
            );
        }
        Ok(())
    }

    pub(super) fn channel_axis(&self) -> usize {
        self.data_format.channel_axis(N + 2)
    }

    /// What the window covers of an axis.
    fn reach(&self, axis: usize) -> usize {
        self.dilation.0[axis] * (self.size.0[axis] - 1) + 1
    }

    /// The shape after the window has passed; `channels` replaces the number of channels.
    pub(super) fn output(&self, class_name: &str, input: &Dims, channels: Option<usize>) -> Result<Dims> {
        let size = |i: usize, size: usize| match self.padding {
            Padding::Same | Padding::Causal => Ok(size.div_ceil(self.strides.0[i])),
            _ if size >= self.reach(i) => Ok((size - self.reach(i)) / self.strides.0[i] + 1),
            _ => bail!(
                "{class_name}: the output would be empty: a window of {:?} (dilation {:?}) does not fit into the \
                 input {}; use a smaller window or padding \"same\"",
                self.size.0,
                self.dilation.0,
                shape::show(input)
            ),
        };
        self.map(input, channels, size)
    }

    /// The shape that this window makes one of `input` of.
    pub(super) fn transposed(
        &self,
        input: &Dims,
        channels: usize,
        output_padding: Option<Size<N>>,
    ) -> Result<Dims> {
        let size = |i: usize, size: usize| {
            let (reach, stride) = (self.reach(i), self.strides.0[i]);
            let before = size.saturating_sub(1) * stride;
            Ok(match (self.padding, output_padding) {
                (Padding::Same, None) => size * stride,
                (Padding::Same, Some(extra)) => before + reach % 2 + extra.0[i],
                (_, None) => before + reach.max(stride),
                (_, Some(extra)) => before + reach + extra.0[i],
            })
        };
        self.map(input, Some(channels), size)
    }

    fn map(
        &self,
        input: &Dims,
        channels: Option<usize>,
        size: impl Fn(usize, usize) -> Result<usize>,
    ) -> Result<Dims> {
        let mut output = input.clone();
        output[self.channel_axis()] = channels;
        let first = self.data_format.spatial_axis();
        for (i, axis) in output[first..first + N].iter_mut().enumerate() {
            *axis = axis.map(|n| size(i, n)).transpose()?;
        }
        Ok(output)
    }

    pub(super) fn conv_args(&self) -> ConvArgs {
        ConvArgs {
            strides: self.strides.0.into(),
            padding: self.padding,
            dilation: self.dilation.0.into(),
            output_padding: None,
            channels_first: self.data_format.channels_first(),
        }
    }

    pub(super) fn pool_args(&self) -> PoolArgs {
        PoolArgs {
            strides: Some(self.strides.0.into()),
            padding: self.padding,
            channels_first: self.data_format.channels_first(),
            ..PoolArgs::new(self.size.0)
        }
    }
}

/// `strides`, `padding` and `data_format` for a layer that keeps its [`Window`] in `window`.
macro_rules! window_methods {
    ([$($generics:tt)*] $type:ty, $n:ident, $strides:literal) => {
        impl<$($generics)*> $type {
            #[doc = $strides]
            #[must_use]
            pub fn strides(mut self, strides: impl Into<crate::layers::Size<$n>>) -> Self {
                self.window.strides = strides.into();
                self
            }

            /// How the border is treated; [`Padding::Valid`](keras_ops::Padding::Valid) unless given.
            #[must_use]
            pub fn padding(mut self, padding: keras_ops::Padding) -> Self {
                self.window.padding = padding;
                self
            }

            /// Where the channels are; last unless given.
            #[must_use]
            pub fn data_format(mut self, data_format: crate::layers::DataFormat) -> Self {
                self.window.data_format = data_format;
                self
            }
        }
    };
}

/// [`window_methods`] and `dilation_rate`.
macro_rules! conv_methods {
    ([$($generics:tt)*] $type:ty, $n:ident) => {
        crate::layers::window::window_methods!([$($generics)*] $type, $n, "How far the kernel moves; 1 unless given.");

        impl<$($generics)*> $type {
            /// The distance between the elements of the kernel; 1 unless given.
            #[must_use]
            pub fn dilation_rate(mut self, dilation_rate: impl Into<crate::layers::Size<$n>>) -> Self {
                self.window.dilation = dilation_rate.into();
                self
            }
        }
    };
}
pub(super) use {conv_methods, window_methods};
