//! Joining and repeating tensors.

use candle_core::{Result, Shape, Tensor};

use super::indexing::along;
use super::{any_dtype, gather_axis};
use crate::tape::record;
use crate::{axes, host};

/// The tensors one after another along `axis`.
///
/// # Errors
/// When there are none, or dtypes or the other axes differ.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let a = Tensor::new(&[[1f32], [2.]], &Device::Cpu)?;
/// let y = ops::concatenate(&[&a, &a], -1)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[1., 1.], [2., 2.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn concatenate(tensors: &[&Tensor], axis: i64) -> Result<Tensor> {
    let Some(first) = tensors.first() else {
        candle_core::bail!("concatenate: expected at least one tensor");
    };
    let at = axes::axis("concatenate", axis, first.rank())?;
    let mut dims = first.dims().to_vec();
    dims[at] = 0;
    for t in tensors {
        let fits = t.rank() == dims.len() && (0..dims.len()).all(|i| i == at || t.dims()[i] == dims[i]);
        if !fits || t.dtype() != first.dtype() {
            candle_core::bail!(
                "concatenate: expected tensors alike except along axis {at}, got {:?} {:?} and {:?} {:?}",
                first.dims(),
                first.dtype(),
                t.dims(),
                t.dtype()
            );
        }
        dims[at] += t.dims()[at];
    }
    let outer: usize = dims[..at].iter().product();
    let row: usize = dims[at..].iter().product();
    let storage = any_dtype!("concatenate", first.dtype(), T => {
        let mut out = vec![T::default(); outer * row];
        let mut start = 0;
        for t in tensors {
            let len: usize = t.dims()[at..].iter().product();
            host::read(t, |x: &[T]| {
                if len > 0 {
                    let rows = out.chunks_exact_mut(row).zip(x.chunks_exact(len));
                    rows.for_each(|(out, x)| out[start..start + len].copy_from_slice(x));
                }
                Ok(())
            })?;
            start += len;
        }
        host::storage(out, first.device())?
    });
    let sizes: Vec<usize> = tensors.iter().map(|t| t.dims()[at]).collect();
    Ok(record(
        tensors,
        storage,
        &Shape::from(dims),
        move |grad, needs| {
            let mut start = 0;
            let part = |(len, needed): (usize, &bool)| {
                start += len;
                if *needed {
                    super::narrow(&grad, at as i64, start - len, len).map(Some)
                } else {
                    Ok(None)
                }
            };
            sizes.into_iter().zip(needs).map(part).collect()
        },
    ))
}

/// Tensors of one shape along a new axis.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let a = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
/// assert_eq!(ops::stack(&[&a, &a, &a], 1)?.dims(), [2, 3]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn stack(tensors: &[&Tensor], axis: i64) -> Result<Tensor> {
    crate::host::within("stack", || {
        let expanded: Vec<Tensor> = tensors
            .iter()
            .map(|t| super::expand_dims(t, axis))
            .collect::<Result<_>>()?;
        concatenate(&expanded.iter().collect::<Vec<_>>(), axis)
    })
}

/// The elements in reverse order along the given axes, by default along all.
///
/// # Errors
/// When an axis is out of range or named twice.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?;
/// assert_eq!(ops::flip(&x, None)?.to_vec1::<f32>()?, [3., 2., 1.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn flip(x: &Tensor, axes: Option<&[i64]>) -> Result<Tensor> {
    let mut out = x.clone();
    for axis in axes::list("flip", axes, x.rank())? {
        out = gather_axis("flip", &out, (0..x.dims()[axis] as u32).rev().collect(), axis)?;
    }
    Ok(out)
}

/// The whole of `x` repeated `repeats[i]` times along axis `i`.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
/// assert_eq!(ops::tile(&x, &[2])?.to_vec1::<f32>()?, [1., 2., 1., 2.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn tile(x: &Tensor, repeats: &[usize]) -> Result<Tensor> {
    if repeats.len() != x.rank() {
        candle_core::bail!("tile: expected {} repeats, got {repeats:?}", x.rank());
    }
    let mut out = x.clone();
    for (axis, times) in repeats.iter().enumerate().filter(|(_, times)| **times != 1) {
        let size = x.dims()[axis] as u32;
        let index = (0..*times).flat_map(|_| 0..size).collect();
        out = gather_axis("tile", &out, index, axis)?;
    }
    Ok(out)
}

/// How often [`repeat`] repeats: every element alike, or each its own number of times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// All elements so often.
    All(usize),
    /// Each element its number of times.
    Each(Vec<usize>),
}

impl From<usize> for Repeats {
    fn from(times: usize) -> Self {
        Self::All(times)
    }
}

impl From<&[usize]> for Repeats {
    fn from(times: &[usize]) -> Self {
        Self::Each(times.to_vec())
    }
}

impl<const N: usize> From<[usize; N]> for Repeats {
    fn from(times: [usize; N]) -> Self {
        Self::Each(times.to_vec())
    }
}

/// Each element along `axis` repeated; without an axis, of the elements in a row.
///
/// # Errors
/// When the axis is out of range, or there is neither one number of repeats nor one for each element.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
/// assert_eq!(ops::repeat(&x, 2, 0)?.to_vec1::<f32>()?, [1., 1., 2., 2.]);
/// assert_eq!(ops::repeat(&x, [0, 3], None)?.to_vec1::<f32>()?, [2., 2., 2.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn repeat(x: &Tensor, repeats: impl Into<Repeats>, axis: impl Into<Option<i64>>) -> Result<Tensor> {
    const OP: &str = "repeat";
    let (x, axis) = along(OP, x, axis.into())?;
    let size = x.dims()[axis];
    let times = match repeats.into() {
        Repeats::All(times) => vec![times; size],
        Repeats::Each(times) if times.len() == 1 => vec![times[0]; size],
        Repeats::Each(times) if times.len() == size => times,
        Repeats::Each(times) => candle_core::bail!(
            "{OP}: expected one number of repeats or {size}, one for each element of axis {axis} of {:?}, got {}",
            x.dims(),
            times.len()
        ),
    };
    let index = (0u32..)
        .zip(times)
        .flat_map(|(i, times)| std::iter::repeat_n(i, times));
    gather_axis(OP, &x, index.collect(), axis)
}
