//! Mean and variance together.

use candle_core::{DType, Result, Shape, Tensor};

use super::Like;
use crate::axes::Joined;
use crate::host;
use crate::kernels::batch_norm::{self, Plan};
use crate::kernels::math::Math;
use crate::tape::record_many;

/// The mean and the biased variance over `axes`, in one pass.
///
/// In half types both are kept within the range of `f16`, as Keras does.
///
/// # Errors
/// When an axis is out of range or given twice, `x` is not a float tensor, or there is nothing to average.
///
/// # Examples
/// ```
/// use keras_ops::{Device, Tensor, nn};
/// let x = Tensor::new(&[[1f32, 3.], [4., 8.]], &Device::Cpu)?;
/// let (mean, variance) = nn::moments(&x, &[1], false)?;
/// assert_eq!(mean.to_vec1::<f32>()?, [2., 6.]);
/// assert_eq!(variance.to_vec1::<f32>()?, [1., 4.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn moments(x: &Tensor, axes: &[i64], keepdims: bool) -> Result<(Tensor, Tensor)> {
    const OP: &str = "moments";
    let compute = host::compute_dtype(OP, x.dtype())?;
    let joined = Joined::new(OP, x.dims(), Some(axes), keepdims)?;
    let extent = joined.extent;
    if extent.len == 0 {
        candle_core::bail!("{OP}: nothing to average over axes {axes:?} of x {:?}", x.dims());
    }
    // A lane is a run when it lies together, else a column.
    let plan = if extent.inner == 1 {
        Plan {
            outer: extent.outer,
            before: 1,
            channels: 1,
            after: extent.len,
        }
    } else {
        Plan {
            outer: extent.outer,
            before: extent.len,
            channels: extent.inner,
            after: 1,
        }
    };
    let arranged = joined.arrange(x)?;
    let shape = Shape::from(joined.shape.as_slice());
    match compute {
        DType::F64 => apply::<f64>(&arranged, plan, &shape),
        _ => apply::<f32>(&arranged, plan, &shape),
    }
}

fn apply<T: Math>(x: &Tensor, plan: Plan, shape: &Shape) -> Result<(Tensor, Tensor)> {
    let count = plan.count() as f64;
    let found = host::read(x, |x: &[T]| Ok(batch_norm::moments(x, plan)))?;
    let half = matches!(x.dtype(), DType::F16 | DType::BF16);
    let bound = |v: f64| T::of(if half { v.clamp(-65504., 65504.) } else { v });
    let means: Vec<T> = found.iter().map(|m| T::of(m.mean)).collect();
    let outputs = [
        found.iter().map(|m| bound(m.mean)).collect(),
        found.iter().map(|m| bound(m.squares / count)).collect::<Vec<T>>(),
    ];
    let outputs = outputs
        .into_iter()
        .map(|values| Ok((host::storage_as(values, x.dtype(), x.device())?, shape.clone())))
        .collect::<Result<_>>()?;
    let (saved, like) = (x.detach(), Like::new(x));
    let made = record_many(&[x], outputs, move |grads, _| {
        let read = |grad: &Option<Tensor>| match grad {
            Some(grad) => host::read(grad, |g: &[T]| Ok(g.to_vec())),
            None => Ok(vec![T::ZERO; means.len()]),
        };
        let (by_mean, by_variance) = (read(&grads[0])?, read(&grads[1])?);
        let by: Vec<[T; 3]> = by_mean
            .iter()
            .zip(&by_variance)
            .zip(&means)
            .map(|((m, v), mean)| [*mean, T::of(2. / count) * *v, T::of(1. / count) * *m])
            .collect();
        let dx = host::read(&saved, |x: &[T]| Ok(batch_norm::affine(x, &by, plan)))?;
        Ok([Some(like.tensor(dx)?)].into_iter().collect())
    });
    match <[Tensor; 2]>::try_from(made) {
        Ok([mean, variance]) => Ok((mean, variance)),
        Err(made) => candle_core::bail!("moments: expected two results, got {}", made.len()),
    }
}
