//! Reductions to truth, counts and positions; none has a gradient. Arguments as in [`crate::reduce`].

use candle_core::{DType, Result, Shape, Tensor};

use crate::axes::Joined;
use crate::host;

/// `f` of every lane's elements, as a result of the reduced shape.
fn by_lane<U: candle_core::WithDType>(
    name: &str,
    x: &Tensor,
    axes: Option<&[i64]>,
    keepdims: bool,
    f: impl Fn(&mut dyn Iterator<Item = f64>) -> U,
) -> Result<Tensor> {
    let joined = Joined::new(name, x.dims(), axes, keepdims)?;
    let arranged = joined.arrange(&x.detach())?;
    let extent = joined.extent;
    let mut out = Vec::with_capacity(extent.outer * extent.inner);
    let slab = extent.len * extent.inner;
    // Widening to f64 loses no order and no zero for float and 32-bit types.
    macro_rules! run {
        ($t:ty) => {
            host::read(&arranged, |x: &[$t]| {
                for o in 0..extent.outer {
                    for i in 0..extent.inner {
                        let lane = x[o * slab..(o + 1) * slab]
                            .iter()
                            .skip(i)
                            .step_by(extent.inner);
                        out.push(f(&mut lane.map(|v| *v as f64)));
                    }
                }
                Ok(())
            })?
        };
    }
    match x.dtype() {
        DType::F32 | DType::F16 | DType::BF16 => run!(f32),
        DType::U8 => run!(u8),
        DType::U32 => run!(u32),
        DType::F64 => run!(f64),
        _ => run!(i64),
    }
    host::tensor(out, U::DTYPE, &Shape::from(joined.shape), x.device())
}

/// 1 where any element over `axes` is not 0, as u8; 0 over nothing.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[0u8, 1], [0, 0]], &Device::Cpu)?;
/// assert_eq!(ops::any(&x, Some(&[1]), false)?.to_vec1::<u8>()?, [1, 0]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn any(x: &Tensor, axes: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    by_lane("any", x, axes, keepdims, |mut lane| {
        Iterator::any(&mut lane, |v| v != 0.) as u8
    })
}

/// 1 where every element over `axes` is not 0, as u8; 1 over nothing.
pub fn all(x: &Tensor, axes: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    by_lane("all", x, axes, keepdims, |mut lane| {
        Iterator::all(&mut lane, |v| v != 0.) as u8
    })
}

/// The number of elements over `axes` that are not 0, as u32.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[0f32, 1.], [2., -3.]], &Device::Cpu)?;
/// assert_eq!(ops::count_nonzero(&x, Some(&[0]), false)?.to_vec1::<u32>()?, [1, 2]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn count_nonzero(x: &Tensor, axes: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    by_lane("count_nonzero", x, axes, keepdims, |lane| {
        lane.filter(|v| *v != 0.).count() as u32
    })
}

/// The position of the first element that no other beats; the first NaN, if there is one.
fn best(lane: &mut dyn Iterator<Item = f64>, beats: impl Fn(f64, f64) -> bool) -> u32 {
    let mut found = (0, f64::NAN);
    for (at, v) in lane.enumerate() {
        if at == 0 || beats(v, found.1) || (v.is_nan() && !found.1.is_nan()) {
            found = (at as u32, v);
        }
    }
    found.0
}

/// Where along `axis` the largest element is, the first of equals, as u32; `None` counts through all elements.
///
/// # Errors
/// When the axis is out of range or empty.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[0f32, 5., 5.], [2., 1., 0.]], &Device::Cpu)?;
/// assert_eq!(ops::argmax(&x, Some(-1), false)?.to_vec1::<u32>()?, [1, 0]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn argmax(x: &Tensor, axis: Option<i64>, keepdims: bool) -> Result<Tensor> {
    position("argmax", x, axis, keepdims, |a, b| a > b)
}

/// Where along `axis` the smallest element is; as [`argmax`].
pub fn argmin(x: &Tensor, axis: Option<i64>, keepdims: bool) -> Result<Tensor> {
    position("argmin", x, axis, keepdims, |a, b| a < b)
}

fn position(
    name: &str,
    x: &Tensor,
    axis: Option<i64>,
    keepdims: bool,
    beats: fn(f64, f64) -> bool,
) -> Result<Tensor> {
    let axes = axis.map(|axis| [axis]);
    let empty = match axis {
        Some(axis) => x.dims()[crate::axes::axis(name, axis, x.rank())?] == 0,
        None => x.elem_count() == 0,
    };
    if empty {
        candle_core::bail!(
            "{name}: nothing to choose from in a tensor of shape {:?}",
            x.dims()
        );
    }
    by_lane(name, x, axes.as_ref().map(|a| a.as_slice()), keepdims, |lane| {
        best(lane, beats)
    })
}
