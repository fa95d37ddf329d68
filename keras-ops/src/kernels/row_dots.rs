//! Products of rows that fit in two registers.

use super::math::Math;
#[cfg(target_arch = "x86_64")]
use super::simd;

/// Elements of the longest row.
pub const LONGEST: usize = 16;
#[cfg(target_arch = "x86_64")]
const EIGHT: usize = 8;

/// `t · p`, `t · t` and `p · p` of each row of `n`.
///
/// # Panics
/// When `n` is 0 or above [`LONGEST`], or the slices do not hold as many rows as `both`.
#[inline(always)]
pub fn row_dots<T: Math>((t, p): (&[T], &[T]), n: usize, [both, of_t, of_p]: [&mut [T]; 3]) {
    let rows = both.len();
    assert!((1..=LONGEST).contains(&n) && t.len() == rows * n && p.len() == rows * n);
    assert!(of_t.len() == rows && of_p.len() == rows);
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
    let mut done = 0;
    #[cfg(target_arch = "x86_64")]
    if const { size_of::<T>() == size_of::<f32>() } && simd::wide() {
        done = rows / EIGHT * EIGHT;
        for r in (0..done).step_by(EIGHT) {
            // SAFETY: eight rows follow in each; floats of four bytes are f32; the processor has AVX.
            unsafe {
                let (t, p) = (t[r * n..].as_ptr().cast(), p[r * n..].as_ptr().cast());
                let to = [
                    both[r..].as_mut_ptr().cast(),
                    of_t[r..].as_mut_ptr().cast(),
                    of_p[r..].as_mut_ptr().cast(),
                ];
                eight(t, p, n, to);
            }
        }
    }
    for r in done..rows {
        let mut sums = [0f64; 3];
        for (t, p) in t[r * n..][..n].iter().zip(&p[r * n..][..n]) {
            let (t, p) = (t.f64(), p.f64());
            sums = [sums[0] + t * p, sums[1] + t * t, sums[2] + p * p];
        }
        (both[r], of_t[r], of_p[r]) = (T::of(sums[0]), T::of(sums[1]), T::of(sums[2]));
    }
}

/// # Safety
/// Eight rows of `n`, at most [`LONGEST`], must lie at `t` and `p`, and there must be room for eight at each of `to`.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx")]
unsafe fn eight(t: *const f32, p: *const f32, n: usize, to: [*mut f32; 3]) {
    use std::arch::x86_64::*;
    /// As many -1 as a row has elements are before the zeros that are read from some place on.
    const MASK: [i32; 2 * LONGEST] = {
        let mut mask = [0; 2 * LONGEST];
        let mut i = 0;
        while i < LONGEST {
            mask[i] = -1;
            i += 1;
        }
        mask
    };
    // SAFETY: the caller's promise; what lies behind a row is masked.
    unsafe {
        let from = MASK.as_ptr().add(LONGEST - n);
        let masks = [
            _mm256_loadu_si256(from.cast()),
            _mm256_loadu_si256(from.add(EIGHT).cast()),
        ];
        let zero = _mm256_setzero_ps();
        let mut pairs = [[zero; EIGHT / 2]; 3];
        for pair in 0..EIGHT / 2 {
            let mut products = [[zero; 3]; 2];
            for (row, products) in products.iter_mut().enumerate() {
                let at = (2 * pair + row) * n;
                for (half, mask) in masks.into_iter().enumerate() {
                    let t = _mm256_maskload_ps(t.wrapping_add(at + half * EIGHT), mask);
                    let p = _mm256_maskload_ps(p.wrapping_add(at + half * EIGHT), mask);
                    products[0] = _mm256_add_ps(products[0], _mm256_mul_ps(t, p));
                    products[1] = _mm256_add_ps(products[1], _mm256_mul_ps(t, t));
                    products[2] = _mm256_add_ps(products[2], _mm256_mul_ps(p, p));
                }
            }
            let [first, second] = products;
            for (pairs, (a, b)) in pairs.iter_mut().zip(first.into_iter().zip(second)) {
                pairs[pair] = _mm256_hadd_ps(a, b);
            }
        }
        for (pairs, to) in pairs.iter().zip(to) {
            let low = _mm256_hadd_ps(pairs[0], pairs[1]);
            let high = _mm256_hadd_ps(pairs[2], pairs[3]);
            // Each row's first half of lanes, then each row's second.
            let (first, second) = (
                _mm256_permute2f128_ps::<0x20>(low, high),
                _mm256_permute2f128_ps::<0x31>(low, high),
            );
            _mm256_storeu_ps(to, _mm256_add_ps(first, second));
        }
    }
}
