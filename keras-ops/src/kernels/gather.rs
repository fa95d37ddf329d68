//! Copies of rows and blocks, for any element type.

use super::buffer::unwritten;
use super::reduce::Extent;
use super::simd;

/// Copies index `index[k]` of the middle axis of `[outer, len, inner]` to place `k`.
///
/// # Panics
/// Never for indices below `len`, which callers check.
pub fn gather<T: Copy + Send + Sync>(x: &[T], extent: Extent, index: &[u32]) -> Vec<T> {
    let Extent { outer, len, inner } = extent;
    if inner == 1 {
        let mut out = Vec::with_capacity(outer * index.len());
        for o in 0..outer {
            let lane = &x[o * len..(o + 1) * len];
            out.extend(index.iter().map(|i| lane[*i as usize]));
        }
        return out;
    }
    // SAFETY: every row is written below.
    let mut out = unsafe { unwritten::<T>(outer * index.len() * inner) };
    if out.is_empty() {
        return out;
    }
    let per = (simd::CHUNK / inner).max(1);
    for (o, out) in out.chunks_exact_mut(index.len() * inner).enumerate() {
        let x = &x[o * len * inner..(o + 1) * len * inner];
        simd::chunks_mut(out, per * inner, simd::parallel(out.len()), &|part, out| {
            for (out, i) in out.chunks_exact_mut(inner).zip(&index[part * per..]) {
                out.copy_from_slice(&x[*i as usize * inner..][..inner]);
            }
        });
    }
    out
}

/// Adds place `k` of `[outer, index.len(), inner]` to index `index[k]` of a zero block `extent`.
pub fn scatter_add<T>(g: &[T], extent: Extent, index: &[u32]) -> Vec<T>
where
    T: Copy + Default + std::ops::AddAssign,
{
    let Extent { outer, len, inner } = extent;
    let mut out = vec![T::default(); extent.count()];
    for o in 0..outer {
        for (k, i) in index.iter().enumerate() {
            let from = (o * index.len() + k) * inner;
            let to = (o * len + *i as usize) * inner;
            out[to..to + inner]
                .iter_mut()
                .zip(&g[from..from + inner])
                .for_each(|(out, g)| *out += *g);
        }
    }
    out
}

/// The sums of the rows of `values` (of `inner` elements) that have the same id, below `count`: the ids that
/// occur, ascending, and a row for each. Rows are added in their order.
pub fn sum_rows<T>(ids: &[u32], values: &[T], inner: usize, count: usize) -> (Vec<u32>, Vec<T>)
where
    T: Copy + Default + std::ops::AddAssign,
{
    // A bit an id; an id's place is the number of bits before its own.
    let mut bits = vec![0u64; count.div_ceil(64)];
    ids.iter()
        .for_each(|id| bits[*id as usize / 64] |= 1 << (id % 64));
    let mut before = Vec::with_capacity(bits.len());
    let mut rows = Vec::new();
    for (word, set) in bits.iter().enumerate() {
        before.push(rows.len());
        let mut left = *set;
        while left != 0 {
            rows.push((word * 64) as u32 + left.trailing_zeros());
            left &= left - 1;
        }
    }
    let mut sums = vec![T::default(); rows.len() * inner];
    simd::vectorize(
        #[inline(always)]
        || {
            for (k, id) in ids.iter().enumerate() {
                let (word, bit) = (*id as usize / 64, id % 64);
                let place = before[word] + (bits[word] & ((1 << bit) - 1)).count_ones() as usize;
                sums[place * inner..(place + 1) * inner]
                    .iter_mut()
                    .zip(&values[k * inner..(k + 1) * inner])
                    .for_each(|(sum, v)| *sum += *v);
            }
        },
    );
    (rows, sums)
}
