//! Counts of right and wrong decisions at thresholds: what confusion metrics and areas under curves share.

use keras_core::ops::{Tensor, host};
use keras_core::weighting::squeeze_or_expand_to_same_rank;
use keras_core::{Result, Variable, bail};

use crate::state;

/// What stands for a prediction that is not among the largest `k`, as in Keras.
pub(crate) const NEVER: f64 = -1e10;

/// Thresholds, and whether they divide `[0, 1]` evenly: then counting takes one pass whatever their number.
#[derive(Clone, Debug)]
pub(crate) struct Thresholds {
    values: Vec<f32>,
    even: bool,
    /// Whether the ends lie a little outside of `[0, 1]`, so that every prediction is above the first.
    widened: bool,
}

impl Thresholds {
    pub(crate) fn new(values: &[f64]) -> Self {
        let last = values.len().saturating_sub(1).max(1) as f64;
        let near = |(i, v): (usize, &f64)| {
            let even = (i as f32 / last as f32) as f64;
            (v - even).abs() <= 1e-7 + 1e-5 * even.abs()
        };
        Self {
            values: values.iter().map(|v| *v as f32).collect(),
            even: values.len() >= 3 && values.iter().enumerate().all(near),
            widened: values.first().is_some_and(|v| *v < 0.) || values.last().is_some_and(|v| *v > 1.),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}

/// How targets and predictions are taken in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Intake<'a> {
    pub(crate) top_k: Option<usize>,
    pub(crate) class_id: Option<usize>,
    /// Each column counted by itself.
    pub(crate) by_label: bool,
    pub(crate) label_weights: Option<&'a [f64]>,
    pub(crate) sigmoid: bool,
}

/// Weighted counts by threshold (and label, the last axis).
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) true_positives: Vec<f64>,
    pub(crate) false_positives: Vec<f64>,
    positives: Vec<f64>,
    negatives: Vec<f64>,
}

impl Counts {
    pub(crate) fn false_negatives(&self) -> Vec<f64> {
        Self::rest(&self.positives, &self.true_positives)
    }

    pub(crate) fn true_negatives(&self) -> Vec<f64> {
        Self::rest(&self.negatives, &self.false_positives)
    }

    fn rest(whole: &[f64], part: &[f64]) -> Vec<f64> {
        part.chunks_exact(whole.len().max(1))
            .flat_map(|row| whole.iter().zip(row).map(|(w, p)| w - p))
            .collect()
    }
}

/// The counts of one batch.
///
/// # Errors
/// When shapes do not fit.
pub(crate) fn count(
    name: &str,
    thresholds: &Thresholds,
    intake: Intake<'_>,
    y_true: &Tensor,
    y_pred: &Tensor,
    weights: Option<&Tensor>,
) -> Result<Counts> {
    let (y_pred, y_true) = squeeze_or_expand_to_same_rank(y_pred, y_true)?;
    let dims = y_pred.dims();
    if y_true.dims() != dims || dims.is_empty() {
        bail!(
            "{name}: `y_true` has shape {:?}, `y_pred` {dims:?}; they must be the same. One-hot encode class numbers",
            y_true.dims()
        );
    }
    let width = dims[dims.len() - 1];
    if let Some(class) = intake.class_id.filter(|class| dims.len() < 2 || *class >= width) {
        bail!("{name}: `class_id` {class} needs `y_pred` of shape [samples, classes], got {dims:?}");
    }
    if intake.label_weights.is_some_and(|w| w.len() != width) {
        bail!("{name}: `label_weights` must have one number for each of {width} labels");
    }
    let labels = if intake.by_label { width } else { 1 };
    let mut tally = Tally::new(thresholds, labels);
    let mut run = |t: &[f32], p: &[f32], w: Option<&Weights<'_>>| {
        let mut one = |i: usize, p: f32| {
            let label = i % width;
            if intake.class_id.is_some_and(|class| class != label) {
                return;
            }
            let mut weight = w.map_or(1., |w| w.of(i));
            if let Some(by_label) = intake.label_weights.filter(|_| !intake.by_label) {
                weight *= by_label[label];
            }
            let p = if intake.sigmoid { 1. / (1. + (-p).exp()) } else { p };
            tally.add(if intake.by_label { label } else { 0 }, t[i] != 0., p, weight);
        };
        match intake.top_k {
            None => p.iter().enumerate().for_each(|(i, p)| one(i, *p)),
            Some(k) => {
                for (r, row) in p.chunks_exact(width.max(1)).enumerate() {
                    let kept = largest(row, k);
                    row.iter()
                        .enumerate()
                        .for_each(|(j, p)| one(r * width + j, if kept[j] { *p } else { NEVER as f32 }));
                }
            }
        }
    };
    host::read(&y_true, |t: &[f32]| {
        host::read(&y_pred, |p: &[f32]| match weights {
            None => {
                run(t, p, None);
                Ok(Ok(()))
            }
            Some(weights) => host::read(weights, |w: &[f32]| {
                Ok(Weights::new(name, w, weights.dims(), dims).map(|w| run(t, p, Some(&w))))
            }),
        })
    })??;
    Ok(tally.finish())
}

