//! What surrounds every loss and metric: equal ranks, masks, sample weights, reduction.
//!
//! Weights are never broadcast by chance. After Keras's adjustment of ranks that differ by one, weights are a single
//! number or, axis by axis from the first on, of the values' size or 1. Axes that they lack are repeated: weights
//! `[batch]` count for every position of values `[batch, time]`, where Keras fails.

use keras_ops::host::{self, Real};
use keras_ops::{self as ops, DType, Tensor};
use smallvec::SmallVec;

pub use keras_ops::losses::squeeze_or_expand_to_same_rank;

use crate::{Loss, Reduction, Result, bail, half};

impl dyn Loss {
    /// The loss of a batch: [`call`](Loss::call) on targets and predictions of one dtype and rank, its values
    /// weighted and reduced.
    ///
    /// With a [`dtype`](Loss::dtype) of float16 or bfloat16, targets, predictions and result are rounded to it and all
    /// between is computed in float32.
    ///
    /// # Errors
    /// When shapes of targets, weights or mask do not fit, or a number is beyond what a half type holds (on a GPU it
    /// becomes infinite instead, since an error would wait for the device).
    ///
    /// ```
    /// use keras_core::{Loss, loss_fn};
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let loss = loss_fn("absolute", |y: &Tensor, p: &Tensor| ops::abs(&ops::subtract(p, y)?));
    /// let loss: &dyn Loss = &loss;
    /// let y = Tensor::new(&[0f32, 0., 0.], &Device::Cpu)?;
    /// let p = Tensor::new(&[[3f32], [6.], [9.]], &Device::Cpu)?; // one rank more: adjusted
    /// let w = Tensor::new(&[1f32, 0., 1.], &Device::Cpu)?;
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 6.);
    /// assert_eq!(loss.apply(&y, &p, Some(&w), None)?.to_scalar::<f32>()?, 4.);
    /// let four = Tensor::new(&[1f32; 4], &Device::Cpu)?;
    /// assert!(loss.apply(&y, &p, Some(&four), None).is_err());
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn apply(
        &self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
        mask: Option<&Tensor>,
    ) -> Result<Tensor> {
        let dtype = self.dtype().unwrap_or(match y_pred.dtype() {
            DType::F64 => DType::F64,
            _ => ops::floatx(),
        });
        let y_pred = half::rounded("y_pred", y_pred, dtype)?;
        let (y_true, y_pred) = if self.takes_labels() {
            (y_true.clone(), y_pred)
        } else {
            squeeze_or_expand_to_same_rank(&half::rounded("y_true", y_true, dtype)?, &y_pred)?
        };
        let values = self.call(&y_true, &y_pred)?;
        let own = self.mask(&y_true, &values)?;
        let joined = match (mask, own) {
            (Some(mask), Some(own)) => Some(both(mask, &own)?),
            (None, own) => own,
            (Some(_), None) => None,
        };
        let mask = joined.as_ref().or(mask);
        let loss = reduce_weighted_values(&values, sample_weight, mask, self.reduction())?;
        if half::is_half(dtype) {
            return half::narrowed("the loss", &loss, dtype);
        }
        Ok(loss)
    }
}

/// 1 where both masks are.
fn both(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.elem_count() != b.elem_count() {
        bail!(
            "mask: the predictions' mask has shape {:?}, the loss's own {:?}",
            a.dims(),
            b.dims()
        );
    }
    let joined = host::read(a, |a: &[u8]| {
        host::read(b, |b: &[u8]| {
            Ok(a.iter()
                .zip(b)
                .map(|(a, b)| (*a != 0 && *b != 0) as u8)
                .collect::<Vec<_>>())
        })
    })?;
    Ok(Tensor::from_vec(joined, b.shape(), b.device())?)
}

