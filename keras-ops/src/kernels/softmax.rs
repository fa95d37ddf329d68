//! Softmax along the middle axis of `[outer, len, inner]`.
//!
//! Long rows go one by one, each pass from the cache; of short ones the exponentials run over a whole block at once.

use super::lane_map::{blocks, with_lanes};
use super::math::Math;
use super::reduce::{Extent, row_blocks, slabs};
use super::row_folds::{largest, sum_of, sum_of_pairs, write_sum};
use super::simd;

/// Rows of at least this length are worked on one by one.
const ROW: usize = 32;

fn row_largest<T: Math>(x: &[T]) -> T {
    x.iter()
        .fold(T::of(f64::NEG_INFINITY), |a, b| if *b > a { *b } else { a })
}

/// Which of the two.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Softmax,
    Log,
}

/// `e^x / sum(e^x)`.
pub fn softmax<T: Math>(x: &[T], extent: Extent) -> Vec<T> {
    forward(x, extent, Kind::Softmax)
}

/// `x - log(sum(e^x))`.
pub fn log_softmax<T: Math>(x: &[T], extent: Extent) -> Vec<T> {
    forward(x, extent, Kind::Log)
}

fn forward<T: Math>(x: &[T], extent: Extent, kind: Kind) -> Vec<T> {
    blocks(extent, |start, out| {
        let x = &x[start..start + out.len()];
        match extent {
            Extent { inner: 1, len, .. } if len >= ROW => long_rows(x, out, len, kind),
            Extent { inner: 1, len, .. } => short_rows(x, out, len, kind),
            _ => columns(x, out, extent, kind),
        }
    })
}

fn long_rows<T: Math>(x: &[T], out: &mut [T], len: usize, kind: Kind) {
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || {
            for (x, out) in x.chunks_exact(len).zip(out.chunks_exact_mut(len)) {
                let top = largest(x);
                if kind == Kind::Softmax {
                    let sum = write_sum(x, out, |x| (x - top).exp());
                    let scale = T::of(1. / sum);
                    out.iter_mut().for_each(|v| *v *= scale);
                } else {
                    let log = T::of(sum_of(x, |x| (x - top).exp()).ln());
                    out.iter_mut().zip(x).for_each(|(out, x)| *out = (*x - top) - log);
                }
            }
        },
    );
}

/// The exponentials of a whole block of rows at once, the cheap passes row by row.
fn short_rows<T: Math>(x: &[T], out: &mut [T], len: usize, kind: Kind) {
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || {
            for (x, out) in x.chunks_exact(len).zip(out.chunks_exact_mut(len)) {
                let top = row_largest(x);
                out.iter_mut().zip(x).for_each(|(out, x)| *out = *x - top);
            }
            let row_sum = |row: &[T]| row.iter().fold(T::ZERO, |a, b| a + *b);
            if kind == Kind::Softmax {
                out.iter_mut().for_each(|v| *v = v.exp());
                for row in out.chunks_exact_mut(len) {
                    let scale = T::ONE / row_sum(row);
                    row.iter_mut().for_each(|v| *v *= scale);
                }
            } else {
                let mut exps = out.to_vec();
                exps.iter_mut().for_each(|v| *v = v.exp());
                for (row, exps) in out.chunks_exact_mut(len).zip(exps.chunks_exact(len)) {
                    let log = row_sum(exps).ln();
                    row.iter_mut().for_each(|v| *v -= log);
                }
            }
        },
    );
}

fn columns<T: Math>(x: &[T], out: &mut [T], Extent { len, inner, .. }: Extent, kind: Kind) {
    let slab = len * inner;
    let (mut tops, mut sums) = (vec![T::ZERO; inner], vec![T::ZERO; inner]);
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || {
            for (x, out) in x.chunks_exact(slab).zip(out.chunks_exact_mut(slab)) {
                tops.fill(T::of(f64::NEG_INFINITY));
                for x in x.chunks_exact(inner) {
                    let pairs = tops.iter_mut().zip(x);
                    pairs.for_each(|(top, x)| *top = if *x > *top { *x } else { *top });
                }
                sums.fill(T::ZERO);
                for (x, out) in x.chunks_exact(inner).zip(out.chunks_exact_mut(inner)) {
                    let values = out.iter_mut().zip(x);
                    for ((out, x), (top, sum)) in values.zip(tops.iter().zip(&mut sums)) {
                        let exp = (*x - *top).exp();
                        *sum += exp;
                        *out = if kind == Kind::Softmax { exp } else { *x - *top };
                    }
                }
                if kind == Kind::Softmax {
                    sums.iter_mut().for_each(|s| *s = T::ONE / *s);
                    for out in out.chunks_exact_mut(inner) {
                        out.iter_mut().zip(&sums).for_each(|(v, s)| *v *= *s);
                    }
                } else {
                    sums.iter_mut().for_each(|s| *s = s.ln());
                    for out in out.chunks_exact_mut(inner) {
                        out.iter_mut().zip(&sums).for_each(|(v, s)| *v -= *s);
                    }
                }
            }
        },
    );
}

/// `y (g - sum(g y))`.
pub fn softmax_gradient<T: Math>(g: &[T], y: &[T], extent: Extent) -> Vec<T> {
    gradient(
        g,
        y,
        extent,
        #[inline(always)]
        |g, y| g * y,
        #[inline(always)]
        |y| y,
        #[inline(always)]
        |g, y, dot| y * (g - dot),
    )
}

