//! Writing elements by number.

use candle_core::{DType, Result, Shape, Tensor};

use super::combine::{self, Number};
use crate::host;
use crate::kernels::gather;
use crate::kernels::reduce::Extent;
use crate::shape_ops::any_dtype;
use crate::tape::record;

/// How elements written to one place combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reduction {
    /// The last one stays.
    Set,
    /// Their sum, with what is there.
    Add,
    /// The largest, with what is there.
    Max,
    /// The smallest, with what is there.
    Min,
    /// Their product, with what is there.
    Mul,
}

/// A place that nothing is written to: segments that do not exist.
pub(super) const NOWHERE: u32 = u32::MAX;

pub(super) fn integers(op: &str, indices: &Tensor) -> Result<()> {
    if indices.dtype().is_float() {
        candle_core::bail!(
            "{op}: expected integer indices, got {:?}; use `ops::cast`",
            indices.dtype()
        );
    }
    Ok(())
}

/// Rows of `indices` (…, k) as places in the first `k` axes of `dims`; negative ones count from the end.
fn places(op: &str, indices: &Tensor, dims: &[usize]) -> Result<(Vec<u32>, usize)> {
    integers(op, indices)?;
    let depth = match indices.dims().last() {
        Some(depth) if *depth <= dims.len() => *depth,
        _ => candle_core::bail!(
            "{op}: expected indices of shape (…, k) with k at most the {} axes of {dims:?}, got {:?}",
            dims.len(),
            indices.dims()
        ),
    };
    if depth == 0 {
        candle_core::bail!(
            "{op}: expected indices of at least one axis, got {:?}",
            indices.dims()
        );
    }
    let found = host::read(indices, |indices: &[i64]| {
        let place = |(at, index): (usize, &[i64])| {
            let mut place = 0;
            for (i, len) in index.iter().zip(dims) {
                let wrapped = if *i < 0 { i + *len as i64 } else { *i };
                if !(0..*len as i64).contains(&wrapped) {
                    candle_core::bail!("{op}: index {index:?} at position {at} is out of range for {dims:?}");
                }
                place = place * len + wrapped as usize;
            }
            Ok(place as u32)
        };
        indices
            .chunks(depth)
            .enumerate()
            .map(place)
            .collect::<Result<Vec<_>>>()
    })?;
    Ok((found, depth))
}

/// What [`write`] writes where.
pub(super) struct Write {
    pub(super) places: Vec<u32>,
    /// Places there are.
    pub(super) count: usize,
    /// Elements of one.
    pub(super) inner: usize,
    pub(super) reduction: Reduction,
}

/// Combines `updates` into `base`, or into what leaves the reduction as it is; the result has shape `dims`.
pub(super) fn write(
    op: &'static str,
    base: Option<&Tensor>,
    updates: &Tensor,
    plan: Write,
    dims: &[usize],
) -> Result<Tensor> {
    fn run<T: Number>(base: Option<&Tensor>, updates: &Tensor, plan: &Write) -> Result<Vec<T>> {
        let mut out = match base {
            Some(base) => host::read(base, |base: &[T]| Ok(base.to_vec()))?,
            None => vec![combine::neutral(plan.reduction); plan.count * plan.inner],
        };
        host::read(updates, |updates: &[T]| {
            combine::write(&mut out, updates, plan);
            Ok(())
        })?;
        Ok(out)
    }
    let (dtype, device) = (updates.dtype(), updates.device());
    let storage = match dtype {
        DType::F64 => host::storage(run::<f64>(base, updates, &plan)?, device)?,
        _ if dtype.is_float() => host::storage_as(run::<f32>(base, updates, &plan)?, dtype, device)?,
        DType::I64 => host::storage(run::<i64>(base, updates, &plan)?, device)?,
        _ => {
            let wide = run::<i64>(base, updates, &plan)?;
            any_dtype!(op, dtype, T => {
                let narrow = |v: &i64| <T as candle_core::WithDType>::from_f64(*v as f64);
                host::storage(wide.iter().map(narrow).collect::<Vec<T>>(), device)?
            })
        }
    };
    let shape = Shape::from(dims);
    let inputs: Vec<&Tensor> = base.into_iter().chain([updates]).collect();
    if !crate::recording() || !inputs.iter().any(|t| t.track_op()) {
        return Ok(record(&[], storage, &shape, |_, _| Ok(Default::default())));
    }
    let (saved, given) = (base.map(Tensor::detach), updates.detach());
    Ok(record(&inputs, storage, &shape, move |grad, needs| {
        combine::gradients(saved.as_ref(), &given, &grad, &plan, needs)
    }))
}

/// Zeros of shape `shape` with `values` added at `indices`.
///
/// # Shapes
/// `indices` (…, k), `values` (…, and the axes of `shape` after the first `k`).
///
/// # Errors
/// When the shapes do not fit or an index is out of range.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let indices = Tensor::new(&[[0u32, 1], [1, 0], [0, 1]], &Device::Cpu)?;
/// let y = ops::scatter(&indices, &Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?, &[2, 2])?;
/// assert_eq!(y.to_vec2::<f32>()?, [[0., 4.], [2., 0.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn scatter(indices: &Tensor, values: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let plan = planned("scatter", indices, values, shape, Reduction::Add)?;
    write("scatter", None, values, plan, shape)
}

