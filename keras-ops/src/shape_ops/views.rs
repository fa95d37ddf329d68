//! Operations that move no data, or only where memory order forces it.

use candle_core::{Result, Shape, Tensor};

use crate::axes;
use crate::pairwise::sum_to;
use crate::tape::record_view;

/// `x` in another shape of as many elements; one size may be -1 and is then found.
///
/// # Errors
/// When the sizes do not hold the elements.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::zeros((4, 6), ops::DType::F32, &Device::Cpu)?;
/// assert_eq!(ops::reshape(&x, &[3, -1, 2])?.dims(), [3, 4, 2]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn reshape(x: &Tensor, shape: &[i64]) -> Result<Tensor> {
    let wrong = || {
        candle_core::Error::Msg(format!(
            "reshape: a tensor of shape {:?} ({} elements) cannot have shape {shape:?}",
            x.dims(),
            x.elem_count()
        ))
    };
    let known: usize = shape.iter().filter(|n| **n >= 0).map(|n| *n as usize).product();
    let free = shape.iter().filter(|n| **n < 0).count();
    if free > 1
        || shape.iter().any(|n| *n < -1)
        || (free == 1 && (known == 0 || !x.elem_count().is_multiple_of(known)))
    {
        return Err(wrong());
    }
    let size = |n: i64| if n < 0 { x.elem_count() / known } else { n as usize };
    let dims: Vec<usize> = shape.iter().map(|n| size(*n)).collect();
    if dims.iter().product::<usize>() != x.elem_count() {
        return Err(wrong());
    }
    to_shape(x, dims)
}

fn to_shape(x: &Tensor, dims: impl Into<Shape>) -> Result<Tensor> {
    let dims: Shape = dims.into();
    if &dims == x.shape() {
        return Ok(x.clone());
    }
    let from = x.shape().clone();
    Ok(record_view(x, x.reshape(dims)?, move |grad| grad.reshape(from)))
}

/// The axes in another order: axis `i` of the result is axis `order[i]` of `x`. A view.
///
/// # Errors
/// When `order` is not a permutation of the axes.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::zeros((2, 3, 4), ops::DType::F32, &Device::Cpu)?;
/// assert_eq!(ops::transpose(&x, &[2, 0, 1])?.dims(), [4, 2, 3]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn transpose(x: &Tensor, order: &[usize]) -> Result<Tensor> {
    let mut inverse = vec![usize::MAX; x.rank()];
    for (to, &from) in order.iter().enumerate() {
        if let Some(slot) = inverse.get_mut(from) {
            *slot = to;
        }
    }
    if order.len() != x.rank() || inverse.contains(&usize::MAX) {
        candle_core::bail!(
            "transpose: {order:?} is not an order of the {} axes of {:?}",
            x.rank(),
            x.dims()
        );
    }
    if order.is_sorted() {
        return Ok(x.clone());
    }
    let out = x.permute(order)?;
    Ok(record_view(x, out, move |grad| grad.permute(inverse)))
}

/// New axes of size 1, at the places `axis` of the result.
///
/// # Errors
/// When a place is out of range or given twice.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::zeros((2, 3), ops::DType::F32, &Device::Cpu)?;
/// assert_eq!(ops::expand_dims(&x, -1)?.dims(), [2, 3, 1]);
/// assert_eq!(ops::expand_dims(&x, [0, 2])?.dims(), [1, 2, 1, 3]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn expand_dims(x: &Tensor, axis: impl axes::IntoAxes) -> Result<Tensor> {
    let places = axis.axes();
    let places = axes::list("expand_dims", Some(&places), x.rank() + places.len())?;
    let mut dims = x.dims().to_vec();
    places.iter().for_each(|at| dims.insert(*at, 1));
    to_shape(x, dims)
}

/// Drops the given axes, which must have size 1; `None` drops all of size 1.
///
/// # Errors
/// When an axis has another size.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::zeros((1, 3, 1), ops::DType::F32, &Device::Cpu)?;
/// assert_eq!(ops::squeeze(&x, Some(&[-1]))?.dims(), [1, 3]);
/// assert_eq!(ops::squeeze(&x, None)?.dims(), [3]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn squeeze(x: &Tensor, axes: Option<&[i64]>) -> Result<Tensor> {
    let dims = x.dims();
    let drop: axes::List = match axes {
        Some(_) => axes::list("squeeze", axes, x.rank())?,
        None => (0..x.rank()).filter(|i| dims[*i] == 1).collect(),
    };
    if let Some(axis) = drop.iter().find(|i| dims[**i] != 1) {
        candle_core::bail!(
            "squeeze: axis {axis} of {dims:?} has size {}, expected 1",
            dims[*axis]
        );
    }
    let kept: Vec<usize> = (0..dims.len())
        .filter(|i| !drop.contains(i))
        .map(|i| dims[i])
        .collect();
    to_shape(x, kept)
}

