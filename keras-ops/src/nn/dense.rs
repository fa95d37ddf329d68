use candle_core::op::BackpropOp;
use candle_core::{DType, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::host;
use crate::kernels::fused::{self, FusedActivation};
use crate::kernels::gemm::{self, Mat, Threads};
use crate::kernels::math::Math;
use crate::kernels::simd;
use crate::tape::{InputGrads, Needs, record_with_output};

/// `act(x kernel + bias)` in one pass.
///
/// # Shapes
/// `x` (…, inputs), `kernel` (inputs, units), `bias` (units) → (…, units).
///
/// # Errors
/// When the shapes do not fit or the dtypes are not equal floats.
///
/// # Examples
/// ```
/// use keras_ops::{Device, FusedActivation, Tensor, dense};
/// let x = Tensor::new(&[[1f32, 2.]], &Device::Cpu)?;
/// let kernel = Tensor::new(&[[1f32, -1.], [1., -1.]], &Device::Cpu)?;
/// let bias = Tensor::new(&[0.5f32, 0.5], &Device::Cpu)?;
/// let y = dense(&x, &kernel, Some(&bias), FusedActivation::Relu)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[3.5, 0.]]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn dense(x: &Tensor, kernel: &Tensor, bias: Option<&Tensor>, act: FusedActivation) -> Result<Tensor> {
    let dtype = x.dtype();
    check(x, kernel, bias)?;
    match host::compute_dtype("dense", dtype)? {
        compute if compute != dtype => {
            let bias = bias.map(|b| b.to_dtype(compute)).transpose()?;
            dense(
                &x.to_dtype(compute)?,
                &kernel.to_dtype(compute)?,
                bias.as_ref(),
                act,
            )?
            .to_dtype(dtype)
        }
        DType::F64 => typed::<f64>(x, kernel, bias, act),
        _ => typed::<f32>(x, kernel, bias, act),
    }
}

fn check(x: &Tensor, kernel: &Tensor, bias: Option<&Tensor>) -> Result<()> {
    let fits = match (x.dims(), kernel.dims()) {
        ([.., found], [inputs, units]) => found == inputs && bias.is_none_or(|b| b.dims() == [*units]),
        _ => false,
    };
    if !fits {
        candle_core::bail!(
            "dense: expected x (…, inputs), kernel (inputs, units) and bias (units), got {:?}, {:?} and {:?}",
            x.dims(),
            kernel.dims(),
            bias.map(|b| b.dims())
        );
    }
    if kernel.dtype() != x.dtype() || bias.is_some_and(|b| b.dtype() != x.dtype()) {
        candle_core::bail!(
            "dense: expected one dtype, got x {:?} and kernel {:?}",
            x.dtype(),
            kernel.dtype()
        );
    }
    Ok(())
}

fn typed<T: Math>(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    act: FusedActivation,
) -> Result<Tensor> {
    let (inputs, units) = kernel.dims2()?;
    let rows = x.dims()[..x.rank() - 1].iter().product();
    let multiply = |x: &[T], w: &[T]| {
        Ok(gemm::matmul(
            Mat::new(x, rows, inputs),
            Mat::new(w, inputs, units),
            Threads::Pool,
        ))
    };
    let mut out = host::read(x, |x| host::read(kernel, |w| multiply(x, w)))?;
    match bias {
        Some(bias) => host::read(bias, |b: &[T]| {
            finish(&mut out, Some(b), act);
            Ok(())
        })?,
        None => finish(&mut out, None, act),
    }
    let mut dims = x.dims().to_vec();
    dims[x.rank() - 1] = units;
    let out = host::storage(out, x.device())?;
    let (saved_x, saved_kernel) = (x.detach(), kernel.detach());
    let backward = move |grad: Tensor, out: &Tensor, needs: &Needs| {
        host::read(&grad, |grad: &[T]| {
            if act == FusedActivation::Linear {
                return gradients(&saved_x, &saved_kernel, grad, needs);
            }
            let grad = host::read(out, |out: &[T]| Ok(mask(grad, out, act)))?;
            gradients(&saved_x, &saved_kernel, &grad, needs)
        })
    };
    let shape = Shape::from(dims);
    Ok(match bias {
        Some(bias) => record_with_output(&[x, kernel, bias], out, &shape, backward),
        None => record_with_output(&[x, kernel], out, &shape, backward),
    })
}

fn finish<T: Math>(out: &mut [T], bias: Option<&[T]>, act: FusedActivation) {
    if !simd::parallel(out.len()) {
        return fused::finish(out, bias, act);
    }
    let units = bias.map_or(1, <[T]>::len).max(1);
    let chunk = simd::CHUNK.div_ceil(units) * units;
    out.par_chunks_mut(chunk)
        .for_each(|rows| fused::finish(rows, bias, act));
}

fn mask<T: Math>(grad: &[T], out: &[T], act: FusedActivation) -> Vec<T> {
    let mut dst = vec![T::default(); grad.len()];
    if simd::parallel(grad.len()) {
        let parts = grad.par_chunks(simd::CHUNK).zip(out.par_chunks(simd::CHUNK));
        let chunks = dst.par_chunks_mut(simd::CHUNK).zip(parts);
        chunks.for_each(|(dst, (grad, out))| fused::mask(dst, grad, out, act));
    } else {
        fused::mask(&mut dst, grad, out, act);
    }
    dst
}

fn gradients<T: Math>(x: &Tensor, kernel: &Tensor, grad: &[T], needs: &Needs) -> Result<InputGrads> {
    let (inputs, units) = kernel.dims2()?;
    let rows = x.elem_count() / inputs.max(1);
    let grad_mat = Mat::new(grad, rows, units);
    let tensor = |values: Vec<T>, shape: &Shape| {
        let storage = host::storage(values, x.device())?;
        Ok::<_, candle_core::Error>(Tensor::from_storage(storage, shape, BackpropOp::none(), false))
    };
    let mut grads = InputGrads::new();
    grads.push(if needs[0] {
        let multiply = |w: &[T]| {
            Ok(gemm::matmul(
                grad_mat,
                Mat::new(w, inputs, units).t(),
                Threads::Pool,
            ))
        };
        Some(tensor(host::read(kernel, multiply)?, x.shape())?)
    } else {
        None
    });
    grads.push(if needs[1] {
        let multiply = |x: &[T]| {
            Ok(gemm::matmul(
                Mat::new(x, rows, inputs).t(),
                grad_mat,
                Threads::Pool,
            ))
        };
        Some(tensor(host::read(x, multiply)?, kernel.shape())?)
    } else {
        None
    });
    if needs.get(2) == Some(&true) {
        grads.push(Some(tensor(sum_rows(grad, units), &Shape::from(units))?));
    }
    Ok(grads)
}

/// The sum over all rows; in blocks whose bounds depend on the sizes alone, combined in order.
fn sum_rows<T: Math>(rows: &[T], units: usize) -> Vec<T> {
    let sum = |rows: &[T]| {
        let mut sums = vec![T::default(); units];
        fused::add_rows(&mut sums, rows);
        sums
    };
    if rows.len() < simd::PARALLEL_MIN {
        return sum(rows);
    }
    let block = rows.len().div_ceil(16).div_ceil(units) * units;
    let partial: Vec<T> = rows.par_chunks(block).map(sum).collect::<Vec<_>>().concat();
    sum(&partial)
}
