//! Convolution over up to three spatial axes, channels last, without a matrix of patches.
//!
//! A register kernel keeps some pixels times some filters and reads the image where it lies; only borders,
//! derivatives of activations and odd channel counts need a copy, of one tile at a time. The gradient by the image
//! (and so transposed convolution) is the same kernel over the output, once for each position between the strides;
//! the gradient by the kernel keeps taps times filters.
//!
//! Names: the image is the side that windows slide over, the other side has a pixel for each window.

mod axis;
mod channelwise;
mod few;
mod gather;
mod panels;
mod pooled;
mod spread;
mod sweep;
mod tile;
mod weights;

pub use gather::gather;
pub use pooled::gather_max;
pub use spread::spread;
pub use tile::Source;
pub use weights::{kernel_gradient, sum_pixels};

/// The sizes of a convolution. Spatial arrays are (depth, height, width), 1 where there are fewer axes.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Spatial size of the image.
    pub input: [usize; 3],
    /// Channels of the image.
    pub channels: usize,
    /// Spatial size of the kernel.
    pub kernel: [usize; 3],
    /// Channels of the other side.
    pub filters: usize,
    /// Steps between windows.
    pub stride: [usize; 3],
    /// Distance between the elements of a window.
    pub dilation: [usize; 3],
    /// Padding in front.
    pub before: [usize; 3],
    /// Windows along each axis.
    pub output: [usize; 3],
    /// Independent groups of channels and filters.
    pub groups: usize,
}

// Multiply-adds below which other threads are not woken.
const PARALLEL_WORK: usize = 1 << 18;

impl Geometry {
    /// Elements of all images.
    pub fn image_len(&self) -> usize {
        self.batch * self.input.iter().product::<usize>() * self.channels
    }
    /// Elements of the other side.
    pub fn output_len(&self) -> usize {
        self.batch * self.output.iter().product::<usize>() * self.filters
    }
    /// Elements of the kernel.
    pub fn kernel_len(&self) -> usize {
        self.taps() * self.group_channels() * self.filters
    }
    fn taps(&self) -> usize {
        self.kernel.iter().product()
    }
    fn group_channels(&self) -> usize {
        self.channels / self.groups
    }
    fn group_filters(&self) -> usize {
        self.filters / self.groups
    }
    /// Each channel has one filter of its own.
    fn depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.channels && self.groups == self.filters
    }
    /// What a window covers of an axis.
    fn extent(&self, axis: usize) -> usize {
        (self.kernel[axis].max(1) - 1) * self.dilation[axis] + 1
    }
    /// Multiply-adds of one pass.
    fn work(&self) -> usize {
        self.output_len() * self.taps() * self.group_channels()
    }
    /// Whose `gather`, with the taps in the opposite order, is the `spread` of this one; for single steps.
    fn mirrored(mut self) -> Option<Self> {
        for axis in 0..3 {
            if self.stride[axis] != 1 {
                return None;
            }
            self.before[axis] = (self.extent(axis) - 1).checked_sub(self.before[axis])?;
        }
        std::mem::swap(&mut self.input, &mut self.output);
        std::mem::swap(&mut self.channels, &mut self.filters);
        Some(self)
    }
    /// One image of many lines, where windows are single pixels.
    fn flat(mut self) -> Self {
        let single = |i: usize| self.kernel[i] == 1 && self.stride[i] == 1 && self.before[i] == 0;
        if (0..3).all(single) && self.input == self.output {
            let lines = self.batch * self.input[0] * self.input[1];
            self.batch = lines.min(1);
            self.input = [1, lines, self.input[2]];
            self.output = self.input;
        }
        self
    }
}
