//! Cutting signals into frames and laying frames over each other.

use crate::kernels::team::{Parts as _, Slice as _};
use candle_core::{DType, Result, Shape, Tensor};

use crate::host;
use crate::kernels::math::Math;
use crate::tape::record;

/// Frames of `length` elements of the last axis, `stride` apart.
///
/// # Shapes
/// (.., n) to (.., (n - length) / stride + 1, length).
///
/// # Errors
/// When `x` is a scalar or not a float tensor, the stride or length is 0, or the axis is shorter than a frame.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2., 3., 4., 5.], &Device::Cpu)?;
/// let y = ops::extract_sequences(&x, 3, 2)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[1., 2., 3.], [3., 4., 5.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn extract_sequences(x: &Tensor, sequence_length: usize, sequence_stride: usize) -> Result<Tensor> {
    const OP: &str = "extract_sequences";
    let dtype = host::compute_dtype(OP, x.dtype())?;
    let size = x.dims().last().copied().unwrap_or(0);
    if sequence_length == 0 || sequence_stride == 0 || size < sequence_length {
        candle_core::bail!(
            "{OP}: expected a length and a stride of at least 1 and a last axis no shorter than the length; got \
             {sequence_length}, {sequence_stride} and shape {:?}",
            x.dims()
        );
    }
    match dtype {
        DType::F64 => cut::<f64>(x, sequence_length, sequence_stride),
        _ => cut::<f32>(x, sequence_length, sequence_stride),
    }
}

fn cut<T: Math>(x: &Tensor, length: usize, stride: usize) -> Result<Tensor> {
    let size = x.dims()[x.rank() - 1];
    let frames = (size - length) / stride + 1;
    let out = host::read(x, |x: &[T]| {
        let mut out = Vec::with_capacity(x.len() / size * frames * length);
        for row in x.chunks_exact(size) {
            (0..frames).for_each(|f| out.extend_from_slice(&row[f * stride..f * stride + length]));
        }
        Ok(out)
    })?;
    let storage = host::storage_as(out, x.dtype(), x.device())?;
    let shape = [&x.dims()[..x.rank() - 1], &[frames, length]].concat();
    let from = x.shape().clone();
    Ok(record(&[x], storage, &Shape::from(shape), move |grad, _| {
        let dx = laid::<T>(&grad, stride, size)?;
        let dx = host::tensor(dx, grad.dtype(), &from, grad.device())?;
        Ok([Some(dx)].into_iter().collect())
    }))
}

/// Sums of frames (.., frames, length) `stride` apart, in rows of `size` elements.
pub(super) fn laid<T: Math>(frames: &Tensor, stride: usize, size: usize) -> Result<Vec<T>> {
    let dims = frames.dims();
    let (count, length) = (dims[dims.len() - 2], dims[dims.len() - 1]);
    host::read(frames, |x: &[T]| {
        if x.is_empty() {
            let rows: usize = dims[..dims.len() - 2].iter().product();
            return Ok(vec![T::ZERO; rows * size]);
        }
        let mut out = vec![T::ZERO; x.len() / (count * length) * size];
        out.par_chunks_mut(size)
            .zip(x.par_chunks_exact(count * length))
            .for_each(|(out, frames)| {
                for (f, frame) in frames.chunks_exact(length).enumerate() {
                    let out = &mut out[f * stride..];
                    out.iter_mut().zip(frame).for_each(|(out, x)| *out += *x);
                }
            });
        Ok(out)
    })
}

/// The sum of frames laid `sequence_stride` apart: what [`extract_sequences`] takes apart, where frames do not
/// overlap.
///
/// # Shapes
/// (.., frames, length) to (.., (frames - 1) * stride + length).
///
/// # Errors
/// When `x` has less than two axes, no frames, or is not a float tensor, or the stride is 0.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2., 3.], [3., 4., 5.]], &Device::Cpu)?;
/// assert_eq!(ops::overlap_add(&x, 2)?.to_vec1::<f32>()?, [1., 2., 6., 4., 5.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn overlap_add(x: &Tensor, sequence_stride: usize) -> Result<Tensor> {
    const OP: &str = "overlap_add";
    let dtype = host::compute_dtype(OP, x.dtype())?;
    let rank = x.rank();
    if rank < 2 || sequence_stride == 0 || x.dims()[rank - 2..].contains(&0) {
        candle_core::bail!(
            "{OP}: expected frames (.., frames, length) and a stride of at least 1, got {:?} and {sequence_stride}",
            x.dims()
        );
    }
    let (frames, length) = (x.dims()[rank - 2], x.dims()[rank - 1]);
    let size = (frames - 1) * sequence_stride + length;
    let storage = match dtype {
        DType::F64 => host::storage_as(laid::<f64>(x, sequence_stride, size)?, x.dtype(), x.device())?,
        _ => host::storage_as(laid::<f32>(x, sequence_stride, size)?, x.dtype(), x.device())?,
    };
    let shape = [&x.dims()[..rank - 2], &[size]].concat();
    Ok(record(&[x], storage, &Shape::from(shape), move |grad, _| {
        let dx = extract_sequences(&grad, length, sequence_stride)?;
        Ok([Some(dx)].into_iter().collect())
    }))
}
