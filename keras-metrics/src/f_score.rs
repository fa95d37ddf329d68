//! Harmonic means of precision and recall.

use keras_core::ops::{DType, EPSILON, Tensor, host};
use keras_core::{Result, bail};

use crate::class::metric_class;
use crate::functions::same_shape;
use crate::state::{Slots, scalar, vector};
use crate::weights::Weights;

const NAMES: [&str; 4] = [
    "true_positives",
    "false_positives",
    "false_negatives",
    "intermediate_weights",
];

/// True positives, false positives, false negatives and the weight of targets, by class or over all.
fn slots(average: Option<&str>, dtype: Option<DType>) -> Slots {
    match average {
        Some("micro") => Slots::fixed(&NAMES, &[], dtype),
        _ => Slots::new(&NAMES, &[None], dtype),
    }
}

fn update(
    name: &str,
    slots: &mut Slots,
    threshold: Option<f64>,
    (y_true, y_pred): (&Tensor, &Tensor),
    weights: Option<&Tensor>,
) -> Result<()> {
    let &[samples, classes] = y_pred.dims() else {
        bail!(
            "{name}: expected `y_pred` of shape [samples, classes], got {:?}",
            y_pred.dims()
        )
    };
    same_shape(name, y_true, y_pred)?;
    if !slots.shape().is_empty() {
        slots.build(name, &[classes])?;
    }
    let width = if slots.shape().is_empty() { 1 } else { classes };
    // By class: the weight of targets, of what was decided for it, of targets that were.
    let mut sums = vec![[0f64; 3]; classes];
    let mut add = |t: &[f32], p: &[f32], w: Option<&Weights<'_>>| {
        let rows = t.chunks_exact(classes.max(1)).zip(p.chunks_exact(classes.max(1)));
        for (r, (t, p)) in rows.enumerate() {
            let w = w.map_or(1., |w| w.of(r));
            let (least, near) = match threshold {
                Some(threshold) => (threshold as f32, f32::NEG_INFINITY),
                None => (p.iter().fold(f32::NEG_INFINITY, |m, p| m.max(*p)), 1e-9),
            };
            for ((t, p), sums) in t.iter().zip(p).zip(&mut sums) {
                let above = if threshold.is_some() {
                    *p > least
                } else {
                    *p >= least
                };
                let yes = f64::from(u8::from(above & (p.abs() > near)));
                let t = f64::from(*t) * w;
                sums[0] += t;
                sums[1] += yes * w;
                sums[2] += yes * t;
            }
        }
    };
    host::read(y_true, |t: &[f32]| {
        host::read(y_pred, |p: &[f32]| match weights {
            None => {
                add(t, p, None);
                Ok(Ok(()))
            }
            Some(weights) => host::read(weights, |w: &[f32]| {
                Ok(Weights::new(name, w, weights.dims(), &[samples]).map(|w| add(t, p, Some(&w))))
            }),
        })
    })??;
    let mut terms: [Vec<f64>; 4] = std::array::from_fn(|_| vec![0f64; width]);
    for (c, [targets, decided, right]) in sums.into_iter().enumerate() {
        let at = if width == 1 { 0 } else { c };
        terms[0][at] += right;
        terms[1][at] += decided - right;
        terms[2][at] += targets - right;
        terms[3][at] += targets;
    }
    slots.add(&terms.each_ref().map(Vec::as_slice))
}

fn result(slots: &Slots, beta: f64, average: Option<&str>, dtype: Option<DType>) -> Result<Tensor> {
    if slots.is_open() {
        return scalar(0., dtype);
    }
    let [tp, fp, fnn, weights] = slots.read()?;
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
            let total = weights.iter().sum::<f64>() + EPSILON;
            let sum = scores.iter().zip(weights).map(|(s, w)| s * w / total).sum();
            scalar(sum, dtype)
        }
        Some(_) => scalar(scores.iter().sum::<f64>() / scores.len() as f64, dtype),
    }
}

