//! Softmax along the middle axis of `[outer, len, inner]`.
//!
//! Long rows go one by one, each pass from the cache; of short ones the exponentials run over a whole block at once.

use rayon::prelude::*;

use super::buffer::unwritten;
use super::math::Math;
use super::reduce::Extent;
use super::row_folds::{largest, sum_of, sum_of_pairs, write_sum};
use super::simd::{self, CHUNK};

/// Rows of at least this length are worked on one by one.
const ROW: usize = 32;

/// A buffer written by `f(start, part)` for blocks of whole outer slabs.
fn blocks<T: Math>(len: usize, extent: Extent, f: impl Fn(usize, &mut [T]) + Sync) -> Vec<T> {
    // SAFETY: the private callers below write every element of each part.
    let mut out = unsafe { unwritten::<T>(len) };
    if out.is_empty() {
        return out;
    }
    let slab = extent.len * extent.inner;
    let step = (CHUNK / slab).max(1) * slab;
    let part = |(i, out): (usize, &mut [T])| f(i * step, out);
    if simd::parallel(len) {
        out.par_chunks_mut(step).enumerate().for_each(part);
    } else {
        out.chunks_mut(step).enumerate().for_each(part);
    }
    out
}

fn row_largest<T: Math>(x: &[T]) -> T {
    x.iter()
        .fold(T::of(f64::NEG_INFINITY), |a, b| if *b > a { *b } else { a })
}

/// Applies `f(value, lane's statistic)` in place; statistics are `[outer, inner]`.
#[inline(always)]
pub(crate) fn with_lane<T: Math>(out: &mut [T], stats: &[T], extent: Extent, f: impl Fn(T, T) -> T) {
    if out.is_empty() {
        return;
    }
    let Extent { len, inner, .. } = extent;
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || {
            if inner == 1 {
                for (row, s) in out.chunks_exact_mut(len).zip(stats) {
                    for v in row {
                        *v = f(*v, *s);
                    }
                }
                return;
            }
            for (slab, stats) in out.chunks_exact_mut(len * inner).zip(stats.chunks_exact(inner)) {
                for row in slab.chunks_exact_mut(inner) {
                    for (v, s) in row.iter_mut().zip(stats) {
                        *v = f(*v, *s);
                    }
                }
            }
        },
    );
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
    blocks(x.len(), extent, |start, out| {
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
    blocks(g.len(), extent, |start, out| {
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

/// Calls `f(start)` for each lane; its elements are `inner` apart.
fn lanes(extent: Extent, mut f: impl FnMut(usize)) {
    for o in 0..extent.outer {
        (0..extent.inner).for_each(|i| f(o * extent.len * extent.inner + i));
    }
}

/// The lane's elements from the largest down with their places; equal ones stay in order.
fn descending<T: Math>(x: &[T], at: impl Fn(usize) -> usize, len: usize, sorted: &mut Vec<(f64, usize)>) {
    sorted.clear();
    sorted.extend((0..len).map(|i| (x[at(i)].f64(), at(i))));
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
}

/// How many of the largest elements `v` have `v > (sum so far - 1) / count so far`, and the sum of these sums.
fn sparse_support(sorted: &[(f64, usize)]) -> (usize, f64) {
    let (mut sum, mut count, mut sums) = (0., 0, 0.);
    for (i, (v, _)) in sorted.iter().enumerate() {
        sum += v;
        if v - (sum - 1.) / (i + 1) as f64 > 0. {
            count += 1;
            sums += sum;
        }
    }
    (count, sums)
}

/// `max(x - t, 0)` with Keras's `t`: the sums up to each element of the support, added up, less 1, over its size.
pub fn sparsemax<T: Math>(x: &[T], extent: Extent) -> Vec<T> {
    let mut out = vec![T::ZERO; x.len()];
    let mut sorted = Vec::with_capacity(extent.len);
    lanes(extent, |start| {
        let at = |i: usize| start + i * extent.inner;
        descending(x, at, extent.len, &mut sorted);
        let (count, sums) = sparse_support(&sorted);
        let shift = T::of((sums - 1.) / count as f64);
        (0..extent.len).for_each(|i| out[at(i)] = (x[at(i)] - shift).relu());
    });
    out
}

/// `g` where the output is above 0; the element that is `i`-th in order, from 0, of a support of `k` moves the
/// shift by `(k - i) / k`.
pub fn sparsemax_gradient<T: Math>(g: &[T], x: &[T], extent: Extent) -> Vec<T> {
    let mut out = vec![T::ZERO; g.len()];
    let mut sorted = Vec::with_capacity(extent.len);
    lanes(extent, |start| {
        descending(x, |i| start + i * extent.inner, extent.len, &mut sorted);
        let (count, sums) = sparse_support(&sorted);
        let shift = T::of((sums - 1.) / count as f64);
        let mut total = 0.;
        for (_, at) in &sorted {
            if x[*at] > shift {
                out[*at] = g[*at];
                total += g[*at].f64();
            }
        }
        for (i, (_, at)) in sorted.iter().enumerate().take(count) {
            out[*at] -= T::of(total * (count - i) as f64 / count as f64);
        }
    });
    out
}
