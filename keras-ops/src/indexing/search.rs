//! Finding elements: positions, unique ones, membership. None has a gradient; positions are u32.

use std::cmp::Ordering;

use candle_core::{DType, Device, Result, Shape, Tensor};
use rustc_hash::FxHashSet;

use crate::kernels::order::{Wanted, lanes};
use crate::shape_ops::transpose;
use crate::{axes, host};

fn positions(values: Vec<u32>, dims: &[usize], device: &Device) -> Result<Tensor> {
    host::tensor(values, DType::U32, &Shape::from(dims), device)
}

/// The positions of the elements that are not 0: one tensor an axis.
///
/// # Errors
/// When `x` is a scalar.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let at = ops::nonzero(&Tensor::new(&[[0f32, 2.], [3., 0.]], &Device::Cpu)?)?;
/// assert_eq!(at[0].to_vec1::<u32>()?, [0, 1]);
/// assert_eq!(at[1].to_vec1::<u32>()?, [1, 0]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn nonzero(x: &Tensor) -> Result<Vec<Tensor>> {
    if x.rank() == 0 {
        candle_core::bail!("nonzero: expected at least one axis, got a scalar");
    }
    let found = host::read(x, |x: &[f64]| {
        let set = x.iter().enumerate().filter(|(_, v)| **v != 0.);
        Ok(set.map(|(at, _)| at).collect::<Vec<_>>())
    })?;
    unraveled(&found, x.dims(), &[found.len()], x.device())
}

fn unraveled(flat: &[usize], shape: &[usize], dims: &[usize], device: &Device) -> Result<Vec<Tensor>> {
    let axis = |i: usize| {
        let stride: usize = shape[i + 1..].iter().product();
        let of = flat.iter().map(|at| (at / stride % shape[i]) as u32);
        positions(of.collect(), dims, device)
    };
    (0..shape.len()).map(axis).collect()
}

/// The positions in each axis of `shape` of elements counted in row-major order, from the end when negative.
///
/// # Errors
/// When a number is not one of an element, or not an integer.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let at = ops::unravel_index(&Tensor::new(&[4i64, -1], &Device::Cpu)?, &[2, 3])?;
/// assert_eq!((at[0].to_vec1::<u32>()?, at[1].to_vec1::<u32>()?), (vec![1, 1], vec![1, 2]));
/// # Ok::<(), ops::Error>(())
/// ```
pub fn unravel_index(indices: &Tensor, shape: &[usize]) -> Result<Vec<Tensor>> {
    if indices.dtype().is_float() {
        candle_core::bail!(
            "unravel_index: expected integers, got {:?}; use `ops::cast`",
            indices.dtype()
        );
    }
    let count = shape.iter().product::<usize>() as i64;
    let flat = host::read(indices, |indices: &[i64]| {
        let at = |i: &i64| match if *i < 0 { i + count } else { *i } {
            at if (0..count).contains(&at) => Ok(at as usize),
            _ => candle_core::bail!("unravel_index: {i} is not an element of shape {shape:?}"),
        };
        indices.iter().map(at).collect::<Result<Vec<_>>>()
    })?;
    unraveled(&flat, shape, indices.dims(), indices.device())
}

/// Elements for searching: integers where both sides are, else f64.
enum Values {
    Whole(Vec<i64>),
    Float(Vec<f64>),
}

fn pair(a: &Tensor, b: &Tensor) -> Result<(Values, Values)> {
    let whole = !a.dtype().is_float() && !b.dtype().is_float();
    let read = |x: &Tensor| -> Result<Values> {
        match whole {
            true => Ok(Values::Whole(host::read(x, |v: &[i64]| Ok(v.to_vec()))?)),
            false => Ok(Values::Float(host::read(x, |v: &[f64]| Ok(v.to_vec()))?)),
        }
    };
    Ok((read(a)?, read(b)?))
}

