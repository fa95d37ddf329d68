//! Folds over one axis of a row-major block.

use rayon::prelude::*;

use super::math::Math;
use super::simd::{self, CHUNK};

/// A row-major block seen as `[outer, len, inner]`, where `len` is the axis worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The product of the axes before.
    pub outer: usize,
    /// The axis.
    pub len: usize,
    /// The product of the axes after.
    pub inner: usize,
}

impl Extent {
    /// The number of elements.
    pub fn count(&self) -> usize {
        self.outer * self.len * self.inner
    }
}

/// A fold of `T` with an accumulator.
pub trait Fold<T>: Copy + Sync {
    /// The accumulator.
    type Acc: Copy + Send + Sync;
    /// The fold of nothing.
    fn start(self) -> Self::Acc;
    /// Takes in an element.
    fn step(self, acc: Self::Acc, x: T) -> Self::Acc;
    /// Joins two folds, the first of earlier elements.
    fn merge(self, a: Self::Acc, b: Self::Acc) -> Self::Acc;
    /// The result.
    fn end(self, acc: Self::Acc) -> T;
}

macro_rules! fold {
    ($(#[$doc:meta] $name:ident: $acc:ty, $start:expr, |$a:ident, $x:ident| $step:expr, |$l:ident, $r:ident| $merge:expr, |$e:ident| $end:expr;)*) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug)]
        pub struct $name;
        impl<T: Math> Fold<T> for $name {
            type Acc = $acc;
            #[inline(always)]
            fn start(self) -> $acc {
                $start
            }
            #[inline(always)]
            fn step(self, $a: $acc, $x: T) -> $acc {
                $step
            }
            #[inline(always)]
            fn merge(self, $l: $acc, $r: $acc) -> $acc {
                $merge
            }
            #[inline(always)]
            fn end(self, $e: $acc) -> T {
                $end
            }
        }
    )*};
}

fold! {
    /// The sum, accumulated in `f64`.
    Sum: f64, 0., |a, x| a + x.f64(), |l, r| l + r, |e| T::of(e);
    /// The product, accumulated in `f64`.
    Prod: f64, 1., |a, x| a * x.f64(), |l, r| l * r, |e| T::of(e);
    /// The largest; NaN wins.
    Max: T, T::of(f64::NEG_INFINITY), |a, x| a.larger(x), |l, r| l.larger(r), |e| e;
    /// The smallest; NaN wins.
    Min: T, T::of(f64::INFINITY), |a, x| a.smaller(x), |l, r| l.smaller(r), |e| e;
}

const LANES: usize = 32;

#[inline]
fn block<T: Copy, F: Fold<T>>(f: F, x: &[T]) -> F::Acc {
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || block_here(f, x),
    )
}

/// [`block`] in code that is compiled for an instruction set already.
#[inline(always)]
fn block_here<T: Copy, F: Fold<T>>(f: F, x: &[T]) -> F::Acc {
    if x.len() < 2 * LANES {
        return x.iter().fold(f.start(), |acc, x| f.step(acc, *x));
    }
    let mut lanes = [f.start(); LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] = f.step(lanes[i], chunk[i]);
        }
    }
    // By halves: one after another each would wait for the last.
    let mut width = LANES / 2;
    while width > 0 {
        let (low, high) = lanes.split_at_mut(width);
        low.iter_mut().zip(high).for_each(|(a, b)| *a = f.merge(*a, *b));
        width /= 2;
    }
    rest.iter().fold(lanes[0], |acc, x| f.step(acc, *x))
}

/// The fold of one slice.
#[inline]
pub fn row<T: Copy + Sync, F: Fold<T> + Send>(f: F, x: &[T]) -> T {
    f.end(accumulated(f, x))
}

fn accumulated<T: Copy + Sync, F: Fold<T> + Send>(f: F, x: &[T]) -> F::Acc {
    if simd::parallel(x.len()) {
        let parts: Vec<F::Acc> = x.par_chunks(CHUNK).map(|c| block(f, c)).collect();
        parts.into_iter().fold(f.start(), |a, b| f.merge(a, b))
    } else {
        x.chunks(CHUNK)
            .map(|c| block(f, c))
            .fold(f.start(), |a, b| f.merge(a, b))
    }
}

/// `f` of every row of `len` elements; `short` does the same to rows of up to a chunk, inlined.
#[inline(always)]
fn rows<T: Copy + Sync + Send>(
    x: &[T],
    len: usize,
    out: &mut [T],
    f: impl Fn(&[T]) -> T + Sync,
    short: impl Fn(&[T]) -> T + Sync,
) {
    let part = |(out, x): (&mut [T], &[T])| {
        let rows = x.chunks_exact(len);
        if len > CHUNK {
            return out.iter_mut().zip(rows).for_each(|(out, x)| *out = f(x));
        }
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || out.iter_mut().zip(rows).for_each(|(out, x)| *out = short(x)),
        )
    };
    if simd::parallel(x.len()) && out.len() > 1 {
        let rows = (CHUNK / len).max(1);
        out.par_chunks_mut(rows)
            .zip(x.par_chunks(rows * len))
            .for_each(part);
    } else {
        part((out, x));
    }
}

