//! The area under a curve over thresholds.

use keras_core::config::Reader;
use keras_core::ops::Tensor;
use keras_core::{Arg, Error, Result, Variable, bail};
use serde_json::Value;

use crate::class::metric_class;
use crate::confusion::{Confusion, Intake, Thresholds, check_thresholds, count};
use crate::state::{ratio, scalar};

/// Which curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Curve {
    /// True positive rate over false positive rate.
    #[default]
    Roc,
    /// Precision over recall.
    Pr,
    /// Precision gain over recall gain.
    PrGain,
}

/// How the area between two thresholds is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Summation {
    /// Between the two values: trapezoids, or for precision-recall the interpolation of Davis and Goadrich.
    #[default]
    Interpolation,
    /// By the larger value.
    Majoring,
    /// By the smaller value.
    Minoring,
}

macro_rules! named {
    ($type:ident, $what:literal: $($variant:ident = $name:literal | $other:literal),*) => {
        impl $type {
            /// Keras's name.
            pub fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => $name, )*
                }
            }

            /// By Keras's name.
            ///
            /// # Errors
            /// When the name is unknown.
            pub fn from_name(name: &str) -> Result<Self> {
                match name {
                    $( $name | $other => Ok(Self::$variant), )*
                    _ => Err(Error::unknown($what, name, vec![$( $name.to_owned() ),*])),
                }
            }
        }

        impl Arg for $type {
            fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
                reader.opt::<String>(key)?.map_or(Ok(default), |name| Self::from_name(&name))
            }

            fn write(&self) -> Value {
                Value::from(self.name())
            }
        }
    };
}
named!(Curve, "curve": Roc = "ROC" | "roc", Pr = "PR" | "pr", PrGain = "PRGAIN" | "prgain");
named!(Summation, "summation method":
    Interpolation = "interpolation" | "Interpolation", Majoring = "majoring" | "Majoring",
    Minoring = "minoring" | "Minoring");

/// Thresholds and counts; without `num_labels`, the counts by label are made at the first batch.
#[derive(Debug)]
struct State {
    thresholds: Thresholds,
    labels: usize,
    counts: Option<Confusion>,
}

/// A little outside of `[0, 1]` at both ends, as in Keras.
fn widened(inner: impl IntoIterator<Item = f64>) -> Vec<f64> {
    std::iter::once(-1e-7).chain(inner).chain([1. + 1e-7]).collect()
}

