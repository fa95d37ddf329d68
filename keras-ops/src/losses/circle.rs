//! The circle loss between embeddings.

use candle_core::{Result, Tensor};

use super::neighbours::{Kin, Labels, Neighbours, class_numbers, over};
use crate::host;
use crate::kernels::math::Math;

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
    /// The weighted term of one pair at the distance `d = 1 - cos`.
    fn term(self, same: bool, similarity: f64) -> f64 {
        let d = (1. - similarity).max(0.);
        if same {
            -self.gamma * (self.margin + d).max(0.) * (self.margin - d)
        } else {
            self.gamma * (1. + self.margin - d).max(0.) * (1. - self.margin - d)
        }
    }

    /// The derivative of the term by the similarity.
    fn slope(self, same: bool, similarity: f64) -> f64 {
        let d = 1. - similarity;
        match same {
            _ if d <= 0. => 0.,
            true if self.margin + d > 0. => -2. * self.gamma * d,
            false if 1. + self.margin - d > 0. => 2. * self.gamma * (1. - d),
            _ => 0.,
        }
    }

    /// Whether the pair counts as one of the same label; `None` where it does not count.
    fn same(self, kin: Kin) -> Option<bool> {
        match kin {
            Kin::Own if self.remove_diagonal => None,
            Kin::Own | Kin::Same => Some(true),
            Kin::Other => Some(false),
        }
    }
}

impl Neighbours for Circle {
    const NAME: &'static str = "circle";

    fn sample(self, kin: &[Kin], s: &[f64], d: Option<&mut [f64]>) -> f64 {
        let terms = |same: bool| {
            let pairs = kin
                .iter()
                .zip(s)
                .filter(move |(kin, _)| self.same(**kin) == Some(same));
            pairs.map(move |(_, s)| self.term(same, *s))
        };
        let (positive, negative) = (log_sum_exp(terms(true)), log_sum_exp(terms(false)));
        let total = positive + negative;
        if let (Some(d), true) = (d, total > f64::NEG_INFINITY) {
            let g = total.sigmoid();
            for ((d, kin), s) in d.iter_mut().zip(kin).zip(s) {
                if let Some(same) = self.same(*kin) {
                    let log_sum = if same { positive } else { negative };
                    *d = g * (self.term(same, *s) - log_sum).exp() * self.slope(same, *s);
                }
            }
        }
        total.softplus()
    }
}

/// The circle loss: `softplus(log sum e^(gamma wn sn) + log sum e^(-gamma wp sp))` for each sample over the
/// references, where `d = max(1 - cos, 0)` is a distance, `wn = max(1 + margin - d, 0)`, `sn = 1 - margin - d` for
/// references of other labels, and `wp = max(margin + d, 0)`, `sp = margin - d` for those of the same. Embeddings
/// should have length 1.
///
/// The references are the batch itself, or `ref_labels` and `ref_embeddings`. With `remove_diagonal` a sample is no
/// pair with the reference of its own number.
///
/// # Shapes
/// Class numbers `[n]` or `[n, 1]` and embeddings `[n, d]` to `[n]`; references `[m]` or `[m, 1]` and `[m, d]`.
///
/// # Errors
/// When the shapes do not fit.
///
/// ```
/// use keras_ops::{Device, Tensor, losses};
/// let y = Tensor::new(&[0u32, 0, 1], &Device::Cpu)?;
/// let p = Tensor::new(&[[1f64, 0.], [1., 0.], [0., 1.]], &Device::Cpu)?; // d = 0 to the same, 1 to the other
/// let loss = losses::circle(&y, &p, None, None, true, 2., 0.5)?.to_vec1::<f64>()?;
/// // Positive -2 (0.5 + 0)(0.5 - 0), negative 2 (1.5 - 1)(0.5 - 1): together -1. The third has no positive.
/// assert!((loss[0] - (1. + (-1f64).exp()).ln()).abs() < 1e-12 && loss[2] == 0.);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn circle(
    y_true: &Tensor,
    y_pred: &Tensor,
    ref_labels: Option<&Tensor>,
    ref_embeddings: Option<&Tensor>,
    remove_diagonal: bool,
    gamma: f64,
    margin: f64,
) -> Result<Tensor> {
    let references = ref_embeddings.unwrap_or(y_pred);
    let of_references = class_numbers("circle", "ref_labels", ref_labels.unwrap_or(y_true), references)?;
    let labels = Labels::new("circle", y_true, y_pred)?.with_references(Some(of_references));
    if references.dims()[1] != y_pred.dims()[1] {
        candle_core::bail!(
            "circle: `y_pred` has embeddings of {} numbers, `ref_embeddings` of {}",
            y_pred.dims()[1],
            references.dims()[1]
        );
    }
    let circle = Circle {
        gamma,
        margin,
        remove_diagonal,
    };
    host::within("circle", || {
        crate::matmul(y_pred, &crate::transpose(references, &[1, 0])?)
    })
    .and_then(|s| over(circle, labels, &s))
}