/// `g - e^y sum(g)`.
pub fn log_softmax_gradient<T: Math>(g: &[T], y: &[T], extent: Extent) -> Vec<T> {
    gradient(
        g,
        y,
        extent,
        #[inline(always)]
        |g, _| g,
        #[inline(always)]
        |y| y.exp(),
        #[inline(always)]
        |g, p, sum| g - p * sum,
    )
}

/// `each(g, p, sum of term(g, y) over the lane)` with `p = share(y)`.
#[inline(always)]
fn gradient<T: Math>(
    g: &[T],
    y: &[T],
    extent: Extent,
    term: impl Fn(T, T) -> T + Sync,
    share: impl Fn(T) -> T + Sync,
    each: impl Fn(T, T, T) -> T + Sync,
) -> Vec<T> {
    let Extent { len, inner, .. } = extent;
    let slab = len * inner;
    blocks(extent, |start, out| {
        let (g, y) = (&g[start..start + out.len()], &y[start..start + out.len()]);
        let mut sums = vec![T::ZERO; inner];
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                if inner == 1 && len < ROW {
                    out.iter_mut().zip(y).for_each(|(out, y)| *out = share(*y));
                }
                let inputs = g.chunks_exact(slab).zip(y.chunks_exact(slab));
                for (out, (g, y)) in out.chunks_exact_mut(slab).zip(inputs) {
                    if inner == 1 && len < ROW {
                        let terms = g.iter().zip(y).map(|(g, y)| term(*g, *y));
                        let sum = terms.fold(T::ZERO, |a, b| a + b);
                        out.iter_mut()
                            .zip(g)
                            .for_each(|(out, g)| *out = each(*g, *out, sum));
                        continue;
                    }
                    if inner == 1 {
                        let sum = T::of(sum_of_pairs(g, y, &term));
                        let values = out.iter_mut().zip(g.iter().zip(y));
                        values.for_each(|(out, (g, y))| *out = each(*g, share(*y), sum));
                        continue;
                    }
                    sums.fill(T::ZERO);
                    for (g, y) in g.chunks_exact(inner).zip(y.chunks_exact(inner)) {
                        let values = sums.iter_mut().zip(g.iter().zip(y));
                        values.for_each(|(sum, (g, y))| *sum += term(*g, *y));
                    }
                    let inputs = g.chunks_exact(inner).zip(y.chunks_exact(inner));
                    for (out, (g, y)) in out.chunks_exact_mut(inner).zip(inputs) {
                        let values = out.iter_mut().zip(&sums).zip(g.iter().zip(y));
                        values.for_each(|((out, sum), (g, y))| *out = each(*g, share(*y), *sum));
                    }
                }
            },
        );
    })
}

/// `log(sum(e^x))` along the middle axis.
pub fn logsumexp<T: Math>(x: &[T], extent: Extent) -> Vec<T> {
    let Extent { outer, len, inner } = extent;
    let mut out = vec![T::of(f64::NEG_INFINITY); outer * inner];
    if x.is_empty() {
        return out;
    }
    if inner == 1 {
        row_blocks(x, len, &mut out, |x, out| log_sums(x, len, out));
    } else {
        slabs(x, extent, &mut out, |x, first, out| {
            column_log_sums(x, inner, first, out)
        });
    }
    out
}

/// What is subtracted before the exponential: the largest, but nothing infinite from itself.
#[inline(always)]
fn shift<T: Math>(top: T) -> T {
    if top.abs() < T::of(f64::INFINITY) {
        top
    } else {
        T::ZERO
    }
}

fn log_sums<T: Math>(x: &[T], len: usize, out: &mut [T]) {
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || {
            if len >= ROW {
                for (x, out) in x.chunks_exact(len).zip(out) {
                    let shift = shift(largest(x));
                    *out = T::of(sum_of(x, |x| (x - shift).exp()).ln()) + shift;
                }
                return;
            }
            // Of short rows the exponentials run over all rows at once.
            let mut exps = x.to_vec();
            for (x, out) in exps.chunks_exact_mut(len).zip(&mut *out) {
                *out = shift(row_largest(x));
                x.iter_mut().for_each(|x| *x -= *out);
            }
            exps.iter_mut().for_each(|x| *x = x.exp());
            for (x, out) in exps.chunks_exact(len).zip(out) {
                *out += x.iter().fold(T::ZERO, |a, b| a + *b).ln();
            }
        },
    );
}

fn column_log_sums<T: Math>(x: &[T], inner: usize, first: usize, out: &mut [T]) {
    let mut sums = vec![T::ZERO; out.len()];
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || {
            for row in x.chunks_exact(inner) {
                let pairs = out.iter_mut().zip(&row[first..]);
                pairs.for_each(|(top, x)| *top = if *x > *top { *x } else { *top });
            }
            out.iter_mut().for_each(|top| *top = shift(*top));
            for row in x.chunks_exact(inner) {
                let lanes = sums.iter_mut().zip(&*out).zip(&row[first..]);
                lanes.for_each(|((sum, shift), x)| *sum += (*x - *shift).exp());
            }
            out.iter_mut().zip(&sums).for_each(|(out, sum)| *out += sum.ln());
        },
    );
}

/// `g e^(x - y)`, where `y` is [`logsumexp`] of `x`.
pub fn logsumexp_gradient<T: Math>(g: &[T], x: &[T], y: &[T], extent: Extent) -> Vec<T> {
    with_lanes(
        x,
        y,
        g,
        extent,
        #[inline(always)]
        |x, y, g| g * (x - y).exp(),
    )
}
