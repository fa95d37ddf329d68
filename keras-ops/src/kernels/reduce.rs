//! Folds over one axis of a row-major block.

use crate::kernels::team::{Parts as _, Slice as _};
use smallvec::SmallVec;

use super::math::Math;
use super::row_folds::tree;
use super::simd::{self, CHUNK};
use super::turn;

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

/// A fold of `T`: neighbouring elements become parts, parts are joined in an accumulator that may be wider.
pub trait Fold<T>: Copy + Sync {
    /// What a few thousand elements are folded in.
    type Part: Copy + Send + Sync;
    /// What parts are joined in.
    type Acc: Copy + Send + Sync;
    /// The fold of nothing.
    fn start(self) -> Self::Part;
    /// Takes in an element.
    fn step(self, part: Self::Part, x: T) -> Self::Part;
    /// Whether [`plain`](Self::plain) is less work than [`step`](Self::step).
    const CAREFUL: bool = false;
    /// [`step`](Self::step) where neither is NaN.
    #[inline(always)]
    fn plain(self, part: Self::Part, x: T) -> Self::Part {
        self.step(part, x)
    }
    /// [`join`](Self::join) where neither is NaN.
    #[inline(always)]
    fn plain_join(self, a: Self::Part, b: Self::Part) -> Self::Part {
        self.join(a, b)
    }
    /// Joins two parts, the first of earlier elements.
    fn join(self, a: Self::Part, b: Self::Part) -> Self::Part;
    /// A part as an accumulator.
    fn widen(self, part: Self::Part) -> Self::Acc;
    /// Joins two accumulators, the first of earlier elements.
    fn merge(self, a: Self::Acc, b: Self::Acc) -> Self::Acc;
    /// The result.
    fn end(self, acc: Self::Acc) -> T;
}

macro_rules! fold {
    ($(#[$doc:meta] $name:ident$(($field:ident))?: $part:ty, $acc:ty, $start:expr, |$a:ident, $x:ident| $step:expr,
        |$l:ident, $r:ident| $join:expr, |$p:ident| $widen:expr, |$e:ident| $end:expr
        $(, plain |$b:ident, $y:ident| $plain:expr)?;)*) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug)]
        pub struct $name$((fold!(@type $field)))?;
        impl<T: Math> Fold<T> for $name {
            type Part = $part;
            type Acc = $acc;
            #[inline(always)]
            fn start(self) -> $part {
                $start
            }
            #[inline(always)]
            fn step(self, $a: $part, $x: T) -> $part {
                $(let $field = self.0;)?
                $step
            }
            $(
                const CAREFUL: bool = true;
                #[inline(always)]
                fn plain(self, $b: $part, $y: T) -> $part {
                    $plain
                }
                #[inline(always)]
                fn plain_join(self, $b: $part, $y: $part) -> $part {
                    $plain
                }
            )?
            #[inline(always)]
            fn join(self, $l: $part, $r: $part) -> $part {
                $join
            }
            #[inline(always)]
            fn widen(self, $p: $part) -> $acc {
                $widen
            }
            #[inline(always)]
            fn merge(self, $l: $acc, $r: $acc) -> $acc {
                $join
            }
            #[inline(always)]
            fn end(self, $e: $acc) -> T {
                $end
            }
        }
    )*};
    (@type $field:ident) => { f64 };
}

fold! {
    /// The sum: parts in the element's type, joined in `f64`.
    Sum: T, f64, T::ZERO, |a, x| a + x, |l, r| l + r, |p| p.f64(), |e| T::of(e);
    /// The sum of squared distances from a number, in the same way.
    Squares(from): T, f64, T::ZERO, |a, x| a + (x - T::of(from)) * (x - T::of(from)), |l, r| l + r, |p| p.f64(), |e| T::of(e);
    /// The product, in `f64`.
    Prod: f64, f64, 1., |a, x| a * x.f64(), |l, r| l * r, |p| p, |e| T::of(e);
    /// The largest; NaN wins.
    Max: T, T, T::of(f64::NEG_INFINITY), |a, x| a.larger(x), |l, r| l.larger(r), |p| p, |e| e,
        plain |a, x| if x > a { x } else { a };
    /// The smallest; NaN wins.
    Min: T, T, T::of(f64::INFINITY), |a, x| a.smaller(x), |l, r| l.smaller(r), |p| p, |e| e,
        plain |a, x| if x < a { x } else { a };
}

