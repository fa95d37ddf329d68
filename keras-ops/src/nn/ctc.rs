//! Connectionist temporal classification with lengths given apart, and reading sequences from logits.

use std::collections::BTreeMap;

use crate::kernels::team::{IntoParts as _, Parts as _};
use candle_core::{Result, Tensor};

use crate::host;
use crate::losses::ctc::{Row, over_rows};

/// One length for each sequence, none above `most`.
fn lengths(op: &str, x: &Tensor, batch: usize, most: usize) -> Result<Vec<usize>> {
    let found: Vec<i64> = host::read(x, |x: &[i64]| Ok(x.to_vec()))?;
    let fits = |n: &i64| (0..=most as i64).contains(n);
    if x.dims() != [batch] || x.dtype().is_float() || !found.iter().all(fits) {
        candle_core::bail!(
            "{op}: expected {batch} whole lengths of at most {most}, got {found:?} with shape {:?} and dtype {:?}",
            x.dims(),
            x.dtype()
        );
    }
    Ok(found.into_iter().map(|n| n as usize).collect())
}

/// Sequences, frames and classes of logits, with a blank among the classes.
fn sizes(op: &str, logits: &Tensor, mask_index: usize) -> Result<[usize; 3]> {
    host::compute_dtype(op, logits.dtype())?;
    match logits.dims() {
        [n, frames, classes] if mask_index < *classes => Ok([*n, *frames, *classes]),
        other => candle_core::bail!(
            "{op}: expected logits (n, frames, classes) with more than {mask_index} classes, got {other:?}"
        ),
    }
}

/// The CTC loss, of sequences whose lengths are given: `-log` of the probability that the first `output_length` frames
/// spell the first `target_length` labels, summed over all alignments; `mask_index` is the blank.
///
/// [`losses::ctc`](crate::losses::ctc) finds the lengths itself.
///
/// # Shapes
/// Labels (n, labels), logits (n, frames, classes) and lengths (n,) to (n,).
///
/// # Errors
/// When shapes do not fit, a length is too large, or a label is not a class.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let logits = Tensor::zeros((1, 2, 2), ops::DType::F64, &Device::Cpu)?;
/// let one = Tensor::new(&[1u32], &Device::Cpu)?;
/// let two = Tensor::new(&[2u32], &Device::Cpu)?;
/// let loss = ops::ctc_loss(&Tensor::new(&[[1u32]], &Device::Cpu)?, &logits, &one, &two, 0)?;
/// // Three of the four paths spell the label.
/// assert!((loss.to_vec1::<f64>()?[0] + 0.75f64.ln()).abs() < 1e-12);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn ctc_loss(
    target: &Tensor,
    output: &Tensor,
    target_length: &Tensor,
    output_length: &Tensor,
    mask_index: usize,
) -> Result<Tensor> {
    const OP: &str = "ctc_loss";
    let [n, frames, classes] = sizes(OP, output, mask_index)?;
    let &[rows, width] = target.dims() else {
        candle_core::bail!("{OP}: expected labels (n, labels), got shape {:?}", target.dims());
    };
    if rows != n || target.dtype().is_float() {
        candle_core::bail!(
            "{OP}: expected {n} rows of whole labels, got {rows} of {:?}",
            target.dtype()
        );
    }
    let labels: Vec<i64> = host::read(target, |t: &[i64]| Ok(t.to_vec()))?;
    let used = lengths(OP, target_length, n, width)?;
    let frames = lengths(OP, output_length, n, frames)?;
    let row = |(i, (used, frames)): (usize, (usize, usize))| -> Result<Row> {
        let labels = labels[i * width..][..used].to_vec();
        if let Some(wrong) = labels.iter().find(|l| !(0..classes as i64).contains(*l)) {
            candle_core::bail!("{OP}: label {wrong} of sequence {i} is not one of {classes} classes");
        }
        Ok((labels, frames))
    };
    let rows = used.into_iter().zip(frames).enumerate().map(row);
    over_rows(OP, rows.collect::<Result<_>>()?, output, mask_index)
}

/// How [`ctc_decode`] searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CtcSearch {
    /// The best class of each frame.
    Greedy {
        /// Whether repeated classes without a blank between count once.
        merge_repeated: bool,
    },
    /// The best sequences over all their alignments, as far as a beam finds them.
    Beam {
        /// Sequences kept from frame to frame.
        beam_width: usize,
        /// Sequences in the result.
        top_paths: usize,
    },
}

impl Default for CtcSearch {
    fn default() -> Self {
        Self::Greedy { merge_repeated: true }
    }
}

