//! Keras's sparsemax along the middle axis of `[outer, len, inner]`.

use super::math::Math;
use super::reduce::Extent;

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