/// Weighs and reduces the values of a loss.
///
/// # Formula
/// With the weights `w` (1 without any) and the mask `m`, where `c = size(m) / sum(m)` for the means and 1 for the
/// others: `v = values w m c`, then `sum(v) / size(v)`, `sum(v)`, `v`, or `sum(v) / sum(w m)` for
/// `mean_with_sample_weight`. Divisions by 0 give 0.
///
/// As in Keras, `sum(w m)` is over the weights as they are given: weights `[batch, 1]` of values `[batch, time]` count
/// once each. Weights `[batch]` count once for each position, so that weights of 1 change nothing.
///
/// # Errors
/// When the shapes of values, weights and mask do not fit.
///
/// ```
/// use keras_core::{Reduction, weighting};
/// use keras_ops::{Device, Tensor};
/// let values = Tensor::new(&[1f32, 5., 100.], &Device::Cpu)?;
/// let mask = Tensor::new(&[1u8, 1, 0], &Device::Cpu)?;
/// let mean = weighting::reduce_weighted_values(&values, None, Some(&mask), Reduction::Mean)?;
/// assert_eq!(mean.to_scalar::<f32>()?, 3.);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn reduce_weighted_values(
    values: &Tensor,
    sample_weight: Option<&Tensor>,
    mask: Option<&Tensor>,
    reduction: Reduction,
) -> Result<Tensor> {
    let weights = match (sample_weight, mask) {
        (None, None) => return reduce(values, None, reduction),
        (Some(weights), None) => ops::cast(weights, values.dtype())?,
        (weights, Some(mask)) => apply_mask(weights, mask, values.dtype(), reduction)?,
    };
    let (values, weights) = squeeze_or_expand_to_same_rank(values, &weights)?;
    fits("sample weights", values.dims(), weights.dims())?;
    let lacking = values.dims().get(weights.rank()..).filter(|_| weights.rank() > 0);
    let repeats = lacking.unwrap_or(&[]).iter().product();
    let weights = with_axes(&weights, values.rank())?;
    reduce(
        &ops::multiply(&values, &weights)?,
        Some((&weights, repeats)),
        reduction,
    )
}

/// `weights` come with how often each counts.
fn reduce(values: &Tensor, weights: Option<(&Tensor, usize)>, reduction: Reduction) -> Result<Tensor> {
    if reduction == Reduction::None || values.rank() == 0 || values.dims() == [0] {
        return Ok(values.clone());
    }
    match (reduction, weights) {
        (Reduction::MeanWithSampleWeight, Some((weights, repeats))) => {
            let count = ops::mul_scalar(&ops::sum(weights, None, false)?, repeats as f64)?;
            Ok(ops::divide_no_nan(&ops::sum(values, None, false)?, &count)?)
        }
        // The mean of nothing is 0.
        _ if reduction == Reduction::Sum || values.elem_count() == 0 => Ok(ops::sum(values, None, false)?),
        _ => Ok(ops::mean(values, None, false)?),
    }
}

/// # Errors
/// When `of` would have to be broadcast to `values` in a way that Keras would not mean.
fn fits(what: &str, values: &[usize], of: &[usize]) -> Result<()> {
    let each = || values.iter().zip(of).all(|(v, w)| v == w || *w == 1);
    if values.is_empty() || (of.len() <= values.len() && each()) {
        return Ok(());
    }
    bail!(
        "{what} of shape {of:?} do not fit values of shape {values:?}: give one number, or a number for each along \
         the first axes, such as shape {:?}",
        &values[..1]
    )
}

/// With axes of size 1 at the end, up to `rank`; a single number stays one.
fn with_axes(x: &Tensor, rank: usize) -> Result<Tensor> {
    if x.rank() == 0 || x.rank() >= rank {
        return Ok(x.clone());
    }
    let mut dims = x.dims().to_vec();
    dims.resize(rank, 1);
    Ok(x.reshape(dims)?)
}

/// The mask as weights, multiplied by the sample weights. For the means, masked-in entries weigh
/// `size / count`, so that the mean is over them alone; for the other reductions they weigh 1.
///
/// # Errors
/// When weights and mask do not fit.
pub fn apply_mask(
    sample_weight: Option<&Tensor>,
    mask: &Tensor,
    dtype: DType,
    reduction: Reduction,
) -> Result<Tensor> {
    let weights: Vec<f64> = host::read(mask, |m: &[f64]| {
        let weight = match reduction {
            Reduction::Mean | Reduction::SumOverBatchSize => {
                let valid = m.iter().filter(|m| **m != 0.).count();
                m.len() as f64 / valid.max(1) as f64
            }
            _ => 1.,
        };
        Ok(m.iter().map(|m| if *m != 0. { weight } else { 0. }).collect())
    })?;
    let mask = host::tensor(weights, dtype, mask.shape(), mask.device())?;
    let Some(weights) = sample_weight else {
        return Ok(mask);
    };
    let (mask, weights) = squeeze_or_expand_to_same_rank(&mask, &ops::cast(weights, dtype)?)?;
    if mask.rank() < weights.rank() {
        fits("mask", weights.dims(), mask.dims())?;
    } else {
        fits("sample weights", mask.dims(), weights.dims())?;
    }
    let rank = mask.rank().max(weights.rank());
    Ok(ops::multiply(
        &with_axes(&weights, rank)?,
        &with_axes(&mask, rank)?,
    )?)
}

