//! Which axes an operation works on.

use candle_core::{Result, Tensor};
use smallvec::SmallVec;

use crate::kernels::reduce::Extent;

/// Axis numbers as they may be given: negative counts from the end.
pub(crate) type List = SmallVec<[usize; 4]>;

/// One axis or several, or numbers that go with them.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
/// assert_eq!(ops::expand_dims(&x, 0)?.dims(), [1, 2]);
/// assert_eq!(ops::expand_dims(&x, [0, -1])?.dims(), [1, 2, 1]);
/// # Ok::<(), ops::Error>(())
/// ```
pub trait IntoAxes {
    /// The numbers in order.
    fn axes(&self) -> SmallVec<[i64; 4]>;
}

impl IntoAxes for i64 {
    fn axes(&self) -> SmallVec<[i64; 4]> {
        SmallVec::from_slice(&[*self])
    }
}

impl IntoAxes for &[i64] {
    fn axes(&self) -> SmallVec<[i64; 4]> {
        SmallVec::from_slice(self)
    }
}

impl<const N: usize> IntoAxes for [i64; N] {
    fn axes(&self) -> SmallVec<[i64; 4]> {
        SmallVec::from_slice(self)
    }
}

/// The axis that `axis` means in a tensor of `rank` axes.
pub(crate) fn axis(op: &str, axis: i64, rank: usize) -> Result<usize> {
    let at = if axis < 0 { axis + rank as i64 } else { axis };
    if at < 0 || at >= rank as i64 {
        candle_core::bail!("{op}: axis {axis} is out of range for a tensor of rank {rank}");
    }
    Ok(at as usize)
}

/// The given axes in order, or all of them.
pub(crate) fn list(op: &str, axes: Option<&[i64]>, rank: usize) -> Result<List> {
    let Some(axes) = axes else {
        return Ok((0..rank).collect());
    };
    let mut list: List = axes.iter().map(|a| axis(op, *a, rank)).collect::<Result<_>>()?;
    list.sort_unstable();
    if list.windows(2).any(|w| w[0] == w[1]) {
        candle_core::bail!("{op}: axes {axes:?} name one axis twice");
    }
    Ok(list)
}

/// A set of axes brought side by side.
#[derive(Clone, Debug)]
pub(crate) struct Joined {
    pub(crate) extent: Extent,
    /// The order that puts the axes side by side, when they are not.
    pub(crate) order: Option<Vec<usize>>,
    /// The result's shape, with the axes dropped or of size 1.
    pub(crate) shape: Vec<usize>,
}

impl Joined {
    pub(crate) fn new(op: &str, dims: &[usize], axes: Option<&[i64]>, keepdims: bool) -> Result<Self> {
        let list = list(op, axes, dims.len())?;
        let shape = dims
            .iter()
            .enumerate()
            .filter_map(|(i, &n)| match list.contains(&i) {
                true => keepdims.then_some(1),
                false => Some(n),
            });
        let shape = shape.collect();
        let product = |range: &[usize]| range.iter().product::<usize>();
        let (Some(&first), Some(&last)) = (list.first(), list.last()) else {
            let extent = Extent {
                outer: product(dims),
                len: 1,
                inner: 1,
            };
            return Ok(Self {
                extent,
                order: None,
                shape,
            });
        };
        let between = (first..=last).any(|i| dims[i] != 1 && !list.contains(&i));
        if !between {
            let extent = Extent {
                outer: product(&dims[..first]),
                len: product(&dims[first..=last]),
                inner: product(&dims[last + 1..]),
            };
            return Ok(Self {
                extent,
                order: None,
                shape,
            });
        }
        let kept = (0..dims.len()).filter(|i| !list.contains(i));
        let outer = kept.clone().map(|i| dims[i]).product();
        let len = list.iter().map(|i| dims[*i]).product();
        let order = kept.chain(list.iter().copied()).collect();
        Ok(Self {
            extent: Extent { outer, len, inner: 1 },
            order: Some(order),
            shape,
        })
    }

    /// `x` with the axes side by side: itself, or a recorded view.
    pub(crate) fn arrange(&self, x: &Tensor) -> Result<Tensor> {
        match &self.order {
            Some(order) => crate::transpose(x, order),
            None => Ok(x.clone()),
        }
    }
}
