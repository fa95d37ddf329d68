//! Counts of right and wrong decisions at thresholds: what confusion metrics and areas under curves share.

use std::borrow::Cow;

use keras_core::ops::kernels::simd::vectorize;
use keras_core::ops::{self, DType, Tensor, host};
use keras_core::weighting::squeeze_or_expand_to_same_rank;
use keras_core::{Result, bail};

use crate::state::Slots;
use crate::thresholds::{Place, Thresholds, step};
use crate::weights::Weights;

/// What stands for a prediction that is not among the largest `k`, as in Keras.
pub(crate) const NEVER: f64 = -1e10;

/// The names of the four counts, in the order of [`Counts::add_all`].
pub(crate) const NAMES: [&str; 4] = [
    "true_positives",
    "false_positives",
    "true_negatives",
    "false_negatives",
];

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

/// A batch as plain slices, ready for counting.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) targets: Cow<'a, [f32]>,
    pub(crate) predictions: Cow<'a, [f32]>,
    pub(crate) weights: Option<Weights<'a>>,
    /// The columns that are counted by themselves.
    pub(crate) labels: usize,
}

/// Gives `f` the batch that `intake` makes of targets, predictions and weights.
///
/// # Errors
/// When shapes do not fit.
pub(crate) fn with_batch<R>(
    name: &str,
    intake: Intake<'_>,
    (y_true, y_pred): (&Tensor, &Tensor),
    weights: Option<&Tensor>,
    f: impl FnOnce(Batch<'_>) -> R,
) -> Result<R> {
    let y_pred = match intake.sigmoid {
        true => ops::sigmoid(&ops::cast(&y_pred.detach(), DType::F32)?)?,
        false => y_pred.clone(),
    };
    let (y_pred, y_true) = squeeze_or_expand_to_same_rank(&y_pred, y_true)?;
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
    if let Some(weights) = intake.label_weights.filter(|weights| weights.len() != width) {
        bail!("{name}: `label_weights` must have one number for each of {width} labels, got {weights:?}");
    }
    host::read(&y_true, |t: &[f32]| {
        host::read(&y_pred, |p: &[f32]| match weights {
            None => Ok(Ok(f(batch(intake, width, t, p, None)))),
            Some(weights) => host::read(weights, |w: &[f32]| {
                let weights = Weights::new(name, w, weights.dims(), dims);
                Ok(weights.map(|w| f(batch(intake, width, t, p, Some(w)))))
            }),
        })
    })?
}

fn batch<'a>(
    intake: Intake<'_>,
    width: usize,
    targets: &'a [f32],
    predictions: &'a [f32],
    mut weights: Option<Weights<'a>>,
) -> Batch<'a> {
    let (mut targets, mut predictions) = (Cow::Borrowed(targets), Cow::Borrowed(predictions));
    if let Some(k) = intake.top_k {
        predictions = Cow::Owned(only_largest(&predictions, width, k));
    }
    if let Some(by_label) = intake.label_weights.filter(|_| !intake.by_label) {
        let of = |i: usize| by_label[i % width] * weights.as_ref().map_or(1., |w| w.of(i));
        let values: Vec<f32> = (0..predictions.len()).map(|i| of(i) as f32).collect();
        weights = Some(Weights {
            values: Cow::Owned(values),
            each: 1,
        });
    }
    if let Some(class) = intake.class_id {
        let column = |x: &[f32]| x.iter().skip(class).step_by(width).copied().collect::<Vec<_>>();
        if let Some(own) = &weights {
            let each = (class..predictions.len())
                .step_by(width)
                .map(|i| own.of(i) as f32);
            let values: Vec<f32> = each.collect();
            weights = Some(Weights {
                values: Cow::Owned(values),
                each: 1,
            });
        }
        (targets, predictions) = (Cow::Owned(column(&targets)), Cow::Owned(column(&predictions)));
    }
    Batch {
        targets,
        predictions,
        weights,
        labels: if intake.by_label { width } else { 1 },
    }
}

/// The predictions with all but the largest `k` of a row replaced; of equals, the first are kept.
fn only_largest(predictions: &[f32], width: usize, k: usize) -> Vec<f32> {
    let mut kept = predictions.to_vec();
    if k >= width || width == 0 {
        return kept;
    }
    let mut order: Vec<usize> = Vec::with_capacity(width);
    for row in kept.chunks_exact_mut(width) {
        order.clear();
        order.extend(0..width);
        order.select_nth_unstable_by(k, |a, b| row[*b].total_cmp(&row[*a]).then(a.cmp(b)));
        order[k..].iter().for_each(|i| row[*i] = NEVER as f32);
    }
    kept
}

/// Weighted counts of a batch by threshold (and label, the last axis).
#[derive(Debug)]
pub(crate) struct Counts {
    true_positives: Vec<f64>,
    false_positives: Vec<f64>,
    positives: Vec<f64>,
    negatives: Vec<f64>,
}

impl Counts {
    /// Adds true positives, false positives, true negatives and false negatives to variables in this order.
    pub(crate) fn add_all(&self, slots: &Slots) -> Result<()> {
        self.add_true_positives(slots, 0)?;
        self.add_false_positives(slots, 1)?;
        self.add_true_negatives(slots, 2)?;
        self.add_false_negatives(slots, 3)
    }

