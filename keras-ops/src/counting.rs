//! Reductions to truth, counts and positions; none has a gradient. Arguments as in [`crate::reduce`].

use candle_core::{DType, Result, Shape, Tensor};

use crate::axes::Joined;
use crate::host;
use crate::kernels::{best, lanes};

/// Runs an expression with `$t` standing for a type that holds every value of a dtype in the same order.
macro_rules! widened {
    ($dtype:expr, $t:ident => $body:expr) => {{
        macro_rules! run {
            ($type:ty) => {{
                type $t = $type;
                $body
            }};
        }
        match $dtype {
            DType::F32 | DType::F16 | DType::BF16 => run!(f32),
            DType::U8 => run!(u8),
            DType::F64 => run!(f64),
            _ => run!(i64),
        }
    }};
}

fn counts(name: &str, x: &Tensor, axes: Option<&[i64]>, keepdims: bool) -> Result<(Vec<u32>, Joined)> {
    let joined = Joined::new(name, x.dims(), axes, keepdims)?;
    let arranged = joined.arrange(&x.detach())?;
    let counts = widened!(x.dtype(), T => {
        host::read(&arranged, |x: &[T]| Ok(lanes::count_nonzero(x, joined.extent)))
    })?;
    Ok((counts, joined))
}

/// A truth value of each count.
fn truth(
    name: &str,
    x: &Tensor,
    axes: Option<&[i64]>,
    keepdims: bool,
    f: impl Fn(usize, usize) -> bool,
) -> Result<Tensor> {
    let (counts, joined) = counts(name, x, axes, keepdims)?;
    let out = counts
        .iter()
        .map(|n| u8::from(f(*n as usize, joined.extent.len)))
        .collect();
    host::tensor::<u8>(out, DType::U8, &Shape::from(joined.shape), x.device())
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
    truth("any", x, axes, keepdims, |count, _| count > 0)
}

/// 1 where every element over `axes` is not 0, as u8; 1 over nothing.
pub fn all(x: &Tensor, axes: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    truth("all", x, axes, keepdims, |count, len| count == len)
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
    let (counts, joined) = counts("count_nonzero", x, axes, keepdims)?;
    host::tensor(counts, DType::U32, &Shape::from(joined.shape), x.device())
}

/// Where along `axis` the largest element is, the first of equals, as u32; `None` counts through all elements.
/// The first NaN wins.
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
    position::<false>("argmax", x, axis, keepdims)
}

/// Where along `axis` the smallest element is; as [`argmax`].
pub fn argmin(x: &Tensor, axis: Option<i64>, keepdims: bool) -> Result<Tensor> {
    position::<true>("argmin", x, axis, keepdims)
}

fn position<const MIN: bool>(name: &str, x: &Tensor, axis: Option<i64>, keepdims: bool) -> Result<Tensor> {
    let axes = axis.map(|axis| [axis]);
    let joined = Joined::new(name, x.dims(), axes.as_ref().map(|a| a.as_slice()), keepdims)?;
    if joined.extent.len == 0 {
        candle_core::bail!(
            "{name}: nothing to choose from in a tensor of shape {:?}",
            x.dims()
        );
    }
    let arranged = joined.arrange(&x.detach())?;
    let out = widened!(x.dtype(), T => {
        host::read(&arranged, |x: &[T]| Ok(best::best::<MIN, T>(x, joined.extent)))
    })?;
    host::tensor(out, DType::U32, &Shape::from(joined.shape), x.device())
}
