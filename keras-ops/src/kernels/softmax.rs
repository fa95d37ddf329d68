//! Softmax along the middle axis of `[outer, len, inner]`.
//!
//! Rows are short as often as long, so the exponentials run over a whole block of rows at once and only the
//! cheap passes (largest, sum, scale) go row by row.

use rayon::prelude::*;

use super::math::Math;
use super::reduce::{self, Extent, Max, Sum};
use super::simd::{self, CHUNK};

/// Calls `f(rows of x, rows of out)` for blocks of whole outer slabs.
fn blocks<T: Math>(x: &[T], extent: Extent, f: impl Fn(&[T], &mut [T]) + Sync) -> Vec<T> {
    let mut out = vec![T::ZERO; x.len()];
    let slab = extent.len * extent.inner;
    if x.is_empty() {
        return out;
    }
    let step = (CHUNK / slab).max(1) * slab;
    if simd::parallel(x.len()) {
        out.par_chunks_mut(step)
            .zip(x.par_chunks(step))
            .for_each(|(out, x)| f(x, out));
    } else {
        out.chunks_mut(step)
            .zip(x.chunks(step))
            .for_each(|(out, x)| f(x, out));
    }
    out
}

fn total<T: Math>(x: &[T]) -> T {
    if x.len() < 64 {
        x.iter().fold(T::ZERO, |a, b| a + *b)
    } else {
        reduce::row(Sum, x)
    }
}

fn largest<T: Math>(x: &[T]) -> T {
    if x.len() < 64 {
        x.iter()
            .fold(T::of(f64::NEG_INFINITY), |a, b| if *b > a { *b } else { a })
    } else {
        reduce::row(Max, x)
    }
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
                    row.iter_mut().for_each(|v| *v = f(*v, *s));
                }
                return;
            }
            for (slab, stats) in out.chunks_exact_mut(len * inner).zip(stats.chunks_exact(inner)) {
                for row in slab.chunks_exact_mut(inner) {
                    row.iter_mut().zip(stats).for_each(|(v, s)| *v = f(*v, *s));
                }
            }
        },
    );
}

fn maxima<T: Math>(x: &[T], extent: Extent) -> Vec<T> {
    if extent.inner == 1 {
        x.chunks_exact(extent.len).map(largest).collect()
    } else {
        reduce::fold(
            Max,
            x,
            Extent {
                outer: x.len() / (extent.len * extent.inner),
                ..extent
            },
        )
    }
}

/// The sums of the lanes.
pub(crate) fn sums<T: Math>(x: &[T], extent: Extent) -> Vec<T> {
    if x.is_empty() {
        return vec![T::ZERO; extent.outer * extent.inner];
    }
    if extent.inner == 1 {
        x.chunks_exact(extent.len).map(total).collect()
    } else {
        reduce::fold(
            Sum,
            x,
            Extent {
                outer: x.len() / (extent.len * extent.inner),
                ..extent
            },
        )
    }
}

#[inline(always)]
fn exp_all<T: Math>(values: &mut [T]) {
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || values.iter_mut().for_each(|v| *v = v.exp()),
    );
}

/// `e^x / sum(e^x)`.
pub fn softmax<T: Math>(x: &[T], extent: Extent) -> Vec<T> {
    blocks(x, extent, |x, out| {
        out.copy_from_slice(x);
        with_lane(
            out,
            &maxima(x, extent),
            extent,
            #[inline(always)]
            |v, m| v - m,
        );
        exp_all(out);
        let mut scales = sums(out, extent);
        scales.iter_mut().for_each(|s| *s = T::ONE / *s);
        with_lane(
            out,
            &scales,
            extent,
            #[inline(always)]
            |v, s| v * s,
        );
    })
}

/// `x - log(sum(e^x))`.
pub fn log_softmax<T: Math>(x: &[T], extent: Extent) -> Vec<T> {
    blocks(x, extent, |x, out| {
        out.copy_from_slice(x);
        with_lane(
            out,
            &maxima(x, extent),
            extent,
            #[inline(always)]
            |v, m| v - m,
        );
        let mut exps = out.to_vec();
        exp_all(&mut exps);
        let mut logs = sums(&exps, extent);
        logs.iter_mut().for_each(|s| *s = s.ln());
        with_lane(
            out,
            &logs,
            extent,
            #[inline(always)]
            |v, s| v - s,
        );
    })
}

/// `y (g - sum(g y))`.
pub fn softmax_gradient<T: Math>(g: &[T], y: &[T], extent: Extent) -> Vec<T> {
    let mut out = super::map::map2(
        g,
        y,
        #[inline(always)]
        |g, y| g * y,
    );
    let dots = sums(&out, extent);
    out.copy_from_slice(g);
    with_lane(
        &mut out,
        &dots,
        extent,
        #[inline(always)]
        |g, dot| g - dot,
    );
    out.iter_mut().zip(y).for_each(|(out, y)| *out *= *y);
    out
}

/// `g - e^y sum(g)`.
pub fn log_softmax_gradient<T: Math>(g: &[T], y: &[T], extent: Extent) -> Vec<T> {
    let mut out = super::map::map1(
        y,
        #[inline(always)]
        |y| y.exp(),
    );
    with_lane(
        &mut out,
        &sums(g, extent),
        extent,
        #[inline(always)]
        |p, sum| p * sum,
    );
    out.iter_mut().zip(g).for_each(|(out, g)| *out = *g - *out);
    out
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
