//! Arithmetic of integer tensors: computed in `i64`, wrapped to the tensors' dtype.

use candle_core::op::BackpropOp;
use candle_core::{DType, Device, Result, Shape, Storage, Tensor};

use crate::axes::Joined;
use crate::host;
use crate::kernels::broadcast::Plan;
use crate::kernels::map;
use crate::kernels::reduce::Extent;
use crate::pairwise::same_dtype;

/// A tensor of `dtype` from values modulo its range.
pub(crate) fn tensor(values: Vec<i64>, dtype: DType, shape: &Shape, device: &Device) -> Result<Tensor> {
    macro_rules! wrapped {
        ($t:ty) => {
            host::storage(values.into_iter().map(|v| v as $t).collect(), device)
        };
    }
    let storage: Storage = match dtype {
        DType::I64 => host::storage(values, device),
        DType::I32 => wrapped!(i32),
        DType::I16 => wrapped!(i16),
        DType::U32 => wrapped!(u32),
        DType::U8 => wrapped!(u8),
        other => candle_core::bail!("expected an integer dtype, got {other:?}"),
    }?;
    Ok(Tensor::from_storage(storage, shape, BackpropOp::none(), false))
}

/// The integers of a tensor.
///
/// # Errors
/// When it is a float tensor.
pub(crate) fn read<R>(op: &str, x: &Tensor, f: impl FnOnce(&[i64]) -> Result<R>) -> Result<R> {
    if x.dtype().is_float() {
        candle_core::bail!(
            "{op}: expected an integer tensor, got {:?}; use `cast`",
            x.dtype()
        );
    }
    host::read(x, f)
}

/// `f` of every element.
pub(crate) fn map1(op: &str, x: &Tensor, f: &(dyn Fn(i64) -> i64 + Sync)) -> Result<Tensor> {
    let out = read(op, x, |x| Ok(map::map1(x, f)))?;
    tensor(out, x.dtype(), x.shape(), x.device())
}

/// `f` of every pair of the broadcast.
pub(crate) fn map2(op: &str, a: &Tensor, b: &Tensor, f: &(dyn Fn(i64, i64) -> i64 + Sync)) -> Result<Tensor> {
    same_dtype(op, a, b)?;
    let plan = Plan::new(op, a.dims(), b.dims())?;
    let out = read(op, a, |a| read(op, b, |b| Ok(plan.map(a, b, f))))?;
    tensor(out, a.dtype(), &Shape::from(plan.shape()), a.device())
}

/// The dtype of a reduction.
#[derive(Clone, Copy)]
pub(crate) enum Width {
    /// That of the elements.
    Same,
    /// At least 32 bits, as Keras gives sums.
    Wide,
}

/// A fold over the joined axes.
pub(crate) fn fold(
    x: &Tensor,
    joined: &Joined,
    start: i64,
    f: fn(i64, i64) -> i64,
    width: Width,
) -> Result<Tensor> {
    let Extent { outer, len, inner } = joined.extent;
    let dtype = match (width, x.dtype()) {
        (Width::Wide, DType::U8) => DType::U32,
        (Width::Wide, DType::I16) => DType::I32,
        (_, dtype) => dtype,
    };
    let mut out = vec![start; outer * inner];
    host::read(&joined.arrange(x)?, |x: &[i64]| {
        for (row, x) in x.chunks_exact(inner.max(1)).enumerate() {
            let out = &mut out[row / len * inner..][..inner];
            out.iter_mut().zip(x).for_each(|(out, x)| *out = f(*out, *x));
        }
        Ok(())
    })?;
    tensor(out, dtype, &Shape::from(joined.shape.as_slice()), x.device())
}

/// `a^b` modulo 2^64; a negative exponent gives the integer part.
pub(crate) fn power(a: i64, b: i64) -> i64 {
    if b < 0 {
        return match a {
            1 => 1,
            -1 => 1 - 2 * (b & 1),
            _ => 0,
        };
    }
    let (mut base, mut rest, mut out) = (a, b, 1i64);
    while rest > 0 {
        if rest & 1 == 1 {
            out = out.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        rest >>= 1;
    }
    out
}