/// `x` repeated along axes of size 1, and along new leading axes. A view.
///
/// # Errors
/// When `x` does not broadcast to `shape`.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32], [2.]], &Device::Cpu)?;
/// assert_eq!(ops::broadcast_to(&x, &[2, 2])?.to_vec2::<f32>()?, [[1., 1.], [2., 2.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn broadcast_to(x: &Tensor, shape: &[usize]) -> Result<Tensor> {
    if x.dims() == shape {
        return Ok(x.clone());
    }
    let offset = shape.len().wrapping_sub(x.rank());
    let fits = x.rank() <= shape.len()
        && x.dims()
            .iter()
            .zip(&shape[offset..])
            .all(|(a, b)| a == b || *a == 1);
    if !fits {
        candle_core::bail!(
            "broadcast_to: shape {:?} does not broadcast to {shape:?}",
            x.dims()
        );
    }
    let from = x.shape().clone();
    Ok(record_view(x, x.broadcast_as(shape)?, move |grad| {
        sum_to(&grad, &from)
    }))
}

/// `len` elements along `axis`, from `start` on. A view.
///
/// # Errors
/// When the range ends beyond the axis.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?;
/// assert_eq!(ops::narrow(&x, -1, 1, 2)?.to_vec1::<f32>()?, [2., 3.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn narrow(x: &Tensor, axis: i64, start: usize, len: usize) -> Result<Tensor> {
    let axis = axes::axis("narrow", axis, x.rank())?;
    let size = x.dims()[axis];
    if start + len > size {
        candle_core::bail!(
            "narrow: {start}..{} is beyond axis {axis} of {:?}",
            start + len,
            x.dims()
        );
    }
    if len == size {
        return Ok(x.clone());
    }
    let rank = x.rank();
    Ok(record_view(x, x.narrow(axis, start, len)?, move |grad| {
        let mut padding = vec![(0, 0); rank];
        padding[axis] = (start, size - start - len);
        super::pad(&grad, &padding, 0.)
    }))
}

/// The block of `shape` that begins at `start`. A view.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2., 3.], [4., 5., 6.]], &Device::Cpu)?;
/// assert_eq!(ops::slice(&x, &[1, 0], &[1, 2])?.to_vec2::<f32>()?, [[4., 5.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn slice(x: &Tensor, start: &[usize], shape: &[usize]) -> Result<Tensor> {
    if start.len() != x.rank() || shape.len() != x.rank() {
        candle_core::bail!(
            "slice: expected a start and a size for each axis of {:?}",
            x.dims()
        );
    }
    crate::host::within("slice", || {
        let sides = start.iter().zip(shape).enumerate();
        sides
            .into_iter()
            .try_fold(x.clone(), |out, (axis, (start, len))| {
                narrow(&out, axis as i64, *start, *len)
            })
    })
}

/// Parts along `axis`: equal ones for a number of sections, else beginning at the given places. Views.
///
/// # Errors
/// When the axis is out of range, or does not divide into the number of sections.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let parts = ops::split(&Tensor::new(&[1f32, 2., 3., 4.], &Device::Cpu)?, 2, 0)?;
/// assert_eq!(parts[1].to_vec1::<f32>()?, [3., 4.]);
/// let parts = ops::split(&Tensor::new(&[1f32, 2., 3., 4.], &Device::Cpu)?, [1], 0)?;
/// assert_eq!(parts[1].to_vec1::<f32>()?, [2., 3., 4.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn split(x: &Tensor, indices_or_sections: impl Into<crate::Sections>, axis: i64) -> Result<Vec<Tensor>> {
    let axis = axes::axis("split", axis, x.rank())?;
    crate::numpy::even("split", x, indices_or_sections.into(), axis)
}

/// Parts of the given sizes along `axis`, which they must fill. Views.
pub fn split_sizes(x: &Tensor, sizes: &[usize], axis: i64) -> Result<Vec<Tensor>> {
    let size = x.dims()[axes::axis("split_sizes", axis, x.rank())?];
    if sizes.iter().sum::<usize>() != size {
        candle_core::bail!(
            "split_sizes: sizes {sizes:?} do not add up to axis {axis} of {:?}",
            x.dims()
        );
    }
    let mut start = 0;
    let part = |len: &usize| {
        start += len;
        narrow(x, axis, start - len, *len)
    };
    sizes.iter().map(part).collect()
}