/// Which of a row are among the largest `k`; of equals, the first.
fn largest(row: &[f32], k: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
    let mut kept = vec![false; row.len()];
    order.iter().take(k).for_each(|i| kept[*i] = true);
    kept
}

/// Sample weights seen by element of the predictions.
struct Weights<'a> {
    values: &'a [f32],
    each: usize,
}

impl<'a> Weights<'a> {
    fn new(name: &str, values: &'a [f32], dims: &[usize], of: &[usize]) -> Result<Self> {
        let lead = dims
            .strip_suffix(&[1])
            .filter(|lead| lead.len() < of.len())
            .unwrap_or(dims);
        if values.len() == 1 || of.starts_with(lead) {
            let each = of[if values.len() == 1 { 0 } else { lead.len() }..]
                .iter()
                .product();
            return Ok(Self { values, each });
        }
        bail!(
            "{name}: sample weights of shape {dims:?} do not fit predictions of shape {of:?}: give one for each sample"
        )
    }

    fn of(&self, i: usize) -> f64 {
        self.values[i / self.each] as f64
    }
}

/// Counts in the making: by bucket between evenly spaced thresholds, else by threshold.
struct Tally<'a> {
    thresholds: &'a Thresholds,
    labels: usize,
    counts: Counts,
}

impl<'a> Tally<'a> {
    fn new(thresholds: &'a Thresholds, labels: usize) -> Self {
        let zeros = |n: usize| vec![0f64; n];
        let n = thresholds.len() * labels;
        let counts = Counts {
            true_positives: zeros(n),
            false_positives: zeros(n),
            positives: zeros(labels),
            negatives: zeros(labels),
        };
        Self {
            thresholds,
            labels,
            counts,
        }
    }

    #[inline]
    fn add(&mut self, label: usize, positive: bool, p: f32, weight: f64) {
        let counts = &mut self.counts;
        let (above, all) = if positive {
            (&mut counts.true_positives, &mut counts.positives)
        } else {
            (&mut counts.false_positives, &mut counts.negatives)
        };
        all[label] += weight;
        if self.thresholds.even {
            // A prediction is above all thresholds before its bucket: [0, t1], (t1, t2], ..
            let bucket = (p.clamp(0., 1.) * (self.thresholds.len() - 1) as f32).ceil() as i64 - 1;
            let bucket = if self.thresholds.widened {
                bucket.max(0)
            } else {
                bucket
            };
            if bucket >= 0 {
                above[bucket as usize * self.labels + label] += weight;
            }
            return;
        }
        for (i, threshold) in self.thresholds.values.iter().enumerate() {
            if p > *threshold {
                above[i * self.labels + label] += weight;
            }
        }
    }

    fn finish(mut self) -> Counts {
        if self.thresholds.even {
            for counts in [&mut self.counts.true_positives, &mut self.counts.false_positives] {
                for i in (0..counts.len().saturating_sub(self.labels)).rev() {
                    counts[i] += counts[i + self.labels];
                }
            }
        }
        self.counts
    }
}

/// The four counts as state.
#[derive(Debug)]
pub(crate) struct Confusion {
    pub(crate) true_positives: Variable,
    pub(crate) false_positives: Variable,
    pub(crate) true_negatives: Variable,
    pub(crate) false_negatives: Variable,
}

impl Confusion {
    pub(crate) fn new(shape: &[usize], dtype: Option<keras_core::ops::DType>) -> Self {
        Self {
            true_positives: state::zeros("true_positives", shape, dtype),
            false_positives: state::zeros("false_positives", shape, dtype),
            true_negatives: state::zeros("true_negatives", shape, dtype),
            false_negatives: state::zeros("false_negatives", shape, dtype),
        }
    }

    pub(crate) fn variables(&self) -> Vec<Variable> {
        let Self {
            true_positives,
            false_positives,
            true_negatives,
            false_negatives,
        } = self;
        [true_positives, false_positives, true_negatives, false_negatives]
            .into_iter()
            .cloned()
            .collect()
    }

    pub(crate) fn add(&self, counts: &Counts) -> Result<()> {
        state::add(&self.true_positives, &counts.true_positives)?;
        state::add(&self.false_positives, &counts.false_positives)?;
        state::add(&self.true_negatives, &counts.true_negatives())?;
        state::add(&self.false_negatives, &counts.false_negatives())
    }

    /// True positives, false positives, true negatives, false negatives.
    pub(crate) fn read(&self) -> Result<[Vec<f64>; 4]> {
        Ok([
            state::read(&self.true_positives)?,
            state::read(&self.false_positives)?,
            state::read(&self.true_negatives)?,
            state::read(&self.false_negatives)?,
        ])
    }
}

/// # Errors
/// When a threshold is not within 0 and 1.
pub(crate) fn check_thresholds(class: &str, thresholds: Option<&Vec<f64>>) -> Result<()> {
    match thresholds.and_then(|all| all.iter().find(|t| !(0. ..=1.).contains(*t))) {
        Some(wrong) => bail!("{class}: thresholds must be within 0 and 1, got {wrong}"),
        None => Ok(()),
    }
}
