//! Orders of lanes: stable sorts and selections by keys that sort as the numbers do, NaN last.

use crate::kernels::team::{Parts as _, Slice as _};
use candle_core::WithDType;

use super::simd;

/// Numbers with a key of their order, and pairs of key and place that are all different.
pub trait Ordered: WithDType + Send + Sync {
    /// Key and place.
    type Pair: Ord + Copy + Send + Sync;
    /// The pair of an element; with `down` larger elements come first.
    fn pair(self, place: u32, down: bool) -> Self::Pair;
    /// The place of a pair.
    fn place(pair: Self::Pair) -> u32;
    /// Sorts the pairs of a long lane.
    fn sort(pairs: &mut Vec<Self::Pair>) {
        pairs.sort_unstable();
    }
}

impl Ordered for f32 {
    type Pair = u64;

    #[inline(always)]
    fn pair(self, place: u32, down: bool) -> u64 {
        // -0 and 0 are equal, all NaN too.
        let bits = (self + 0.).to_bits();
        let flipped = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
        let key = if self.is_nan() { u32::MAX } else { flipped };
        ((if down { !key } else { key } as u64) << 32) | place as u64
    }

    #[inline(always)]
    fn place(pair: u64) -> u32 {
        pair as u32
    }

    fn sort(pairs: &mut Vec<u64>) {
        // Pairs come in the order of their places, so a stable sort by the key is enough.
        if pairs.len() < 1 << 12 {
            pairs.sort_unstable();
        } else {
            radix(pairs);
        }
    }
}

impl Ordered for f64 {
    type Pair = (u64, u32);

    #[inline(always)]
    fn pair(self, place: u32, down: bool) -> (u64, u32) {
        let bits = (self + 0.).to_bits();
        let flipped = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
        let key = if self.is_nan() { u64::MAX } else { flipped };
        (if down { !key } else { key }, place)
    }

    #[inline(always)]
    fn place(pair: (u64, u32)) -> u32 {
        pair.1
    }
}

impl Ordered for i64 {
    type Pair = (u64, u32);

    #[inline(always)]
    fn pair(self, place: u32, down: bool) -> (u64, u32) {
        let key = self as u64 ^ 1 << 63;
        (if down { !key } else { key }, place)
    }

    #[inline(always)]
    fn place(pair: (u64, u32)) -> u32 {
        pair.1
    }
}

const DIGIT: u32 = 11;

/// Sorts by the upper 32 bits, three digits from the lowest.
fn radix(pairs: &mut Vec<u64>) {
    const SIZE: usize = 1 << DIGIT;
    let digit = |pair: u64, pass: u32| (pair >> (32 + pass * DIGIT)) as usize & (SIZE - 1);
    let mut counts = [[0u32; SIZE]; 3];
    for pair in pairs.iter() {
        (0..3).for_each(|pass| counts[pass as usize][digit(*pair, pass)] += 1);
    }
    let mut other = vec![0; pairs.len()];
    for (pass, counts) in counts.iter_mut().enumerate() {
        let mut sum = 0;
        for count in counts.iter_mut() {
            sum += std::mem::replace(count, sum);
        }
        for pair in pairs.iter() {
            let next = &mut counts[digit(*pair, pass as u32)];
            other[*next as usize] = *pair;
            *next += 1;
        }
        std::mem::swap(pairs, &mut other);
    }
}

/// What of a lane's order is wanted.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// All places in ascending order, or descending.
    All(bool),
    /// The places of the largest `k` elements, the largest first.
    Largest(usize),
    /// All places, that of the `k`th smallest element in its place and none before it larger.
    Split(usize),
}

/// The places of the elements of every lane of `len` in order. Equal elements stay in order.
pub fn lanes<T: Ordered>(x: &[T], len: usize, wanted: Wanted) -> Vec<u32> {
    let count = match wanted {
        Wanted::Largest(k) => k.min(len),
        _ => len,
    };
    let mut out = vec![0; x.len().checked_div(len).unwrap_or(0) * count];
    if out.is_empty() {
        return out;
    }
    // Lanes of one task, by size alone.
    let per = (simd::CHUNK / len).max(1);
    let run = |out: &mut [u32], x: &[T]| {
        let mut pairs = Vec::with_capacity(len);
        for (out, x) in out.chunks_mut(count).zip(x.chunks(len)) {
            match wanted {
                Wanted::Largest(k) if k <= 32 => largest(x, k, &mut pairs),
                _ => ordered(x, wanted, &mut pairs),
            }
            out.iter_mut()
                .zip(&pairs)
                .for_each(|(out, pair)| *out = T::place(*pair));
        }
    };
    if simd::parallel(x.len()) && x.len() > len {
        out.par_chunks_mut(per * count)
            .zip(x.par_chunks(per * len))
            .for_each(|(out, x)| run(out, x));
    } else {
        run(&mut out, x);
    }
    out
}

fn ordered<T: Ordered>(x: &[T], wanted: Wanted, pairs: &mut Vec<T::Pair>) {
    let down = !matches!(wanted, Wanted::All(false) | Wanted::Split(_));
    pairs.clear();
    pairs.extend(x.iter().enumerate().map(|(place, v)| v.pair(place as u32, down)));
    match wanted {
        Wanted::All(_) => T::sort(pairs),
        Wanted::Split(k) => _ = pairs.select_nth_unstable(k),
        Wanted::Largest(k) => {
            if k < pairs.len() {
                pairs.select_nth_unstable(k);
                pairs.truncate(k);
            }
            pairs.sort_unstable();
        }
    }
}

/// The largest `k` by insertion: after a few elements hardly one is larger than the smallest kept, and most blocks are
/// passed over as a whole.
#[allow(clippy::neg_cmp_op_on_partial_ord, reason = "NaN is larger than any number")]
fn largest<T: Ordered>(x: &[T], k: usize, best: &mut Vec<T::Pair>) {
    const BLOCK: usize = 16;
    best.clear();
    let mut least: Option<T> = None;
    for (block, first) in x.chunks(BLOCK).zip((0..).step_by(BLOCK)) {
        if let Some(least) = least
            && !block.iter().fold(false, |any, v| any | !(*v <= least))
        {
            continue;
        }
        for (v, place) in block.iter().zip(first..) {
            let pair = v.pair(place, true);
            if best.len() == k {
                if best.last().is_none_or(|last| pair > *last) {
                    continue;
                }
                best.pop();
            }
            best.push(pair);
            let kept = &mut best[..];
            for at in (1..kept.len()).rev() {
                if kept[at - 1] < pair {
                    break;
                }
                kept.swap(at - 1, at);
            }
        }
        if best.len() == k {
            least = best.last().map(|last| x[T::place(*last) as usize]);
        }
    }
}
