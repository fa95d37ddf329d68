//! Passes over `[outer, len, inner]` with one or two values for each lane along the middle axis.

use crate::kernels::team::{Parts as _, Slice as _};

use super::buffer::unwritten;
use super::math::Math;
use super::reduce::Extent;
use super::simd::{self, CHUNK};

/// A buffer written by `f(start, part)` for blocks of whole outer slabs.
pub(super) fn blocks<T: Math>(extent: Extent, f: impl Fn(usize, &mut [T]) + Sync) -> Vec<T> {
    let len = extent.count();
    // SAFETY: the callers write every element of each part.
    let mut out = unsafe { unwritten::<T>(len) };
    if out.is_empty() {
        return out;
    }
    let slab = extent.len * extent.inner;
    let step = (CHUNK / slab).max(1) * slab;
    simd::chunks_mut(&mut out, step, simd::parallel(len), &|i, out| f(i * step, out));
    out
}

/// `f(x, a, b)` for each element, where `a` and `b` are the values `[outer, inner]` of its lane.
#[inline(always)]
pub fn with_lanes<T: Math>(
    x: &[T],
    a: &[T],
    b: &[T],
    extent: Extent,
    f: impl Fn(T, T, T) -> T + Sync,
) -> Vec<T> {
    let Extent { len, inner, .. } = extent;
    blocks(extent, |start, out| {
        let x = &x[start..start + out.len()];
        let lane = start / len;
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                if inner == 1 {
                    let rows = out.chunks_exact_mut(len).zip(x.chunks_exact(len));
                    for ((out, x), (a, b)) in rows.zip(a[lane..].iter().zip(&b[lane..])) {
                        out.iter_mut().zip(x).for_each(|(out, x)| *out = f(*x, *a, *b));
                    }
                    return;
                }
                let slabs = out.chunks_exact_mut(len * inner).zip(x.chunks_exact(len * inner));
                let lanes = a[lane..].chunks_exact(inner).zip(b[lane..].chunks_exact(inner));
                for ((out, x), (a, b)) in slabs.zip(lanes) {
                    for (out, x) in out.chunks_exact_mut(inner).zip(x.chunks_exact(inner)) {
                        let values = out.iter_mut().zip(x).zip(a.iter().zip(b));
                        values.for_each(|((out, x), (a, b))| *out = f(*x, *a, *b));
                    }
                }
            },
        );
    })
}

/// Each value of `[outer, inner]` along its whole lane, times `factor`.
pub fn spread<T: Math>(g: &[T], extent: Extent, factor: T) -> Vec<T> {
    let Extent { outer, len, inner } = extent;
    if outer == 1 && len > 1 {
        let row: Vec<T> = g.iter().map(|g| *g * factor).collect();
        return repeated(&row, len);
    }
    blocks(extent, |start, out| {
        let lane = start / len;
        if inner == 1 {
            let rows = out.chunks_exact_mut(len).zip(&g[lane..]);
            return rows.for_each(|(out, g)| out.fill(*g * factor));
        }
        for (slab, g) in out
            .chunks_exact_mut(len * inner)
            .zip(g[lane..].chunks_exact(inner))
        {
            let (first, rest) = slab.split_at_mut(inner);
            first.iter_mut().zip(g).for_each(|(out, g)| *out = *g * factor);
            rest.chunks_exact_mut(inner)
                .for_each(|row| row.copy_from_slice(first));
        }
    })
}

/// `row`, `count` times.
pub fn repeated<T: Math>(row: &[T], count: usize) -> Vec<T> {
    // SAFETY: each part is written as a whole below.
    let mut out = unsafe { unwritten::<T>(row.len() * count) };
    if out.is_empty() {
        return out;
    }
    let step = (CHUNK / row.len()).max(1) * row.len();
    let many = simd::parallel(out.len());
    simd::chunks_mut(&mut out, step, many, &|_, out| match row {
        [one] => out.fill(*one),
        row => out
            .chunks_exact_mut(row.len())
            .for_each(|out| out.copy_from_slice(row)),
    });
    out
}

/// The gradient of each lane's largest or smallest element `y`: equal shares of `g` for all that equal it.
pub fn among_ties<T: Math>(g: &[T], x: &[T], y: &[T], extent: Extent) -> Vec<T> {
    let shares = shares(g, x, y, extent);
    with_lanes(
        x,
        y,
        &shares,
        extent,
        #[inline(always)]
        |x, y, share| if x == y { share } else { T::ZERO },
    )
}

/// `g` over the number of elements that equal `y`, a lane each.
fn shares<T: Math>(g: &[T], x: &[T], y: &[T], extent: Extent) -> Vec<T> {
    let Extent { len, inner, .. } = extent;
    let mut shares = g.to_vec();
    if x.is_empty() {
        return shares;
    }
    let slab = |((shares, y), x): ((&mut [T], &[T]), &[T])| {
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                if inner == 1 {
                    let ties = x.iter().fold(0u32, |n, x| n + u32::from(*x == y[0]));
                    shares[0] /= T::of(f64::from(ties));
                    return;
                }
                let mut ties = vec![0u32; inner];
                for x in x.chunks_exact(inner) {
                    let lanes = ties.iter_mut().zip(x.iter().zip(y));
                    lanes.for_each(|(n, (x, y))| *n += u32::from(*x == *y));
                }
                let lanes = shares.iter_mut().zip(&ties);
                lanes.for_each(|(share, n)| *share /= T::of(f64::from(*n)));
            },
        )
    };
    let slabs = (CHUNK / (len * inner)).max(1);
    shares
        .par_chunks_mut(slabs * inner)
        .zip(y.par_chunks(slabs * inner))
        .zip(x.par_chunks(slabs * len * inner))
        .for_each(|((shares, y), x)| {
            let parts = shares.chunks_mut(inner).zip(y.chunks(inner));
            parts.zip(x.chunks(len * inner)).for_each(slab);
        });
    shares
}