/// The order of floats with NaN after all others.
fn order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Where to put each of `values` into the ascending vector `sorted` to keep it ascending: before equal elements,
/// or after them with `right`.
///
/// # Errors
/// When `sorted` is not a vector.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let sorted = Tensor::new(&[1f32, 3., 3., 5.], &Device::Cpu)?;
/// let values = Tensor::new(&[3f32, 6.], &Device::Cpu)?;
/// assert_eq!(ops::searchsorted(&sorted, &values, false)?.to_vec1::<u32>()?, [1, 4]);
/// assert_eq!(ops::searchsorted(&sorted, &values, true)?.to_vec1::<u32>()?, [3, 4]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn searchsorted(sorted: &Tensor, values: &Tensor, right: bool) -> Result<Tensor> {
    if sorted.rank() != 1 {
        candle_core::bail!(
            "searchsorted: expected a sorted vector, got shape {:?}",
            sorted.dims()
        );
    }
    let keep = |o: Ordering| o == Ordering::Less || (right && o == Ordering::Equal);
    let found: Vec<u32> = match pair(sorted, values)? {
        (Values::Whole(sorted), Values::Whole(values)) => values
            .iter()
            .map(|v| sorted.partition_point(|s| keep(s.cmp(v))) as u32)
            .collect(),
        (Values::Float(sorted), Values::Float(values)) => values
            .iter()
            .map(|v| sorted.partition_point(|s| keep(order(*s, *v))) as u32)
            .collect(),
        _ => Vec::new(),
    };
    positions(found, values.dims(), values.device())
}

/// The bin of each element: `i` where `bins[i - 1] <= x < bins[i]` for ascending `bins`, `bins[i - 1] > x >=
/// bins[i]` for descending ones.
///
/// # Errors
/// When `bins` is not a vector.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let bins = Tensor::new(&[0f32, 1., 2.], &Device::Cpu)?;
/// let x = Tensor::new(&[-1f32, 0., 1.5, 2.], &Device::Cpu)?;
/// assert_eq!(ops::digitize(&x, &bins)?.to_vec1::<u32>()?, [0, 1, 2, 3]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn digitize(x: &Tensor, bins: &Tensor) -> Result<Tensor> {
    if bins.rank() != 1 {
        candle_core::bail!("digitize: expected a vector of bins, got shape {:?}", bins.dims());
    }
    let count = bins.dims()[0];
    let ends = host::read(bins, |b: &[f64]| Ok(b.first().copied().zip(b.last().copied())))?;
    if ends.is_none_or(|(first, last)| last >= first) {
        return searchsorted(bins, x, true);
    }
    let found = searchsorted(&crate::flip(bins, None)?, x, false)?;
    let from_end = host::read(&found, |at: &[u32]| {
        Ok(at.iter().map(|at| count as u32 - at).collect())
    })?;
    positions(from_end, x.dims(), x.device())
}

/// 1 where an element of `x` is one of `elements` (with `invert`, where it is none), as u8. NaN is no element.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[0u32, 1, 2], &Device::Cpu)?;
/// let elements = Tensor::new(&[2u32, 0], &Device::Cpu)?;
/// assert_eq!(ops::isin(&x, &elements, false)?.to_vec1::<u8>()?, [1, 0, 1]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn isin(x: &Tensor, elements: &Tensor, invert: bool) -> Result<Tensor> {
    let bits = |v: &f64| (!v.is_nan()).then(|| (v + 0.).to_bits());
    let found: Vec<u8> = match pair(x, elements)? {
        (Values::Whole(x), Values::Whole(elements)) => {
            let set: FxHashSet<i64> = elements.into_iter().collect();
            x.iter().map(|v| u8::from(set.contains(v) != invert)).collect()
        }
        (Values::Float(x), Values::Float(elements)) => {
            let set: FxHashSet<u64> = elements.iter().filter_map(bits).collect();
            let inside = |v: &f64| bits(v).is_some_and(|v| set.contains(&v));
            x.iter().map(|v| u8::from(inside(v) != invert)).collect()
        }
        _ => Vec::new(),
    };
    host::tensor(found, DType::U8, x.shape(), x.device())
}

