//! Axes and elements in another order. Every dtype; gradients flow for floats.

use candle_core::{Result, Shape, Tensor};

use crate::axes::{self, IntoAxes};
use crate::host;
use crate::tape::record;

/// All elements in one axis.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// assert_eq!(ops::ravel(&x)?.to_vec1::<f32>()?, [1., 2., 3., 4.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn ravel(x: &Tensor) -> Result<Tensor> {
    host::within("ravel", || crate::reshape(x, &[x.elem_count() as i64]))
}

/// The same values in memory of their own, contiguous.
pub fn copy(x: &Tensor) -> Result<Tensor> {
    let storage = crate::shape_ops::any_dtype!("copy", x.dtype(), T => {
        host::read(x, |x: &[T]| Ok(x.to_vec())).and_then(|out| host::storage(out, x.device()))
    })?;
    Ok(record(&[x], storage, x.shape(), |grad, _| {
        Ok([Some(grad)].into_iter().collect())
    }))
}

/// The axes `source` at the places `destination`, the others in order. A view.
///
/// # Errors
/// When an axis is out of range or given twice, or there are not as many places as axes.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::zeros((2, 3, 4), ops::DType::F32, &Device::Cpu)?;
/// assert_eq!(ops::moveaxis(&x, 0, -1)?.dims(), [3, 4, 2]);
/// assert_eq!(ops::moveaxis(&x, [0, 1], [1, 0])?.dims(), [3, 2, 4]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn moveaxis(x: &Tensor, source: impl IntoAxes, destination: impl IntoAxes) -> Result<Tensor> {
    const OP: &str = "moveaxis";
    let rank = x.rank();
    let place = |given: &[i64]| -> Result<axes::List> {
        axes::list(OP, Some(given), rank)?; // names an axis given twice
        given.iter().map(|a| axes::axis(OP, *a, rank)).collect()
    };
    let (from, to) = (
        place(source.axes().as_slice())?,
        place(destination.axes().as_slice())?,
    );
    if from.len() != to.len() {
        candle_core::bail!(
            "{OP}: expected as many places as axes, got {} and {}",
            to.len(),
            from.len()
        );
    }
    let mut order = vec![usize::MAX; rank];
    from.iter().zip(&to).for_each(|(from, to)| order[*to] = *from);
    let mut rest = (0..rank).filter(|i| !from.contains(i));
    let free = order.iter_mut().filter(|slot| **slot == usize::MAX);
    free.zip(&mut rest).for_each(|(slot, axis)| *slot = axis);
    host::within(OP, || crate::transpose(x, &order))
}

/// Two axes in each other's place. A view.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::zeros((2, 3, 4), ops::DType::F32, &Device::Cpu)?;
/// assert_eq!(ops::swapaxes(&x, 0, -1)?.dims(), [4, 3, 2]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn swapaxes(x: &Tensor, axis1: i64, axis2: i64) -> Result<Tensor> {
    let first = axes::axis("swapaxes", axis1, x.rank())?;
    let second = axes::axis("swapaxes", axis2, x.rank())?;
    let mut order: Vec<usize> = (0..x.rank()).collect();
    order.swap(first, second);
    host::within("swapaxes", || crate::transpose(x, &order))
}

/// The elements moved on by `shift` along `axes`, round the end; without axes, all elements as one row.
///
/// # Errors
/// When an axis is out of range, or the numbers of shifts and axes differ (one shift serves all axes).
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?;
/// assert_eq!(ops::roll(&x, 1, Some(&[0]))?.to_vec1::<f32>()?, [3., 1., 2.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn roll(x: &Tensor, shift: impl IntoAxes, axis: Option<&[i64]>) -> Result<Tensor> {
    let shifts = shift.axes();
    let along = axis.unwrap_or(&[0]);
    if shifts.len() != along.len() && shifts.len() != 1 {
        candle_core::bail!(
            "roll: expected one shift or one for each of {} axes, got {}",
            along.len(),
            shifts.len()
        );
    }
    host::within("roll", || {
        let mut out = if axis.is_none() {
            super::ravel(x)?
        } else {
            x.clone()
        };
        for (i, axis) in along.iter().enumerate() {
            let at = axes::axis("roll", *axis, out.rank())?;
            let size = out.dims()[at];
            let shift = shifts.get(i).or(shifts.first()).copied().unwrap_or(0);
            let by = if size == 0 {
                0
            } else {
                shift.rem_euclid(size as i64) as usize
            };
            if by > 0 {
                let head = crate::narrow(&out, *axis, 0, size - by)?;
                let tail = crate::narrow(&out, *axis, size - by, by)?;
                out = crate::concatenate(&[&tail, &head], *axis)?;
            }
        }
        crate::reshape(&out, &x.dims().iter().map(|n| *n as i64).collect::<Vec<_>>())
    })
}

/// Each row (second axis) in reverse order.
pub fn fliplr(x: &Tensor) -> Result<Tensor> {
    host::within("fliplr", || crate::flip(x, Some(&[1])))
}

