//! Losses of a sample among the others of its batch: the frame of the losses of embeddings.

use crate::kernels::team::{IntoParts as _, Parts as _, Slice as _};
use candle_core::{DType, Result, Shape, Tensor};
use rustc_hash::FxHashMap;

use super::rows::sum;
use crate::host;
use crate::kernels::math::Math;
use crate::kernels::simd;
use crate::tape::record;

/// What a reference is to a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kin {
    /// The sample itself: the reference of the same number.
    Own,
    /// Of the same label.
    Same,
    /// Of another label.
    Other,
}

/// The loss of a sample from its similarity, or its distance, to each reference.
pub(super) trait Neighbours: Copy + Send + Sync + 'static {
    const NAME: &'static str;
    /// The value; its derivatives by `s` go into `d`, which is 0 before.
    fn sample(self, kin: &[Kin], s: &[f64], d: Option<&mut [f64]>) -> f64;
}

/// The labels of samples and of references.
pub(super) struct Labels {
    own: Vec<i64>,
    refs: Option<Vec<i64>>,
}

impl Labels {
    /// # Errors
    /// When there is not one label for each row of the embeddings.
    pub(super) fn new(name: &str, labels: &Tensor, embeddings: &Tensor) -> Result<Self> {
        Ok(Self {
            own: class_numbers(name, "y_true", labels, embeddings)?,
            refs: None,
        })
    }

    pub(super) fn with_references(mut self, refs: Option<Vec<i64>>) -> Self {
        self.refs = refs;
        self
    }

    fn refs(&self) -> &[i64] {
        self.refs.as_ref().unwrap_or(&self.own)
    }

    fn kin(&self, i: usize) -> Vec<Kin> {
        let of = |(j, label): (usize, &i64)| match (*label == self.own[i], j == i) {
            (true, true) => Kin::Own,
            (true, false) => Kin::Same,
            (false, _) => Kin::Other,
        };
        self.refs().iter().enumerate().map(of).collect()
    }
}

/// # Errors
/// When `labels` are not one class number for each row of `embeddings`, `[n, d]`.
pub(super) fn class_numbers(
    name: &str,
    argument: &str,
    labels: &Tensor,
    embeddings: &Tensor,
) -> Result<Vec<i64>> {
    let (given, rows) = (labels.dims(), embeddings.dims());
    match (given, rows) {
        (&[n] | &[n, 1], &[m, _]) if n == m => host::read(labels, |v: &[i64]| Ok(v.to_vec())),
        _ => candle_core::bail!(
            "{name}: expected class numbers [n] or [n, 1] and embeddings [n, d], got `{argument}` {given:?} and \
             embeddings {rows:?}"
        ),
    }
}

/// The value of each sample from `s`, the similarities or distances `[samples, references]`.
pub(super) fn over<F: Neighbours>(f: F, labels: Labels, s: &Tensor) -> Result<Tensor> {
    match host::compute_dtype(F::NAME, s.dtype())? {
        DType::F64 => apply::<F, f64>(f, labels, s),
        _ => apply::<F, f32>(f, labels, s),
    }
}

fn apply<F: Neighbours, T: Math>(f: F, labels: Labels, s: &Tensor) -> Result<Tensor> {
    let (samples, width) = (labels.own.len(), labels.refs().len());
    let wide = move |s: &[T], i: usize| -> Vec<f64> {
        s[i * width..(i + 1) * width].iter().map(|s| s.f64()).collect()
    };
    let out: Vec<T> = host::read(s, |s: &[T]| {
        let value = |i| T::of(f.sample(&labels.kin(i), &wide(s, i), None));
        Ok((0..samples).into_par_iter().map(value).collect())
    })?;
    let out = host::storage_as(out, s.dtype(), s.device())?;
    let saved = s.detach();
    Ok(record(&[s], out, &Shape::from(samples), move |grad, _| {
        let d = host::read(&saved, |s: &[T]| {
            host::read(&grad, |g: &[T]| {
                let mut out = vec![T::ZERO; s.len()];
                out.par_chunks_mut(width.max(1)).enumerate().for_each(|(i, out)| {
                    let mut d = vec![0f64; width];
                    f.sample(&labels.kin(i), &wide(s, i), Some(&mut d));
                    out.iter_mut()
                        .zip(d)
                        .for_each(|(out, d)| *out = T::of(g[i].f64() * d));
                });
                Ok(out)
            })
        })?;
        let d = host::tensor(d, saved.dtype(), saved.shape(), saved.device())?;
        Ok([Some(d)].into_iter().collect())
    }))
}

