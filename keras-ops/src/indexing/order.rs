//! Sorting and choosing. Equal elements stay in order, NaN comes last, as in NumPy; positions are u32.

use candle_core::{DType, Result, Shape, Tensor};

use crate::kernels::math::Math;
use crate::kernels::order::{Ordered, Wanted, lanes};
use crate::shape_ops::{reshape, take_places, transpose};
use crate::{axes, host};

/// The order of every lane of the last axis.
fn places(x: &Tensor, wanted: Wanted) -> Result<Vec<u32>> {
    fn run<T: Ordered>(x: &Tensor, wanted: Wanted) -> Result<Vec<u32>> {
        let len = x.dims().last().copied().unwrap_or(1);
        host::read(x, |x: &[T]| Ok(lanes(x, len, wanted)))
    }
    match x.dtype() {
        DType::F32 | DType::F16 | DType::BF16 => run::<f32>(x, wanted),
        DType::F64 => run::<f64>(x, wanted),
        _ => run::<i64>(x, wanted),
    }
}

/// `x` with `axis` last, and the order of axes that brings it back.
fn last(op: &str, x: &Tensor, axis: i64) -> Result<(Tensor, Option<Vec<usize>>)> {
    if x.rank() == 0 {
        return Ok((reshape(x, &[1])?, None));
    }
    let axis = axes::axis(op, axis, x.rank())?;
    if axis + 1 == x.rank() {
        return Ok((x.clone(), None));
    }
    let mut order: Vec<usize> = (0..x.rank()).filter(|i| *i != axis).collect();
    order.push(axis);
    let moved = transpose(x, &order)?;
    let mut back: Vec<usize> = (0..x.rank()).collect();
    back.pop();
    back.insert(axis, x.rank() - 1);
    Ok((moved, Some(back)))
}

fn positions(values: Vec<u32>, dims: &[usize], like: &Tensor, back: Option<Vec<usize>>) -> Result<Tensor> {
    let found = host::tensor(values, DType::U32, &Shape::from(dims), like.device())?;
    match back {
        Some(back) => transpose(&found, &back)?.contiguous(),
        None => Ok(found),
    }
}

/// The elements along `axis` in ascending order, NaN last. The gradient goes where the elements came from.
///
/// # Errors
/// When there is no such axis.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[3f32, f32::NAN, 1.], [0., -1., 2.]], &Device::Cpu)?;
/// let y = ops::sort(&x, -1)?.to_vec2::<f32>()?;
/// assert!(y[0][..2] == [1., 3.] && y[0][2].is_nan() && y[1] == [-1., 0., 2.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn sort(x: &Tensor, axis: i64) -> Result<Tensor> {
    let (moved, back) = last("sort", x, axis)?;
    let sorted = take_places("sort", &moved, places(&moved, Wanted::All(false))?, moved.dims())?;
    match back {
        Some(back) => transpose(&sorted, &back),
        None => reshape(&sorted, &x.dims().iter().map(|n| *n as i64).collect::<Vec<_>>()),
    }
}

/// The positions along `axis` that [`sort`] takes the elements from.
///
/// # Errors
/// When there is no such axis.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[2i64, 0, 2, 1], &Device::Cpu)?;
/// assert_eq!(ops::argsort(&x, -1)?.to_vec1::<u32>()?, [1, 3, 0, 2]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn argsort(x: &Tensor, axis: i64) -> Result<Tensor> {
    let (moved, back) = last("argsort", x, axis)?;
    positions(places(&moved, Wanted::All(false))?, moved.dims(), x, back)
}

/// Positions along `axis` such that the one at `kth` (from the end when negative) is where [`sort`] would put
/// it, no smaller element comes after and no larger one before. The order is otherwise not defined.
///
/// # Errors
/// When there is no such axis or `kth` lies outside.
pub fn argpartition(x: &Tensor, kth: i64, axis: i64) -> Result<Tensor> {
    let (moved, back) = last("argpartition", x, axis)?;
    let len = moved.dims().last().copied().unwrap_or(1);
    let kth = axes::axis("argpartition", kth, len)?;
    positions(places(&moved, Wanted::Split(kth))?, moved.dims(), x, back)
}

/// The `k` largest elements of the last axis, the largest first, and their positions; of equals the first.
/// NaN counts as larger than any number. The gradient goes where the elements came from.
///
/// # Errors
/// When `x` is a scalar or `k` is larger than the axis.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let (values, positions) = ops::top_k(&Tensor::new(&[1f32, 5., 3., 5.], &Device::Cpu)?, 3)?;
/// assert_eq!(values.to_vec1::<f32>()?, [5., 5., 3.]);
/// assert_eq!(positions.to_vec1::<u32>()?, [1, 3, 2]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn top_k(x: &Tensor, k: usize) -> Result<(Tensor, Tensor)> {
    let len = match x.dims().last() {
        Some(len) if k <= *len => *len,
        _ => candle_core::bail!("top_k: expected a last axis of at least {k}, got {:?}", x.dims()),
    };
    debug_assert!(k <= len);
    let dims = [&x.dims()[..x.rank() - 1], &[k]].concat();
    let found = places(x, Wanted::Largest(k))?;
    let values = take_places("top_k", x, found.clone(), &dims)?;
    Ok((values, positions(found, &dims, x, None)?))
}

/// 1 where the prediction for the target is among the `k` largest of its row, ties counting for it, as u8. A
/// NaN is never among them.
///
/// # Shapes
/// `targets` (n) of integers, `predictions` (n, classes), the result (n).
///
/// # Errors
/// When the shapes do not fit, or a target is not a class.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let predictions = Tensor::new(&[[0.1f32, 0.4, 0.6], [0.7, 0.2, 0.7]], &Device::Cpu)?;
/// let hit = ops::in_top_k(&Tensor::new(&[0u32, 2], &Device::Cpu)?, &predictions, 1)?;
/// assert_eq!(hit.to_vec1::<u8>()?, [0, 1]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn in_top_k(targets: &Tensor, predictions: &Tensor, k: usize) -> Result<Tensor> {
    let rank = predictions.rank();
    if rank == 0 || predictions.dims()[..rank - 1] != *targets.dims() || targets.dtype().is_float() {
        candle_core::bail!(
            "in_top_k: expected integer targets of shape {:?}, got {:?} {:?}",
            &predictions.dims()[..rank.saturating_sub(1)],
            targets.dtype(),
            targets.dims()
        );
    }
    let classes = predictions.dims()[rank - 1];
    let hits = match predictions.dtype() {
        DType::F32 | DType::F16 | DType::BF16 => hits::<f32>(targets, predictions, classes, k),
        _ => hits::<f64>(targets, predictions, classes, k),
    }?;
    host::tensor::<u8>(hits, DType::U8, targets.shape(), targets.device())
}

/// For each target whether fewer than `k` predictions are larger than its own.
fn hits<T: Math>(targets: &Tensor, predictions: &Tensor, classes: usize, k: usize) -> Result<Vec<u8>> {
    host::read(targets, |targets: &[i64]| {
        host::read(predictions, |predictions: &[T]| {
            let row = |(target, row): (&i64, &[T])| {
                let Some(own) = usize::try_from(*target).ok().and_then(|t| row.get(t)) else {
                    candle_core::bail!("in_top_k: target {target} is not one of {classes} classes");
                };
                let own = if own.is_nan() {
                    T::of(f64::NEG_INFINITY)
                } else {
                    *own
                };
                Ok(u8::from(row.iter().filter(|p| **p > own).count() < k))
            };
            let rows = predictions.chunks(classes.max(1));
            targets.iter().zip(rows).map(row).collect()
        })
    })
}
