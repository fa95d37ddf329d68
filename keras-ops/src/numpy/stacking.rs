//! Putting tensors together and taking them apart. Every dtype; gradients flow for floats.

use candle_core::{Result, Tensor};

use crate::{axes, host};

/// How an axis is divided: a number of parts, or the places where parts begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sections {
    /// So many parts.
    Count(usize),
    /// Parts between these places.
    At(Vec<usize>),
}

impl From<usize> for Sections {
    fn from(count: usize) -> Self {
        Self::Count(count)
    }
}

impl From<&[usize]> for Sections {
    fn from(places: &[usize]) -> Self {
        Self::At(places.to_vec())
    }
}

impl<const N: usize> From<[usize; N]> for Sections {
    fn from(places: [usize; N]) -> Self {
        Self::At(places.to_vec())
    }
}

impl Sections {
    /// The sizes of the parts of an axis of `size`; counted parts differ by at most one.
    fn sizes(&self, size: usize) -> Result<Vec<usize>> {
        match self {
            Self::Count(0) => candle_core::bail!("expected at least one section, got 0"),
            Self::Count(n) => Ok((0..*n).map(|i| size / n + usize::from(i < size % n)).collect()),
            Self::At(places) => {
                let mut start = 0;
                let ends = places.iter().map(|p| (*p).min(size)).chain([size]);
                let part = ends.map(|end| {
                    let len = end.saturating_sub(start);
                    start = start.max(end);
                    len
                });
                Ok(part.collect())
            }
        }
    }
}

/// Parts along `axis`: as even as they can be for a number of sections, else beginning at the given places.
/// Views.
///
/// # Errors
/// When the axis is out of range.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let parts = ops::array_split(&Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?, 2, 0)?;
/// assert_eq!(parts[0].to_vec1::<f32>()?, [1., 2.]);
/// assert_eq!(parts[1].to_vec1::<f32>()?, [3.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn array_split(x: &Tensor, indices_or_sections: impl Into<Sections>, axis: i64) -> Result<Vec<Tensor>> {
    host::within("array_split", || {
        let size = x.dims()[axes::axis("array_split", axis, x.rank())?];
        crate::split_sizes(x, &indices_or_sections.into().sizes(size)?, axis)
    })
}

pub(crate) fn even(op: &str, x: &Tensor, sections: Sections, axis: usize) -> Result<Vec<Tensor>> {
    let Some(&size) = x.dims().get(axis) else {
        candle_core::bail!("{op}: expected at least {} axes, got {:?}", axis + 1, x.dims());
    };
    if let Sections::Count(n) = sections
        && (n == 0 || size % n != 0)
    {
        candle_core::bail!(
            "{op}: axis {axis} of {:?} does not divide into {n} parts",
            x.dims()
        );
    }
    host::within(op, || crate::split_sizes(x, &sections.sizes(size)?, axis as i64))
}

/// Parts along the second axis, the first of a vector; equal ones for a number of sections. Views.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2., 3.]], &Device::Cpu)?;
/// let parts = ops::hsplit(&x, [1])?;
/// assert_eq!(parts[1].to_vec2::<f32>()?, [[2., 3.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn hsplit(x: &Tensor, indices_or_sections: impl Into<Sections>) -> Result<Vec<Tensor>> {
    even(
        "hsplit",
        x,
        indices_or_sections.into(),
        usize::from(x.rank() != 1),
    )
}

/// Parts along the first axis; equal ones for a number of sections. Views.
pub fn vsplit(x: &Tensor, indices_or_sections: impl Into<Sections>) -> Result<Vec<Tensor>> {
    even("vsplit", x, indices_or_sections.into(), 0)
}

/// Parts along the third axis; equal ones for a number of sections. Views.
pub fn dsplit(x: &Tensor, indices_or_sections: impl Into<Sections>) -> Result<Vec<Tensor>> {
    even("dsplit", x, indices_or_sections.into(), 2)
}

fn with_rank(tensors: &[&Tensor], rank: usize, last: bool) -> Result<Vec<Tensor>> {
    let raised = tensors.iter().map(|x| {
        let mut dims: Vec<i64> = x.dims().iter().map(|n| *n as i64).collect();
        while dims.len() < rank {
            // Vectors are rows; what follows them is new.
            dims.insert(if last && dims.len() > 1 { dims.len() } else { 0 }, 1);
        }
        crate::reshape(x, &dims)
    });
    raised.collect()
}

