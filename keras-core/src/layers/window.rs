//! The arithmetic of windows that slide over images: convolution and pooling.

use keras_ops::{ConvOptions, Padding, PoolOptions};

use super::base::DataFormat;
use crate::config::Reader;
use crate::shape::{self, Dims};
use crate::{Result, bail};

/// One number for both axes, or `[height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair(pub [usize; 2]);

impl From<usize> for Pair {
    fn from(both: usize) -> Self {
        Self([both, both])
    }
}

impl From<[usize; 2]> for Pair {
    fn from(pair: [usize; 2]) -> Self {
        Self(pair)
    }
}

impl From<(usize, usize)> for Pair {
    fn from(pair: (usize, usize)) -> Self {
        Self([pair.0, pair.1])
    }
}

/// Reads a number or a list of two.
pub(super) fn read_pair<'a>(reader: &mut Reader<'a>, key: &'a str) -> Result<Option<Pair>> {
    match reader.raw(key) {
        Some(serde_json::Value::Array(_)) => Ok(Some(Pair(reader.req(key)?))),
        Some(_) => Ok(Some(reader.req::<usize>(key)?.into())),
        None => Ok(None),
    }
}

/// An error when a size is 0.
pub(super) fn positive(class_name: &str, argument: &str, pair: Pair) -> Result<()> {
    if pair.0.contains(&0) {
        bail!(
            "{class_name}: `{argument}` must be 1 or more on both axes, got {:?}",
            pair.0
        );
    }
    Ok(())
}

/// A window and how it moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) size: Pair,
    pub(super) strides: Pair,
    pub(super) dilation: Pair,
    pub(super) padding: Padding,
    pub(super) data_format: DataFormat,
}

impl Window {
    pub(super) fn channel_axis(&self) -> usize {
        if self.data_format == DataFormat::ChannelsLast {
            3
        } else {
            1
        }
    }

    fn spatial_axes(&self) -> [usize; 2] {
        if self.data_format == DataFormat::ChannelsLast {
            [1, 2]
        } else {
            [2, 3]
        }
    }

    /// The shape after the window has passed; `channels` replaces the number of channels.
    pub(super) fn output(&self, class_name: &str, input: &Dims, channels: Option<usize>) -> Result<Dims> {
        let mut output = input.clone();
        output[self.channel_axis()] = channels;
        for (i, axis) in self.spatial_axes().into_iter().enumerate() {
            let Some(size) = input[axis] else { continue };
            let reach = self.dilation.0[i] * (self.size.0[i] - 1) + 1;
            let stride = self.strides.0[i];
            output[axis] = Some(match self.padding {
                Padding::Same => size.div_ceil(stride),
                _ if size >= reach => (size - reach) / stride + 1,
                _ => bail!(
                    "{class_name}: the output would be empty: a window of {:?} (dilation {:?}) does not fit \
                     into the input {}; use a smaller window or padding \"same\"",
                    self.size.0,
                    self.dilation.0,
                    shape::show(input)
                ),
            });
        }
        Ok(output)
    }

    pub(super) fn conv_options(&self, groups: usize) -> ConvOptions<2> {
        ConvOptions {
            strides: self.strides.0,
            padding: self.padding,
            dilation: self.dilation.0,
            groups,
            channels_first: self.data_format == DataFormat::ChannelsFirst,
        }
    }

    pub(super) fn pool_options(&self) -> PoolOptions<2> {
        PoolOptions {
            pool: self.size.0,
            strides: self.strides.0,
            padding: self.padding,
            channels_first: self.data_format == DataFormat::ChannelsFirst,
        }
    }
}
