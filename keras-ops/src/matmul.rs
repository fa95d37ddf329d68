//! Matrix product with NumPy's rules.

use crate::kernels::team::{Parts as _, Slice as _};
use candle_core::op::BackpropOp;
use candle_core::{DType, Device, Result, Shape, Storage, Tensor};

use crate::host::{self, Real};
use crate::kernels::gemm::{Mat, Threads, gemm};
use crate::kernels::math::Math;
use crate::record;

/// Matrix product of `a` and `b`, over the last two axes.
///
/// # Shapes
/// `(…, m, k) × (…, k, n) → (…, m, n)`; the leading axes broadcast. A vector `a` of `k` counts as `(1, k)`, a
/// vector `b` of `k` as `(k, 1)`, and the added axis is dropped from the result.
///
/// # Errors
/// When the inner sizes differ, the leading axes do not broadcast, or the dtypes are not equal floats.
///
/// # Examples
/// ```
/// use keras_ops::{Device, Tensor, matmul};
/// let a = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// let v = Tensor::new(&[10f32, 1.], &Device::Cpu)?;
/// assert_eq!(matmul(&a, &v)?.to_vec1::<f32>()?, [12., 34.]);
/// assert_eq!(matmul(&a, &a.t()?)?.to_vec2::<f32>()?, [[5., 11.], [11., 25.]]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let dtype = a.dtype();
    if dtype != b.dtype() {
        candle_core::bail!(
            "matmul: expected operands of one dtype, got {dtype:?} and {:?}",
            b.dtype()
        );
    }
    let compute = host::compute_dtype("matmul", dtype)?;
    if compute != dtype {
        return matmul(&a.to_dtype(compute)?, &b.to_dtype(compute)?)?.to_dtype(dtype);
    }
    let (left, right) = operands(a, b)?;
    let batch = batch_dims(&left, &right)?;
    let out_dims = output_dims(a, b, &batch, &left, &right);
    let plan = [
        &batch[..],
        &[left.dims()[left.rank() - 2], right.dims()[right.rank() - 1]],
    ]
    .concat();
    let out = product(&left, &right, &plan)?;
    let (grad_dims, a_shape, b_shape) = (plan, a.shape().clone(), b.shape().clone());
    Ok(record(
        &[a, b],
        out,
        &Shape::from(out_dims),
        move |grad, needs| {
            let grad = grad.reshape(grad_dims)?;
            let da = needs[0]
                .then(|| gradient(&grad, &right.t()?, &left))
                .transpose()?;
            let db = needs[1]
                .then(|| gradient(&left.t()?, &grad, &right))
                .transpose()?;
            let back = |g: Option<Tensor>, shape: &Shape| g.map(|g| g.reshape(shape)).transpose();
            Ok([back(da, &a_shape)?, back(db, &b_shape)?].into_iter().collect())
        },
    ))
}

/// Both operands as matrices, without history: vectors get an axis, and leading axes before a single matrix
/// on the right become rows.
fn operands(a: &Tensor, b: &Tensor) -> Result<(Tensor, Tensor)> {
    if a.rank() == 0 || b.rank() == 0 {
        candle_core::bail!(
            "matmul: expected at least one axis, got {:?} and {:?}",
            a.dims(),
            b.dims()
        );
    }
    let (a, b) = (a.detach(), b.detach());
    let a = if a.rank() == 1 { a.unsqueeze(0)? } else { a };
    let b = if b.rank() == 1 { b.unsqueeze(1)? } else { b };
    let (k, found) = (a.dims()[a.rank() - 1], b.dims()[b.rank() - 2]);
    if k != found {
        candle_core::bail!(
            "matmul: the last axis of the left operand must be as long as the second to last of the right, got \
             {:?} and {:?}",
            a.dims(),
            b.dims()
        );
    }
    if b.rank() == 2 && a.rank() > 2 {
        let rows: usize = a.dims()[..a.rank() - 1].iter().product();
        return Ok((a.reshape((rows, k))?, b));
    }
    Ok((a, b))
}

/// The broadcast leading axes.
fn batch_dims(a: &Tensor, b: &Tensor) -> Result<Vec<usize>> {
    let lead = |t: &Tensor| t.dims()[..t.rank() - 2].to_vec();
    let (a, b) = (lead(a), lead(b));
    let rank = a.len().max(b.len());
    let at = |dims: &[usize], i: usize| (i + dims.len()).checked_sub(rank).map_or(1, |i| dims[i]);
    (0..rank)
        .map(|i| match (at(&a, i), at(&b, i)) {
            (x, y) if x == y => Ok(x),
            (1, y) => Ok(y),
            (x, 1) => Ok(x),
            _ => candle_core::bail!("matmul: the leading axes {a:?} and {b:?} do not broadcast"),
        })
        .collect()
}

fn output_dims(a: &Tensor, b: &Tensor, batch: &[usize], left: &Tensor, right: &Tensor) -> Vec<usize> {
    let mut dims = match (a.rank(), left.rank()) {
        (original, 2) if original > 2 => a.dims()[..original - 2].to_vec(),
        _ => batch.to_vec(),
    };
    if a.rank() > 1 {
        let kept = if a.rank() > 2 { a.dims() } else { left.dims() };
        dims.push(kept[kept.len() - 2]);
    }
    if b.rank() > 1 {
        dims.push(right.dims()[right.rank() - 1]);
    }
    dims
}

