//! Group normalisation; with a group a channel, instance normalisation.

use candle_core::{DType, Result, Tensor};

use super::{Like, affine, check_channels, values};
use crate::axes;
use crate::host;
use crate::kernels::batch_norm::{self, Moment, Plan};
use crate::kernels::math::Math;
use crate::tape::{InputGrads, record};

/// Splits the channels along `axis` into `groups` and normalises each sample's groups to mean 0 and variance 1, then
/// `y gamma + beta` by channel. `groups` of -1 makes every channel a group: instance normalisation.
///
/// # Shapes
/// `x` (batch, …) with the channels along `axis`, the result alike; `gamma` and `beta` one value a channel.
///
/// # Errors
/// When `axis` is out of range or the batch axis, `groups` does not divide the channels, a parameter does not have
/// one value a channel, or a tensor is not float.
///
/// # Examples
/// ```
/// use keras_ops::{Device, Tensor, nn};
/// let x = Tensor::new(&[[1f32, 3., 10., 30.]], &Device::Cpu)?;
/// let y = nn::group_normalization(&x, None, None, 2, -1, 0.)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[-1., 1., -1., 1.]]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn group_normalization(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    groups: i64,
    axis: i64,
    epsilon: f64,
) -> Result<Tensor> {
    const OP: &str = "group_normalization";
    let compute = host::compute_dtype(OP, x.dtype())?;
    let axis = axes::axis(OP, axis, x.rank())?;
    let dims = x.dims();
    if axis == 0 {
        candle_core::bail!("{OP}: axis 0 of x {dims:?} is the batch; the channels must be along another");
    }
    let channels = dims[axis];
    let groups = if groups == -1 { channels as i64 } else { groups };
    if groups < 1 || channels as i64 % groups != 0 {
        candle_core::bail!(
            "{OP}: expected a number of groups that divides the {channels} channels along axis {axis} of x {dims:?}, \
             or -1 for one a channel; got {groups}"
        );
    }
    check_channels(OP, "gamma", gamma, channels, x)?;
    check_channels(OP, "beta", beta, channels, x)?;
    let plan = Plan {
        outer: dims[0],
        before: dims[1..axis].iter().product(),
        channels,
        after: dims[axis + 1..].iter().product(),
    };
    let group = channels / groups as usize;
    match compute {
        DType::F64 => apply::<f64>(x, gamma, beta, group, epsilon, plan),
        _ => apply::<f32>(x, gamma, beta, group, epsilon, plan),
    }
}

/// Mean and inverse standard deviation of each group.
fn groups(found: &[Moment], group: usize, epsilon: f64, count: f64) -> Vec<[f64; 2]> {
    let join = |group: &[Moment]| {
        let all = group.iter().fold(Moment::default(), |all, m| all.join(*m));
        [all.mean, 1. / (all.squares / count + epsilon).sqrt()]
    };
    found.chunks_exact(group).map(join).collect()
}

fn apply<T: Math>(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    group: usize,
    epsilon: f64,
    plan: Plan,
) -> Result<Tensor> {
    let channels = plan.channels;
    let count = (plan.count() * group) as f64;
    let scales = values::<T>(gamma, 1., channels)?;
    let offsets = values::<T>(beta, 0., channels)?;
    let (out, stats) = host::read(x, |x: &[T]| {
        let stats = groups(&batch_norm::moments(x, plan), group, epsilon, count);
        let by = |i: usize| {
            let [mean, inverse] = stats[i / group];
            let channel = i % channels;
            affine(mean, inverse * scales[channel].f64(), offsets[channel])
        };
        let by: Vec<[T; 3]> = (0..plan.outer * channels).map(by).collect();
        Ok((batch_norm::affine(x, &by, plan), stats))
    })?;
    let out = host::storage_as(out, x.dtype(), x.device())?;
    let mut inputs = vec![x];
    inputs.extend(gamma);
    inputs.extend(beta);
    let (saved, has_gamma) = (x.detach(), gamma.is_some());
    let like: Vec<Like> = inputs.iter().map(|x| Like::new(x)).collect();
    Ok(record(&inputs, out, x.shape(), move |grad, needs| {
        let of = |i: usize| (i % channels, stats[i / group]);
        let means: Vec<T> = (0..plan.outer * channels).map(|i| T::of(of(i).1[0])).collect();
        let (sums, dx) = host::read(&grad, |g: &[T]| {
            host::read(&saved, |x: &[T]| {
                let sums = super::centred(batch_norm::sums(g, x, &means, plan), |i| of(i).1[0], &means);
                let dx = needs[0].then(|| {
                    let by = by_input(&sums, &stats, &scales, &means, group, count);
                    batch_norm::affine_pair(g, x, &by, plan)
                });
                Ok((sums, dx))
            })
        })?;
        let mut slots = InputGrads::new();
        slots.push(dx.map(|dx| like[0].tensor(dx)).transpose()?);
        let (mut by_gamma, mut by_beta) = (vec![0f64; channels], vec![0f64; channels]);
        for (i, [plain, along]) in sums.iter().enumerate() {
            let (channel, [_, inverse]) = of(i);
            by_gamma[channel] += along * inverse;
            by_beta[channel] += plain;
        }
        let vector = |like: &Like, v: Vec<f64>| like.tensor(v.into_iter().map(T::of).collect::<Vec<T>>());
        if has_gamma {
            slots.push(Some(vector(&like[1], by_gamma)?));
        }
        if let Some(like) = like.get(1 + usize::from(has_gamma)) {
            slots.push(Some(vector(like, by_beta)?));
        }
        Ok(slots)
    }))
}

/// `[a, mean, b, c]` of [`batch_norm::affine_pair`] by sample and channel.
fn by_input<T: Math>(
    sums: &[[f64; 2]],
    stats: &[[f64; 2]],
    scales: &[T],
    means: &[T],
    group: usize,
    count: f64,
) -> Vec<[T; 4]> {
    let channels = scales.len();
    let scale = |i: usize| scales[i % channels].f64();
    let mut by = Vec::with_capacity(sums.len());
    for (index, part) in sums.chunks_exact(group).enumerate() {
        let first = index * group;
        let [mean, inverse] = stats[index];
        let low = mean - means[first].f64();
        let (mut plain, mut along) = (0., 0.);
        for (i, sums) in part.iter().enumerate() {
            plain += scale(first + i) * sums[0];
            along += scale(first + i) * sums[1];
        }
        let slope = -along * inverse.powi(3) / count;
        let shift = T::of(-plain * inverse / count - low * slope);
        let slope = T::of(slope);
        let each = (first..first + group).map(|i| [T::of(scale(i) * inverse), means[i], slope, shift]);
        by.extend(each);
    }
    by
}
