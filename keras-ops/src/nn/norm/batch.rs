//! Batch normalisation: by the statistics of a batch, and by given ones.

use candle_core::{DType, Result, Shape, Tensor};

#[cfg(feature = "cuda")]
use super::device::{self, on_device};
use super::{Like, affine, check_channels, values};
use crate::axes;
use crate::dtype::EPSILON;
use crate::host;
use crate::kernels::batch_norm::{self, Plan};
use crate::kernels::math::Math;
use crate::tape::{InputGrads, record};

/// The channels along `axis`, all other axes summed over.
fn plan(op: &str, x: &Tensor, axis: i64) -> Result<Plan> {
    host::compute_dtype(op, x.dtype())?;
    let axis = axes::axis(op, axis, x.rank())?;
    let dims = x.dims();
    Ok(Plan {
        outer: 1,
        before: dims[..axis].iter().product(),
        channels: dims[axis],
        after: dims[axis + 1..].iter().product(),
    })
}

/// `(x - mean) / sqrt(variance + epsilon) * scale + offset`, with given statistics of the channels along `axis`:
/// batch normalisation when it does not train.
///
/// # Shapes
/// `x` any and the result alike; the others one value a channel.
///
/// # Errors
/// When `axis` is out of range, a vector does not have one value a channel, or a tensor is not float.
///
/// # Examples
/// ```
/// use keras_ops::{Device, Tensor, nn};
/// let vector = |v: [f32; 2]| Tensor::new(&v, &Device::Cpu);
/// let x = Tensor::new(&[[1f32, 5.], [3., 9.]], &Device::Cpu)?;
/// let (mean, variance) = (vector([1., 5.])?, vector([4., 16.])?);
/// let y = nn::batch_normalization(&x, &mean, &variance, -1, Some(&vector([0., 7.])?), None, 0.)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[0., 7.], [1., 8.]]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn batch_normalization(
    x: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    axis: i64,
    offset: Option<&Tensor>,
    scale: Option<&Tensor>,
    epsilon: f64,
) -> Result<Tensor> {
    const OP: &str = "batch_normalization";
    let plan = plan(OP, x, axis)?;
    let vectors = [
        ("mean", Some(mean)),
        ("variance", Some(variance)),
        ("offset", offset),
        ("scale", scale),
    ];
    for (name, vector) in vectors {
        check_channels(OP, name, vector, plan.channels, x)?;
    }
    match x.dtype() {
        DType::F64 => given::<f64>(x, mean, variance, offset, scale, epsilon, plan),
        _ => given::<f32>(x, mean, variance, offset, scale, epsilon, plan),
    }
}

fn given<T: Math>(
    x: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    offset: Option<&Tensor>,
    scale: Option<&Tensor>,
    epsilon: f64,
    plan: Plan,
) -> Result<Tensor> {
    let means = values::<T>(Some(mean), 0., plan.channels)?;
    let inverses: Vec<f64> = values::<T>(Some(variance), 0., plan.channels)?
        .iter()
        .map(|v| 1. / (v.f64() + epsilon).sqrt())
        .collect();
    let offsets = values::<T>(offset, 0., plan.channels)?;
    let scales = values::<T>(scale, 1., plan.channels)?;
    let slope = |i: usize| T::of(inverses[i] * scales[i].f64());
    let by: Vec<[T; 3]> = (0..plan.channels)
        .map(|i| [means[i], slope(i), offsets[i]])
        .collect();
    let out = host::read(x, |x: &[T]| Ok(batch_norm::affine(x, &by, plan)))?;
    let out = host::storage_as(out, x.dtype(), x.device())?;
    let mut inputs = vec![x, mean, variance];
    inputs.extend(offset);
    inputs.extend(scale);
    let (saved, has_offset) = (x.detach(), offset.is_some());
    let like: Vec<Like> = inputs.iter().map(|x| Like::new(x)).collect();
    Ok(record(&inputs, out, x.shape(), move |grad, needs| {
        host::read(&grad, |g: &[T]| {
            let mut slots: Vec<Option<Vec<T>>> = vec![None; like.len()];
            if needs[0] {
                let by: Vec<[T; 3]> = by
                    .iter()
                    .map(|[_, slope, _]| [T::ZERO, *slope, T::ZERO])
                    .collect();
                slots[0] = Some(batch_norm::affine(g, &by, plan));
            }
            if needs[1..].contains(&true) {
                let sums = host::read(&saved, |x: &[T]| Ok(batch_norm::sums(g, x, &means, plan)))?;
                let each = |f: &dyn Fn(usize, [f64; 2]) -> f64| {
                    Some(sums.iter().enumerate().map(|(i, s)| T::of(f(i, *s))).collect())
                };
                slots[1] = each(&|i, [plain, _]| -by[i][1].f64() * plain);
                slots[2] = each(&|i, [_, along]| -0.5 * along * scales[i].f64() * inverses[i].powi(3));
                let scale_at = 3 + usize::from(has_offset);
                if has_offset {
                    slots[3] = each(&|_, [plain, _]| plain);
                }
                if let Some(slot) = slots.get_mut(scale_at) {
                    *slot = each(&|i, [_, along]| along * inverses[i]);
                }
            }
            let slots = slots.into_iter().zip(&like).zip(needs);
            slots
                .map(|((values, like), need)| values.filter(|_| *need).map(|v| like.tensor(v)).transpose())
                .collect()
        })
    }))
}

