//! Reductions and counts by number.

use candle_core::{DType, Result, Shape, Tensor};

use super::scatter::{NOWHERE, Reduction, Write, integers, write};
use crate::host;
use crate::shape_ops::any_dtype;
use crate::tape::record;

fn segments(
    op: &'static str,
    data: &Tensor,
    ids: &Tensor,
    count: Option<usize>,
    sorted: bool,
    reduction: Reduction,
) -> Result<Tensor> {
    integers(op, ids)?;
    if ids.rank() != 1 || data.dims().first() != ids.dims().first() {
        candle_core::bail!(
            "{op}: expected a segment number for each of the rows of {:?}, got {:?}",
            data.dims(),
            ids.dims()
        );
    }
    let ids = host::read(ids, |ids: &[i64]| Ok(ids.to_vec()))?;
    if sorted && let Some(at) = ids.windows(2).position(|pair| pair[0] > pair[1]) {
        candle_core::bail!(
            "{op}: expected ascending segment numbers, got {} after {}",
            ids[at + 1],
            ids[at]
        );
    }
    let count = match count {
        Some(count) => count,
        None => ids.iter().max().map_or(0, |max| (max + 1).max(0) as usize),
    };
    let there = |id: &i64| (0..count as i64).contains(id);
    let plan = Write {
        places: ids
            .iter()
            .map(|id| if there(id) { *id as u32 } else { NOWHERE })
            .collect(),
        count,
        inner: data.dims()[1..].iter().product(),
        reduction,
    };
    let dims = [&[count], &data.dims()[1..]].concat();
    write(op, None, data, plan, &dims)
}

/// The sum of the rows of `data` with each segment number, 0 for a segment without rows. Numbers outside of
/// `num_segments` (the largest and one without) are left out.
///
/// # Errors
/// When there is not a number for each row, or `sorted` ones do not ascend.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let data = Tensor::new(&[1f32, 2., 4.], &Device::Cpu)?;
/// let ids = Tensor::new(&[2u32, 0, 2], &Device::Cpu)?;
/// assert_eq!(ops::segment_sum(&data, &ids, Some(4), false)?.to_vec1::<f32>()?, [2., 0., 5., 0.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn segment_sum(data: &Tensor, ids: &Tensor, num_segments: Option<usize>, sorted: bool) -> Result<Tensor> {
    segments("segment_sum", data, ids, num_segments, sorted, Reduction::Add)
}

/// The largest element of each segment, by column; -∞ (the least integer) for one without rows. The gradient
/// is shared by equals. Otherwise as [`segment_sum`].
pub fn segment_max(data: &Tensor, ids: &Tensor, num_segments: Option<usize>, sorted: bool) -> Result<Tensor> {
    segments("segment_max", data, ids, num_segments, sorted, Reduction::Max)
}

/// The smallest element of each segment, by column; ∞ (the largest integer) for one without rows. The gradient
/// is shared by equals. Otherwise as [`segment_sum`].
pub fn segment_min(data: &Tensor, ids: &Tensor, num_segments: Option<usize>, sorted: bool) -> Result<Tensor> {
    segments("segment_min", data, ids, num_segments, sorted, Reduction::Min)
}

/// The product of the rows of each segment, 1 for one without rows. Otherwise as [`segment_sum`].
pub fn segment_prod(
    data: &Tensor,
    ids: &Tensor,
    num_segments: Option<usize>,
    sorted: bool,
) -> Result<Tensor> {
    segments("segment_prod", data, ids, num_segments, sorted, Reduction::Mul)
}