const LANES: usize = 32;
const FEW: usize = 8;
/// Elements of a part: so many are summed in their own type.
const PART: usize = 4096;
/// Rows of a part, where columns are folded.
const ROWS: usize = 128;
/// Elements of a slab that are folded at once.
const TALL: usize = 1 << 16;
/// Rows up to this long are folded in registers, several short ones side by side.
const NARROW: usize = 128;

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
    if x.len() < 2 * FEW {
        return f.widen(x.iter().fold(f.start(), |part, x| f.step(part, *x)));
    }
    if x.len() < 2 * LANES {
        return f.widen(side_by_side::<T, F, FEW>(f, x));
    }
    let mut acc = f.widen(f.start());
    for part in x.chunks(PART) {
        acc = f.merge(acc, f.widen(side_by_side::<T, F, LANES>(f, part)));
    }
    acc
}

#[inline(always)]
fn side_by_side<T: Copy, F: Fold<T>, const N: usize>(f: F, x: &[T]) -> F::Part {
    let mut lanes = [f.start(); N];
    let (chunks, rest) = x.as_chunks::<N>();
    for chunk in chunks {
        for i in 0..N {
            lanes[i] = f.step(lanes[i], chunk[i]);
        }
    }
    // Through memory: seen together with the halving below, the loop above becomes one of vectors of two.
    let mut lanes = std::hint::black_box(lanes);
    // By halves: one after another each would wait for the last.
    let mut width = N / 2;
    while width > 0 {
        let (low, high) = lanes.split_at_mut(width);
        low.iter_mut().zip(high).for_each(|(a, b)| *a = f.join(*a, *b));
        width /= 2;
    }
    rest.iter().fold(lanes[0], |part, x| f.step(part, *x))
}

/// The folds of eight rows of `len` elements, each as by [`side_by_side`]: their last lanes are joined side by side.
#[inline(always)]
fn eight<T: Math, F: Fold<T>>(folds: &[F; EIGHT], x: &[T], len: usize) -> [F::Part; EIGHT] {
    if F::CAREFUL {
        let (parts, sums) = eight_by::<T, F, true>(folds, x, len);
        if !tree(sums).is_nan() {
            return parts;
        }
    }
    eight_by::<T, F, false>(folds, x, len).0
}

/// [`eight`] by plain steps, and sums that are NaN where an element is; or by careful ones.
#[inline(always)]
fn eight_by<T: Math, F: Fold<T>, const PLAIN: bool>(
    folds: &[F; EIGHT],
    x: &[T],
    len: usize,
) -> ([F::Part; EIGHT], [T; LANES]) {
    let mut lanes = [[folds[0].start(); FEW]; EIGHT];
    let mut sums = [T::ZERO; LANES];
    for r in 0..EIGHT {
        let f = folds[r];
        let mut own = [f.start(); LANES];
        for chunk in x[r * len..][..len].as_chunks::<LANES>().0 {
            for i in 0..LANES {
                own[i] = if PLAIN {
                    f.plain(own[i], chunk[i])
                } else {
                    f.step(own[i], chunk[i])
                };
            }
            if PLAIN {
                for i in 0..LANES {
                    sums[i] += chunk[i];
                }
            }
        }
        for i in 0..FEW {
            let (a, b) = if PLAIN {
                (
                    f.plain_join(own[i], own[i + 16]),
                    f.plain_join(own[i + 8], own[i + 24]),
                )
            } else {
                (f.join(own[i], own[i + 16]), f.join(own[i + 8], own[i + 24]))
            };
            lanes[r][i] = if PLAIN { f.plain_join(a, b) } else { f.join(a, b) };
        }
    }
    let mut lanes = turn::eight(&lanes);
    let mut width = FEW / 2;
    while width > 0 {
        for i in 0..width {
            for r in 0..EIGHT {
                let (a, b) = (lanes[i][r], lanes[i + width][r]);
                lanes[i][r] = if PLAIN {
                    folds[r].plain_join(a, b)
                } else {
                    folds[r].join(a, b)
                };
            }
        }
        width /= 2;
    }
    let mut parts = lanes[0];
    for r in 0..EIGHT {
        for x in x[r * len..][..len].as_chunks::<LANES>().1 {
            parts[r] = folds[r].step(parts[r], *x);
        }
    }
    (parts, sums)
}

/// Rows that are folded side by side.
const EIGHT: usize = 8;

/// Whether rows of `len` elements are best folded side by side: they are neither short nor long.
const fn medium<T>(len: usize) -> bool {
    size_of::<T>() == 4 && 2 * LANES <= len && len <= PART
}

/// The fold of one slice.
#[inline]
pub fn row<T: Copy + Sync, F: Fold<T> + Send>(f: F, x: &[T]) -> T {
    f.end(accumulated(f, x))
}

