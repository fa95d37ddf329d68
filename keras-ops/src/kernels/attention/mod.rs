//! Scaled dot-product attention by tiles of queries and keys: the scores of a tile are all that is ever kept.
//!
//! Forward goes over the keys with a running maximum and sum; backward makes each tile's probabilities again from the
//! saved logarithm of the sum. Tasks and tiles depend on the sizes alone, and what several tiles add to is added in
//! their order, so results are the same bits for any number of threads.

mod backward;
mod forward;

pub use backward::Gradients;

use super::gemm::Mat;
use super::math::Math;
use super::philox;
use super::simd;

/// Queries of a tile.
const QUERIES: usize = 64;
/// Keys of a tile; a multiple of [`DRAWN`].
const KEYS: usize = 256;
/// Elements that one group of random words decides about, sixteen bits each.
const DRAWN: usize = 2 * philox::GROUP;
/// Rows turned at a time.
const BLOCK: usize = 16;
/// Tasks to make of a backward pass at least, where there are that many tiles.
const TASKS: usize = 16;

/// The sizes: queries `[batch, queries, heads, depth]`, keys `[batch, keys, shared, depth]`, values
/// `[batch, keys, shared, width]`.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Samples.
    pub batch: usize,
    /// Queries of a sample.
    pub queries: usize,
    /// Keys and values of a sample.
    pub keys: usize,
    /// Heads of the queries.
    pub heads: usize,
    /// Heads of the keys and values; it divides `heads`.
    pub shared: usize,
    /// Elements of a query and of a key.
    pub depth: usize,
    /// Elements of a value.
    pub width: usize,
}

/// A slice seen as `[batch, heads, queries, keys]`; stride 0 repeats.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, T> {
    /// The elements.
    pub data: &'a [T],
    /// By axis.
    pub strides: [usize; 4],
}

impl<'a, T: Copy> View<'a, T> {
    fn row(&self, b: usize, n: usize, t: usize, first: usize, len: usize) -> Row<'a, T> {
        let [sb, sn, st, ss] = self.strides;
        let start = b * sb + n * sn + t * st + first * ss;
        match ss {
            0 => Row::One(self.data[start]),
            _ => Row::Each(&self.data[start..start + len]),
        }
    }
}

#[derive(Clone, Copy)]
enum Row<'a, T> {
    One(T),
    Each(&'a [T]),
}

/// Which probabilities are set to 0 at random; the others are multiplied by `scale`.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// Of 65536 draws, how many are kept.
    pub below: u32,
    /// What the kept ones are multiplied by.
    pub scale: f64,
    /// The generator's key.
    pub key: u64,
    /// The number of the draw.
    pub draw: u64,
}

/// What the scores go through.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a, T> {
    /// What the products are multiplied by.
    pub scale: f64,
    /// Whether query `t` sees only keys up to `t`.
    pub causal: bool,
    /// Added to the scores.
    pub bias: Option<View<'a, T>>,
    /// Where it is 0 the key is not seen.
    pub mask: Option<View<'a, u8>>,
    /// Dropout of the probabilities.
    pub drop: Option<Dropout>,
}

/// Rows of a buffer that tasks write, each its own ones.
struct Rows<T>(*mut T, usize);

// SAFETY: the callers below give every row to one task only.
unsafe impl<T: Send> Sync for Rows<T> {}

impl<T: Copy> Rows<T> {
    fn new(buffer: &mut [T]) -> Self {
        Self(buffer.as_mut_ptr(), buffer.len())
    }

    /// # Safety
    /// No other reference to these elements may be alive.
    #[allow(clippy::mut_from_ref, reason = "the caller's promise")]
    unsafe fn get(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start + len <= self.1, "attention: a row outside its buffer");
        // SAFETY: inside the buffer by the check, and not shared by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), len) }
    }
}

/// One head of one sample.
#[derive(Clone, Copy)]
struct Head {
    b: usize,
    n: usize,
}

/// Queries `t..t + rows` and keys `s..s + cols`.
#[derive(Clone, Copy)]
struct Tile {
    t: usize,
    rows: usize,
    s: usize,
    cols: usize,
}

/// The inputs with their sizes and rules.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a, T> {
    /// The queries.
    pub query: &'a [T],
    /// The keys.
    pub key: &'a [T],
    /// The values.
    pub value: &'a [T],
    /// Their sizes.
    pub sizes: Sizes,
    /// What the scores go through.
    pub rules: Rules<'a, T>,
}

fn matrix<T>(data: &[T], start: usize, rows: usize, cols: usize, stride: usize) -> Mat<'_, T> {
    Mat {
        data: &data[start.min(data.len())..],
        rows,
        cols,
        row_stride: stride,
        col_stride: 1,
    }
}

/// Rows turned into columns: products with the transposed of `rows` are quicker when it lies row by row.
struct Turned<T> {
    data: Vec<T>,
    stride: usize,
}

impl<T: Math> Turned<T> {
    fn new(rows: Mat<'_, T>) -> Self {
        // Not a power of two, whose multiples share their places in the cache.
        let stride = rows.rows.next_multiple_of(BLOCK) + BLOCK;
        let mut data = vec![T::ZERO; rows.cols * stride];
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                for first in (0..rows.rows).step_by(BLOCK) {
                    let end = (first + BLOCK).min(rows.rows);
                    for i in first..end {
                        let row = &rows.data[i * rows.row_stride..][..rows.cols];
                        let columns = data[i..].iter_mut().step_by(stride);
                        columns.zip(row).for_each(|(to, from)| *to = *from);
                    }
                }
            },
        );
        Self { data, stride }
    }

    /// The columns of a tile.
    fn tile(&self, tile: Tile, rows: usize) -> Mat<'_, T> {
        matrix(&self.data, tile.s, rows, tile.cols, self.stride)
    }
}