/// Reads sequences of labels from logits; `mask_index` is the blank.
///
/// # Shapes
/// Logits (n, frames, classes) and lengths (n,) to labels (paths, n, frames), `int64` and filled up with -1, and scores
/// (n, paths): with [`CtcSearch::Greedy`] one path and minus the sum of the best logits, else log-probabilities.
///
/// # Errors
/// When shapes do not fit, a length is too large, or a beam keeps fewer sequences than the result has. There is no
/// gradient.
///
/// ```
/// use keras_ops::{self as ops, CtcSearch, Device, Tensor};
/// let logits = Tensor::new(&[[[0f32, 1.], [0., 1.], [1., 0.], [0., 1.]]], &Device::Cpu)?;
/// let lengths = Tensor::new(&[4u32], &Device::Cpu)?;
/// let (labels, scores) = ops::ctc_decode(&logits, &lengths, CtcSearch::default(), 0)?;
/// assert_eq!(labels.to_vec3::<i64>()?, [[[1, 1, -1, -1]]]);
/// assert_eq!(scores.to_vec2::<f32>()?, [[-4.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn ctc_decode(
    inputs: &Tensor,
    sequence_lengths: &Tensor,
    strategy: CtcSearch,
    mask_index: usize,
) -> Result<(Tensor, Tensor)> {
    const OP: &str = "ctc_decode";
    let [n, frames, classes] = sizes(OP, inputs, mask_index)?;
    let used = lengths(OP, sequence_lengths, n, frames)?;
    let paths = match strategy {
        CtcSearch::Greedy { .. } => 1,
        CtcSearch::Beam {
            beam_width,
            top_paths,
        } if top_paths > 0 && top_paths <= beam_width => top_paths,
        other => candle_core::bail!(
            "{OP}: expected at least one path and no more than the beam keeps, got {other:?}"
        ),
    };
    let found: Vec<Vec<(Vec<i64>, f64)>> = host::read(inputs, |x: &[f64]| {
        let one = |i: usize| {
            let logits = &x[i * frames * classes..][..used[i] * classes];
            match strategy {
                CtcSearch::Greedy { merge_repeated } => {
                    vec![greedy(logits, classes, mask_index, merge_repeated)]
                }
                CtcSearch::Beam { beam_width, .. } => beam(logits, classes, mask_index, beam_width, paths),
            }
        };
        Ok((0..n).into_par_iter().map(one).collect())
    })?;
    let (mut labels, mut scores) = (vec![-1; paths * n * frames], vec![f64::NEG_INFINITY; n * paths]);
    for (i, row) in found.iter().enumerate() {
        for (p, (path, score)) in row.iter().enumerate() {
            labels[(p * n + i) * frames..][..path.len()].copy_from_slice(path);
            scores[i * paths + p] = *score;
        }
    }
    let shape = (n, paths).into();
    Ok((
        Tensor::from_vec(labels, (paths, n, frames), inputs.device())?,
        host::tensor(scores, inputs.dtype(), &shape, inputs.device())?,
    ))
}

fn greedy(logits: &[f64], classes: usize, blank: usize, merge: bool) -> (Vec<i64>, f64) {
    let (mut path, mut total, mut before) = (Vec::new(), 0., blank);
    for frame in logits.chunks_exact(classes) {
        // The first of equal ones.
        let best = (1..classes).fold(0, |best, c| if frame[c] > frame[best] { c } else { best });
        total += frame[best];
        if best != blank && !(merge && best == before) {
            path.push(best as i64);
        }
        before = best;
    }
    (path, -total)
}

fn log_add(a: f64, b: f64) -> f64 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY {
        high
    } else {
        high + (low - high).exp().ln_1p()
    }
}

/// The log-probabilities of a sequence: ending in its last label, and in a blank.
#[derive(Clone, Copy)]
struct Ends {
    label: f64,
    blank: f64,
}

impl Ends {
    const NEVER: Self = Self {
        label: f64::NEG_INFINITY,
        blank: f64::NEG_INFINITY,
    };

    fn total(self) -> f64 {
        log_add(self.label, self.blank)
    }
}

/// Sequences by their classes counted from the last one, so that among equals the first classes win, as in Keras.
type Beam = BTreeMap<Vec<usize>, Ends>;

fn beam(logits: &[f64], classes: usize, blank: usize, width: usize, paths: usize) -> Vec<(Vec<i64>, f64)> {
    let mut kept: Vec<(Vec<usize>, Ends)> = vec![(
        Vec::new(),
        Ends {
            blank: 0.,
            ..Ends::NEVER
        },
    )];
    for (t, frame) in logits.chunks_exact(classes).enumerate() {
        let shift = frame.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
        let norm = shift + frame.iter().map(|x| (x - shift).exp()).sum::<f64>().ln();
        let mut next = Beam::new();
        for (path, ends) in &kept {
            for (c, logit) in frame.iter().enumerate() {
                let score = logit - norm;
                let mut add = |path: Vec<usize>, label: f64, blank: f64| {
                    let ends = next.entry(path).or_insert(Ends::NEVER);
                    ends.label = log_add(ends.label, label);
                    ends.blank = log_add(ends.blank, blank);
                };
                let turned = classes - 1 - c;
                if c == blank {
                    add(path.clone(), f64::NEG_INFINITY, ends.total() + score);
                } else if path.last() == Some(&turned) {
                    // Again without a blank between: the same label.
                    add(path.clone(), ends.label + score, f64::NEG_INFINITY);
                    add(
                        [path, &[turned][..]].concat(),
                        ends.blank + score,
                        f64::NEG_INFINITY,
                    );
                } else {
                    add(
                        [path, &[turned][..]].concat(),
                        ends.total() + score,
                        f64::NEG_INFINITY,
                    );
                }
            }
        }
        kept = best(next, if t == 0 { width.min(classes) } else { width });
    }
    kept.into_iter()
        .rev()
        .take(paths)
        .map(|(path, ends)| {
            let path = path.iter().map(|c| (classes - 1 - c) as i64).collect();
            (path, ends.total())
        })
        .collect()
}

/// The `width` most probable sequences, the best one last.
fn best(all: Beam, width: usize) -> Vec<(Vec<usize>, Ends)> {
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by(|a, b| a.1.total().total_cmp(&b.1.total()));
    all.split_off(all.len().saturating_sub(width))
}
