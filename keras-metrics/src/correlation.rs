//! How predictions vary with targets: correlations and the coefficient of determination.

use keras_core::ops::{Tensor, host};
use keras_core::{Result, Variable, bail};

use crate::class::{mean_metric, metric_class};
use crate::losses::pair;
use crate::state::{Values, add, read, scalar, vector, zeros};

const EPSILON: f64 = 1e-7;

/// `f(targets, predictions)` of each row along `axis`.
fn rows(
    name: &str,
    y_true: &Tensor,
    y_pred: &Tensor,
    axis: i64,
    f: fn(&[f32], &[f32]) -> f64,
) -> Result<Values> {
    let (y_true, y_pred) = pair(y_true, y_pred)?;
    let rank = y_pred.rank() as i64;
    let at = if axis < 0 { axis + rank } else { axis };
    if y_true.dims() != y_pred.dims() || !(0..rank).contains(&at) {
        bail!(
            "{name}: `y_true` has shape {:?}, `y_pred` {:?}; they must be the same and have the axis {axis}",
            y_true.dims(),
            y_pred.dims()
        );
    }
    let order: Vec<usize> = (0..rank as usize)
        .filter(|i| *i as i64 != at)
        .chain([at as usize])
        .collect();
    let dims: Vec<usize> = order[..order.len() - 1]
        .iter()
        .map(|i| y_pred.dims()[*i])
        .collect();
    let n = y_pred.dims()[at as usize].max(1);
    let (y_true, y_pred) = (
        y_true.detach().permute(order.as_slice())?,
        y_pred.detach().permute(order)?,
    );
    let data = host::read(&y_true, |t: &[f32]| {
        host::read(&y_pred, |p: &[f32]| {
            Ok(t.chunks_exact(n)
                .zip(p.chunks_exact(n))
                .map(|(t, p)| f(t, p) as f32)
                .collect())
        })
    })?;
    Ok(Values { data, dims })
}

fn mean(x: &[f32]) -> f64 {
    x.iter().map(|x| *x as f64).sum::<f64>() / x.len() as f64
}

fn variance(x: &[f32]) -> f64 {
    let m = mean(x);
    x.iter().map(|x| (*x as f64 - m).powi(2)).sum::<f64>() / x.len() as f64
}

fn pearson(t: &[f32], p: &[f32]) -> f64 {
    let (mt, mp) = (mean(t), mean(p));
    let covariance = t
        .iter()
        .zip(p)
        .map(|(t, p)| (*t as f64 - mt) * (*p as f64 - mp))
        .sum::<f64>()
        / t.len() as f64;
    covariance / (variance(t).sqrt() * variance(p).sqrt())
}

fn concordance(t: &[f32], p: &[f32]) -> f64 {
    let (mt, mp) = (mean(t), mean(p));
    let covariance = t
        .iter()
        .zip(p)
        .map(|(t, p)| (*t as f64 - mp) * (*p as f64 - mp))
        .sum::<f64>()
        / t.len() as f64;
    2. * covariance / (variance(t) + variance(p) + (mt - mp).powi(2) + EPSILON)
}

mean_metric! {
    /// The mean correlation of targets and predictions along `axis`: 1 when one is a rising line of the other.
    ///
    /// # Shapes
    /// Two of the same shape.
    PearsonCorrelation: "pearson_correlation", ["pearson_correlation"], "Linear correlation.", Some(true);
    {
        /// The axis of a row.
        axis: i64 = -1;
    }
    values(self, y_true, y_pred) rows("pearson_correlation", y_true, y_pred, self.axis, pearson);
}

mean_metric! {
    /// The mean concordance of targets and predictions along `axis`: 1 when they are equal.
    ///
    /// # Shapes
    /// Two of the same shape.
    ConcordanceCorrelation: "concordance_correlation", ["concordance_correlation"],
    "Linear correlation that also asks for equal means and scales.", Some(true);
    {
        /// The axis of a row.
        axis: i64 = -1;
    }
    values(self, y_true, y_pred) rows("concordance_correlation", y_true, y_pred, self.axis, concordance);
}

/// Sums by output, made at the first batch.
#[derive(Debug)]
struct Sums {
    samples: Variable,
    by_output: Vec<Variable>,
}

