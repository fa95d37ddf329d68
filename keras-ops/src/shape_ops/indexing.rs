//! Picking elements by number.

use candle_core::{DType, Device, Result, Shape, Tensor};

use super::any_dtype;
use crate::kernels::gather;
use crate::kernels::math::Math;
use crate::kernels::reduce::Extent;
use crate::tape::record;
use crate::{axes, host};

fn extent(dims: &[usize], axis: usize) -> Extent {
    let product = |dims: &[usize]| dims.iter().product();
    Extent {
        outer: product(&dims[..axis]),
        len: dims[axis],
        inner: product(&dims[axis + 1..]),
    }
}

/// Indices as row numbers below `len`; negative ones count from the end.
fn checked(op: &str, indices: &Tensor, len: usize) -> Result<Vec<u32>> {
    if indices.dtype().is_float() {
        candle_core::bail!(
            "{op}: expected integer indices, got {:?}; use `cast`",
            indices.dtype()
        );
    }
    host::read(indices, |indices: &[i64]| {
        let row = |(at, i): (usize, &i64)| {
            let row = if *i < 0 { *i + len as i64 } else { *i };
            if (0..len as i64).contains(&row) {
                return Ok(row as u32);
            }
            candle_core::bail!("{op}: index {i} at position {at} is out of range for an axis of size {len}")
        };
        indices.iter().enumerate().map(row).collect()
    })
}

/// [`take`] with indices that are known to be in range.
pub(crate) fn gather_axis(op: &'static str, x: &Tensor, index: Vec<u32>, axis: usize) -> Result<Tensor> {
    let mut dims = x.dims().to_vec();
    dims[axis] = index.len();
    gather_shaped(op, x, index, axis, dims)
}

/// The elements of lanes of the last axis at `places` of theirs: `dims` but for it as those of `x`.
pub(crate) fn take_places(
    op: &'static str,
    x: &Tensor,
    mut places: Vec<u32>,
    dims: &[usize],
) -> Result<Tensor> {
    let len = x.dims().last().copied().unwrap_or(1);
    let count = dims.last().copied().unwrap_or(1).max(1);
    for (lane, places) in places.chunks_mut(count).enumerate() {
        places.iter_mut().for_each(|place| *place += (lane * len) as u32);
    }
    let flat = super::reshape(x, &[x.elem_count() as i64])?;
    gather_shaped(op, &flat, places, 0, dims.to_vec())
}

fn gather_shaped(
    op: &'static str,
    x: &Tensor,
    index: Vec<u32>,
    axis: usize,
    dims: Vec<usize>,
) -> Result<Tensor> {
    let extent = extent(x.dims(), axis);
    let storage = any_dtype!(op, x.dtype(), T => {
        host::storage(host::read(x, |x: &[T]| Ok(gather::gather(x, extent, &index)))?, x.device())?
    });
    let from = x.shape().clone();
    Ok(record(&[x], storage, &Shape::from(dims), move |grad, _| {
        let dx = match host::compute_dtype(op, grad.dtype())? {
            DType::F64 => scattered::<f64>(&grad, extent, &index, &from),
            _ => scattered::<f32>(&grad, extent, &index, &from),
        }?;
        Ok([Some(dx)].into_iter().collect())
    }))
}

fn scattered<T: Math>(grad: &Tensor, extent: Extent, index: &[u32], shape: &Shape) -> Result<Tensor> {
    let dx = host::read(grad, |g: &[T]| Ok(gather::scatter_add(g, extent, index)))?;
    host::tensor(dx, grad.dtype(), shape, grad.device())
}

/// A tensor and the axis to go along; without one, all elements in a row.
pub(super) fn along(op: &str, x: &Tensor, axis: Option<i64>) -> Result<(Tensor, usize)> {
    match axis {
        Some(axis) => Ok((x.clone(), axes::axis(op, axis, x.rank())?)),
        None => Ok((super::reshape(x, &[x.elem_count() as i64])?, 0)),
    }
}

/// The elements of `x` along `axis` whose numbers are `indices`; negative ones count from the end. Without an axis, of
/// all elements in a row.
///
/// # Shapes
/// The axis is replaced by the axes of `indices`; without one, those of `indices`.
///
/// # Errors
/// When an index is out of range (named with its position), or not an integer.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let table = Tensor::new(&[[1f32, 2.], [3., 4.], [5., 6.]], &Device::Cpu)?;
/// let ids = Tensor::new(&[2u32, 0], &Device::Cpu)?;
/// assert_eq!(ops::take(&table, &ids, 0)?.to_vec2::<f32>()?, [[5., 6.], [1., 2.]]);
/// assert!(ops::take(&table, &Tensor::new(&[3u32], &Device::Cpu)?, 0).is_err());
/// # Ok::<(), ops::Error>(())
/// ```
pub fn take(x: &Tensor, indices: &Tensor, axis: impl Into<Option<i64>>) -> Result<Tensor> {
    let (x, axis) = along("take", x, axis.into())?;
    let index = checked("take", indices, x.dims()[axis])?;
    let dims = [&x.dims()[..axis], indices.dims(), &x.dims()[axis + 1..]].concat();
    gather_shaped("take", &x, index, axis, dims)
}

