//! Connectionist temporal classification: labels without alignment.

use crate::kernels::team::{IntoParts as _, Parts as _};
use candle_core::{DType, Result, Shape, Tensor};

use crate::host;
use crate::kernels::math::Math;
use crate::tape::record;

/// The value of a sequence that no alignment can give, as in Keras: large, not infinite.
const IMPOSSIBLE: f64 = 1e5;

fn log_add(a: f64, b: f64) -> f64 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY {
        high
    } else {
        high + (low - high).exp().ln_1p()
    }
}

/// One sequence: `frames` rows of `classes` log-probabilities, and labels with blanks between and around.
struct Sequence {
    log_probs: Vec<f64>,
    classes: usize,
    states: Vec<usize>,
    blank: usize,
}

impl Sequence {
    fn new<T: Math>(logits: &[T], classes: usize, labels: &[i64], blank: usize) -> Self {
        let mut log_probs = Vec::with_capacity(logits.len());
        for row in logits.chunks_exact(classes) {
            let shift = row.iter().fold(f64::NEG_INFINITY, |m, x| m.max(x.f64()));
            let norm = shift + row.iter().map(|x| (x.f64() - shift).exp()).sum::<f64>().ln();
            log_probs.extend(row.iter().map(|x| x.f64() - norm));
        }
        let mut states = vec![blank];
        labels
            .iter()
            .for_each(|label| states.extend([*label as usize, blank]));
        Self {
            log_probs,
            classes,
            states,
            blank,
        }
    }

    fn frames(&self) -> usize {
        self.log_probs.len() / self.classes
    }

    fn emit(&self, frame: usize, state: usize) -> f64 {
        self.log_probs[frame * self.classes + self.states[state]]
    }

    /// Whether a path may go from `state` to `state + 2`, over a blank.
    fn skips(&self, state: usize) -> bool {
        state + 2 < self.states.len()
            && self.states[state + 2] != self.blank
            && self.states[state] != self.states[state + 2]
    }

    /// The log-probability of being in a state after each frame, over all beginnings.
    fn forward(&self) -> Vec<f64> {
        let (frames, count) = (self.frames(), self.states.len());
        let mut alpha = vec![f64::NEG_INFINITY; frames * count];
        for (s, first) in alpha.iter_mut().enumerate().take(count.min(2)) {
            *first = self.emit(0, s);
        }
        for t in 1..frames {
            for s in 0..count {
                let before = &alpha[(t - 1) * count..t * count];
                let mut sum = before[s];
                if s >= 1 {
                    sum = log_add(sum, before[s - 1]);
                }
                if s >= 2 && self.skips(s - 2) {
                    sum = log_add(sum, before[s - 2]);
                }
                alpha[t * count + s] = sum + self.emit(t, s);
            }
        }
        alpha
    }

    /// The log-probability of the frames after each frame, over all ends.
    fn backward(&self) -> Vec<f64> {
        let (frames, count) = (self.frames(), self.states.len());
        let mut beta = vec![f64::NEG_INFINITY; frames * count];
        for s in count.saturating_sub(2)..count {
            beta[(frames - 1) * count + s] = 0.;
        }
        for t in (0..frames - 1).rev() {
            for s in 0..count {
                let next = |s: usize| beta[(t + 1) * count + s] + self.emit(t + 1, s);
                let mut sum = next(s);
                if s + 1 < count {
                    sum = log_add(sum, next(s + 1));
                }
                if self.skips(s) {
                    sum = log_add(sum, next(s + 2));
                }
                beta[t * count + s] = sum;
            }
        }
        beta
    }

    fn log_likelihood(&self, alpha: &[f64]) -> f64 {
        let last = &alpha[alpha.len() - self.states.len()..];
        let end = last[last.len() - 1];
        if last.len() > 1 {
            log_add(end, last[last.len() - 2])
        } else {
            end
        }
    }

    fn value(&self) -> f64 {
        if self.log_probs.is_empty() {
            // Without frames, only the empty sequence can be.
            return if self.states.len() == 1 { 0. } else { IMPOSSIBLE };
        }
        (-self.log_likelihood(&self.forward())).min(IMPOSSIBLE)
    }