/// How often each of the numbers `0, 1, …` occurs in the last axis of `x`, as u32; with `weights`, the sum of
/// those of its occurrences.
///
/// # Shapes
/// `x` and `weights` (n) to (m), or (batch, n) to (batch, m): `m` is one more than the largest number, and at
/// least `minlength`.
///
/// # Errors
/// When a number is negative or not an integer, or the shapes do not fit.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1u32, 3, 1], &Device::Cpu)?;
/// assert_eq!(ops::bincount(&x, None, 5)?.to_vec1::<u32>()?, [0, 2, 0, 1, 0]);
/// let weights = Tensor::new(&[0.5f32, 1., 2.], &Device::Cpu)?;
/// assert_eq!(ops::bincount(&x, Some(&weights), 0)?.to_vec1::<f32>()?, [0., 2.5, 0., 1.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn bincount(x: &Tensor, weights: Option<&Tensor>, minlength: usize) -> Result<Tensor> {
    const OP: &str = "bincount";
    integers(OP, x)?;
    if !(1..=2).contains(&x.rank()) || weights.is_some_and(|w| w.dims() != x.dims()) {
        candle_core::bail!(
            "{OP}: expected numbers of one or two axes and weights of their shape, got {:?} and {:?}",
            x.dims(),
            weights.map(Tensor::dims)
        );
    }
    let numbers = host::read(x, |x: &[i64]| Ok(x.to_vec()))?;
    if let Some(negative) = numbers.iter().find(|n| **n < 0) {
        candle_core::bail!("{OP}: expected no negative numbers, got {negative}");
    }
    let count = numbers
        .iter()
        .max()
        .map_or(0, |max| *max as usize + 1)
        .max(minlength);
    let (lead, len) = x.dims().split_at(x.rank() - 1);
    let rows: usize = lead.iter().product();
    let len = len[0].max(1);
    let places = numbers
        .iter()
        .enumerate()
        .map(|(at, n)| (at / len * count + *n as usize) as u32);
    let plan = Write {
        places: places.collect(),
        count: rows * count,
        inner: 1,
        reduction: Reduction::Add,
    };
    let dims = [lead, &[count]].concat();
    match weights {
        Some(weights) => write(OP, None, weights, plan, &dims),
        None => {
            let ones = host::tensor(vec![1u32; numbers.len()], DType::U32, x.shape(), x.device())?;
            write(OP, None, &ones, plan, &dims)
        }
    }
}

/// 1 for each of the numbers below `classes` that occurs along the second axis of `x` (the first of a vector),
/// else 0, along a new last axis; other numbers are left out.
///
/// ```
/// use keras_ops::{self as ops, DType, Device, Tensor};
/// let x = Tensor::new(&[[0u32, 2], [1, 1]], &Device::Cpu)?;
/// let y = ops::multi_hot(&x, 3, DType::F32)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[1., 0., 1.], [0., 1., 0.]]);
/// # Ok::<(), ops::Error>(())
/// ```
///
/// # Errors
/// When `x` is a scalar or not of integers.
pub fn multi_hot(x: &Tensor, classes: usize, dtype: DType) -> Result<Tensor> {
    const OP: &str = "multi_hot";
    integers(OP, x)?;
    if x.rank() == 0 {
        candle_core::bail!("{OP}: expected at least one axis, got a scalar");
    }
    let axis = usize::from(x.rank() > 1);
    let dims = x.dims();
    let inner: usize = dims[axis + 1..].iter().product();
    let outer: usize = dims[..axis].iter().product();
    let out_dims = [&dims[..axis], &dims[axis + 1..], &[classes]].concat();
    let mut hot = vec![0u8; outer * inner * classes];
    host::read(x, |x: &[i64]| {
        for (at, class) in x
            .iter()
            .enumerate()
            .filter(|(_, c)| (0..classes as i64).contains(*c))
        {
            let row = at / (dims[axis] * inner) * inner + at % inner;
            hot[row * classes + *class as usize] = 1;
        }
        Ok(())
    })?;
    let storage = any_dtype!(OP, dtype, T => {
        let of = |hot: &u8| <T as candle_core::WithDType>::from_f64(*hot as f64);
        host::storage(hot.iter().map(of).collect::<Vec<T>>(), x.device())?
    });
    Ok(record(&[], storage, &Shape::from(out_dims), |_, _| {
        Ok(Default::default())
    }))
}
