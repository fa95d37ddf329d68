//! Harmonic means of precision and recall.

use keras_core::ops::{DType, Tensor, host};
use keras_core::{Result, Variable, bail};

use crate::class::metric_class;
use crate::state::{add, read, scalar, vector, zeros};

const EPSILON: f64 = 1e-7;
const NAMES: [&str; 4] = [
    "true_positives",
    "false_positives",
    "false_negatives",
    "intermediate_weights",
];

/// True positives, false positives, false negatives and the weight of targets by class, made at the first batch.
#[derive(Debug, Default)]
struct State(Vec<Variable>);

impl State {
    fn build(
        &mut self,
        name: &str,
        classes: usize,
        average: Option<&str>,
        dtype: Option<DType>,
    ) -> Result<usize> {
        let micro = average == Some("micro");
        let shape: &[usize] = if micro {
            &[]
        } else {
            std::slice::from_ref(&classes)
        };
        if self.0.is_empty() {
            self.0 = NAMES.iter().map(|name| zeros(name, shape, dtype)).collect();
        }
        if self.0[0].shape() != shape {
            bail!(
                "{name}: saw {:?} classes before, now {classes}; reset or make another metric",
                self.0[0].shape()
            );
        }
        Ok(if micro { 1 } else { classes })
    }

    fn update(
        &mut self,
        name: &str,
        (average, threshold, dtype): (Option<&str>, Option<f64>, Option<DType>),
        y_true: &Tensor,
        y_pred: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<()> {
        let &[samples, classes] = y_pred.dims() else {
            bail!(
                "{name}: expected `y_pred` of shape [samples, classes], got {:?}",
                y_pred.dims()
            )
        };
        if y_true.dims() != y_pred.dims() {
            bail!(
                "{name}: `y_true` has shape {:?}, `y_pred` {:?}; they must be the same",
                y_true.dims(),
                y_pred.dims()
            );
        }
        let weights = match weights {
            None => vec![1f32; samples],
            Some(w) if w.elem_count() == samples => host::read(w, |w: &[f32]| Ok(w.to_vec()))?,
            Some(w) => bail!(
                "{name}: expected one weight for each of {samples} samples, got shape {:?}",
                w.dims()
            ),
        };
        let width = self.build(name, classes, average, dtype)?;
        let mut sums = [
            vec![0f64; width],
            vec![0f64; width],
            vec![0f64; width],
            vec![0f64; width],
        ];
        host::read(y_true, |t: &[f32]| {
            host::read(y_pred, |p: &[f32]| {
                let rows = t.chunks_exact(classes).zip(p.chunks_exact(classes)).zip(&weights);
                for ((t, p), w) in rows {
                    let largest = p.iter().fold(f32::NEG_INFINITY, |m, p| m.max(*p));
                    for c in 0..classes {
                        let yes = match threshold {
                            Some(threshold) => p[c] > threshold as f32,
                            None => p[c] >= largest && p[c].abs() > 1e-9,
                        };
                        let (t, p, w) = (t[c] as f64, yes as u8 as f64, *w as f64);
                        let terms = [p * t, p * (1. - t), (1. - p) * t, t];
                        sums.iter_mut()
                            .zip(terms)
                            .for_each(|(sum, term)| sum[if width == 1 { 0 } else { c }] += term * w);
                    }
                }
                Ok(())
            })
        })?;
        self.0
            .iter()
            .zip(&sums)
            .try_for_each(|(variable, sum)| add(variable, sum))
    }

    fn result(&self, beta: f64, average: Option<&str>, dtype: Option<DType>) -> Result<Tensor> {
        let Some([tp, fp, fnn, weights]) = self.0.first_chunk::<4>() else {
            return scalar(0., dtype);
        };
        let (tp, fp, fnn) = (read(tp)?, read(fp)?, read(fnn)?);
        let scores: Vec<f64> = (0..tp.len())
            .map(|i| {
                let precision = tp[i] / (tp[i] + fp[i] + EPSILON);
                let recall = tp[i] / (tp[i] + fnn[i] + EPSILON);
                (1. + beta * beta) * precision * recall / (beta * beta * precision + recall + EPSILON)
            })
            .collect();
        match average {
            None => {
                let n = scores.len();
                vector(scores, &[n], dtype)
            }
            Some("weighted") => {
                let weights = read(weights)?;
                let total = weights.iter().sum::<f64>() + EPSILON;
                scalar(
                    scores.iter().zip(weights).map(|(s, w)| s * w / total).sum(),
                    dtype,
                )
            }
            Some(_) => scalar(scores.iter().sum::<f64>() / scores.len() as f64, dtype),
        }
    }
}

fn check(class: &str, average: Option<&str>, beta: f64, threshold: Option<f64>) -> Result<()> {
    if !matches!(average, None | Some("micro" | "macro" | "weighted")) {
        bail!("{class}: `average` must be micro, macro, weighted or nothing, got {average:?}");
    }
    if beta <= 0. {
        bail!("{class}: `beta` must be above 0, got {beta}");
    }
    if let Some(wrong) = threshold.filter(|t| *t <= 0. || *t > 1.) {
        bail!("{class}: `threshold` must be above 0 and at most 1, got {wrong}");
    }
    Ok(())
}

macro_rules! f_scores {
    ($(
        $(#[$doc:meta])*
        $class:ident: $name:literal, [$($alias:literal),*], $line:literal, { $($(#[$arg_doc:meta])* $arg:ident: $type:ty = $default:expr;)* },
        |$metric:ident| $beta:expr;
    )*) => { $(
        metric_class! {
            $(#[$doc])*
            ///
            /// # Shapes
            /// One-hot (or multi-hot) targets and predictions, `[samples, classes]`; the result is one number, or without
            /// `average` one for each class.
            $class: $name, [$($alias),*], $line;
            {
                /// `micro` counts all classes together; `macro` is the mean over classes, `weighted` that by how often
                /// a class is a target; nothing gives each class's score.
                average: Option<String> = None;
                $($(#[$arg_doc])* $arg: $type = $default;)*
                /// Predictions above it mean yes; without, a sample's largest does.
                threshold: Option<f64> = None;
            }
            state(_made): State = State::default();
            valid($metric) check(stringify!($class), $metric.average.as_deref(), $beta, $metric.threshold);
            {
                fn variables(&self) -> Vec<Variable> {
                    self.state.0.clone()
                }

                fn update_state(&mut self, y_true: &Tensor, y_pred: &Tensor, weights: Option<&Tensor>) -> Result<()> {
                    let options = (self.average.as_deref(), self.threshold, self.dtype);
                    self.state.update($name, options, y_true, y_pred, weights)
                }

                fn result(&self) -> Result<Tensor> {
                    let $metric = self;
                    self.state.result($beta, self.average.as_deref(), self.dtype)
                }

                fn larger_is_better(&self) -> Option<bool> {
                    Some(true)
                }
            }
        }
    )* };
}

f_scores! {
    /// `(1 + beta^2) precision recall / (beta^2 precision + recall)`.
    FBetaScore: "fbeta_score", ["fbeta_score", "f_beta_score"], "Weighted harmonic mean of precision and recall.", {
        /// How many times as much recall counts as precision.
        beta: f64 = 1.;
    }, |metric| metric.beta;
    /// The harmonic mean of precision and recall.
    F1Score: "f1_score", ["f1_score"], "Harmonic mean of precision and recall.", {}, |metric| { let _ = &metric.threshold; 1. };
}