/// How [`samplewise`] reduces the axes after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Samplewise {
    /// By their mean, as the metric `Mean` does.
    Mean,
    /// By their sum, as the metric `Sum` does.
    Sum,
}

/// What a metric adds for a batch of values: the sum of the samples' values and of their weights.
///
/// Every sample is one value: the axes after the first are reduced. Weights may have fewer axes than the values;
/// the axes beyond are reduced first.
///
/// # Errors
/// When the weights do not fit.
///
/// ```
/// use keras_core::weighting::{Samplewise, samplewise};
/// let values = [1f32, 3., 5., 7.]; // [2, 2]
/// assert_eq!(samplewise(&values, &[2, 2], None, Samplewise::Mean)?, (8., 2.));
/// let weights = Some((&[1f32, 0.][..], &[2][..]));
/// assert_eq!(samplewise(&values, &[2, 2], weights, Samplewise::Mean)?, (2., 1.));
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn samplewise<T: Real>(
    values: &[T],
    dims: &[usize],
    weights: Option<(&[T], &[usize])>,
    by: Samplewise,
) -> Result<(f64, f64)> {
    let over = |count: usize| if by == Samplewise::Mean { count as f64 } else { 1. };
    let Some((weights, weight_dims)) = weights else {
        let rest: usize = dims.iter().skip(1).product();
        let total: f64 = values.iter().map(|v| v.f64()).sum();
        return Ok((total / over(rest), dims.first().copied().unwrap_or(1) as f64));
    };
    let (dims, weight_dims) = same_rank(dims, weight_dims);
    let rank = weight_dims.len();
    if rank > dims.len() {
        bail!(
            "sample weights of shape {weight_dims:?} do not fit values of shape {dims:?}: they have more axes"
        );
    }
    let (lead, trailing) = dims.split_at(rank);
    fits("sample weights", lead, &weight_dims)?;
    let inner: usize = trailing.iter().product();
    let rest: usize = lead.iter().skip(1).product();
    let (mut total, mut count) = (0f64, 0f64);
    for i in 0..lead.iter().product() {
        let weight = weights[broadcast_index(i, lead, &weight_dims)].f64();
        let value: f64 = values[i * inner..(i + 1) * inner].iter().map(|v| v.f64()).sum();
        total += weight * value;
        count += weight;
    }
    Ok((total / over(inner) / over(rest), count / over(rest)))
}

/// [`squeeze_or_expand_to_same_rank`] on shapes alone.
fn same_rank(a: &[usize], b: &[usize]) -> (SmallVec<[usize; 4]>, SmallVec<[usize; 4]>) {
    let (mut a, mut b): (SmallVec<[usize; 4]>, SmallVec<[usize; 4]>) = (a.into(), b.into());
    let (higher, lower) = if a.len() == b.len() + 1 {
        (&mut a, &mut b)
    } else if b.len() == a.len() + 1 {
        (&mut b, &mut a)
    } else {
        return (a, b);
    };
    if higher.last() == Some(&1) {
        if lower.len() == 1 {
            lower.push(1);
        } else {
            higher.pop();
        }
    }
    (a, b)
}

/// Where element `i` of a row-major block of shape `dims` is in one of shape `of`, whose sizes are the same or 1.
fn broadcast_index(i: usize, dims: &[usize], of: &[usize]) -> usize {
    if dims == of {
        return i;
    }
    let (mut i, mut at, mut stride) = (i, 0, 1);
    for (size, own) in dims.iter().zip(of).rev() {
        at += if *own == 1 { 0 } else { i % size * stride };
        stride *= own;
        i /= size;
    }
    at
}
