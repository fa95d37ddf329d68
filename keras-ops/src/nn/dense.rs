use candle_core::op::BackpropOp;
use candle_core::{DType, Result, Shape, Tensor};

use crate::host;
use crate::kernels::fused::{self, FusedActivation};
use crate::kernels::gemm::{self, Mat, Threads};
use crate::kernels::math::Math;
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
    let compute = |x: &[T], w: &[T], bias: Option<&[T]>| {
        let (x, w) = (Mat::new(x, rows, inputs), Mat::new(w, inputs, units));
        Ok(gemm::dense(x, w, bias, act, Threads::Pool))
    };
    let out = host::read(x, |x| {
        host::read(kernel, |w| match bias {
            Some(bias) => host::read(bias, |b| compute(x, w, Some(b))),
            None => compute(x, w, None),
        })
    })?;
    let mut dims = x.dims().to_vec();
    dims[x.rank() - 1] = units;
    let out = host::storage(out, x.device())?;
    let (saved_x, saved_kernel) = (x.detach(), kernel.detach());
    let backward = move |grad: Tensor, out: &Tensor, needs: &Needs| {
        let bias = needs.get(2) == Some(&true);
        host::read(&grad, |grad: &[T]| {
            let (masked, sums) = if act == FusedActivation::Linear {
                fused::backward(grad, &[], units, act, bias)
            } else {
                host::read(out, |out: &[T]| Ok(fused::backward(grad, out, units, act, bias)))?
            };
            let masked = masked.as_deref().unwrap_or(grad);
            let mut grads = gradients(&saved_x, &saved_kernel, masked, needs)?;
            if bias {
                grads.push(Some(tensor(sums, &Shape::from(units), &saved_x)?));
            }
            Ok(grads)
        })
    };
    let shape = Shape::from(dims);
    Ok(match bias {
        Some(bias) => record_with_output(&[x, kernel, bias], out, &shape, backward),
        None => record_with_output(&[x, kernel], out, &shape, backward),
    })
}

fn tensor<T: Math>(values: Vec<T>, shape: &Shape, like: &Tensor) -> Result<Tensor> {
    let storage = host::storage(values, like.device())?;
    Ok(Tensor::from_storage(storage, shape, BackpropOp::none(), false))
}

/// The gradients by `x` and `kernel`, side by side.
fn gradients<T: Math>(x: &Tensor, kernel: &Tensor, grad: &[T], needs: &Needs) -> Result<InputGrads> {
    let (inputs, units) = kernel.dims2()?;
    let rows = x.elem_count() / inputs.max(1);
    let grad = Mat::new(grad, rows, units);
    let (dx, dw) = host::read(x, |x: &[T]| {
        host::read(kernel, |w: &[T]| {
            let by_x = (grad, Mat::new(w, inputs, units).t());
            let by_w = (Mat::new(x, rows, inputs).t(), grad);
            Ok(match (needs[0], needs[1]) {
                (true, true) => {
                    let [dx, dw] = gemm::matmuls([by_x, by_w]);
                    (Some(dx), Some(dw))
                }
                (dx, dw) => {
                    let one = |(a, b)| gemm::matmul(a, b, Threads::Pool);
                    (dx.then(|| one(by_x)), dw.then(|| one(by_w)))
                }
            })
        })
    })?;
    let dx = dx.map(|dx| tensor(dx, x.shape(), x)).transpose()?;
    let dw = dw.map(|dw| tensor(dw, kernel.shape(), kernel)).transpose()?;
    Ok([dx, dw].into_iter().collect())
}
