//! True and false positives and negatives, and shares of them: precision, recall, specificity.

use keras_core::Result;
use keras_core::ops::{DType, Tensor};

use crate::class::metric_class;
use crate::confusion::{Intake, NEVER, count};
use crate::state::{Slots, State, ratio, vector, wide};
use crate::thresholds::{Thresholds, check_thresholds};

/// Thresholds and what is counted at them.
#[derive(Debug)]
struct At {
    thresholds: Thresholds,
    slots: Slots,
}

impl At {
    fn new(names: &[&str], thresholds: Option<&Vec<f64>>, default: f64, dtype: Option<DType>) -> Self {
        let values = thresholds.cloned().unwrap_or_else(|| vec![default]);
        Self {
            thresholds: Thresholds::new(&values),
            slots: Slots::fixed(names, &[values.len()], dtype),
        }
    }

    /// One number, or one for each threshold.
    fn result(values: Vec<f64>, dtype: Option<DType>) -> Result<Tensor> {
        let n = values.len();
        vector(values, if n == 1 { &[] } else { std::slice::from_ref(&n) }, dtype)
    }
}

impl State for At {
    fn slots(&self) -> &[Slots] {
        self.slots.slots()
    }

    fn slots_mut(&mut self) -> &mut [Slots] {
        self.slots.slots_mut()
    }
}

