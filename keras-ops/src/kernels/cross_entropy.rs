//! Cross-entropy over rows of `classes` elements.

use super::map::map1;
use super::math::Math;
use super::reduce::Extent;
use super::softmax;
use crate::dtype::EPSILON;
use crate::elementwise::{clamp, inside};

fn rows(x: &[impl Sized], classes: usize) -> Extent {
    Extent {
        outer: x.len() / classes,
        len: classes,
        inner: 1,
    }
}

fn normalised<T: Math>(x: &[T], classes: usize) -> Vec<T> {
    let sums = softmax::sums(x, rows(x, classes));
    let mut p = x.to_vec();
    softmax::with_lane(
        &mut p,
        &sums,
        rows(x, classes),
        #[inline(always)]
        |x, sum| x / sum,
    );
    p
}

fn clipped_logs<T: Math>(x: &[T], classes: usize) -> Vec<T> {
    map1(
        &normalised(x, classes),
        #[inline(always)]
        |p| clamp(p, EPSILON, 1. - EPSILON).ln(),
    )
}

/// The log-probabilities of logits, or of probabilities.
pub fn log_probabilities<T: Math>(from_logits: bool) -> fn(&[T], usize) -> Vec<T> {
    if from_logits {
        |x, classes| softmax::log_softmax(x, rows(x, classes))
    } else {
        clipped_logs
    }
}

/// `-sum(target * log)` by row.
pub fn losses<T: Math>(target: &[T], logs: &[T], classes: usize) -> Vec<T> {
    let row = |(t, l): (&[T], &[T])| {
        let term = |(t, l): (&T, &T)| if *t == T::ZERO { T::ZERO } else { *t * *l };
        -t.iter().zip(l).map(term).sum::<T>()
    };
    target
        .chunks_exact(classes)
        .zip(logs.chunks_exact(classes))
        .map(row)
        .collect()
}

/// The gradient by the targets: `-g * log`.
pub fn by_target<T: Math>(g: &[T], logs: &[T], classes: usize) -> Vec<T> {
    let mut out = logs.to_vec();
    softmax::with_lane(
        &mut out,
        g,
        rows(logs, classes),
        #[inline(always)]
        |log, g| -(g * log),
    );
    out
}

/// The gradient by the output.
pub fn by_output<T: Math>(g: &[T], target: &[T], x: &[T], classes: usize, from_logits: bool) -> Vec<T> {
    let row_sums = |values: &[T]| softmax::sums(values, rows(values, classes));
    if from_logits {
        let weights = row_sums(target);
        let mut out = softmax::softmax(x, rows(x, classes));
        for (i, row) in out.chunks_exact_mut(classes).enumerate() {
            let t = &target[i * classes..];
            row.iter_mut()
                .zip(t)
                .for_each(|(p, t)| *p = g[i] * (*p * weights[i] - *t));
        }
        return out;
    }
    let mut out = x.to_vec();
    let sums = row_sums(x);
    for (i, row) in out.chunks_exact_mut(classes).enumerate() {
        let (t, sum) = (&target[i * classes..], sums[i]);
        // Through log and clip: by the normalised probability; then through the division by the sum.
        let mut dot = T::ZERO;
        for (p, t) in row.iter_mut().zip(t) {
            let q = *p / sum;
            let slope = -(g[i] * *t) / clamp(q, EPSILON, 1. - EPSILON) * inside(q, EPSILON, 1. - EPSILON);
            dot += slope * q;
            *p = slope;
        }
        row.iter_mut().for_each(|slope| *slope = (*slope - dot) / sum);
    }
    out
}

/// `-log(output[label])` by row.
pub fn sparse_losses<T: Math>(labels: &[u32], x: &[T], classes: usize, from_logits: bool) -> Vec<T> {
    let pick = |values: &[T]| -> Vec<T> {
        values
            .chunks_exact(classes)
            .zip(labels)
            .map(|(row, label)| row[*label as usize])
            .collect()
    };
    if from_logits {
        return pick(&softmax::log_softmax(x, rows(x, classes)))
            .iter()
            .map(|l| -*l)
            .collect();
    }
    let sums = softmax::sums(x, rows(x, classes));
    let q: Vec<T> = pick(x).iter().zip(&sums).map(|(p, sum)| *p / *sum).collect();
    map1(
        &q,
        #[inline(always)]
        |q| -clamp(q, EPSILON, 1. - EPSILON).ln(),
    )
}

/// The gradient of [`sparse_losses`] by the output.
pub fn sparse_gradient<T: Math>(
    g: &[T],
    labels: &[u32],
    x: &[T],
    classes: usize,
    from_logits: bool,
) -> Vec<T> {
    if from_logits {
        let mut out = softmax::softmax(x, rows(x, classes));
        softmax::with_lane(
            &mut out,
            g,
            rows(x, classes),
            #[inline(always)]
            |p, g| p * g,
        );
        for (i, row) in out.chunks_exact_mut(classes).enumerate() {
            let at = labels[i] as usize;
            row[at] -= g[i];
        }
        return out;
    }
    let sums = softmax::sums(x, rows(x, classes));
    let mut out = Vec::with_capacity(x.len());
    for (i, row) in x.chunks_exact(classes).enumerate() {
        let at = labels[i] as usize;
        let q = row[at] / sums[i];
        let slope = -g[i] / clamp(q, EPSILON, 1. - EPSILON) * inside(q, EPSILON, 1. - EPSILON);
        let others = -(slope * q) / sums[i];
        out.extend(std::iter::repeat_n(others, classes));
        out[i * classes + at] = (slope - slope * q) / sums[i];
    }
    out
}
