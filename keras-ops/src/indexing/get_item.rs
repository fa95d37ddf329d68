use candle_core::{Result, Tensor};

use crate::axes;
use crate::shape_ops::{expand_dims, gather_axis, narrow, squeeze};

/// One part of `x[…]`, for one axis unless said otherwise. Made from an integer or a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Index {
    /// One position, from the end when negative; the axis goes.
    At(i64),
    /// Positions from `start` to before `stop` in steps; from the end when negative, cut off at the ends.
    Slice {
        /// The first; the axis's first (its last for a negative step) without.
        start: Option<i64>,
        /// The one not taken any more; to the end without.
        stop: Option<i64>,
        /// The step, not 0.
        step: i64,
    },
    /// A new axis of size 1.
    NewAxis,
    /// As many whole axes as are left.
    Ellipsis,
}

impl From<i64> for Index {
    fn from(at: i64) -> Self {
        Self::At(at)
    }
}

fn slice(start: Option<i64>, stop: Option<i64>) -> Index {
    Index::Slice { start, stop, step: 1 }
}

impl From<std::ops::Range<i64>> for Index {
    fn from(range: std::ops::Range<i64>) -> Self {
        slice(Some(range.start), Some(range.end))
    }
}

impl From<std::ops::RangeFrom<i64>> for Index {
    fn from(range: std::ops::RangeFrom<i64>) -> Self {
        slice(Some(range.start), None)
    }
}

impl From<std::ops::RangeTo<i64>> for Index {
    fn from(range: std::ops::RangeTo<i64>) -> Self {
        slice(None, Some(range.end))
    }
}

impl From<std::ops::RangeFull> for Index {
    fn from(_: std::ops::RangeFull) -> Self {
        slice(None, None)
    }
}

/// `x[index]` with Python's basic indexing; axes without an index are taken whole.
///
/// # Errors
/// When there are more indices than axes, more than one ellipsis, or a position is out of range.
///
/// ```
/// use keras_ops::{self as ops, Device, Index, Tensor};
/// let x = Tensor::arange(0f32, 6., &Device::Cpu)?.reshape((2, 3))?;
/// assert_eq!(ops::get_item(&x, &[Index::from(-1), (1..).into()])?.to_vec1::<f32>()?, [4., 5.]);
/// let back = Index::Slice { start: None, stop: None, step: -2 };
/// assert_eq!(ops::get_item(&x, &[Index::Ellipsis, back])?.to_vec2::<f32>()?, [[2., 0.], [5., 3.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn get_item(x: &Tensor, index: &[Index]) -> Result<Tensor> {
    crate::host::within("get_item", || taken(x, index))
}

fn taken(x: &Tensor, index: &[Index]) -> Result<Tensor> {
    let used = index
        .iter()
        .filter(|i| matches!(i, Index::At(_) | Index::Slice { .. }))
        .count();
    let dots = index.iter().filter(|i| **i == Index::Ellipsis).count();
    if used > x.rank() || dots > 1 {
        candle_core::bail!(
            "expected at most {} indices and one ellipsis for shape {:?}, got {index:?}",
            x.rank(),
            x.dims()
        );
    }
    let (mut y, mut axis, left) = (x.clone(), 0, x.rank() - used);
    for part in index {
        match *part {
            Index::At(at) => {
                let at = axes::axis("position", at, y.dims()[axis])?;
                y = squeeze(&narrow(&y, axis as i64, at, 1)?, Some(&[axis as i64]))?;
            }
            Index::Slice { start, stop, step } => {
                let picked = picked(y.dims()[axis] as i64, start, stop, step)?;
                y = match picked.first() {
                    _ if step == 1 && picked.len() == y.dims()[axis] => y,
                    Some(first) if step == 1 => narrow(&y, axis as i64, *first as usize, picked.len())?,
                    _ => gather_axis("get_item", &y, picked, axis)?,
                };
                axis += 1;
            }
            Index::NewAxis => {
                y = expand_dims(&y, axis as i64)?;
                axis += 1;
            }
            Index::Ellipsis => axis += left,
        }
    }
    Ok(y)
}

/// The positions of a slice of an axis of `len`.
fn picked(len: i64, start: Option<i64>, stop: Option<i64>, step: i64) -> Result<Vec<u32>> {
    if step == 0 {
        candle_core::bail!("the step of a slice must not be 0");
    }
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let bound = |at: Option<i64>, otherwise: i64| match at {
        Some(at) if at < 0 => (at + len).clamp(low, high),
        Some(at) => at.clamp(low, high),
        None => otherwise,
    };
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    let (mut at, stop) = (bound(start, first), bound(stop, last));
    let mut found = Vec::new();
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        found.push(at as u32);
        at += step;
    }
    Ok(found)
}
