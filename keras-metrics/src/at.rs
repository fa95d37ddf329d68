//! The best of one rate where another is at least a given value.

use keras_core::ops::Tensor;
use keras_core::{Result, Variable, bail};

use crate::class::metric_class;
use crate::confusion::{Confusion, Intake, Thresholds, count};
use crate::state::{ratio, scalar};

#[derive(Debug)]
struct State {
    thresholds: Thresholds,
    counts: Confusion,
}

impl State {
    fn new(number: usize, dtype: Option<keras_core::ops::DType>) -> Self {
        let values: Vec<f64> = match number {
            0 | 1 => vec![0.5],
            _ => (0..number).map(|i| i as f64 / (number - 1) as f64).collect(),
        };
        Self {
            thresholds: Thresholds::new(&values),
            counts: Confusion::new(&[values.len()], dtype),
        }
    }
}

/// One threshold's true and false positives and negatives.
#[derive(Clone, Copy)]
struct Rates {
    tp: f64,
    fp: f64,
    tn: f64,
    fnn: f64,
}

impl Rates {
    fn recall(self) -> f64 {
        ratio(self.tp, self.tp + self.fnn)
    }

    fn precision(self) -> f64 {
        ratio(self.tp, self.tp + self.fp)
    }

    fn specificity(self) -> f64 {
        ratio(self.tn, self.tn + self.fp)
    }
}

macro_rules! at_metrics {
    ($(
        $(#[$doc:meta])*
        $class:ident: $name:literal, $line:literal, $(#[$arg_doc:meta])* $arg:ident, $best:ident;
    )*) => { $(
        metric_class! {
            $(#[$doc])*
            ///
            /// # Shapes
            /// Targets (0 or not) and probabilities of one shape.
            $class: $name, [$name], $line;
            {
                $(#[$arg_doc])*
                $arg: f64 = 0.5;
                /// How many thresholds, evenly spaced.
                num_thresholds: usize = 200;
                /// Only this class counts.
                class_id: Option<usize> = None;
            }
            state(made): State = State::new(*made.num_thresholds, made.dtype);
            required $arg;
            valid(metric) in_range(stringify!($class), stringify!($arg), metric.$arg, metric.num_thresholds);
            {
                fn variables(&self) -> Vec<Variable> {
                    self.state.counts.variables()
                }

                fn update_state(&mut self, y_true: &Tensor, y_pred: &Tensor, weights: Option<&Tensor>) -> Result<()> {
                    let intake = Intake { class_id: self.class_id, ..Intake::default() };
                    let counts = count($name, &self.state.thresholds, intake, y_true, y_pred, weights)?;
                    self.state.counts.add(&counts)
                }

                fn result(&self) -> Result<Tensor> {
                    let [tp, fp, tn, fnn] = self.state.counts.read()?;
                    let limit = if self.dtype == Some(keras_core::ops::DType::F64) { self.$arg } else { self.$arg as f32 as f64 };
                    let best = (0..tp.len())
                        .map(|i| Rates { tp: tp[i], fp: fp[i], tn: tn[i], fnn: fnn[i] })
                        .filter(|rates| rates.$arg() as f32 as f64 >= limit)
                        .map(Rates::$best)
                        .fold(0., f64::max);
                    scalar(best, self.dtype)
                }

                fn larger_is_better(&self) -> Option<bool> {
                    Some(true)
                }
            }
        }
    )* };
}

/// Sensitivity is another name of recall.
impl Rates {
    fn sensitivity(self) -> f64 {
        self.recall()
    }
}

fn in_range(class: &str, arg: &str, value: f64, thresholds: usize) -> Result<()> {
    if !(0. ..=1.).contains(&value) {
        bail!("{class}: `{arg}` must be within 0 and 1, got {value}");
    }
    if thresholds == 0 {
        bail!("{class}: `num_thresholds` must be 1 or more");
    }
    Ok(())
}

at_metrics! {
    /// The best sensitivity (recall) at thresholds where the specificity is at least a value.
    SensitivityAtSpecificity: "sensitivity_at_specificity", "Best sensitivity at a specificity.",
        /// The specificity.
        specificity, sensitivity;
    /// The best specificity at thresholds where the sensitivity (recall) is at least a value.
    SpecificityAtSensitivity: "specificity_at_sensitivity", "Best specificity at a sensitivity.",
        /// The sensitivity.
        sensitivity, specificity;
    /// The best precision at thresholds where the recall is at least a value.
    PrecisionAtRecall: "precision_at_recall", "Best precision at a recall.",
        /// The recall.
        recall, precision;
    /// The best recall at thresholds where the precision is at least a value.
    RecallAtPrecision: "recall_at_precision", "Best recall at a precision.",
        /// The precision.
        precision, recall;
}
