//! Counts of what is not 0, and positions of the best element, along one axis.

use crate::kernels::team::{Parts as _, Slice as _};

use super::reduce::Extent;
use super::simd::{self, CHUNK};

const LANES: usize = 32;
const COLUMNS: usize = 2048;

/// Gives `f(slab, first column, results)` the parts of the work: results along `inner` of one slab, or of
/// several whole rows when `inner` is 1. Parts depend on sizes alone.
fn shared<T: Sync, R: Send>(
    x: &[T],
    extent: Extent,
    out: &mut [R],
    f: impl Fn(&[T], usize, &mut [R]) + Sync,
) {
    let Extent { len, inner, .. } = extent;
    if inner == 1 {
        let rows = (CHUNK / len).max(1);
        let part = |(out, x): (&mut [R], &[T])| {
            out.chunks_mut(1)
                .zip(x.chunks_exact(len))
                .for_each(|(out, x)| f(x, 0, out));
        };
        if simd::parallel(x.len()) {
            out.par_chunks_mut(rows)
                .zip(x.par_chunks(rows * len))
                .for_each(part);
        } else {
            part((out, x));
        }
        return;
    }
    let slab = |(out, x): (&mut [R], &[T])| {
        let parts = out.chunks_mut(COLUMNS).enumerate();
        parts.for_each(|(i, out)| f(x, i * COLUMNS, out));
    };
    if simd::parallel(x.len()) {
        out.par_chunks_mut(inner)
            .zip(x.par_chunks(len * inner))
            .for_each(slab);
    } else {
        out.chunks_mut(inner).zip(x.chunks(len * inner)).for_each(slab);
    }
}

/// How many elements along the middle axis are not 0.
pub fn count_nonzero<T: Copy + PartialEq + Default + Sync>(x: &[T], extent: Extent) -> Vec<u32> {
    let mut out = vec![0u32; extent.outer * extent.inner];
    if x.is_empty() {
        return out;
    }
    let zero = T::default();
    let on = |x: &T| u32::from(*x != zero);
    if extent.inner == 1 && extent.outer == 1 && simd::parallel(x.len()) {
        out[0] = x.par_chunks(CHUNK).map(|x| ones(x)).collect().iter().sum();
        return out;
    }
    shared(x, extent, &mut out, |x, first, out| {
        if extent.inner == 1 {
            out[0] = ones(x);
            return;
        }
        simd::vectorize(
            #[inline(always)]
            || {
                for row in x.chunks_exact(extent.inner) {
                    let row = &row[first..first + out.len()];
                    out.iter_mut().zip(row).for_each(|(out, x)| *out += on(x));
                }
            },
        );
    });
    out
}

fn ones<T: Copy + PartialEq + Default>(x: &[T]) -> u32 {
    let zero = T::default();
    simd::vectorize(
        #[inline(always)]
        || {
            if size_of::<T>() > 1 {
                return x.iter().map(|x| u32::from(*x != zero)).sum();
            }
            // Bytes are counted in bytes, as often as those hold.
            let mut total = 0;
            for part in x.chunks(255 * 64) {
                let mut lanes = [0u8; 64];
                let (rows, rest) = part.as_chunks::<64>();
                for row in rows {
                    for i in 0..64 {
                        lanes[i] += u8::from(row[i] != zero);
                    }
                }
                total += lanes.iter().map(|n| u32::from(*n)).sum::<u32>();
                total += rest.iter().map(|x| u32::from(*x != zero)).sum::<u32>();
            }
            total
        },
    )
}

/// Where along the middle axis, which is not empty, the largest (for `MIN` the smallest) element is: the first
/// of equals; the first NaN, if there is one.
pub fn best<const MIN: bool, T: Copy + PartialOrd + Default + Sync>(x: &[T], extent: Extent) -> Vec<u32> {
    let mut out = vec![0u32; extent.outer * extent.inner];
    if x.is_empty() {
        return out;
    }
    shared(x, extent, &mut out, |x, first, out| {
        if extent.inner == 1 {
            out[0] = best_of::<MIN, T>(x);
            return;
        }
        let mut found = x[first..first + out.len()].to_vec();
        simd::vectorize(
            #[inline(always)]
            || {
                for (at, row) in x.chunks_exact(extent.inner).enumerate().skip(1) {
                    let row = &row[first..first + out.len()];
                    for ((x, found), out) in row.iter().zip(&mut found).zip(out.iter_mut()) {
                        let better = beats::<MIN, T>(*x, *found);
                        *found = if better { *x } else { *found };
                        *out = if better { at as u32 } else { *out };
                    }
                }
            },
        );
    });
    out
}

/// Whether `x` takes the place of `best`: NaN does, from a number.
#[inline(always)]
#[expect(clippy::eq_op, reason = "NaN alone differs from itself")]
fn beats<const MIN: bool, T: Copy + PartialOrd>(x: T, best: T) -> bool {
    let better = if MIN { x < best } else { x > best };
    better | ((x != x) & (best == best))
}

fn best_of<const MIN: bool, T: Copy + PartialOrd + Default>(x: &[T]) -> u32 {
    let mut found = (x[0], 0);
    for (i, chunk) in x.chunks(4096).enumerate() {
        let top = simd::vectorize(
            #[inline(always)]
            || {
                let (rows, rest) = chunk.as_chunks::<LANES>();
                let mut lanes = [chunk[0]; LANES];
                for row in rows {
                    for lane in 0..LANES {
                        let better = beats::<MIN, T>(row[lane], lanes[lane]);
                        lanes[lane] = if better { row[lane] } else { lanes[lane] };
                    }
                }
                let pick = |a: T, b: &T| if beats::<MIN, T>(*b, a) { *b } else { a };
                rest.iter().fold(lanes.iter().fold(chunk[0], pick), pick)
            },
        );
        // Only a chunk with a better element is searched.
        if i == 0 || beats::<MIN, T>(top, found.0) {
            let same = |x: &T| !beats::<MIN, T>(top, *x) && !beats::<MIN, T>(*x, top);
            let at = chunk.iter().position(same).unwrap_or(0);
            found = (top, i * 4096 + at);
        }
    }
    found.1 as u32
}