/// What [`batch_norm_training`] gives.
#[derive(Clone, Debug)]
pub struct BatchNormalized {
    /// The normalised input.
    pub output: Tensor,
    /// The mean of the batch by channel, without gradient: for the moving mean. In `f32` for half types.
    pub mean: Tensor,
    /// The biased variance of the batch by channel, likewise.
    pub variance: Tensor,
}

/// Batch normalisation by the batch's own statistics: `(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with
/// mean and biased variance of the channels along `axis` over all other axes.
///
/// With `mask`, only the places where it is not 0 count for the statistics, which are divided by their number
/// plus 1e-7; all places are normalised.
///
/// # Shapes
/// `x` any and the output alike; `gamma`, `beta`, mean and variance one value a channel; `mask` that of `x` without
/// its last axis.
///
/// # Errors
/// When `axis` is out of range, a shape does not fit, a tensor is not float, or the batch is empty.
///
/// # Examples
/// ```
/// use keras_ops::{Device, Tensor, nn};
/// let x = Tensor::new(&[[1f32, 5.], [3., 9.]], &Device::Cpu)?;
/// let y = nn::batch_norm_training(&x, None, None, -1, 0., None)?;
/// assert_eq!(y.output.to_vec2::<f32>()?, [[-1., -1.], [1., 1.]]);
/// assert_eq!(y.mean.to_vec1::<f32>()?, [2., 7.]);
/// assert_eq!(y.variance.to_vec1::<f32>()?, [1., 4.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn batch_norm_training(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    axis: i64,
    epsilon: f64,
    mask: Option<&Tensor>,
) -> Result<BatchNormalized> {
    const OP: &str = "batch_norm_training";
    let plan = plan(OP, x, axis)?;
    check_channels(OP, "gamma", gamma, plan.channels, x)?;
    check_channels(OP, "beta", beta, plan.channels, x)?;
    if plan.count() == 0 {
        candle_core::bail!(
            "{OP}: a batch of shape {:?} is empty and has no statistics",
            x.dims()
        );
    }
    if let Some(mask) = mask {
        return masked(x, gamma, beta, axis, epsilon, mask);
    }
    #[cfg(feature = "cuda")]
    if plan.after == 1 && on_device(x, gamma, beta) {
        return host::within(OP, || device::batch(x, gamma, beta, epsilon, plan.channels));
    }
    match x.dtype() {
        DType::F64 => training::<f64>(x, gamma, beta, epsilon, plan),
        _ => training::<f32>(x, gamma, beta, epsilon, plan),
    }
}

