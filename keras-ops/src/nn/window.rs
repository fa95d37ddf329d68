use candle_core::{Result, Tensor};

use crate::record_view;

/// How the borders of an image are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Padding {
    /// No padding: `(size - extent) / stride + 1` outputs.
    #[default]
    Valid,
    /// As much padding as gives `ceil(size / stride)` outputs, the odd element at the end.
    Same,
}

/// Where windows over one axis lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) before: usize,
    pub(super) output: usize,
}

impl Axis {
    /// `extent` is what a window covers, dilation included.
    pub(super) fn new(op: &str, size: usize, extent: usize, stride: usize, padding: Padding) -> Result<Self> {
        if stride == 0 || extent == 0 {
            candle_core::bail!("{op}: window sizes, strides and dilations must be at least 1");
        }
        match padding {
            Padding::Valid if size < extent => candle_core::bail!(
                "{op}: a window covers {extent} elements but the axis has {size}; use a smaller window or \
                 padding \"same\""
            ),
            Padding::Valid => Ok(Self {
                before: 0,
                output: (size - extent) / stride + 1,
            }),
            Padding::Same => {
                let output = size.div_ceil(stride);
                let covered = output.saturating_sub(1) * stride + extent;
                Ok(Self {
                    before: covered.saturating_sub(size) / 2,
                    output,
                })
            }
        }
    }
}

/// Sizes of up to three spatial axes, filled up in front with `fill`.
pub(super) fn three(sizes: &[usize], fill: usize) -> [usize; 3] {
    let mut all = [fill; 3];
    all[3 - sizes.len()..].copy_from_slice(sizes);
    all
}

/// (batch, channels, …) seen as (batch, …, channels).
pub(super) fn channels_last(x: &Tensor) -> Result<Tensor> {
    let axes: Vec<usize> = [0].into_iter().chain(2..x.rank()).chain([1]).collect();
    permute(x, axes)
}

/// (batch, …, channels) seen as (batch, channels, …).
pub(super) fn channels_first(x: &Tensor) -> Result<Tensor> {
    let axes: Vec<usize> = [0, x.rank() - 1].into_iter().chain(1..x.rank() - 1).collect();
    permute(x, axes)
}

fn permute(x: &Tensor, axes: Vec<usize>) -> Result<Tensor> {
    let view = x.permute(axes.as_slice())?;
    let mut inverse = vec![0; axes.len()];
    axes.iter().enumerate().for_each(|(to, from)| inverse[*from] = to);
    Ok(record_view(x, view, move |grad| grad.permute(inverse)))
}