macro_rules! count_metrics {
    ($(
        $(#[$doc:meta])*
        $class:ident: $name:literal, $line:literal, $larger:expr, $add:ident, $value:literal;
    )*) => { $(
        metric_class! {
            $(#[$doc])*
            ///
            #[doc = concat!("Keras: `keras.metrics.", stringify!($class), "`; R: `metric_", $name, "()`.")]
            ///
            /// # Shapes
            /// Targets (0 or not) and predictions of one shape, or one of them with a last axis of 1 more; weights as that
            /// shape or its leading axes. The result is one number, or one for each threshold.
            ///
            /// # Errors
            /// When the shapes differ, a threshold is not within 0 and 1, or the sample weights do not fit.
            ///
            /// # Examples
            /// ```
            /// use keras_core::Metric;
            #[doc = concat!("use keras_metrics::", stringify!($class), ";")]
            /// use keras_ops::{Device, Tensor};
            #[doc = concat!("let mut metric = ", stringify!($class), "::new();")]
            /// let y = Tensor::new(&[0f32, 1., 1., 1., 0., 0.], &Device::Cpu)?;
            /// let p = Tensor::new(&[0.9f32, 0.2, 0.8, 0.6, 0.1, 0.7], &Device::Cpu)?;
            /// let weights = Tensor::new(&[1f32, 1., 1., 1., 5., 0.5], &Device::Cpu)?;
            /// metric.update_state(&y, &p, Some(&weights))?;
            #[doc = concat!("assert_eq!(metric.result()?.to_scalar::<f32>()?, ", stringify!($value), ");")]
            /// # Ok::<(), keras_core::Error>(())
            /// ```
            $class: $name, [$name], $line;
            {
                /// Predictions above one mean yes; 0.5 without.
                thresholds: Option<Vec<f64>> = None;
            }
            state(made): At = At::new(&["accumulator"], made.thresholds.as_ref(), 0.5, made.dtype);
            valid(metric) check_thresholds(stringify!($class), metric.thresholds.as_ref());
            update(self, y_true, y_pred, weights) {
                count($name, &self.state.thresholds, Intake::default(), (y_true, y_pred), weights)?.$add(&self.state.slots, 0)
            }
            result(self) {
                let [counts] = self.state.slots.read()?;
                At::result(counts, wide(self.dtype))
            }
            {
                fn larger_is_better(&self) -> Option<bool> {
                    $larger
                }
            }
        }
    )* };
}

count_metrics! {
    /// The weight of samples that are yes and predicted yes.
    TruePositives: "true_positives", "Yes predicted as yes.", Some(true), add_true_positives, 2.;
    /// The weight of samples that are no and predicted yes.
    FalsePositives: "false_positives", "No predicted as yes.", Some(false), add_false_positives, 1.5;
    /// The weight of samples that are no and predicted no.
    TrueNegatives: "true_negatives", "No predicted as no.", Some(true), add_true_negatives, 5.;
    /// The weight of samples that are yes and predicted no.
    FalseNegatives: "false_negatives", "Yes predicted as no.", Some(false), add_false_negatives, 1.;
}

macro_rules! share_metrics {
    ($(
        $(#[$doc:meta])*
        $class:ident: $name:literal, $line:literal, [$part:literal: $add_part:ident, $rest:literal: $add_rest:ident],
        $value:expr;
    )*) => { $(
        metric_class! {
            $(#[$doc])*
            ///
            /// # Shapes
            /// Targets (0 or not) and predictions of one shape, or one of them with a last axis of 1 more; weights as that
            /// shape or its leading axes. `top_k` and `class_id` need an axis of classes, the last one. The result is one
            /// number from 0 to 1, or one for each threshold; 0 where nothing was counted.
            ///
            /// # Errors
            /// When the shapes differ, a threshold is not within 0 and 1, `class_id` is no class, or the sample weights do
            /// not fit.
            ///
            /// # Examples
            /// ```
            /// use keras_core::Metric;
            #[doc = concat!("use keras_metrics::", stringify!($class), ";")]
            /// use keras_ops::{Device, Tensor};
            #[doc = concat!("let mut metric = ", stringify!($class), "::new();")]
            /// let y = Tensor::new(&[0f32, 1., 1., 1., 0., 0.], &Device::Cpu)?;
            /// let p = Tensor::new(&[0.9f32, 0.2, 0.8, 0.6, 0.1, 0.7], &Device::Cpu)?;
            /// metric.update_state(&y, &p, None)?;
            #[doc = concat!("assert!((metric.result()?.to_scalar::<f32>()? - ", stringify!($value), ").abs() < 1e-6);")]
            /// # Ok::<(), keras_core::Error>(())
            /// ```
            $class: $name, [$name], $line;
            {
                /// Predictions above one mean yes; 0.5 without, or any with `top_k`.
                thresholds: Option<Vec<f64>> = None;
                /// Only the `k` largest predictions of a sample mean yes.
                top_k: Option<usize> = None;
                /// Only this class counts.
                class_id: Option<usize> = None;
            }
            state(made): At = At::new(
                &[$part, $rest],
                made.thresholds.as_ref(),
                if made.top_k.is_some() { NEVER } else { 0.5 },
                made.dtype,
            );
            valid(metric) check_thresholds(stringify!($class), metric.thresholds.as_ref());
            update(self, y_true, y_pred, weights) {
                let intake = Intake { top_k: self.top_k, class_id: self.class_id, ..Intake::default() };
                let counts = count($name, &self.state.thresholds, intake, (y_true, y_pred), weights)?;
                counts.$add_part(&self.state.slots, 0)?;
                counts.$add_rest(&self.state.slots, 1)
            }
            result(self) {
                let [part, rest] = self.state.slots.read()?;
                let shares = part.iter().zip(rest).map(|(part, rest)| ratio(*part, part + rest)).collect();
                At::result(shares, wide(self.dtype))
            }
            {
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
    /// Keras: `keras.metrics.Precision`; R: `metric_precision()`.
    Precision: "precision", "The share of yes-predictions that are right.",
        ["true_positives": add_true_positives, "false_positives": add_false_positives], 2. / 4.;
    /// Of what is yes, the share that was predicted yes: `tp / (tp + fn)`. Also called sensitivity.
    ///
    /// Keras: `keras.metrics.Recall`; R: `metric_recall()`.
    Recall: "recall", "The share of yes-targets that were found.",
        ["true_positives": add_true_positives, "false_negatives": add_false_negatives], 2. / 3.;
    /// Of what is no, the share that was predicted no: `tn / (tn + fp)`, the recall of the other class.
    ///
    /// Not in Keras, which has only [`SpecificityAtSensitivity`](crate::SpecificityAtSensitivity).
    Specificity: "specificity", "The share of no-targets that were found.",
        ["true_negatives": add_true_negatives, "false_positives": add_false_positives], 1. / 3.;
}
