//! Dropping elements at random: one pass over the input, one bit an element kept for the way back.

use crate::kernels::team::{Parts as _, Slice as _};

use super::philox::{GROUP, group};
use super::simd;
use crate::host::Real;

const LANES: usize = 16;
// Sixteen random bits decide about an element, so a group of words serves twice as many.
const ROWS: usize = 2 * GROUP / LANES;
const BLOCK: usize = ROWS * LANES;

/// The elements kept, as bits: row `r` of each 128 elements is bit `r` of their 16 bytes.
#[derive(Clone, Debug)]
pub struct Kept(Vec<u8>);

/// `out = x * scale` where kept, else 0; each element is kept with probability `keep`, rounded to 2⁻¹⁶.
pub fn drop_random<T: Real>(x: &[T], out: &mut [T], keep: f64, scale: T, key: u64, draw: u64) -> Kept {
    const BLOCKS: usize = simd::CHUNK / BLOCK;
    let threshold = threshold(keep);
    let mut kept = vec![0u8; x.len().div_ceil(BLOCK) * LANES];
    let run = |first: usize, x: &[T], out: &mut [T], kept: &mut [u8]| {
        simd::vectorize(
            #[inline(always)]
            || {
                for (index, bits) in kept.chunks_exact_mut(LANES).enumerate() {
                    let words = group(key, draw, (first + index) as u64);
                    decide(&words, threshold, bits);
                }
                apply(x, out, kept, scale);
            },
        )
    };
    if simd::parallel(x.len()) {
        let chunks = x.par_chunks(simd::CHUNK).zip(out.par_chunks_mut(simd::CHUNK));
        let kept = kept.par_chunks_mut(BLOCKS * LANES);
        chunks
            .zip(kept)
            .enumerate()
            .for_each(|(i, ((x, out), kept))| run(i * BLOCKS, x, out, kept));
    } else {
        run(0, x, out, &mut kept);
    }
    Kept(kept)
}

/// Elements whose sixteen random bits are less are kept.
pub fn threshold(keep: f64) -> u32 {
    if keep > 0. {
        ((keep * 65536.).round() as u32).max(1)
    } else {
        0
    }
}

/// `out = x * scale` where `kept` says so, else 0.
pub fn drop_again<T: Real>(x: &[T], out: &mut [T], kept: &Kept, scale: T) {
    let run = |x: &[T], out: &mut [T], kept: &[u8]| {
        simd::vectorize(
            #[inline(always)]
            || apply(x, out, kept, scale),
        )
    };
    if simd::parallel(x.len()) {
        let chunks = x.par_chunks(simd::CHUNK).zip(out.par_chunks_mut(simd::CHUNK));
        let kept = kept.0.par_chunks(simd::CHUNK / BLOCK * LANES);
        chunks.zip(kept).for_each(|((x, out), kept)| run(x, out, kept));
    } else {
        run(x, out, &kept.0);
    }
}

#[inline(always)]
fn decide(words: &[u32; GROUP], threshold: u32, bits: &mut [u8]) {
    let mut lanes = [0u32; LANES];
    for (row, words) in words.chunks_exact(LANES).enumerate() {
        for (lane, word) in lanes.iter_mut().zip(words) {
            let (low, high) = (word & 0xffff, word >> 16);
            *lane |= (u32::from(low < threshold) | u32::from(high < threshold) << 1) << (2 * row);
        }
    }
    bits.iter_mut()
        .zip(lanes)
        .for_each(|(bits, lane)| *bits = lane as u8);
}

#[inline(always)]
fn apply<T: Real>(x: &[T], out: &mut [T], kept: &[u8], scale: T) {
    for ((x, out), bits) in x
        .chunks(BLOCK)
        .zip(out.chunks_mut(BLOCK))
        .zip(kept.chunks_exact(LANES))
    {
        for (row, (x, out)) in x.chunks(LANES).zip(out.chunks_mut(LANES)).enumerate() {
            for ((x, out), bits) in x.iter().zip(out).zip(bits) {
                *out = if bits >> row & 1 == 1 {
                    *x * scale
                } else {
                    T::default()
                };
            }
        }
    }
}

/// `out = x * scale` where `keep`, of shape `noise` broadcast to `dims`, is not 0.
pub fn drop_broadcast<T: Real>(
    x: &[T],
    out: &mut [T],
    dims: &[usize],
    keep: &[u8],
    noise: &[usize],
    scale: T,
) {
    if keep.len() == 1 {
        let zero = keep[0] == 0;
        x.iter()
            .zip(out)
            .for_each(|(x, out)| *out = if zero { T::default() } else { *x * scale });
    } else if dims == noise {
        let pairs = x.iter().zip(keep);
        out.iter_mut().zip(pairs).for_each(|(out, (x, keep))| {
            *out = if *keep != 0 { *x * scale } else { T::default() };
        });
    } else if let ([_, dims @ ..], [first, noise @ ..]) = (dims, noise) {
        let inner: usize = dims.iter().product();
        let width: usize = noise.iter().product();
        for (i, (x, out)) in x
            .chunks(inner.max(1))
            .zip(out.chunks_mut(inner.max(1)))
            .enumerate()
        {
            let start = if *first == 1 { 0 } else { i * width };
            drop_broadcast(x, out, dims, &keep[start..start + width], noise, scale);
        }
    }
}
