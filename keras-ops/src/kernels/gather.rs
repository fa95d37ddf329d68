//! Copies of rows and blocks, for any element type.

use rayon::prelude::*;

use super::reduce::Extent;
use super::simd;

/// Copies index `index[k]` of the middle axis of `[outer, len, inner]` to place `k`.
///
/// # Panics
/// Never for indices below `len`, which callers check.
pub fn gather<T: Copy + Send + Sync>(x: &[T], extent: Extent, index: &[u32]) -> Vec<T> {
    let Extent { outer, len, inner } = extent;
    let mut out = Vec::with_capacity(outer * index.len() * inner);
    if inner == 1 {
        for o in 0..outer {
            let lane = &x[o * len..(o + 1) * len];
            out.extend(index.iter().map(|i| lane[*i as usize]));
        }
        return out;
    }
    let row = |o: usize, i: u32| {
        let start = (o * len + i as usize) * inner;
        &x[start..start + inner]
    };
    if outer == 1 && simd::parallel(index.len() * inner) {
        let per = (simd::CHUNK / inner).max(1);
        let parts: Vec<Vec<T>> = index
            .par_chunks(per)
            .map(|chunk| chunk.iter().flat_map(|i| row(0, *i)).copied().collect())
            .collect();
        parts.iter().for_each(|part| out.extend_from_slice(part));
        return out;
    }
    for o in 0..outer {
        index.iter().for_each(|i| out.extend_from_slice(row(o, *i)));
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