/// `y[.., i, ..] = x[.., indices[.., i, ..], ..]` along `axis`; without an axis, of the elements of both in a row.
///
/// # Shapes
/// `x` and `indices` alike except along `axis`; the result as `indices`, without an axis of rank 1.
///
/// # Errors
/// When the shapes do not fit or an index is out of range.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// let y = ops::take_along_axis(&x, &Tensor::new(&[[1u32], [0]], &Device::Cpu)?, 1)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[2.], [3.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn take_along_axis(x: &Tensor, indices: &Tensor, axis: impl Into<Option<i64>>) -> Result<Tensor> {
    const OP: &str = "take_along_axis";
    let axis = axis.into();
    let (x, at) = along(OP, x, axis)?;
    let indices = match axis {
        Some(_) => indices.clone(),
        None => indices.flatten_all()?,
    };
    along_axis(OP, &x, &indices, at)
}

fn along_axis(op: &'static str, x: &Tensor, indices: &Tensor, axis: usize) -> Result<Tensor> {
    let fits = |i: usize| i == axis || x.dims()[i] == indices.dims()[i];
    if indices.rank() != x.rank() || !(0..x.rank()).all(fits) {
        candle_core::bail!(
            "{op}: expected indices shaped as {:?} except along axis {axis}, got {:?}",
            x.dims(),
            indices.dims()
        );
    }
    let index = checked(op, indices, x.dims()[axis])?;
    let Extent { len, inner, .. } = extent(x.dims(), axis);
    let slab = indices.dims()[axis] * inner;
    // Each as a place in flat memory, so that this is a take along one axis of all elements.
    let flat = |(at, i): (usize, &u32)| ((at / slab) * len + *i as usize) * inner + at % inner;
    let index: Vec<u32> = index.iter().enumerate().map(|at| flat(at) as u32).collect();
    let flattened = super::reshape(x, &[x.elem_count() as i64])?;
    gather_shaped(op, &flattened, index, 0, indices.dims().to_vec())
}

/// 1 at each index along a new axis of `classes` at place `axis`, else 0; all 0 for an index out of range, as in Keras.
///
/// # Errors
/// When `indices` are not integers, or the axis is out of range.
///
/// ```
/// use keras_ops::{self as ops, DType, Device, Tensor};
/// let y = ops::one_hot(&Tensor::new(&[2u32, 0], &Device::Cpu)?, 3, -1, DType::F32)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[0., 0., 1.], [1., 0., 0.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn one_hot(indices: &Tensor, classes: usize, axis: i64, dtype: DType) -> Result<Tensor> {
    if indices.dtype().is_float() {
        candle_core::bail!(
            "one_hot: expected integer indices, got {:?}; use `cast`",
            indices.dtype()
        );
    }
    let axis = axes::axis("one_hot", axis, indices.rank() + 1)?;
    let (outer, inner) = indices.dims().split_at(axis);
    let dims = [outer, &[classes], inner].concat();
    let inner = inner.iter().product::<usize>().max(1);
    let storage = any_dtype!("one_hot", dtype, T => {
        let out = host::read(indices, |indices: &[i64]| {
            let mut out = vec![T::default(); indices.len() * classes];
            for (at, i) in indices.iter().enumerate().filter(|(_, i)| (0..classes as i64).contains(*i)) {
                let place = (at / inner * classes + *i as usize) * inner + at % inner;
                out[place] = <T as candle_core::WithDType>::from_f64(1.);
            }
            Ok(out)
        })?;
        host::storage(out, indices.device())?
    });
    Ok(record(&[], storage, &Shape::from(dims), |_, _| {
        Ok(Default::default())
    }))
}

/// `start`, `start + step`, … below `stop` (above it for a negative step).
///
/// # Errors
/// When `step` is 0.
///
/// ```
/// use keras_ops::{self as ops, DType, Device};
/// assert_eq!(ops::arange(1., 7., 2., DType::U32, &Device::Cpu)?.to_vec1::<u32>()?, [1, 3, 5]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn arange(start: f64, stop: f64, step: f64, dtype: DType, device: &Device) -> Result<Tensor> {
    if step == 0. {
        candle_core::bail!("arange: the step must not be 0");
    }
    let count = ((stop - start) / step).ceil().max(0.) as usize;
    let storage = any_dtype!("arange", dtype, T => {
        let value = |i: usize| <T as candle_core::WithDType>::from_f64(start + i as f64 * step);
        host::storage((0..count).map(value).collect::<Vec<T>>(), device)?
    });
    Ok(record(&[], storage, &Shape::from(count), |_, _| {
        Ok(Default::default())
    }))
}

/// The given rows (along the first axis) of a tensor of any dtype, without a gradient: for making batches.
///
/// # Errors
/// When a row is out of range, or `x` is a scalar.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1u8, 2], [3, 4], [5, 6]], &Device::Cpu)?;
/// assert_eq!(ops::gather_rows(&x, &[2, 2])?.to_vec2::<u8>()?, [[5, 6], [5, 6]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn gather_rows(x: &Tensor, rows: &[u32]) -> Result<Tensor> {
    let Some(&count) = x.dims().first() else {
        candle_core::bail!("gather_rows: expected at least one axis, got a scalar");
    };
    if let Some(row) = rows.iter().find(|row| **row as usize >= count) {
        candle_core::bail!("gather_rows: row {row} is out of range for {count} rows");
    }
    let extent = extent(x.dims(), 0);
    let storage = any_dtype!("gather_rows", x.dtype(), T => {
        host::storage(host::read(x, |x: &[T]| Ok(gather::gather(x, extent, rows)))?, x.device())?
    });
    let dims = [&[rows.len()], &x.dims()[1..]].concat();
    Ok(record(&[], storage, &Shape::from(dims), |_, _| {
        Ok(Default::default())
    }))
}