/// `f(slab, first column, results)` for blocks of columns of every slab `[len, inner]`.
fn slabs<T: Copy + Sync + Send>(
    x: &[T],
    Extent { len, inner, .. }: Extent,
    out: &mut [T],
    f: impl Fn(&[T], usize, &mut [T]) + Sync,
) {
    let slab = |(o, out): (usize, &mut [T])| {
        let x = &x[o * len * inner..(o + 1) * len * inner];
        let part = |(i, out): (usize, &mut [T])| f(x, i * COLUMNS, out);
        if simd::parallel(x.len()) {
            out.par_chunks_mut(COLUMNS).enumerate().for_each(part);
        } else {
            out.chunks_mut(COLUMNS).enumerate().for_each(part);
        }
    };
    if simd::parallel(x.len()) {
        out.par_chunks_mut(inner).enumerate().for_each(slab);
    } else {
        out.chunks_mut(inner).enumerate().for_each(slab);
    }
}

/// Folds a slab `[len, inner]` of whole rows into columns `first..first + out.len()`.
#[inline]
fn columns<T: Copy, F: Fold<T>>(f: F, x: &[T], inner: usize, first: usize, out: &mut [T]) {
    let mut acc = vec![f.start(); out.len()];
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || {
            let width = acc.len();
            let part = |at: usize| &x[at + first..at + first + width];
            // Four rows at a time, so that the accumulators are moved to and fro less often.
            let fours = x.len() / (4 * inner) * 4 * inner;
            for at in (0..fours).step_by(4 * inner) {
                let [a, b, c, d] = [0, 1, 2, 3].map(|i| part(at + i * inner));
                let rows = a.iter().zip(b).zip(c.iter().zip(d));
                for (acc, ((a, b), (c, d))) in acc.iter_mut().zip(rows) {
                    *acc = f.step(f.step(f.step(f.step(*acc, *a), *b), *c), *d);
                }
            }
            for at in (fours..x.len()).step_by(inner) {
                acc.iter_mut()
                    .zip(part(at))
                    .for_each(|(acc, x)| *acc = f.step(*acc, *x));
            }
            out.iter_mut().zip(&acc).for_each(|(out, acc)| *out = f.end(*acc));
        },
    );
}

const COLUMNS: usize = 2048;

/// Folds the middle axis: `[outer, len, inner]` to `[outer, inner]`.
#[inline]
pub fn fold<T: Math, F: Fold<T> + Send>(f: F, x: &[T], extent: Extent) -> Vec<T> {
    let Extent { outer, len, inner } = extent;
    let mut out = vec![f.end(f.start()); outer * inner];
    if x.is_empty() {
        return out;
    }
    if inner == 1 {
        rows(
            x,
            len,
            &mut out,
            |x| row(f, x),
            #[inline(always)]
            |x| f.end(block_here(f, x)),
        );
    } else {
        slabs(x, extent, &mut out, |x, first, out| {
            columns(f, x, inner, first, out)
        });
    }
    out
}

/// The sum of squared distances from a number.
#[derive(Clone, Copy)]
struct Squares(f64);

impl<T: Math> Fold<T> for Squares {
    type Acc = f64;
    #[inline(always)]
    fn start(self) -> f64 {
        0.
    }
    #[inline(always)]
    fn step(self, sum: f64, x: T) -> f64 {
        let away = x.f64() - self.0;
        sum + away * away
    }
    #[inline(always)]
    fn merge(self, a: f64, b: f64) -> f64 {
        a + b
    }
    #[inline(always)]
    fn end(self, sum: f64) -> T {
        T::of(sum)
    }
}

/// The mean squared distances from the mean along the middle axis, in `f64` throughout; NaN over nothing.
pub fn variance<T: Math>(x: &[T], extent: Extent) -> Vec<T> {
    let Extent { outer, len, inner } = extent;
    let per = 1. / len as f64;
    let mut out = vec![T::NAN; outer * inner];
    if x.is_empty() {
        return out;
    }
    if inner == 1 {
        rows(
            x,
            len,
            &mut out,
            |x| {
                let mean = accumulated(Sum, x) * per;
                T::of(accumulated(Squares(mean), x) * per)
            },
            #[inline(always)]
            |x| {
                let mean = block_here(Sum, x) * per;
                T::of(block_here(Squares(mean), x) * per)
            },
        );
    } else {
        slabs(x, extent, &mut out, |x, first, out| {
            column_variances(x, inner, first, out)
        });
    }
    out
}

fn column_variances<T: Math>(x: &[T], inner: usize, first: usize, out: &mut [T]) {
    let per = inner as f64 / x.len() as f64;
    let (mut means, mut sums) = (vec![0.; out.len()], vec![0.; out.len()]);
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || {
            let parts = || x.chunks_exact(inner).map(|row| &row[first..first + out.len()]);
            for row in parts() {
                means.iter_mut().zip(row).for_each(|(mean, x)| *mean += x.f64());
            }
            means.iter_mut().for_each(|mean| *mean *= per);
            for row in parts() {
                for ((sum, mean), x) in sums.iter_mut().zip(&means).zip(row) {
                    let away = x.f64() - *mean;
                    *sum += away * away;
                }
            }
        },
    );
    out.iter_mut()
        .zip(&sums)
        .for_each(|(out, sum)| *out = T::of(*sum * per));
}
