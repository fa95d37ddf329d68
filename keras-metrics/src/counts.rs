//! True and false positives and negatives, precision and recall.

use keras_core::ops::Tensor;
use keras_core::{Result, Variable};

use crate::class::metric_class;
use crate::confusion::{Intake, NEVER, Thresholds, check_thresholds, count};
use crate::state::{add, ratio, read, vector, zeros};

/// Thresholds and the variables counted at them.
#[derive(Debug)]
struct At<const N: usize> {
    thresholds: Thresholds,
    variables: [Variable; N],
}

impl<const N: usize> At<N> {
    fn new(
        names: [&str; N],
        thresholds: Option<&Vec<f64>>,
        default: f64,
        dtype: Option<keras_core::ops::DType>,
    ) -> Self {
        let values = thresholds.cloned().unwrap_or_else(|| vec![default]);
        let variables = names.map(|name| zeros(name, &[values.len()], dtype));
        Self {
            thresholds: Thresholds::new(&values),
            variables,
        }
    }

    fn result(&self, values: Vec<f64>, dtype: Option<keras_core::ops::DType>) -> Result<Tensor> {
        let n = values.len();
        vector(values, if n == 1 { &[] } else { std::slice::from_ref(&n) }, dtype)
    }
}

macro_rules! count_metrics {
    ($(
        $(#[$doc:meta])*
        $class:ident: $name:literal, $line:literal, $larger:expr, |$counts:ident| $count:expr;
    )*) => { $(
        metric_class! {
            $(#[$doc])*
            ///
            /// # Shapes
            /// Targets (0 or not) and predictions of one shape; the result is one number, or one for each threshold.
            $class: $name, [$name], $line;
            {
                /// Predictions above one mean yes; 0.5 without.
                thresholds: Option<Vec<f64>> = None;
            }
            state(made): At<1> = At::new(["accumulator"], made.thresholds.as_ref(), 0.5, made.dtype);
            valid(metric) check_thresholds(stringify!($class), metric.thresholds.as_ref());
            {
                fn variables(&self) -> Vec<Variable> {
                    self.state.variables.to_vec()
                }

                fn update_state(&mut self, y_true: &Tensor, y_pred: &Tensor, weights: Option<&Tensor>) -> Result<()> {
                    let $counts = count($name, &self.state.thresholds, Intake::default(), y_true, y_pred, weights)?;
                    add(&self.state.variables[0], &$count)
                }

                fn result(&self) -> Result<Tensor> {
                    self.state.result(read(&self.state.variables[0])?, self.dtype)
                }

                fn larger_is_better(&self) -> Option<bool> {
                    $larger
                }
            }
        }
    )* };
}

count_metrics! {
    /// The weight of samples that are yes and predicted yes.
    TruePositives: "true_positives", "Yes predicted as yes.", Some(true), |counts| counts.true_positives;
    /// The weight of samples that are no and predicted yes.
    FalsePositives: "false_positives", "No predicted as yes.", Some(false), |counts| counts.false_positives;
    /// The weight of samples that are no and predicted no.
    TrueNegatives: "true_negatives", "No predicted as no.", Some(true), |counts| counts.true_negatives();
    /// The weight of samples that are yes and predicted no.
    FalseNegatives: "false_negatives", "Yes predicted as no.", Some(false), |counts| counts.false_negatives();
}

macro_rules! share_metrics {
    ($(
        $(#[$doc:meta])*
        $class:ident: $name:literal, $line:literal, $other:literal, |$counts:ident| $count:expr;
    )*) => { $(
        metric_class! {
            $(#[$doc])*
            ///
            /// # Shapes
            /// Targets (0 or not) and predictions of one shape; the result is one number, or one for each threshold.
            $class: $name, [$name], $line;
            {
                /// Predictions above one mean yes; 0.5 without, or any with `top_k`.
                thresholds: Option<Vec<f64>> = None;
                /// Only the `k` largest predictions of a sample mean yes.
                top_k: Option<usize> = None;
                /// Only this class counts.
                class_id: Option<usize> = None;
            }
            state(made): At<2> = At::new(
                ["true_positives", $other],
                made.thresholds.as_ref(),
                if made.top_k.is_some() { NEVER } else { 0.5 },
                made.dtype,
            );
            valid(metric) check_thresholds(stringify!($class), metric.thresholds.as_ref());
            {
                fn variables(&self) -> Vec<Variable> {
                    self.state.variables.to_vec()
                }

                fn update_state(&mut self, y_true: &Tensor, y_pred: &Tensor, weights: Option<&Tensor>) -> Result<()> {
                    let intake = Intake { top_k: self.top_k, class_id: self.class_id, ..Intake::default() };
                    let $counts = count($name, &self.state.thresholds, intake, y_true, y_pred, weights)?;
                    add(&self.state.variables[0], &$counts.true_positives)?;
                    add(&self.state.variables[1], &$count)
                }

                fn result(&self) -> Result<Tensor> {
                    let (right, wrong) = (read(&self.state.variables[0])?, read(&self.state.variables[1])?);
                    let shares = right.iter().zip(wrong).map(|(r, w)| ratio(*r, r + w)).collect();
                    self.state.result(shares, self.dtype)
                }

                fn larger_is_better(&self) -> Option<bool> {
                    Some(true)
                }
            }
        }
    )* };
}

share_metrics! {
    /// Of what was predicted yes, the share that is yes: `tp / (tp + fp)`.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::Precision;
    /// use keras_ops::{Device, Tensor};
    /// let mut precision = Precision::new();
    /// let (y, p) = (Tensor::new(&[0f32, 1., 1., 1.], &Device::Cpu)?, Tensor::new(&[1f32, 0., 1., 1.], &Device::Cpu)?);
    /// precision.update_state(&y, &p, None)?;
    /// assert!((precision.result()?.to_scalar::<f32>()? - 2. / 3.).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Precision: "precision", "The share of yes-predictions that are right.", "false_positives",
        |counts| counts.false_positives;
    /// Of what is yes, the share that was predicted yes: `tp / (tp + fn)`.
    Recall: "recall", "The share of yes-targets that were found.", "false_negatives",
        |counts| counts.false_negatives();
}