metric_class! {
    /// The coefficient of determination: `1 - sum((y_true - y_pred)^2) / sum((y_true - mean)^2)`.
    ///
    /// # Shapes
    /// `[samples, outputs]` twice; NaN before any.
    R2Score: "r2_score", ["r2_score"], "Coefficient of determination.";
    {
        /// `uniform_average` or `variance_weighted_average` over outputs; nothing gives each output's score.
        class_aggregation: Option<String> = Some("uniform_average".to_owned());
        /// The number of independent variables, to adjust the score by; 0 does not.
        num_regressors: usize = 0;
    }
    state(made): Sums = Sums { samples: zeros("num_samples", &[], made.dtype), by_output: Vec::new() };
    valid(metric) metric.check();
    {
        fn variables(&self) -> Vec<Variable> {
            std::iter::once(&self.state.samples).chain(&self.state.by_output).cloned().collect()
        }

        fn update_state(&mut self, y_true: &Tensor, y_pred: &Tensor, weights: Option<&Tensor>) -> Result<()> {
            let (y_true, y_pred) = pair(y_true, y_pred)?;
            let &[samples, outputs] = y_pred.dims() else {
                bail!("r2_score: expected shape [samples, outputs], got {:?}", y_pred.dims())
            };
            if y_true.dims() != y_pred.dims() {
                bail!("r2_score: `y_true` has shape {:?}, `y_pred` {:?}", y_true.dims(), y_pred.dims());
            }
            if self.state.by_output.is_empty() {
                let names = ["squared_sum", "sum", "residual", "count"];
                self.state.by_output = names.iter().map(|name| zeros(name, &[outputs], self.dtype)).collect();
            }
            if self.state.by_output[0].shape() != [outputs] {
                bail!("r2_score: saw shape {:?} before, now {outputs} outputs", self.state.by_output[0].shape());
            }
            let weights = match weights {
                None => vec![1f32],
                Some(w) => host::read(w, |w: &[f32]| Ok(w.to_vec()))?,
            };
            let each = match weights.len() {
                1 => samples * outputs,
                n if n == samples => outputs,
                n if n == samples * outputs => 1,
                n => bail!("r2_score: {n} weights do not fit {samples} samples of {outputs} outputs"),
            };
            let mut sums = [vec![0f64; outputs], vec![0f64; outputs], vec![0f64; outputs], vec![0f64; outputs]];
            host::read(&y_true, |t: &[f32]| {
                host::read(&y_pred, |p: &[f32]| {
                    for (i, (t, p)) in t.iter().zip(p).enumerate() {
                        let (t, p, w) = (*t as f64, *p as f64, weights[i / each] as f64);
                        let terms = [t * t * w, t * w, (t - p).powi(2) * w, w];
                        sums.iter_mut().zip(terms).for_each(|(sum, term)| sum[i % outputs] += term);
                    }
                    Ok(())
                })
            })?;
            self.state.by_output.iter().zip(&sums).try_for_each(|(variable, sum)| add(variable, sum))?;
            add(&self.state.samples, &[(samples * outputs) as f64])
        }

        fn result(&self) -> Result<Tensor> {
            let [squares, sum, residual, count] = match self.state.by_output.first_chunk::<4>() {
                Some([a, b, c, d]) => [read(a)?, read(b)?, read(c)?, read(d)?],
                None => return scalar(f64::NAN, self.dtype),
            };
            let totals: Vec<f64> = (0..sum.len()).map(|i| squares[i] - sum[i] * sum[i] / count[i]).collect();
            let score = |(r, t): (&f64, &f64)| Some(1. - r / t).filter(|s| !s.is_infinite()).unwrap_or(0.);
            let scores: Vec<f64> = residual.iter().zip(&totals).map(score).collect();
            let outputs = scores.len();
            let scores = match self.class_aggregation.as_deref() {
                None => scores,
                Some("variance_weighted_average") => {
                    let weighted: f64 = scores.iter().zip(&totals).map(|(s, t)| s * t).sum();
                    vec![weighted / totals.iter().sum::<f64>()]
                }
                Some(_) => vec![scores.iter().sum::<f64>() / outputs as f64],
            };
            let (n, p) = (read(&self.state.samples)?[0], self.num_regressors as f64);
            let adjusts = p > 0. && p < n - 1.;
            let adjust = |s: f64| if adjusts { 1. - (1. - s) * (n - 1.) / (n - p - 1.) } else { s };
            let shape: &[usize] = if self.class_aggregation.is_none() { &[outputs] } else { &[] };
            vector(scores.into_iter().map(adjust).collect(), shape, self.dtype)
        }

        fn larger_is_better(&self) -> Option<bool> {
            Some(true)
        }
    }
}

impl R2Score {
    fn check(&self) -> Result<()> {
        match self.class_aggregation.as_deref() {
            None | Some("uniform_average" | "variance_weighted_average") => Ok(()),
            Some(other) => bail!(
                "R2Score: `class_aggregation` must be uniform_average, variance_weighted_average or nothing, got `{other}`"
            ),
        }
    }
}