impl<'a, T: Math> Attention<'a, T> {
    fn query(&self, head: Head, tile: Tile) -> Mat<'a, T> {
        let Sizes {
            queries,
            heads,
            depth,
            ..
        } = self.sizes;
        let start = ((head.b * queries + tile.t) * heads + head.n) * depth;
        matrix(self.query, start, tile.rows, depth, heads * depth)
    }

    fn of_keys(&self, data: &'a [T], head: Head, tile: Tile, size: usize) -> Mat<'a, T> {
        let Sizes {
            keys, heads, shared, ..
        } = self.sizes;
        let start = ((head.b * keys + tile.s) * shared + head.n / (heads / shared)) * size;
        matrix(data, start, tile.cols, size, shared * size)
    }

    fn key(&self, head: Head, tile: Tile) -> Mat<'a, T> {
        self.of_keys(self.key, head, tile, self.sizes.depth)
    }

    fn value(&self, head: Head, tile: Tile) -> Mat<'a, T> {
        self.of_keys(self.value, head, tile, self.sizes.width)
    }

    /// All keys or values of a head.
    fn all(&self) -> Tile {
        Tile {
            t: 0,
            rows: 0,
            s: 0,
            cols: self.sizes.keys,
        }
    }

    /// The tiles of keys that queries `t..t + rows` see.
    fn tiles(&self, t: usize, rows: usize) -> impl Iterator<Item = Tile> + use<T> {
        let keys = match self.rules.causal {
            true => self.sizes.keys.min(t + rows),
            false => self.sizes.keys,
        };
        (0..keys).step_by(KEYS).map(move |s| Tile {
            t,
            rows,
            s,
            cols: KEYS.min(keys - s),
        })
    }

    /// How many keys of the tile's row `i` are seen, by causality.
    #[inline(always)]
    fn seen(&self, tile: Tile, i: usize) -> usize {
        match self.rules.causal {
            true => tile.cols.min((tile.t + i + 1).saturating_sub(tile.s)),
            false => tile.cols,
        }
    }

    /// Whether no query of the tile sees any key of it: known where the mask is the same for all queries.
    fn hidden(&self, head: Head, tile: Tile) -> bool {
        let Some(mask) = self.rules.mask.filter(|m| m.strides[2] == 0) else {
            return false;
        };
        match mask.row(head.b, head.n, 0, tile.s, tile.cols) {
            Row::One(m) => m == 0,
            Row::Each(m) => m.iter().all(|m| *m == 0),
        }
    }

    /// Whether scores are finished in place by [`finish_row`](Self::finish_row), else only multiplied by the scale.
    fn finishes(&self) -> bool {
        self.rules.bias.is_some() || self.rules.mask.is_some() || self.rules.scale < 0.
    }

    /// Scale, bias and mask of one row of scores.
    #[inline(always)]
    fn finish_row(&self, head: Head, t: usize, s: usize, row: &mut [T]) {
        let scale = T::of(self.rules.scale);
        match self.rules.bias.map(|b| b.row(head.b, head.n, t, s, row.len())) {
            None => row.iter_mut().for_each(|x| *x *= scale),
            Some(Row::One(b)) => row.iter_mut().for_each(|x| *x = *x * scale + b),
            Some(Row::Each(b)) => row.iter_mut().zip(b).for_each(|(x, b)| *x = *x * scale + *b),
        }
        let never = T::of(f64::NEG_INFINITY);
        match self.rules.mask.map(|m| m.row(head.b, head.n, t, s, row.len())) {
            None => (),
            Some(Row::One(m)) if m != 0 => (),
            Some(Row::One(_)) => row.fill(never),
            Some(Row::Each(m)) => {
                let pairs = row.iter_mut().zip(m);
                pairs.for_each(|(x, m)| *x = if *m == 0 { never } else { *x });
            }
        }
    }

    /// The factors of dropout for keys `s..` of a query: 0 or the scale. `s` is a multiple of [`DRAWN`].
    #[inline(always)]
    fn factors(&self, drop: Dropout, head: Head, t: usize, s: usize, out: &mut [T]) {
        let Sizes {
            queries, keys, heads, ..
        } = self.sizes;
        let row = (head.b * heads + head.n) * queries + t;
        let first = (row * keys.div_ceil(DRAWN) + s / DRAWN) as u64;
        let factor = |kept: bool| if kept { T::of(drop.scale) } else { T::ZERO };
        for (i, out) in out.chunks_mut(DRAWN).enumerate() {
            let words = philox::group(drop.key, drop.draw, first + i as u64);
            let (low, high) = out.split_at_mut(philox::GROUP.min(out.len()));
            let pairs = low.iter_mut().zip(&words);
            pairs.for_each(|(out, word)| *out = factor(word & 0xffff < drop.below));
            let pairs = high.iter_mut().zip(&words);
            pairs.for_each(|(out, word)| *out = factor(word >> 16 < drop.below));
        }
    }

    /// Scores of all heads, as a measure of the work.
    fn work(&self) -> usize {
        self.sizes.batch * self.sizes.heads * self.sizes.queries * self.sizes.keys
    }

    /// Calls `f(key, probability)` for a query that sees no key, after dropout.
    fn evenly(&self, head: Head, t: usize, mut f: impl FnMut(usize, T)) {
        let keys = self.sizes.keys;
        let mut factors = vec![T::ONE; keys];
        if let Some(drop) = self.rules.drop {
            self.factors(drop, head, t, 0, &mut factors);
        }
        let share = T::of(1. / keys as f64);
        factors
            .iter()
            .enumerate()
            .for_each(|(s, factor)| f(s, share * *factor));
    }
}
