//! The best of one rate where another is at least a given value.

use keras_core::ops::DType;
use keras_core::{Result, bail};

use crate::class::metric_class;
use crate::confusion::{Intake, NAMES, count};
use crate::state::{Slots, State, ratio, scalar, wide};
use crate::thresholds::Thresholds;

#[derive(Debug)]
struct At {
    thresholds: Thresholds,
    slots: Slots,
}

impl At {
    fn new(number: usize, dtype: Option<DType>) -> Self {
        let thresholds = Thresholds::even(number);
        let slots = Slots::fixed(&NAMES, &[thresholds.len()], dtype);
        Self { thresholds, slots }
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

    /// Another name of recall.
    fn sensitivity(self) -> f64 {
        self.recall()
    }
}

macro_rules! at_metrics {
    ($(
        $(#[$doc:meta])*
        $class:ident: $name:literal, $line:literal, $(#[$arg_doc:meta])* $arg:ident, $best:ident, $value:expr;
    )*) => { $(
        metric_class! {
            $(#[$doc])*
            ///
            #[doc = concat!("Keras: `keras.metrics.", stringify!($class), "`; R: `metric_", $name, "()`.")]
            ///
            /// # Shapes
            /// Targets (0 or not) and probabilities of one shape, or one of them with a last axis of 1 more; weights as that
            /// shape or its leading axes. The result is one number from 0 to 1; 0 where no threshold will do.
            ///
            /// # Errors
            #[doc = concat!("When the shapes differ, `", stringify!($arg), "` is not within 0 and 1, `class_id` is no class,")]
            /// or the sample weights do not fit.
            ///
            /// # Examples
            /// ```
            /// use keras_core::Metric;
            #[doc = concat!("use keras_metrics::", stringify!($class), ";")]
            /// use keras_ops::{Device, Tensor};
            #[doc = concat!("let mut metric = ", stringify!($class), "::new().", stringify!($arg), "(0.6).num_thresholds(3);")]
            /// let y = Tensor::new(&[0f32, 0., 0., 1., 1., 1.], &Device::Cpu)?;
            /// let p = Tensor::new(&[0f32, 0.3, 0.8, 0.3, 0.6, 0.7], &Device::Cpu)?;
            /// metric.update_state(&y, &p, None)?; // at the thresholds 0, 0.5 and 1
            #[doc = concat!("assert!((metric.result()?.to_scalar::<f32>()? - ", stringify!($value), ").abs() < 1e-6);")]
            /// # Ok::<(), keras_core::Error>(())
            /// ```
            $class: $name, [$name], $line;
            {
                $(#[$arg_doc])*
                $arg: f64 = 0.5;
                /// How many thresholds, evenly spaced.
                num_thresholds: usize = 200;
                /// Only this class counts.
                class_id: Option<usize> = None;
            }
            state(made): At = At::new(*made.num_thresholds, made.dtype);
            required $arg;
            valid(metric) in_range(stringify!($class), stringify!($arg), metric.$arg, metric.num_thresholds);
            update(self, y_true, y_pred, weights) {
                let intake = Intake { class_id: self.class_id, ..Intake::default() };
                count($name, &self.state.thresholds, intake, (y_true, y_pred), weights)?.add_all(&self.state.slots)
            }
            result(self) {
                let [tp, fp, tn, fnn] = self.state.slots.read()?;
                // Compared in float32, as in Keras.
                let double = self.dtype == Some(DType::F64);
                let round = |rate: f64| if double { rate } else { f64::from(rate as f32) };
                let best = (0..tp.len())
                    .map(|i| Rates { tp: tp[i], fp: fp[i], tn: tn[i], fnn: fnn[i] })
                    .filter(|rates| round(rates.$arg()) >= round(self.$arg))
                    .map(Rates::$best)
                    .fold(0., f64::max);
                scalar(best, wide(self.dtype))
            }
            {
                fn larger_is_better(&self) -> Option<bool> {
                    Some(true)
                }
            }
        }
    )* };
}

fn in_range(class: &str, arg: &str, value: f64, thresholds: usize) -> Result<()> {
    if !(0. ..=1.).contains(&value) {
        bail!("{class}: `{arg}` must be within 0 and 1, got {value}");
    }
    if thresholds == 0 {
        bail!("{class}: `num_thresholds` must be 1 or more, got 0");
    }
    Ok(())
}

at_metrics! {
    /// The best sensitivity (recall, `tp / (tp + fn)`) at thresholds where the specificity (`tn / (tn + fp)`) is at least
    /// a value.
    SensitivityAtSpecificity: "sensitivity_at_specificity", "Best sensitivity at a specificity.",
        /// The specificity.
        specificity, sensitivity, 2. / 3.;
    /// The best specificity (`tn / (tn + fp)`) at thresholds where the sensitivity (recall, `tp / (tp + fn)`) is at least
    /// a value.
    SpecificityAtSensitivity: "specificity_at_sensitivity", "Best specificity at a sensitivity.",
        /// The sensitivity.
        sensitivity, specificity, 2. / 3.;
    /// The best precision (`tp / (tp + fp)`) at thresholds where the recall (`tp / (tp + fn)`) is at least a value.
    PrecisionAtRecall: "precision_at_recall", "Best precision at a recall.",
        /// The recall.
        recall, precision, 2. / 3.;
    /// The best recall (`tp / (tp + fn)`) at thresholds where the precision (`tp / (tp + fp)`) is at least a value.
    RecallAtPrecision: "recall_at_precision", "Best recall at a precision.",
        /// The precision.
        precision, recall, 1.;
}
