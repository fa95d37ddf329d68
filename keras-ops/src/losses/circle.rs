//! The circle loss between the embeddings of one batch.

use candle_core::{DType, Result, Shape, Tensor};

use crate::host;
use crate::kernels::math::Math;
use crate::tape::record;

/// The arguments of [`circle`].
#[derive(Clone, Copy)]
struct Circle {
    gamma: f64,
    margin: f64,
    remove_diagonal: bool,
}

/// `log(sum(e^x))` of the finite terms, -inf without any.
fn log_sum_exp(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let shift = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if shift == f64::NEG_INFINITY {
        shift
    } else {
        shift + terms.map(|x| (x - shift).exp()).sum::<f64>().ln()
    }
}

impl Circle {
    /// The distance `1 - cos` and the weighted term of one pair.
    fn term(self, same: bool, similarity: f64) -> (f64, f64) {
        let d = (1. - similarity).max(0.);
        let term = if same {
            -self.gamma * (self.margin + d).max(0.) * (self.margin - d)
        } else {
            self.gamma * (1. + self.margin - d).max(0.) * (1. - self.margin - d)
        };
        (d, term)
    }

    /// The derivative of the term by the similarity.
    fn slope(self, same: bool, similarity: f64) -> f64 {
        let d = 1. - similarity;
        if d <= 0. {
            0.
        } else if same {
            -2. * self.gamma * d
        } else if 1. + self.margin - d > 0. {
            2. * self.gamma * (1. - d)
        } else {
            0.
        }
    }

    /// For sample `i`: the sums over equal and over different labels, in logs.
    fn sums<T: Math>(self, i: usize, labels: &[i64], p: &[T], n: usize) -> (Vec<f64>, f64, f64) {
        let similarities: Vec<f64> = labels
            .iter()
            .enumerate()
            .map(|(j, _)| (0..n).map(|k| p[i * n + k].f64() * p[j * n + k].f64()).sum())
            .collect();
        let terms = |same: bool| {
            let similarities = &similarities;
            (0..labels.len())
                .filter(move |j| self.counts(i, *j, labels, same))
                .map(move |j| self.term(same, similarities[j]).1)
        };
        let (positive, negative) = (log_sum_exp(terms(true)), log_sum_exp(terms(false)));
        (similarities, positive, negative)
    }

    fn counts(self, i: usize, j: usize, labels: &[i64], same: bool) -> bool {
        (labels[i] == labels[j]) == same && !(same && self.remove_diagonal && i == j)
    }

    fn forward<T: Math>(self, labels: &[i64], p: &[T], n: usize) -> Vec<T> {
        (0..labels.len())
            .map(|i| {
                let (_, positive, negative) = self.sums(i, labels, p, n);
                T::of((positive + negative).softplus())
            })
            .collect()
    }

    fn backward<T: Math>(self, g: &[T], labels: &[i64], p: &[T], n: usize) -> Vec<T> {
        let mut d = vec![0f64; p.len()];
        for (i, g) in g.iter().enumerate() {
            let (similarities, positive, negative) = self.sums(i, labels, p, n);
            let total = positive + negative;
            if total == f64::NEG_INFINITY {
                continue;
            }
            let g = g.f64() * total.sigmoid();
            for j in 0..labels.len() {
                let same = labels[i] == labels[j];
                if !self.counts(i, j, labels, same) {
                    continue;
                }
                let log_sum = if same { positive } else { negative };
                let share = (self.term(same, similarities[j]).1 - log_sum).exp();
                let slope = g * share * self.slope(same, similarities[j]);
                for k in 0..n {
                    d[i * n + k] += slope * p[j * n + k].f64();
                    d[j * n + k] += slope * p[i * n + k].f64();
                }
            }
        }
        d.into_iter().map(T::of).collect()
    }
}

/// The circle loss: `softplus(log sum e^(gamma wn dn) + log sum e^(-gamma wp dp))` for each sample over the batch,
/// where embeddings of the same label should be near and others far, by `margin`. Embeddings should have length 1.
///
/// # Shapes
/// Class numbers `[n]` or `[n, 1]` and embeddings `[n, d]` to `[n]`.
///
/// # Errors
/// When the shapes do not fit.
pub fn circle(
    y_true: &Tensor,
    y_pred: &Tensor,
    gamma: f64,
    margin: f64,
    remove_diagonal: bool,
) -> Result<Tensor> {
    let fits = y_pred.rank() == 2
        && y_true.elem_count() == y_pred.dims()[0]
        && (y_true.rank() == 1 || (y_true.rank() == 2 && y_true.dims()[1] == 1));
    if !fits {
        candle_core::bail!(
            "circle: expected class numbers [n] and embeddings [n, d], got `y_true` {:?} and `y_pred` {:?}",
            y_true.dims(),
            y_pred.dims()
        );
    }
    let labels = host::read(y_true, |v: &[i64]| Ok(v.to_vec()))?;
    let circle = Circle {
        gamma,
        margin,
        remove_diagonal,
    };
    match host::compute_dtype("circle", y_pred.dtype())? {
        DType::F64 => apply::<f64>(circle, labels, y_pred),
        _ => apply::<f32>(circle, labels, y_pred),
    }
}

fn apply<T: Math>(circle: Circle, labels: Vec<i64>, y_pred: &Tensor) -> Result<Tensor> {
    let n = y_pred.dims()[1];
    let out = host::read(y_pred, |p: &[T]| Ok(circle.forward(&labels, p, n)))?;
    let out = host::storage_as(out, y_pred.dtype(), y_pred.device())?;
    let p = y_pred.detach();
    Ok(record(
        &[y_pred],
        out,
        &Shape::from(labels.len()),
        move |grad, _| {
            let d = host::read(&p, |pv: &[T]| {
                host::read(&grad, |g: &[T]| Ok(circle.backward(g, &labels, pv, n)))
            })?;
            Ok([Some(host::tensor(d, p.dtype(), p.shape(), p.device())?)]
                .into_iter()
                .collect())
        },
    ))
}
