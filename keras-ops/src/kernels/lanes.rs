//! Counts of what is not 0 along one axis, and how such work is shared among threads.

use crate::kernels::team::{Parts as _, Slice as _};

use super::reduce::Extent;
use super::simd::{self, CHUNK};

const COLUMNS: usize = 2048;

/// Gives `f(slab, first column, results)` the parts of the work: results along `inner` of one slab, or of
/// several whole rows when `inner` is 1. Parts depend on sizes alone.
pub(super) fn shared<T: Sync, R: Send>(
    x: &[T],
    extent: Extent,
    out: &mut [R],
    f: impl Fn(&[T], usize, &mut [R]) + Sync,
) {
    let Extent { len, inner, .. } = extent;
    if inner == 1 {
        let rows = (CHUNK / len).max(1);
        if simd::parallel(x.len()) {
            out.par_chunks_mut(rows)
                .zip(x.par_chunks(rows * len))
                .for_each(|(out, x)| f(x, 0, out));
        } else {
            f(x, 0, out);
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
            let rows = out.iter_mut().zip(x.chunks_exact(extent.len));
            return rows.for_each(|(out, x)| *out = ones(x));
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