fn check(class: &str, average: Option<&str>, beta: f64, threshold: Option<f64>) -> Result<()> {
    if let Some(other) = average.filter(|name| !matches!(*name, "micro" | "macro" | "weighted")) {
        bail!("{class}: `average` must be micro, macro, weighted or nothing, got `{other}`");
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
        $class:ident: $name:literal, [$($alias:literal),*], $line:literal,
        { $($(#[$arg_doc:meta])* $arg:ident: $type:ty = $default:expr;)* }, |$metric:ident| $beta:expr;
    )*) => { $(
        metric_class! {
            $(#[$doc])*
            $class: $name, [$($alias),*], $line;
            {
                /// `micro` counts all classes together; `macro` is the mean over classes, `weighted` that by how often
                /// a class is a target; nothing gives each class's score.
                average: Option<String> = None;
                $($(#[$arg_doc])* $arg: $type = $default;)*
                /// Predictions above it mean yes; without, a sample's largest does.
                threshold: Option<f64> = None;
            }
            state(made): Slots = slots(made.average.as_deref(), made.dtype);
            valid($metric) check(stringify!($class), $metric.average.as_deref(), $beta, $metric.threshold);
            build(self, width) if self.average.as_deref() == Some("micro") {
                Ok(())
            } else {
                self.state.build($name, &[width])
            };
            update(self, y_true, y_pred, weights) {
                update($name, &mut self.state, self.threshold, (y_true, y_pred), weights)
            }
            result(self) {
                let $metric = self;
                result(&self.state, $beta, self.average.as_deref(), self.dtype)
            }
            {
                fn larger_is_better(&self) -> Option<bool> {
                    Some(true)
                }
            }
        }
    )* };
}

f_scores! {
    /// `(1 + beta^2) precision recall / (beta^2 precision + recall)`, from 0 to 1; 1e-7 is added to each divisor.
    ///
    /// Keras: `keras.metrics.FBetaScore`; R: `metric_fbeta_score()`.
    ///
    /// # Shapes
    /// One-hot (or multi-hot) targets and predictions, `[samples, classes]`; weights `[samples]`. The result is a scalar,
    /// or without `average` `[classes]`.
    ///
    /// # Errors
    /// When the shapes differ from these or from those of earlier batches.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::FBetaScore;
    /// use keras_ops::{Device, Tensor};
    /// let mut score = FBetaScore::new().beta(2.).threshold(Some(0.5)).average(Some("micro".into()));
    /// let y = Tensor::new(&[[1f32, 0.], [1., 1.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0.9f32, 0.8], [0.2, 0.1]], &Device::Cpu)?;
    /// score.update_state(&y, &p, None)?;
    /// // Precision 1/2, recall 1/3.
    /// assert!((score.result()?.to_scalar::<f32>()? - 5. / 14.).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    FBetaScore: "fbeta_score", ["fbeta_score", "f_beta_score"], "Weighted harmonic mean of precision and recall.", {
        /// How many times as much recall counts as precision.
        beta: f64 = 1.;
    }, |metric| metric.beta;
    /// The harmonic mean of precision and recall: `2 precision recall / (precision + recall)`, from 0 to 1; 1e-7 is added
    /// to each divisor.
    ///
    /// Keras: `keras.metrics.F1Score`; R: `metric_f1_score()`.
    ///
    /// # Shapes
    /// One-hot (or multi-hot) targets and predictions, `[samples, classes]`; weights `[samples]`. The result is a scalar,
    /// or without `average` `[classes]`.
    ///
    /// # Errors
    /// When the shapes differ from these or from those of earlier batches.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::F1Score;
    /// use keras_ops::{Device, Tensor};
    /// let mut score = F1Score::new().threshold(Some(0.5));
    /// let y = Tensor::new(&[[1f32, 1., 1.], [1., 0., 0.], [1., 1., 0.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0.2f32, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.]], &Device::Cpu)?;
    /// score.update_state(&y, &p, None)?;
    /// let found = score.result()?.to_vec1::<f32>()?;
    /// assert!(found.iter().zip([0.5, 0.8, 2. / 3.]).all(|(f, e)| (f - e).abs() < 1e-6));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    F1Score: "f1_score", ["f1_score"], "Harmonic mean of precision and recall.", {}, |metric| { let _ = &metric.threshold; 1. };
}