fn sorted(thresholds: &[f64]) -> Vec<f64> {
    let mut sorted = thresholds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn thresholds(number: usize, given: Option<&Vec<f64>>) -> Thresholds {
    match given {
        Some(given) => Thresholds::new(&widened(sorted(given))),
        None => {
            let last = number.saturating_sub(1).max(1) as f64;
            Thresholds::new(&widened((1..number.saturating_sub(1)).map(|i| i as f64 / last)))
        }
    }
}

fn state(
    number: usize,
    given: Option<&Vec<f64>>,
    multi_label: bool,
    labels: Option<usize>,
    dtype: Option<keras_core::ops::DType>,
) -> State {
    let thresholds = thresholds(number, given);
    let n = thresholds.len();
    let counts = match (multi_label, labels) {
        (false, _) => Some(Confusion::new(&[n], dtype)),
        (true, Some(labels)) => Some(Confusion::new(&[n, labels], dtype)),
        (true, None) => None,
    };
    State {
        thresholds,
        labels: labels.filter(|_| multi_label).unwrap_or(1),
        counts,
    }
}

metric_class! {
    /// The area under the ROC or precision-recall curve, approximated at thresholds.
    ///
    /// # Shapes
    /// Targets (0 or not) and probabilities of one shape. With `multi_label`, `[samples, labels]`: the (weighted)
    /// average of the labels' areas.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::AUC;
    /// use keras_ops::{Device, Tensor};
    /// let mut auc = AUC::new().num_thresholds(3);
    /// let (y, p) = (Tensor::new(&[0f32, 0., 1., 1.], &Device::Cpu)?, Tensor::new(&[0f32, 0.5, 0.3, 0.9], &Device::Cpu)?);
    /// auc.update_state(&y, &p, None)?;
    /// assert_eq!(auc.result()?.to_scalar::<f32>()?, 0.75);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    AUC: "auc", ["auc"], "Area under the ROC or precision-recall curve.";
    {
        /// How many thresholds, evenly spaced.
        num_thresholds: usize = 200;
        /// Which curve.
        curve: Curve = Curve::default();
        /// How the area between thresholds is taken.
        summation_method: Summation = Summation::default();
        /// Thresholds between 0 and 1 of one's own.
        thresholds: Option<Vec<f64>> = None;
        /// Whether each column is a label with its own area.
        multi_label: bool = false;
        /// How many labels.
        num_labels: Option<usize> = None;
        /// The weights of labels: in the average with `multi_label`, else of their elements.
        label_weights: Option<Vec<f64>> = None;
        /// Whether predictions are before the sigmoid.
        from_logits: bool = false;
    }
    state(made): State =
        state(*made.num_thresholds, made.thresholds.as_ref(), *made.multi_label, *made.num_labels, made.dtype);
    valid(metric) metric.check();
    {
        fn variables(&self) -> Vec<Variable> {
            self.state.counts.as_ref().map(Confusion::variables).unwrap_or_default()
        }

        fn update_state(&mut self, y_true: &Tensor, y_pred: &Tensor, weights: Option<&Tensor>) -> Result<()> {
            if self.multi_label && self.state.counts.is_none() {
                let labels = y_pred.dims().last().copied().unwrap_or(1);
                self.state.labels = labels;
                self.state.counts = Some(Confusion::new(&[self.state.thresholds.len(), labels], self.dtype));
            }
            if self.multi_label && (y_pred.rank() != 2 || y_pred.dims()[1] != self.state.labels) {
                bail!("auc: expected `y_pred` of shape [samples, {}], got {:?}", self.state.labels, y_pred.dims());
            }
            let intake = Intake {
                by_label: self.multi_label,
                label_weights: self.label_weights.as_deref(),
                sigmoid: self.from_logits,
                ..Intake::default()
            };
            let counts = count("auc", &self.state.thresholds, intake, y_true, y_pred, weights)?;
            self.state.counts.as_ref().map_or(Ok(()), |state| state.add(&counts))
        }

        fn result(&self) -> Result<Tensor> {
            let Some(counts) = &self.state.counts else { return scalar(0., self.dtype) };
            let counts = counts.read()?;
            let labels = self.state.labels;
            let areas: Vec<f64> = (0..labels)
                .map(|label| {
                    let column = |i: usize| counts[i].iter().skip(label).step_by(labels).copied().collect();
                    self.area([column(0), column(1), column(2), column(3)])
                })
                .collect();
            let area = match &self.label_weights {
                Some(weights) if self.multi_label => {
                    let total: f64 = areas.iter().zip(weights).map(|(a, w)| a * w).sum();
                    ratio(total, weights.iter().sum())
                }
                _ => areas.iter().sum::<f64>() / labels as f64,
            };
            scalar(area, self.dtype)
        }

        fn larger_is_better(&self) -> Option<bool> {
            Some(true)
        }
    }
}

impl AUC {
    fn check(&self) -> Result<()> {
        check_thresholds("AUC", self.thresholds.as_ref())?;
        if self.thresholds.is_none() && self.num_thresholds < 2 {
            bail!(
                "AUC: `num_thresholds` must be 2 or more, got {}",
                self.num_thresholds
            );
        }
        if self.num_labels.is_some() && !self.multi_label {
            bail!("AUC: `num_labels` needs `multi_label`");
        }
        Ok(())
    }

    /// The area of one label from its counts by threshold.
    fn area(&self, [tp, fp, tn, fnn]: [Vec<f64>; 4]) -> f64 {
        if self.curve == Curve::Pr && self.summation_method == Summation::Interpolation {
            return interpolated_pr(&tp, &fp, &fnn);
        }
        let point = |i: usize| match self.curve {
            Curve::Roc => (ratio(fp[i], fp[i] + tn[i]), ratio(tp[i], tp[i] + fnn[i])),
            Curve::Pr => (ratio(tp[i], tp[i] + fnn[i]), ratio(tp[i], tp[i] + fp[i])),
            Curve::PrGain => {
                let scale = ratio(tp[i] + fnn[i], tn[i] + fp[i]);
                let gain = |wrong: f64| 1. - scale * ratio(wrong, tp[i]);
                if tp[i] == 0. {
                    (0., 1.)
                } else {
                    (gain(fnn[i]).max(0.), gain(fp[i]))
                }
            }
        };
        let points: Vec<(f64, f64)> = (0..tp.len()).map(point).collect();
        let height = |a: f64, b: f64| match self.summation_method {
            Summation::Interpolation => (a + b) / 2.,
            Summation::Majoring => a.max(b),
            Summation::Minoring => a.min(b),
        };
        points
            .windows(2)
            .map(|w| (w[0].0 - w[1].0) * height(w[0].1, w[1].1))
            .sum()
    }
}

/// Precision between two thresholds runs along the hyperbola that linear true and false positives give.
fn interpolated_pr(tp: &[f64], fp: &[f64], fnn: &[f64]) -> f64 {
    let term = |i: usize| {
        let (p, next) = (tp[i] + fp[i], tp[i + 1] + fp[i + 1]);
        let gained = tp[i] - tp[i + 1];
        let slope = ratio(gained, (p - next).max(0.));
        let intercept = tp[i + 1] - slope * next;
        let growth = if p > 0. && next > 0. { p / next } else { 1. };
        ratio(
            slope * (gained + intercept * growth.ln()),
            (tp[i + 1] + fnn[i + 1]).max(0.),
        )
    };
    (0..tp.len().saturating_sub(1)).map(term).sum()
}