fn joined(op: &str, tensors: Vec<Tensor>, axis: i64) -> Result<Tensor> {
    host::within(op, || {
        crate::concatenate(&tensors.iter().collect::<Vec<_>>(), axis)
    })
}

/// The tensors beside one another: along the second axis, along the first for vectors.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
/// assert_eq!(ops::hstack(&[&x, &x])?.dims(), [4]);
/// assert_eq!(ops::vstack(&[&x, &x])?.dims(), [2, 2]);
/// assert_eq!(ops::dstack(&[&x, &x])?.dims(), [1, 2, 2]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn hstack(xs: &[&Tensor]) -> Result<Tensor> {
    let tensors = with_rank(xs, 1, false)?;
    let axis = tensors.first().map_or(0, |x| usize::from(x.rank() > 1));
    joined("hstack", tensors, axis as i64)
}

/// The tensors below one another: along the first axis, vectors as rows.
pub fn vstack(xs: &[&Tensor]) -> Result<Tensor> {
    joined("vstack", with_rank(xs, 2, false)?, 0)
}

/// The tensors behind one another: along the third axis.
pub fn dstack(xs: &[&Tensor]) -> Result<Tensor> {
    joined("dstack", with_rank(xs, 3, true)?, 2)
}

/// `x2` behind `x1` along `axis`; without an axis, all elements of both in one row.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.]], &Device::Cpu)?;
/// assert_eq!(ops::append(&x, &x, None)?.to_vec1::<f32>()?, [1., 2., 1., 2.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn append(x1: &Tensor, x2: &Tensor, axis: Option<i64>) -> Result<Tensor> {
    host::within("append", || match axis {
        Some(axis) => crate::concatenate(&[x1, x2], axis),
        None => crate::concatenate(&[&super::ravel(x1)?, &super::ravel(x2)?], 0),
    })
}

/// The slices along `axis`, without it. Views.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let rows = ops::unstack(&Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?, 0)?;
/// assert_eq!(rows[1].to_vec1::<f32>()?, [3., 4.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn unstack(x: &Tensor, axis: i64) -> Result<Vec<Tensor>> {
    host::within("unstack", || {
        let size = x.dims()[axes::axis("unstack", axis, x.rank())?];
        let slice = |i| crate::squeeze(&crate::narrow(x, axis, i, 1)?, Some(&[axis]));
        (0..size).map(slice).collect()
    })
}

/// Which axes the first two results of [`meshgrid`] run along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Indexing {
    /// The first along columns, the second along rows.
    #[default]
    Xy,
    /// Each along its own axis in order.
    Ij,
}

/// A grid of the points of several vectors: for each one tensor of its coordinates. Views.
///
/// ```
/// use keras_ops::{self as ops, Device, Indexing, Tensor};
/// let [x, y] = [Tensor::new(&[1f32, 2.], &Device::Cpu)?, Tensor::new(&[7f32], &Device::Cpu)?];
/// let grid = ops::meshgrid(&[&x, &y], Indexing::Xy)?;
/// assert_eq!(grid[0].to_vec2::<f32>()?, [[1., 2.]]);
/// assert_eq!(grid[1].to_vec2::<f32>()?, [[7., 7.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn meshgrid(xs: &[&Tensor], indexing: Indexing) -> Result<Vec<Tensor>> {
    if let Some(x) = xs.iter().find(|x| x.rank() > 1) {
        candle_core::bail!("meshgrid: expected vectors, got shape {:?}", x.dims());
    }
    let place = |i: usize| match (indexing, i) {
        (Indexing::Xy, 0 | 1) if xs.len() > 1 => 1 - i,
        _ => i,
    };
    let mut shape = vec![1; xs.len()];
    xs.iter()
        .enumerate()
        .for_each(|(i, x)| shape[place(i)] = x.elem_count());
    let grid = |(i, x): (usize, &&Tensor)| {
        let mut dims = vec![1; xs.len()];
        dims[place(i)] = x.elem_count() as i64;
        crate::broadcast_to(&crate::reshape(x, &dims)?, &shape)
    };
    host::within("meshgrid", || xs.iter().enumerate().map(grid).collect())
}
