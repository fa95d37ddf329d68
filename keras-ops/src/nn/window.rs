use candle_core::{Result, Tensor};
use smallvec::SmallVec;

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
    /// As much padding in front as keeps an output from seeing later inputs; for one spatial axis.
    Causal,
    /// Elements in front of and behind each spatial axis; see [`Padding::explicit`].
    Explicit([(usize, usize); 3]),
}

impl Padding {
    /// `(in front, behind)` for each spatial axis.
    ///
    /// ```
    /// use keras_ops::Padding;
    /// assert_eq!(Padding::explicit([(1, 2)]), Padding::Explicit([(1, 2), (0, 0), (0, 0)]));
    /// ```
    ///
    /// More than three pairs do not compile.
    pub const fn explicit<const N: usize>(pairs: [(usize, usize); N]) -> Self {
        const { assert!(N <= 3, "there are at most three spatial axes") };
        let mut all = [(0, 0); 3];
        let mut i = 0;
        while i < N {
            all[i] = pairs[i];
            i += 1;
        }
        Self::Explicit(all)
    }

    /// Padding in front of and behind axis `at` of `axes`, where windows cover `extent` elements.
    pub(crate) fn around(
        self,
        op: &str,
        (at, axes): (usize, usize),
        size: usize,
        extent: usize,
        stride: usize,
    ) -> Result<(usize, usize)> {
        match self {
            Self::Valid => Ok((0, 0)),
            Self::Same => {
                let covered = size.div_ceil(stride).saturating_sub(1) * stride + extent;
                let missing = covered.saturating_sub(size);
                Ok((missing / 2, missing - missing / 2))
            }
            Self::Causal if axes == 1 => Ok((extent - 1, 0)),
            Self::Causal => candle_core::bail!(
                "{op}: padding \"causal\" is for one spatial axis, got {axes}; use \"same\" or \"valid\""
            ),
            Self::Explicit(pairs) if pairs[axes..].iter().all(|p| *p == (0, 0)) => Ok(pairs[at]),
            Self::Explicit(pairs) => candle_core::bail!(
                "{op}: expected padding for {axes} spatial axes, got {pairs:?}; make it with `Padding::explicit`"
            ),
        }
    }
}

/// One number for all spatial axes, or one for each, where the rank is known only when it runs.
///
/// ```
/// use keras_ops::Sizes;
/// let (both, each): (Sizes, Sizes) = (2.into(), [2, 3].into());
/// assert_ne!(both, each);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes(SmallVec<[usize; 3]>);

impl From<usize> for Sizes {
    fn from(all: usize) -> Self {
        Self(SmallVec::from_slice(&[all]))
    }
}

impl<const N: usize> From<[usize; N]> for Sizes {
    fn from(each: [usize; N]) -> Self {
        Self(SmallVec::from_slice(&each))
    }
}

impl From<&[usize]> for Sizes {
    fn from(each: &[usize]) -> Self {
        Self(SmallVec::from_slice(each))
    }
}

impl From<Vec<usize>> for Sizes {
    fn from(each: Vec<usize>) -> Self {
        Self(SmallVec::from_vec(each))
    }
}

impl Sizes {
    /// The sizes of `N` spatial axes.
    pub(super) fn of<const N: usize>(&self, op: &str, what: &str) -> Result<[usize; N]> {
        match self.0.as_slice() {
            [all] => Ok([*all; N]),
            each if each.len() == N => Ok(std::array::from_fn(|i| each[i])),
            each => candle_core::bail!(
                "{op}: expected {what} to be one number or one for each of the {N} spatial axes, got {each:?}"
            ),
        }
    }
}

/// Where windows over one axis lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) output: usize,
}

impl Axis {
    /// `extent` is what a window covers, dilation included; `place` is (which axis, of how many).
    pub(super) fn new(
        op: &str,
        place: (usize, usize),
        size: usize,
        extent: usize,
        stride: usize,
        padding: Padding,
    ) -> Result<Self> {
        if stride == 0 || extent == 0 {
            candle_core::bail!("{op}: window sizes, strides and dilations must be at least 1");
        }
        let (before, after) = padding.around(op, place, size, extent, stride)?;
        let padded = before + size + after;
        if padding == Padding::Same && size == 0 {
            return Ok(Self {
                before,
                after,
                output: 0,
            });
        }
        if padded < extent {
            candle_core::bail!(
                "{op}: a window covers {extent} elements but the axis has {padded}; use a smaller window or \
                 padding \"same\""
            );
        }
        let output = (padded - extent) / stride + 1;
        Ok(Self {
            before,
            after,
            output,
        })
    }
}

/// The error when `x` has no spatial axes, or more than three.
pub(super) fn wrong_rank(op: &str, x: &Tensor) -> candle_core::Error {
    candle_core::Error::msg(format!(
        "{op}: expected x with 3 to 5 axes (batch, spatial, channels), got {:?}",
        x.dims()
    ))
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