    pub(crate) fn add_true_positives(&self, slots: &Slots, index: usize) -> Result<()> {
        slots.add_to(index, |i| self.true_positives[i])
    }

    pub(crate) fn add_false_positives(&self, slots: &Slots, index: usize) -> Result<()> {
        slots.add_to(index, |i| self.false_positives[i])
    }

    pub(crate) fn add_true_negatives(&self, slots: &Slots, index: usize) -> Result<()> {
        let labels = self.negatives.len();
        slots.add_to(index, |i| self.negatives[i % labels] - self.false_positives[i])
    }

    pub(crate) fn add_false_negatives(&self, slots: &Slots, index: usize) -> Result<()> {
        let labels = self.positives.len();
        slots.add_to(index, |i| self.positives[i % labels] - self.true_positives[i])
    }
}

/// The counts of one batch: one pass over it, whatever the number of thresholds.
///
/// # Errors
/// When shapes do not fit.
pub(crate) fn count(
    name: &str,
    thresholds: &Thresholds,
    intake: Intake<'_>,
    pair: (&Tensor, &Tensor),
    weights: Option<&Tensor>,
) -> Result<Counts> {
    with_batch(name, intake, pair, weights, |batch| {
        match (&batch.weights, thresholds.single(), batch.labels) {
            (None, Some(threshold), 1) => at_one(&batch.targets, &batch.predictions, threshold),
            _ => by_place(thresholds, &batch),
        }
    })
}

/// At one threshold, without weights.
fn at_one(targets: &[f32], predictions: &[f32], threshold: f32) -> Counts {
    let [positives, above, both] = vectorize(|| {
        let mut sums = [0u32; 3];
        for (t, p) in targets.iter().zip(predictions) {
            let (t, p) = (u32::from(*t != 0.), u32::from(*p > threshold));
            sums[0] += t;
            sums[1] += p;
            sums[2] += t & p;
        }
        sums.map(f64::from)
    });
    Counts {
        true_positives: vec![both],
        false_positives: vec![above - both],
        positives: vec![positives],
        negatives: vec![targets.len() as f64 - positives],
    }
}

/// The weight of targets that are yes and no in each place among the thresholds.
fn by_place(thresholds: &Thresholds, batch: &Batch<'_>) -> Counts {
    let (n, labels) = (thresholds.len(), batch.labels);
    let mut places = [vec![0f64; (n + 1) * labels], vec![0f64; (n + 1) * labels]];
    let (targets, predictions) = (&*batch.targets, &*batch.predictions);
    match (&batch.weights, thresholds.place()) {
        (None, Place::Step(steps, least)) if labels == 1 => {
            let counts = histogram(targets, predictions, steps, least, n + 1);
            for (i, [no, yes]) in counts.into_iter().enumerate() {
                (places[0][i], places[1][i]) = (f64::from(no), f64::from(yes));
            }
        }
        (weights, place) => {
            let [no, yes] = &mut places;
            let mut put = |i: usize, label: usize, w: f64| {
                let at = place.of(predictions[i]) * labels + label;
                if targets[i] != 0. {
                    yes[at] += w;
                } else {
                    no[at] += w;
                }
            };
            match weights {
                _ if labels > 1 => {
                    let of = |i| weights.as_ref().map_or(1., |w| w.of(i));
                    (0..predictions.len()).for_each(|i| put(i, i % labels, of(i)));
                }
                None => (0..predictions.len()).for_each(|i| put(i, 0, 1.)),
                Some(w) => {
                    for (run, w) in w.values.iter().enumerate() {
                        let end = ((run + 1) * w_each(batch)).min(predictions.len());
                        (run * w_each(batch)..end).for_each(|i| put(i, 0, f64::from(*w)));
                    }
                }
            }
        }
    }
    let sum = |places: &[f64]| {
        let mut sums = vec![0.; labels];
        for row in places.chunks_exact(labels.max(1)) {
            sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
        }
        sums
    };
    let (negatives, positives) = (sum(&places[0]), sum(&places[1]));
    let [no, yes] = &mut places;
    Counts {
        true_positives: thresholds.counts_above(yes, labels),
        false_positives: thresholds.counts_above(no, labels),
        positives,
        negatives,
    }
}

fn w_each(batch: &Batch<'_>) -> usize {
    batch.weights.as_ref().map_or(1, |w| w.each)
}

/// How many targets are no and yes in each place, without weights.
fn histogram(targets: &[f32], predictions: &[f32], steps: f32, least: u32, places: usize) -> Vec<[u32; 2]> {
    // The places of a block are found in vector code; what follows is one addition each. Two histograms in turn, so
    // that neighbours in the same place do not wait for each other.
    const BLOCK: usize = 256;
    let mut counts = vec![[0u32; 2]; 2 * places];
    let mut found = [0u32; BLOCK];
    for (t, p) in targets.chunks(BLOCK).zip(predictions.chunks(BLOCK)) {
        vectorize(|| {
            for (found, p) in found.iter_mut().zip(p) {
                *found = step(*p, steps, least);
            }
        });
        for (i, (t, found)) in t.iter().zip(&found).enumerate() {
            counts[*found as usize + (i & 1) * places][usize::from(*t != 0.)] += 1;
        }
    }
    let (even, odd) = counts.split_at(places);
    let pairs = even.iter().zip(odd);
    pairs.map(|(a, b)| [a[0] + b[0], a[1] + b[1]]).collect()
}
