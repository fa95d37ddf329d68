//! Philox4x32-10, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3").
//!
//! A block of four words depends only on key and counter, so any element of a draw can be made on its own,
//! on any thread or device. Blocks are laid out sixteen at a time, word by word: element `e` of a draw is
//! word `e % 64 / 16` of block `e / 64 * 16 + e % 16`.

use crate::kernels::team::{Parts as _, Slice as _};

use super::simd;

const LANES: usize = 16;
/// Words made at a time.
pub const GROUP: usize = 4 * LANES;
const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const KEY_STEPS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// The four words of one block.
///
/// ```
/// use keras_ops::kernels::philox::block;
/// assert_eq!(block([0; 2], [0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
/// ```
#[inline(always)]
pub fn block(mut key: [u32; 2], mut counter: [u32; 4]) -> [u32; 4] {
    for _ in 0..10 {
        let [a, b, c, d] = counter;
        let left = a as u64 * MULTIPLIERS[0] as u64;
        let right = c as u64 * MULTIPLIERS[1] as u64;
        counter = [
            (right >> 32) as u32 ^ b ^ key[0],
            right as u32,
            (left >> 32) as u32 ^ d ^ key[1],
            left as u32,
        ];
        key = [
            key[0].wrapping_add(KEY_STEPS[0]),
            key[1].wrapping_add(KEY_STEPS[1]),
        ];
    }
    counter
}

fn halves(x: u64) -> [u32; 2] {
    [x as u32, (x >> 32) as u32]
}

/// Words `64 * index ..` of draw `draw` under `key`.
#[inline(always)]
pub fn group(key: u64, draw: u64, index: u64) -> [u32; GROUP] {
    let (key, [draw_low, draw_high]) = (halves(key), halves(draw));
    let [low, high] = halves(index * LANES as u64);
    let mut words = [0; GROUP];
    let (first, rest) = words.split_at_mut(LANES);
    let (second, rest) = rest.split_at_mut(LANES);
    let (third, fourth) = rest.split_at_mut(LANES);
    for lane in 0..LANES {
        let made = block(key, [low + lane as u32, high, draw_low, draw_high]);
        [first[lane], second[lane], third[lane], fourth[lane]] = made;
    }
    words
}

/// `out[i] = f(word i)` for the words of draw `draw` under `key`.
pub fn fill<T: Send>(key: u64, draw: u64, out: &mut [T], f: impl Fn(u32) -> T + Sync + Send) {
    const GROUPS: usize = simd::CHUNK / GROUP;
    let run = |first: usize, chunk: &mut [T]| {
        simd::vectorize(
            #[inline(always)]
            || {
                for (index, part) in chunk.chunks_mut(GROUP).enumerate() {
                    let words = group(key, draw, (first + index) as u64);
                    // Not `for_each`: it becomes a call where `f` is long, compiled without this instruction set.
                    for (out, word) in part.iter_mut().zip(&words) {
                        *out = f(*word);
                    }
                }
            },
        )
    };
    if simd::parallel(out.len()) {
        out.par_chunks_mut(simd::CHUNK)
            .enumerate()
            .for_each(|(i, chunk)| run(i * GROUPS, chunk));
    } else {
        run(0, out)
    }
}

/// The words of one draw, one after the other.
#[derive(Clone, Debug)]
pub struct Words {
    key: u64,
    draw: u64,
    index: u64,
    ready: [u32; GROUP],
    used: usize,
}

impl Words {
    /// The words of draw `draw` under `key`, from the first.
    pub fn new(key: u64, draw: u64) -> Self {
        Self {
            key,
            draw,
            index: 0,
            ready: [0; GROUP],
            used: GROUP,
        }
    }

    /// The next word.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == GROUP {
            let (key, draw, index) = (self.key, self.draw, self.index);
            self.ready = simd::vectorize(
                #[inline(always)]
                || group(key, draw, index),
            );
            self.index += 1;
            self.used = 0;
        }
        self.used += 1;
        self.ready[self.used - 1]
    }

    /// The next two words.
    pub fn next_u64(&mut self) -> u64 {
        self.next_u32() as u64 | (self.next_u32() as u64) << 32
    }

    /// A number below `bound`, each equally likely (Lemire's multiplication, redrawing the few words that
    /// would favour some); 0 for a bound of 0 or 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound <= 1 {
            return 0;
        }
        if bound <= u32::MAX as u64 {
            let mut product = self.next_u32() as u64 * bound;
            if (product as u32 as u64) < bound {
                let reject = (1u64 << 32) % bound;
                while (product as u32 as u64) < reject {
                    product = self.next_u32() as u64 * bound;
                }
            }
            return product >> 32;
        }
        let mut product = self.next_u64() as u128 * bound as u128;
        let reject = bound.wrapping_neg() % bound;
        while (product as u64) < reject {
            product = self.next_u64() as u128 * bound as u128;
        }
        (product >> 64) as u64
    }
}