/// Each column (first axis) in reverse order.
pub fn flipud(x: &Tensor) -> Result<Tensor> {
    host::within("flipud", || crate::flip(x, Some(&[0])))
}

/// The plane of two axes turned `k` times by 90 degrees, from the first axis towards the second.
///
/// # Errors
/// When the axes are out of range or the same.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// assert_eq!(ops::rot90(&x, 1, (0, 1))?.to_vec2::<f32>()?, [[2., 4.], [1., 3.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn rot90(x: &Tensor, k: i64, axes: (i64, i64)) -> Result<Tensor> {
    let first = axes::axis("rot90", axes.0, x.rank())?;
    let second = axes::axis("rot90", axes.1, x.rank())?;
    if first == second {
        candle_core::bail!("rot90: expected two different axes, got {axes:?}");
    }
    let (a, b) = (first as i64, second as i64);
    host::within("rot90", || match k.rem_euclid(4) {
        0 => Ok(x.clone()),
        1 => crate::flip(&swapaxes(x, a, b)?, Some(&[a])),
        2 => crate::flip(x, Some(&[a, b])),
        _ => crate::flip(&swapaxes(x, a, b)?, Some(&[b])),
    })
}

/// Blocks of channels as blocks of pixels: the channels of `(…, height, width, channels)` shrink by
/// `block_size^2`, height and width grow by `block_size`. `channels_first` takes `(batch, channels, height,
/// width)`; there a block's elements are neighbouring channels, as in Keras on JAX.
///
/// # Errors
/// When `x` has not four axes, the block is smaller than 2, or the channels do not divide.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[[[1f32, 2., 3., 4.]]]], &Device::Cpu)?;
/// let y = ops::depth_to_space(&x, 2, false)?;
/// assert_eq!(y.squeeze(3)?.squeeze(0)?.to_vec2::<f32>()?, [[1., 2.], [3., 4.]]);
/// assert_eq!(ops::space_to_depth(&y, 2, false)?.dims(), x.dims());
/// # Ok::<(), ops::Error>(())
/// ```
pub fn depth_to_space(x: &Tensor, block_size: usize, channels_first: bool) -> Result<Tensor> {
    let [n, h, w, c] = image("depth_to_space", x, block_size, channels_first)?;
    let b = block_size as i64;
    if c % (b * b) != 0 {
        candle_core::bail!("depth_to_space: {c} channels do not divide into blocks of {b} by {b}");
    }
    let d = c / (b * b);
    host::within("depth_to_space", || {
        if channels_first {
            let x = crate::transpose(&crate::reshape(x, &[n, d, b, b, h, w])?, &[0, 1, 4, 2, 5, 3])?;
            return crate::reshape(&x, &[n, d, h * b, w * b]);
        }
        let x = crate::transpose(&crate::reshape(x, &[n, h, w, b, b, d])?, &[0, 1, 3, 2, 4, 5])?;
        crate::reshape(&x, &[n, h * b, w * b, d])
    })
}

/// The reverse of [`depth_to_space`]; height and width must divide.
pub fn space_to_depth(x: &Tensor, block_size: usize, channels_first: bool) -> Result<Tensor> {
    let [n, h, w, c] = image("space_to_depth", x, block_size, channels_first)?;
    let b = block_size as i64;
    if h % b != 0 || w % b != 0 {
        candle_core::bail!("space_to_depth: {h} by {w} pixels do not divide into blocks of {b} by {b}");
    }
    let (h, w) = (h / b, w / b);
    host::within("space_to_depth", || {
        if channels_first {
            let x = crate::transpose(&crate::reshape(x, &[n, c, h, b, w, b])?, &[0, 1, 3, 5, 2, 4])?;
            return crate::reshape(&x, &[n, c * b * b, h, w]);
        }
        let x = crate::transpose(&crate::reshape(x, &[n, h, b, w, b, c])?, &[0, 1, 3, 2, 4, 5])?;
        crate::reshape(&x, &[n, h, w, c * b * b])
    })
}

/// Batch, height, width and channels.
fn image(op: &str, x: &Tensor, block_size: usize, channels_first: bool) -> Result<[i64; 4]> {
    let &[n, a, b, c] = x.dims() else {
        candle_core::bail!("{op}: expected four axes, got {:?}", x.dims());
    };
    if block_size < 2 {
        candle_core::bail!("{op}: expected a block size of at least 2, got {block_size}");
    }
    let sizes = if channels_first {
        [n, b, c, a]
    } else {
        [n, a, b, c]
    };
    Ok(sizes.map(|n| n as i64))
}