fn accumulated<T: Copy + Sync, F: Fold<T> + Send>(f: F, x: &[T]) -> F::Acc {
    let start = f.widen(f.start());
    if simd::parallel(x.len()) {
        let parts: Vec<F::Acc> = x.par_chunks(CHUNK).map(|c| block(f, c)).collect();
        parts.into_iter().fold(start, |a, b| f.merge(a, b))
    } else {
        x.chunks(CHUNK)
            .map(|c| block(f, c))
            .fold(start, |a, b| f.merge(a, b))
    }
}

/// `f` of every row of `len` elements; `short` does the same to rows of up to a chunk, inlined, and `eight` to eight
/// rows of a medium length.
#[inline(always)]
fn rows<T: Math>(
    x: &[T],
    len: usize,
    out: &mut [T],
    f: impl Fn(&[T]) -> T + Sync,
    short: impl Fn(&[T]) -> T + Sync,
    eight: impl Fn(&[T]) -> [T; EIGHT] + Sync,
) {
    row_blocks(x, len, out, |x, out| {
        if len > CHUNK {
            let rows = x.chunks_exact(len);
            return out.iter_mut().zip(rows).for_each(|(out, x)| *out = f(x));
        }
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                let side_by_side = if medium::<T>(len) {
                    out.len() / EIGHT * EIGHT
                } else {
                    0
                };
                let (eights, others) = out.split_at_mut(side_by_side);
                let (x, rest) = x.split_at(side_by_side * len);
                let eights = eights.as_chunks_mut::<EIGHT>().0.iter_mut();
                for (out, x) in eights.zip(x.chunks_exact(EIGHT * len)) {
                    *out = eight(x);
                }
                for (out, x) in others.iter_mut().zip(rest.chunks_exact(len)) {
                    *out = short(x);
                }
            },
        )
    });
}

/// `f(rows, their results)` for blocks of rows of `len` elements.
pub(super) fn row_blocks<T: Copy + Sync + Send>(
    x: &[T],
    len: usize,
    out: &mut [T],
    f: impl Fn(&[T], &mut [T]) + Sync,
) {
    if simd::parallel(x.len()) && out.len() > 1 {
        let rows = (CHUNK / len).max(1);
        out.par_chunks_mut(rows)
            .zip(x.par_chunks(rows * len))
            .for_each(|(out, x)| f(x, out));
    } else {
        f(x, out);
    }
}

/// `f(slab, first column, results)` for blocks of columns of every slab `[len, inner]`.
pub(super) fn slabs<T: Copy + Sync + Send>(
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

/// Folds a slab `[len, inner]` of whole rows into columns `first..first + out.len()`: high ones in pieces.
#[inline]
fn columns<T: Copy + Sync, F: Fold<T>>(f: F, x: &[T], inner: usize, first: usize, out: &mut [T]) {
    let rows = if inner < COLUMNS {
        (TALL / inner).max(1)
    } else {
        x.len()
    };
    let piece = rows.saturating_mul(inner);
    let fold = |x: &[T]| {
        if inner <= NARROW {
            fold_narrow(f, x, inner)
        } else {
            fold_rows(f, x, inner, first, out.len())
        }
    };
    let mut sums = if x.len() <= piece {
        fold(x)
    } else {
        let pieces: Vec<_> = if simd::parallel(x.len()) {
            x.par_chunks(piece).map(fold).collect()
        } else {
            x.chunks(piece).map(fold).collect()
        };
        let mut pieces = pieces.into_iter();
        let mut sums = pieces.next().unwrap_or_default();
        for piece in pieces {
            sums.iter_mut().zip(piece).for_each(|(a, b)| *a = f.merge(*a, b));
        }
        sums
    };
    out.iter_mut()
        .zip(&mut sums)
        .for_each(|(out, acc)| *out = f.end(*acc));
}

/// The accumulators of `width` columns from `first` on.
#[inline]
fn fold_rows<T: Copy, F: Fold<T>>(
    f: F,
    x: &[T],
    inner: usize,
    first: usize,
    width: usize,
) -> SmallVec<[F::Acc; 64]> {
    let mut sums: SmallVec<[F::Acc; 64]> = SmallVec::from_elem(f.widen(f.start()), width);
    let mut parts: SmallVec<[F::Part; 64]> = SmallVec::from_elem(f.start(), width);
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || {
            let (sums, parts) = (&mut sums[..], &mut parts[..]);
            for x in x.chunks(ROWS * inner) {
                parts.fill(f.start());
                let row = |at: usize| &x[at + first..at + first + width];
                // Four rows at a time, so that the parts are moved to and fro less often.
                let fours = x.len() / (4 * inner) * 4 * inner;
                for at in (0..fours).step_by(4 * inner) {
                    let [a, b, c, d] = [0, 1, 2, 3].map(|i| row(at + i * inner));
                    let rows = a.iter().zip(b).zip(c.iter().zip(d));
                    for (part, ((a, b), (c, d))) in parts.iter_mut().zip(rows) {
                        *part = f.step(f.step(f.step(f.step(*part, *a), *b), *c), *d);
                    }
                }
                for at in (fours..x.len()).step_by(inner) {
                    let columns = parts.iter_mut().zip(row(at));
                    columns.for_each(|(part, x)| *part = f.step(*part, *x));
                }
                for (sum, part) in sums.iter_mut().zip(parts.iter()) {
                    *sum = f.merge(*sum, f.widen(*part));
                }
            }
        },
    );
    sums
}