/// What [`unique`] finds.
#[derive(Clone, Debug)]
pub struct Unique {
    /// The elements (or slices) that differ, ascending.
    pub values: Tensor,
    /// Where each occurs first.
    pub indices: Tensor,
    /// Which of `values` each element is: of the shape of `x`, or a number a slice.
    pub inverse: Tensor,
    /// How often each occurs.
    pub counts: Tensor,
}

/// The elements of `x` that differ, ascending; with `axis`, the slices along it. Each NaN is an element of its
/// own.
///
/// # Errors
/// When there is no such axis.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let found = ops::unique(&Tensor::new(&[3f32, 1., 3.], &Device::Cpu)?, None)?;
/// assert_eq!(found.values.to_vec1::<f32>()?, [1., 3.]);
/// assert_eq!(found.indices.to_vec1::<u32>()?, [1, 0]);
/// assert_eq!(found.inverse.to_vec1::<u32>()?, [1, 0, 1]);
/// assert_eq!(found.counts.to_vec1::<u32>()?, [1, 2]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn unique(x: &Tensor, axis: Option<i64>) -> Result<Unique> {
    let x = &x.detach();
    let Some(axis) = axis else {
        let flat = x.flatten_all()?;
        let found = slices(&flat)?;
        let inverse = found.inverse.reshape(x.shape())?;
        return Ok(Unique { inverse, ..found });
    };
    let axis = axes::axis("unique", axis, x.rank())?;
    let mut to_front: Vec<usize> = (0..x.rank()).collect();
    to_front[..=axis].rotate_right(1);
    let mut back: Vec<usize> = (0..x.rank()).collect();
    back[..=axis].rotate_left(1);
    let found = slices(&transpose(x, &to_front)?.contiguous()?)?;
    let values = transpose(&found.values, &back)?.contiguous()?;
    Ok(Unique { values, ..found })
}

/// The slices along the first axis.
fn slices(x: &Tensor) -> Result<Unique> {
    let count = x.dims()[0];
    let width: usize = x.dims()[1..].iter().product();
    let (order, same): (Vec<u32>, Vec<bool>) = match x.dtype().is_float() {
        true => host::read(x, |x: &[f64]| {
            Ok(ordered(x, count, width, |a, b| order(*a, *b), |a, b| a == b))
        })?,
        false => host::read(x, |x: &[i64]| {
            Ok(ordered(x, count, width, Ord::cmp, |a, b| a == b))
        })?,
    };
    let (mut firsts, mut counts, mut inverse) = (Vec::new(), Vec::new(), vec![0; count]);
    for (place, same) in order.iter().zip(same) {
        if !same {
            firsts.push(*place);
            counts.push(0);
        }
        inverse[*place as usize] = firsts.len() as u32 - 1;
        if let Some(count) = counts.last_mut() {
            *count += 1;
        }
    }
    let vector = |values: Vec<u32>| {
        let dims = [values.len()];
        positions(values, &dims, x.device())
    };
    Ok(Unique {
        values: crate::gather_rows(x, &firsts)?,
        indices: vector(firsts)?,
        inverse: vector(inverse)?,
        counts: vector(counts)?,
    })
}

/// The order of slices, and which equal the one before in it.
fn ordered<T>(
    x: &[T],
    count: usize,
    width: usize,
    compare: impl Fn(&T, &T) -> Ordering,
    equal: impl Fn(&T, &T) -> bool,
) -> (Vec<u32>, Vec<bool>)
where
    T: crate::kernels::order::Ordered,
{
    let slice = |place: u32| &x[place as usize * width..(place as usize + 1) * width];
    let order = if width == 1 {
        lanes(x, count, Wanted::All(false))
    } else {
        let mut order: Vec<u32> = (0..count as u32).collect();
        order.sort_by(|a, b| {
            let pairs = slice(*a).iter().zip(slice(*b));
            pairs
                .map(|(a, b)| compare(a, b))
                .find(|o| o.is_ne())
                .unwrap_or(Ordering::Equal)
        });
        order
    };
    let same = (0..order.len())
        .map(|i| {
            i > 0
                && slice(order[i - 1])
                    .iter()
                    .zip(slice(order[i]))
                    .all(|(a, b)| equal(a, b))
        })
        .collect();
    (order, same)
}