fn masked(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    axis: i64,
    epsilon: f64,
    mask: &Tensor,
) -> Result<BatchNormalized> {
    const OP: &str = "batch_norm_training";
    let dims = x.dims();
    if mask.dims() != &dims[..dims.len() - 1] {
        candle_core::bail!(
            "{OP}: expected a mask of shape {:?}, that of x {dims:?} without its last axis; got {:?}",
            &dims[..dims.len() - 1],
            mask.dims()
        );
    }
    let dtype = x.dtype();
    let compute = host::compute_dtype(OP, dtype)?;
    let wide = crate::cast(x, compute)?;
    let flags = host::read(mask, |m: &[f32]| {
        Ok(m.iter().map(|m| u8::from(*m != 0.)).collect())
    })?;
    let mut shape = mask.dims().to_vec();
    shape.push(1);
    let mask = host::tensor::<u8>(flags, DType::U8, &Shape::from(shape), x.device())?;
    let mask = crate::no_grad(|| crate::broadcast_to(&mask, dims))?;
    let channel = axes::axis(OP, axis, x.rank())?;
    let others: Vec<i64> = (0..x.rank())
        .filter(|a| *a != channel)
        .map(|a| a as i64)
        .collect();
    let nothing = crate::full_like(&wide, 0.)?;
    let counts = crate::no_grad(|| crate::sum(&crate::cast(&mask, compute)?, Some(&others), true))?;
    let counts = crate::add_scalar(&counts, EPSILON)?;
    let kept = crate::where_(&mask, &wide, &nothing)?;
    let mean = crate::divide(&crate::sum(&kept, Some(&others), true)?, &counts)?;
    let apart = crate::where_(&mask, &crate::subtract(&wide, &mean)?, &nothing)?;
    let squares = crate::sum(&crate::square(&apart)?, Some(&others), true)?;
    let variance = crate::divide(&squares, &counts)?;
    let vector = |x: &Tensor| crate::reshape(x, &[dims[channel] as i64]);
    let (mean, variance) = (vector(&mean)?, vector(&variance)?);
    let output = batch_normalization(&wide, &mean, &variance, axis, beta, gamma, epsilon)?;
    Ok(BatchNormalized {
        output: crate::cast(&output, dtype)?,
        mean: mean.detach(),
        variance: variance.detach(),
    })
}

fn training<T: Math>(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    epsilon: f64,
    plan: Plan,
) -> Result<BatchNormalized> {
    let count = plan.count() as f64;
    let scales = values::<T>(gamma, 1., plan.channels)?;
    let offsets = values::<T>(beta, 0., plan.channels)?;
    let (out, found) = host::read(x, |x: &[T]| {
        let found = batch_norm::moments(x, plan);
        let by: Vec<[T; 3]> = found
            .iter()
            .enumerate()
            .map(|(i, m)| {
                let inverse = 1. / (m.squares / count + epsilon).sqrt();
                affine(m.mean, inverse * scales[i].f64(), offsets[i])
            })
            .collect();
        Ok((batch_norm::affine(x, &by, plan), found))
    })?;
    let vector = |values: Vec<T>| host::tensor(values, T::DTYPE, &Shape::from(plan.channels), x.device());
    let mean = vector(found.iter().map(|m| T::of(m.mean)).collect())?;
    let variance = vector(found.iter().map(|m| T::of(m.squares / count)).collect())?;
    let out = host::storage_as(out, x.dtype(), x.device())?;
    let mut inputs = vec![x];
    inputs.extend(gamma);
    inputs.extend(beta);
    let (saved, has_gamma) = (x.detach(), gamma.is_some());
    let like: Vec<Like> = inputs.iter().map(|x| Like::new(x)).collect();
    let output = record(&inputs, out, x.shape(), move |grad, needs| {
        let means: Vec<T> = found.iter().map(|m| T::of(m.mean)).collect();
        let inverse = |i: usize| 1. / (found[i].squares / count + epsilon).sqrt();
        host::read(&grad, |g: &[T]| {
            host::read(&saved, |x: &[T]| {
                let sums = super::centred(batch_norm::sums(g, x, &means, plan), |i| found[i].mean, &means);
                let mut slots = InputGrads::new();
                slots.push(match needs[0] {
                    true => {
                        let by = |(i, [plain, along]): (usize, &[f64; 2])| {
                            let (inverse, scale) = (inverse(i), scales[i].f64() * inverse(i));
                            let slope = -scale * inverse * inverse * along / count;
                            [
                                T::of(scale),
                                means[i],
                                T::of(slope),
                                T::of(-scale * plain / count),
                            ]
                        };
                        let by: Vec<[T; 4]> = sums.iter().enumerate().map(by).collect();
                        Some(like[0].tensor(batch_norm::affine_pair(g, x, &by, plan))?)
                    }
                    false => None,
                });
                if has_gamma {
                    let by = sums.iter().enumerate().map(|(i, s)| T::of(s[1] * inverse(i)));
                    slots.push(Some(like[1].tensor(by.collect::<Vec<T>>())?));
                }
                if let Some(like) = like.get(1 + usize::from(has_gamma)) {
                    slots.push(Some(
                        like.tensor(sums.iter().map(|s| T::of(s[0])).collect::<Vec<T>>())?,
                    ));
                }
                Ok(slots)
            })
        })
    });
    Ok(BatchNormalized {
        output,
        mean,
        variance,
    })
}