fn planned(
    op: &'static str,
    indices: &Tensor,
    updates: &Tensor,
    dims: &[usize],
    reduction: Reduction,
) -> Result<Write> {
    let (places, depth) = places(op, indices, dims)?;
    let lead = &indices.dims()[..indices.rank() - 1];
    let expected = [lead, &dims[depth..]].concat();
    if updates.dims() != expected {
        candle_core::bail!(
            "{op}: expected values of shape {expected:?}, got {:?}",
            updates.dims()
        );
    }
    Ok(Write {
        places,
        count: dims[..depth].iter().product(),
        inner: dims[depth..].iter().product(),
        reduction,
    })
}

/// `inputs` with `updates` written at `indices`, combined with what is there by `reduction`.
///
/// # Shapes
/// `indices` (n, k), `updates` (n, and the axes of `inputs` after the first `k`).
///
/// # Errors
/// When shapes or dtypes do not fit or an index is out of range.
///
/// ```
/// use keras_ops::{self as ops, Device, Reduction, Tensor};
/// let x = Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?;
/// let indices = Tensor::new(&[[2u32], [0]], &Device::Cpu)?;
/// let updates = Tensor::new(&[10f32, 20.], &Device::Cpu)?;
/// let set = ops::scatter_update(&x, &indices, &updates, Reduction::Set)?;
/// assert_eq!(set.to_vec1::<f32>()?, [20., 2., 10.]);
/// let sum = ops::scatter_update(&x, &indices, &updates, Reduction::Add)?;
/// assert_eq!(sum.to_vec1::<f32>()?, [21., 2., 13.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn scatter_update(
    inputs: &Tensor,
    indices: &Tensor,
    updates: &Tensor,
    reduction: Reduction,
) -> Result<Tensor> {
    const OP: &str = "scatter_update";
    same_dtype(OP, inputs, updates)?;
    let plan = planned(OP, indices, updates, inputs.dims(), reduction)?;
    write(OP, Some(inputs), updates, plan, inputs.dims())
}

fn same_dtype(op: &str, inputs: &Tensor, updates: &Tensor) -> Result<()> {
    if inputs.dtype() != updates.dtype() {
        candle_core::bail!(
            "{op}: expected updates of dtype {}, got {}; use `ops::cast`",
            crate::dtype_name(inputs.dtype()),
            crate::dtype_name(updates.dtype())
        );
    }
    Ok(())
}

/// `inputs` with the block from `start` on replaced by `updates`.
///
/// # Errors
/// When the block does not lie inside, or the dtypes differ.
///
/// ```
/// use keras_ops::{self as ops, DType, Device, Tensor};
/// let x = Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?;
/// let y = ops::slice_update(&x, &[1, 1], &Tensor::new(&[[7f32, 8.]], &Device::Cpu)?)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[0., 0., 0.], [0., 7., 8.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn slice_update(inputs: &Tensor, start: &[usize], updates: &Tensor) -> Result<Tensor> {
    const OP: &str = "slice_update";
    same_dtype(OP, inputs, updates)?;
    let (dims, block) = (inputs.dims(), updates.dims());
    let inside = |i: usize| start[i] + block[i] <= dims[i];
    if start.len() != dims.len() || block.len() != dims.len() || !(0..dims.len()).all(inside) {
        candle_core::bail!(
            "{OP}: a block of shape {block:?} from {start:?} on does not lie inside of {dims:?}"
        );
    }
    // Axes at the end that the block covers as a whole are copied together.
    let split = (0..dims.len())
        .rev()
        .find(|i| block[*i] != dims[*i])
        .map_or(0, |i| i + 1);
    let inner: usize = dims[split..].iter().product();
    let count: usize = block[..split].iter().product();
    let place = |mut at: usize| {
        let (mut place, mut stride) = (0, 1);
        for i in (0..split).rev() {
            place += (at % block[i] + start[i]) * stride;
            at /= block[i];
            stride *= dims[i];
        }
        place as u32
    };
    let plan = Write {
        places: (0..count).map(place).collect(),
        count: dims[..split].iter().product(),
        inner,
        reduction: Reduction::Set,
    };
    write(OP, Some(inputs), updates, plan, dims)
}

/// The rows of `grad` at places, and zeros for those that are nowhere.
pub(super) fn gathered(grad: &Tensor, plan: &Write, shape: &Shape) -> Result<Tensor> {
    let extent = Extent {
        outer: 1,
        len: plan.count,
        inner: plan.inner,
    };
    let places: Vec<u32> = plan
        .places
        .iter()
        .map(|p| if *p == NOWHERE { 0 } else { *p })
        .collect();
    if plan.count == 0 {
        return Tensor::zeros(shape, grad.dtype(), grad.device());
    }
    let storage = any_dtype!("scatter", grad.dtype(), T => {
        let mut out = host::read(grad, |g: &[T]| Ok(gather::gather(g, extent, &places)))?;
        for (row, _) in plan.places.iter().enumerate().filter(|(_, p)| **p == NOWHERE) {
            out[row * plan.inner..(row + 1) * plan.inner].fill(T::default());
        }
        host::storage(out, grad.device())?
    });
    Ok(record(&[], storage, shape, |_, _| Ok(Default::default())))
}