/// The accumulators of the columns of rows of at most [`NARROW`] elements.
#[inline]
fn fold_narrow<T: Copy, F: Fold<T>>(f: F, x: &[T], inner: usize) -> SmallVec<[F::Acc; 64]> {
    let wide = NARROW / inner * inner;
    let mut sums = [f.widen(f.start()); NARROW];
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || {
            for first in (0..x.len()).step_by(ROWS * wide) {
                let end = (first + ROWS * wide).min(x.len());
                let mut parts = [f.start(); NARROW];
                let mut at = first;
                // What is read behind a row goes to lanes that nobody asks for.
                while at + wide <= end
                    && let Some(row) = x[at..].first_chunk::<NARROW>()
                {
                    for i in 0..NARROW {
                        parts[i] = f.step(parts[i], row[i]);
                    }
                    at += wide;
                }
                // Through memory, so that the loop above keeps them in registers.
                let mut parts = std::hint::black_box(parts);
                for row in x[at..end].chunks(wide) {
                    let columns = parts.iter_mut().zip(row);
                    columns.for_each(|(part, x)| *part = f.step(*part, *x));
                }
                for i in 0..NARROW {
                    sums[i] = f.merge(sums[i], f.widen(parts[i]));
                }
            }
        },
    );
    let mut columns = SmallVec::from_slice(&sums[..inner]);
    for row in sums[inner..wide].chunks_exact(inner) {
        columns
            .iter_mut()
            .zip(row)
            .for_each(|(a, b)| *a = f.merge(*a, *b));
    }
    columns
}

const COLUMNS: usize = 2048;

/// Folds the middle axis: `[outer, len, inner]` to `[outer, inner]`.
#[inline]
pub fn fold<T: Math, F: Fold<T> + Send>(f: F, x: &[T], extent: Extent) -> Vec<T> {
    let Extent { outer, len, inner } = extent;
    let mut out = vec![f.end(f.widen(f.start())); outer * inner];
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
            #[inline(always)]
            |x| {
                let mut out = [T::ZERO; EIGHT];
                for (out, part) in out.iter_mut().zip(eight(&[f; EIGHT], x, len)) {
                    *out = f.end(f.merge(f.widen(f.start()), f.widen(part)));
                }
                out
            },
        );
    } else {
        slabs(x, extent, &mut out, |x, first, out| {
            columns(f, x, inner, first, out)
        });
    }
    out
}

/// The mean squared distances from the mean along the middle axis; NaN over nothing.
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
            #[inline(always)]
            |x| {
                let mut means = [Squares(0.); EIGHT];
                for (mean, sum) in means.iter_mut().zip(eight(&[Sum; EIGHT], x, len)) {
                    *mean = Squares((0. + sum.f64()) * per);
                }
                let mut out = [T::ZERO; EIGHT];
                for (out, squares) in out.iter_mut().zip(eight(&means, x, len)) {
                    *out = T::of((0. + squares.f64()) * per);
                }
                out
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
    let mut means = vec![T::ZERO; out.len()];
    columns(Sum, x, inner, first, &mut means);
    means.iter_mut().for_each(|mean| *mean = T::of(mean.f64() * per));
    let mut sums = vec![0f64; out.len()];
    let mut parts = vec![T::ZERO; out.len()];
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || {
            for x in x.chunks(ROWS * inner) {
                parts.fill(T::ZERO);
                for row in x.chunks_exact(inner) {
                    let columns = parts.iter_mut().zip(&means).zip(&row[first..]);
                    columns.for_each(|((part, mean), x)| *part += (*x - *mean) * (*x - *mean));
                }
                sums.iter_mut()
                    .zip(&parts)
                    .for_each(|(sum, part)| *sum += part.f64());
            }
        },
    );
    out.iter_mut()
        .zip(&sums)
        .for_each(|(out, sum)| *out = T::of(*sum * per));
}