/// `x` turned into an order of axes written as `"b h w c -> b (h w) c"`: names separated by blanks,
/// parentheses join axes on the right and split one on the left, where `lengths` gives all sizes but one.
///
/// # Errors
/// When the pattern does not fit the shape, or its sides name different axes.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::zeros((2, 4, 6, 3), ops::DType::F32, &Device::Cpu)?;
/// assert_eq!(ops::rearrange(&x, "b h w c -> b c (h w)", &[])?.dims(), [2, 3, 24]);
/// let patches = ops::rearrange(&x, "b (h p) (w q) c -> (b h w) (p q c)", &[("p", 2), ("q", 2)])?;
/// assert_eq!(patches.dims(), [12, 12]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn rearrange(x: &Tensor, pattern: &str, lengths: &[(&str, usize)]) -> Result<Tensor> {
    let wrong = |why: String| candle_core::Error::Msg(format!("rearrange: pattern `{pattern}`: {why}"));
    let Some((left, right)) = pattern.split_once("->") else {
        return Err(wrong("expected `axes -> axes`".into()));
    };
    let (left, right) = (groups(left).map_err(wrong)?, groups(right).map_err(wrong)?);
    if left.len() != x.rank() {
        return Err(wrong(format!(
            "names {} axes, the tensor has shape {:?}",
            left.len(),
            x.dims()
        )));
    }
    let mut names: Vec<&str> = Vec::new();
    let mut sizes: Vec<usize> = Vec::new();
    for (group, size) in left.iter().zip(x.dims()) {
        let given = |name: &str| lengths.iter().find(|(n, _)| *n == name).map(|(_, len)| *len);
        let known: usize = group.iter().filter_map(|name| given(name)).product();
        let free = group.iter().filter(|name| given(name).is_none()).count();
        let fits = if free == 0 {
            known == *size
        } else {
            known > 0 && size % known == 0
        };
        if free > 1 || !fits {
            return Err(wrong(format!(
                "axis of size {size} does not split into ({})",
                group.join(" ")
            )));
        }
        for name in group {
            if names.contains(name) {
                return Err(wrong(format!("names `{name}` twice on the left")));
            }
            names.push(name);
            sizes.push(given(name).unwrap_or(size / known.max(1)));
        }
    }
    let order: Option<Vec<usize>> = right
        .iter()
        .flatten()
        .map(|name| names.iter().position(|n| n == name))
        .collect();
    let order = match order {
        Some(order) if order.len() == names.len() => order,
        _ => return Err(wrong("the two sides name different axes".into())),
    };
    let size = |name: &&str| {
        names
            .iter()
            .position(|n| n == name)
            .map_or(1, |i| sizes[i] as i64)
    };
    let to: Vec<i64> = right
        .iter()
        .map(|group| group.iter().map(size).product())
        .collect();
    let split: Vec<i64> = sizes.iter().map(|n| *n as i64).collect();
    host::within("rearrange", || {
        crate::reshape(&crate::transpose(&crate::reshape(x, &split)?, &order)?, &to)
    })
}

/// The axes of one side: a name, or several in parentheses.
fn groups(side: &str) -> std::result::Result<Vec<Vec<&str>>, String> {
    let mut out: Vec<Vec<&str>> = Vec::new();
    let mut rest = side.trim();
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix('(') {
            let (inner, tail) = tail.split_once(')').ok_or("a parenthesis is not closed")?;
            out.push(inner.split_whitespace().collect());
            rest = tail.trim_start();
        } else {
            let end = rest.find([' ', '(']).unwrap_or(rest.len());
            out.push(vec![&rest[..end]]);
            rest = rest[end..].trim_start();
        }
    }
    Ok(out)
}

/// The bits of `x` read as `dtype`; when sizes differ, the last axis grows or shrinks.
///
/// # Errors
/// When the last axis does not divide, or `x` is a scalar and the sizes differ.
///
/// ```
/// use keras_ops::{self as ops, DType, Device, Tensor};
/// let x = Tensor::new(&[1f32, -0.], &Device::Cpu)?;
/// assert_eq!(ops::view(&x, DType::U32)?.to_vec1::<u32>()?, [0x3f80_0000, 0x8000_0000]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn view(x: &Tensor, dtype: candle_core::DType) -> Result<Tensor> {
    let (from, to) = (x.dtype().size_in_bytes(), dtype.size_in_bytes());
    let mut dims = x.dims().to_vec();
    match dims.last_mut() {
        Some(last) if (*last * from).is_multiple_of(to) => *last = *last * from / to,
        None if from == to => {}
        _ => candle_core::bail!(
            "view: a tensor of shape {:?} and dtype {:?} cannot be read as {dtype:?}",
            x.dims(),
            x.dtype()
        ),
    }
    let mut bytes = Vec::with_capacity(x.elem_count() * from);
    crate::shape_ops::any_dtype!("view", x.dtype(), T => {
        host::read(x, |x: &[T]| {
            x.iter().for_each(|v| bytes.extend(v.to_ne_bytes()));
            Ok(())
        })
    })?;
    let storage = crate::shape_ops::any_dtype!("view", dtype, T => {
        let values = bytes.as_chunks::<{ size_of::<T>() }>().0;
        host::storage(values.iter().map(|b| T::from_ne_bytes(*b)).collect(), x.device())
    })?;
    Ok(record(&[], storage, &Shape::from(dims), |_, _| {
        Ok(Default::default())
    }))
}
