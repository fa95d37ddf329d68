//! The area under a curve over thresholds.

use keras_core::config::Reader;
use keras_core::ops::{DType, Device, Tensor};
use keras_core::{Arg, Error, Result, bail};
use serde_json::Value;

use crate::class::metric_class;
use crate::confusion::{Intake, NAMES, count};
use crate::ranking::Ranking;
use crate::state::{Slots, State, ratio, scalar, wide};
use crate::thresholds::{Thresholds, check_thresholds};

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
                let name = reader.or(key, default.name().to_owned())?;
                reader.about(key, Self::from_name(&name))
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

/// Counts at thresholds, or every prediction.
#[derive(Debug)]
enum Thresholded {
    Counts(Thresholds, Slots),
    Exact(Ranking),
}

impl State for Thresholded {
    fn slots(&self) -> &[Slots] {
        match self {
            Self::Counts(_, slots) => slots.slots(),
            Self::Exact(ranking) => ranking.slots(),
        }
    }

    fn slots_mut(&mut self) -> &mut [Slots] {
        match self {
            Self::Counts(_, slots) => slots.slots_mut(),
            Self::Exact(ranking) => ranking.slots_mut(),
        }
    }

    fn reset(&mut self) -> Result<()> {
        match self {
            Self::Counts(_, slots) => slots.reset(),
            Self::Exact(ranking) => ranking.reset(),
        }
    }

    fn place(&mut self, device: &Device) -> Result<()> {
        match self {
            Self::Counts(_, slots) => slots.place(device),
            Self::Exact(ranking) => ranking.place(device),
        }
    }

    fn resized(&mut self) {
        if let Self::Exact(ranking) = self {
            ranking.resized();
        }
    }

    fn merge(&mut self, class: &str, other: &[Tensor]) -> Result<()> {
        match self {
            Self::Counts(_, slots) => slots.merge(class, other),
            Self::Exact(ranking) => ranking.merge(class, other),
        }
    }
}

fn state(
    thresholds: Thresholds,
    exact: bool,
    labels: Option<Option<usize>>,
    dtype: Option<DType>,
) -> Thresholded {
    if exact {
        return Thresholded::Exact(Ranking::new(labels.is_some(), dtype));
    }
    let n = Some(thresholds.len());
    let slots = match labels {
        None => Slots::new(&NAMES, &[n], dtype),
        Some(labels) => Slots::new(&NAMES, &[n, labels], dtype),
    };
    Thresholded::Counts(thresholds, slots)
}

metric_class! {
    /// The area under the ROC or precision-recall curve, from 0 to 1: for ROC, how often a yes is predicted higher than a
    /// no. Approximated at thresholds; with `exact`, computed from every prediction.
    ///
    /// Keras: `keras.metrics.AUC`, which has no `exact`; R: `metric_auc()`.
    ///
    /// With thresholds, the memory and the time of a result depend on their number alone. `exact` keeps every prediction
    /// of an epoch on the host and sorts them for a result: scikit-learn's `roc_auc_score`. Predictions may then be of any
    /// size, `from_logits` makes no difference.
    ///
    /// Differs from Keras: with `multi_label` and without `num_labels`, `label_weights` must have one number for each label
    /// of the first batch.
    ///
    /// # Shapes
    /// Targets (0 or not) and probabilities of one shape, or one of them with a last axis of 1 more; weights as that shape
    /// or its leading axes. With `multi_label`, `[samples, labels]`: the (weighted) average of the labels' areas. The
    /// result is a scalar.
    ///
    /// # Errors
    /// When the shapes differ, a threshold is not within 0 and 1, there are fewer than 2 thresholds, the number of labels
    /// changes, or the sample weights do not fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::AUC;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[0f32, 0., 1., 1.], &Device::Cpu)?, Tensor::new(&[0f32, 0.5, 0.3, 0.9], &Device::Cpu)?);
    /// let mut auc = AUC::new().num_thresholds(3);
    /// auc.update_state(&y, &p, None)?;
    /// assert_eq!(auc.result()?.to_scalar::<f32>()?, 0.75);
    /// let mut exact = AUC::new().exact(true);
    /// exact.update_state(&y, &p, None)?;
    /// assert_eq!(exact.result()?.to_scalar::<f32>()?, 0.75); // 3 of 4 pairs are in order
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
    beyond {
        /// Whether every prediction is a threshold.
        exact: bool = false;
    }
    state(made): Thresholded = state(
        Thresholds::curve(*made.num_thresholds, made.thresholds.as_deref()),
        *made.exact,
        made.multi_label.then_some(*made.num_labels),
        made.dtype,
    );
    valid(metric) metric.arguments();
    build(self, width) match &mut self.state {
        Thresholded::Counts(thresholds, slots) if self.multi_label => slots.build("auc", &[thresholds.len(), width]),
        _ => Ok(()),
    };
    update(self, y_true, y_pred, weights) {
        if self.multi_label {
            let labels = match y_pred.dims() {
                [_, labels] if self.num_labels.is_none_or(|own| own == *labels) => *labels,
                dims => bail!(
                    "auc: expected `y_pred` of shape [samples, {}], got {dims:?}",
                    self.num_labels.map_or("labels".to_owned(), |n| n.to_string())
                ),
            };
            if let Some(given) = self.label_weights.as_ref().filter(|given| given.len() != labels) {
                bail!("auc: `label_weights` has {} numbers for {labels} labels", given.len());
            }
            if let Thresholded::Counts(thresholds, slots) = &mut self.state {
                slots.build("auc", &[thresholds.len(), labels])?;
            }
        }
        let intake = Intake {
            by_label: self.multi_label,
            label_weights: self.label_weights.as_deref(),
            sigmoid: self.from_logits && !self.exact,
            ..Intake::default()
        };
        match &mut self.state {
            Thresholded::Exact(ranking) => ranking.push("auc", intake, (y_true, y_pred), weights),
            Thresholded::Counts(thresholds, slots) => {
                count("auc", thresholds, intake, (y_true, y_pred), weights)?.add_all(slots)
            }
        }
    }
    result(self) {
        let areas = match &self.state {
            Thresholded::Exact(ranking) => {
                (0..ranking.labels()).map(|label| Ok(self.area(ranking.curve(label)?))).collect::<Result<Vec<_>>>()?
            }
            Thresholded::Counts(_, slots) => {
                let counts: [Vec<f64>; 4] = slots.read()?;
                let labels = slots.shape().get(1).copied().unwrap_or(1);
                let column = |i: usize, label| counts[i].iter().skip(label).step_by(labels).copied().collect();
                (0..labels).map(|label| self.area(std::array::from_fn(|i| column(i, label)))).collect()
            }
        };
        let area = match &self.label_weights {
            Some(weights) if self.multi_label => {
                let total: f64 = areas.iter().zip(weights).map(|(a, w)| a * w).sum();
                ratio(total, weights.iter().sum())
            }
            _ => ratio(areas.iter().sum(), areas.len() as f64),
        };
        scalar(area, wide(self.dtype))
    }
    {
        fn larger_is_better(&self) -> Option<bool> {
            Some(true)
        }
    }
}

impl AUC {
    fn arguments(&self) -> Result<()> {
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