/// `|x_i - x_j|^2` of every two rows: `[n, d]` to `[n, n]`. Not by a matrix product, which loses the digits of
/// near neighbours.
pub(super) fn squared_distances(name: &str, x: &Tensor) -> Result<Tensor> {
    match host::compute_dtype(name, x.dtype())? {
        DType::F64 => distances::<f64>(x),
        _ => distances::<f32>(x),
    }
}

fn distances<T: Math>(x: &Tensor) -> Result<Tensor> {
    let (n, width) = x.dims2()?;
    let out = host::read(x, |x: &[T]| {
        let mut out = vec![T::ZERO; n * n];
        simd::chunks_mut(&mut out, n.max(1), simd::parallel(n * x.len()), &|i, out| {
            simd::vectorize_for::<T, _>(
                #[inline(always)]
                || {
                    let own = &x[i * width..(i + 1) * width];
                    for (j, out) in out.iter_mut().enumerate() {
                        let other = &x[j * width..(j + 1) * width];
                        *out = T::of(sum(
                            own,
                            other,
                            #[inline(always)]
                            |a, b| (a - b) * (a - b),
                        ));
                    }
                },
            )
        });
        Ok(out)
    })?;
    let out = host::storage_as(out, x.dtype(), x.device())?;
    let saved = x.detach();
    Ok(record(&[x], out, &Shape::from((n, n)), move |grad, _| {
        let d = host::read(&saved, |x: &[T]| {
            host::read(&grad, |g: &[T]| Ok(distances_gradient(x, g, n, width)))
        })?;
        let d = host::tensor(d, saved.dtype(), saved.shape(), saved.device())?;
        Ok([Some(d)].into_iter().collect())
    }))
}

/// `2 sum_j (g_ij + g_ji) (x_i - x_j)`.
fn distances_gradient<T: Math>(x: &[T], g: &[T], n: usize, width: usize) -> Vec<T> {
    let mut d = vec![T::ZERO; x.len()];
    simd::chunks_mut(&mut d, width.max(1), simd::parallel(n * x.len()), &|i, d| {
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                let own = &x[i * width..(i + 1) * width];
                for j in 0..n {
                    let factor = T::of(2.) * (g[i * n + j] + g[j * n + i]);
                    let other = &x[j * width..(j + 1) * width];
                    for ((d, a), b) in d.iter_mut().zip(own).zip(other) {
                        *d += factor * (*a - *b);
                    }
                }
            },
        )
    });
    d
}

/// 1 for each sample whose label another sample has and, with `others`, of which not all samples are; else 0.
///
/// # Errors
/// When the labels are not numbers of the host.
///
/// ```
/// use keras_ops::{Device, Tensor, losses};
/// let labels = Tensor::new(&[4u32, 7, 4], &Device::Cpu)?;
/// assert_eq!(losses::has_peers(&labels, true)?.to_vec1::<u8>()?, [1, 0, 1]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn has_peers(y_true: &Tensor, others: bool) -> Result<Tensor> {
    let mask: Vec<u8> = host::read(y_true, |labels: &[i64]| {
        let mut counts: FxHashMap<i64, usize> = FxHashMap::default();
        labels
            .iter()
            .for_each(|label| *counts.entry(*label).or_default() += 1);
        let enough = !others || counts.len() > 1;
        Ok(labels
            .iter()
            .map(|label| u8::from(enough && counts[label] > 1))
            .collect())
    })?;
    let storage = host::storage(mask, y_true.device())?;
    Ok(record(
        &[],
        storage,
        y_true.shape(),
        |_, _| Ok(Default::default()),
    ))
}