/// `a b` summed over the axes that `like` broadcast, in the shape of `like`.
fn gradient(a: &Tensor, b: &Tensor, like: &Tensor) -> Result<Tensor> {
    let storage = product(a, b, like.dims())?;
    Ok(Tensor::from_storage(
        storage,
        like.shape(),
        BackpropOp::none(),
        false,
    ))
}

fn product(a: &Tensor, b: &Tensor, out: &[usize]) -> Result<Storage> {
    let device = a.device();
    match a.dtype() {
        DType::F64 => host::storage(batched::<f64>(a, b, out)?, device),
        _ => host::storage(batched::<f32>(a, b, out)?, device),
    }
}

/// One product for each index of the broadcast leading axes; those that share a place in `out` add up, in order.
fn batched<T: Math>(a: &Tensor, b: &Tensor, out: &[usize]) -> Result<Vec<T>> {
    let (batch, rank) = (batch_dims(a, b)?, out.len());
    let (m, n) = (out[rank - 2], out[rank - 1]);
    let strides: Vec<usize> = (0..rank).map(|i| out[i + 1..].iter().product()).collect();
    let to = Offsets::new(&batch, out, &strides);
    strided::<T, _>(a, |a_data, a_strides| {
        strided::<T, _>(b, |b_data, b_strides| {
            let from_a = Offsets::new(&batch, a.dims(), a_strides);
            let from_b = Offsets::new(&batch, b.dims(), b_strides);
            let one = |dst: &mut [T], i: usize, add: bool, threads: Threads| {
                let a = matrix(&a_data[from_a.at(i)..], a.dims(), a_strides);
                let b = matrix(&b_data[from_b.at(i)..], b.dims(), b_strides);
                gemm(dst, n.max(1), a, b, add, threads);
            };
            let mut dst = vec![T::default(); out.iter().product()];
            let count: usize = batch.iter().product();
            let distinct = out[..rank - 2].iter().product::<usize>() == count;
            if distinct && count > 1 && m * n > 0 {
                let split = count.div_ceil(MAX_TASKS).max(MIN_ELEMENTS.div_ceil(m * n));
                dst.par_chunks_mut(m * n * split)
                    .enumerate()
                    .for_each(|(chunk, dst)| {
                        for (i, dst) in dst.chunks_mut(m * n).enumerate() {
                            one(dst, chunk * split + i, false, Threads::One);
                        }
                    });
            } else {
                for i in 0..count {
                    let at = to.at(i);
                    one(&mut dst[at..at + m * n], i, !distinct, Threads::Pool);
                }
            }
            Ok(dst)
        })
    })
}

// Elements of the result that are worth a task of their own, and the most tasks of one call.
const MIN_ELEMENTS: usize = 1 << 12;
const MAX_TASKS: usize = 64;

fn matrix<'a, T>(data: &'a [T], dims: &[usize], strides: &[usize]) -> Mat<'a, T> {
    let rank = dims.len();
    Mat {
        data,
        rows: dims[rank - 2],
        cols: dims[rank - 1],
        row_stride: strides[rank - 2],
        col_stride: strides[rank - 1],
    }
}

/// Where the matrix of a flat index over the broadcast axes begins.
struct Offsets(Vec<(usize, usize)>);

impl Offsets {
    fn new(batch: &[usize], dims: &[usize], strides: &[usize]) -> Self {
        let missing = batch.len() + 2 - dims.len();
        let stride = |i: usize| match i.checked_sub(missing) {
            Some(j) if dims[j] > 1 => strides[j],
            _ => 0,
        };
        Self(
            batch
                .iter()
                .enumerate()
                .map(|(i, len)| (*len, stride(i)))
                .collect(),
        )
    }

    fn at(&self, index: usize) -> usize {
        let step = |(rest, sum): (usize, usize), &(len, stride): &(usize, usize)| {
            (rest / len, sum + rest % len * stride)
        };
        self.0.iter().rev().fold((index, 0), step).1
    }
}

/// Gives `f` the elements and strides of a tensor: borrowed when it is a CPU tensor of dtype `T`.
fn strided<T: Real, R>(tensor: &Tensor, f: impl FnOnce(&[T], &[usize]) -> Result<R>) -> Result<R> {
    if tensor.device().is_cpu() && tensor.dtype() == T::DTYPE {
        let (storage, layout) = tensor.storage_and_layout();
        if let Storage::Cpu(storage) = &*storage {
            // An empty view may begin beyond its storage.
            let data = storage.as_slice::<T>()?.get(layout.start_offset()..);
            return f(data.unwrap_or(&[]), layout.stride());
        }
    }
    let plain = tensor.to_dtype(T::DTYPE)?.to_device(&Device::Cpu)?.contiguous()?;
    host::read(&plain, |data: &[T]| f(data, plain.stride()))
}