    /// The gradient by the logits: what was predicted minus what the alignments say.
    fn gradient(&self) -> Vec<f64> {
        if self.log_probs.is_empty() {
            return Vec::new();
        }
        let alpha = self.forward();
        let likelihood = self.log_likelihood(&alpha);
        if likelihood == f64::NEG_INFINITY {
            return vec![0.; self.log_probs.len()];
        }
        let beta = self.backward();
        let mut d: Vec<f64> = self.log_probs.iter().map(|x| x.exp()).collect();
        let count = self.states.len();
        for (i, (a, b)) in alpha.iter().zip(&beta).enumerate() {
            d[i / count * self.classes + self.states[i % count]] -= (a + b - likelihood).exp();
        }
        d
    }
}

/// The CTC loss: `-log` of the probability that the frames spell the labels, summed over all alignments. Class 0 is
/// the blank; labels are padded with 0 at the end.
///
/// # Shapes
/// Class numbers `[n, labels]` and logits `[n, frames, classes]` to `[n]`.
///
/// # Errors
/// When the shapes do not fit or a label is not a class.
pub fn ctc(y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    let (&[batch, length], &[n, frames, classes]) = (y_true.dims(), y_pred.dims()) else {
        candle_core::bail!(
            "ctc: expected class numbers [n, labels] and logits [n, frames, classes], got `y_true` {:?} and \
             `y_pred` {:?}",
            y_true.dims(),
            y_pred.dims()
        );
    };
    if batch != n || frames == 0 || classes == 0 {
        candle_core::bail!(
            "ctc: `y_true` has {batch} rows, `y_pred` {n} of {frames} frames with {classes} classes"
        );
    }
    let labels = host::read(y_true, |v: &[i64]| Ok(v.to_vec()))?;
    if let Some(at) = labels.iter().position(|l| !(0..classes as i64).contains(l)) {
        candle_core::bail!(
            "ctc: label {} at [{}, {}] of `y_true` is not a class: `y_pred` has {classes}, 0 being the blank",
            labels[at],
            at / length,
            at % length
        );
    }
    // Labels end at the first padding; every frame counts.
    let rows = labels.chunks_exact(length.max(1)).map(|row| {
        let used = row.iter().filter(|l| **l != 0).count();
        (row[..used].to_vec(), frames)
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.resize(n, (Vec::new(), frames));
    over_rows("ctc", rows, y_pred, 0)
}

/// The labels of a sequence and the frames that it has.
pub(crate) type Row = (Vec<i64>, usize);

/// The loss of each sequence of logits, recorded.
pub(crate) fn over_rows(op: &str, rows: Vec<Row>, y_pred: &Tensor, blank: usize) -> Result<Tensor> {
    match host::compute_dtype(op, y_pred.dtype())? {
        DType::F64 => apply::<f64>(rows, y_pred, blank),
        _ => apply::<f32>(rows, y_pred, blank),
    }
}

fn apply<T: Math>(rows: Vec<Row>, y_pred: &Tensor, blank: usize) -> Result<Tensor> {
    let (n, block) = (y_pred.dims()[0], y_pred.dims()[1] * y_pred.dims()[2]);
    let classes = y_pred.dims()[2];
    let sequence = move |i: usize, p: &[T]| {
        let (labels, frames) = &rows[i];
        Sequence::new(&p[i * block..][..frames * classes], classes, labels, blank)
    };
    let out: Vec<T> = host::read(y_pred, |p: &[T]| {
        Ok((0..n)
            .into_par_iter()
            .map(|i| T::of(sequence(i, p).value()))
            .collect())
    })?;
    let out = host::storage_as(out, y_pred.dtype(), y_pred.device())?;
    let p = y_pred.detach();
    Ok(record(&[y_pred], out, &Shape::from(n), move |grad, _| {
        let d = host::read(&p, |p: &[T]| {
            host::read(&grad, |g: &[T]| {
                let rows: Vec<Vec<f64>> = (0..n)
                    .into_par_iter()
                    .map(|i| sequence(i, p).gradient())
                    .collect();
                // Frames beyond a sequence's end have no slope.
                let mut out = vec![T::ZERO; n * block];
                for ((out, row), g) in out.chunks_exact_mut(block).zip(&rows).zip(g) {
                    let scaled = row.iter().map(|d| T::of(d * g.f64()));
                    out.iter_mut().zip(scaled).for_each(|(out, d)| *out = d);
                }
                Ok(out)
            })
        })?;
        Ok([Some(host::tensor(d, p.dtype(), p.shape(), p.device())?)]
            .into_iter()
            .collect())
    }))
}
