//! Scaled dot-product attention by tiles of queries and keys: the scores of a tile are all that is ever kept.
//!
//! Forward goes over the keys with a running maximum and sum; backward makes each tile's probabilities again from the
//! saved logarithm of the sum. Tasks and tiles depend on the sizes alone, and what several tiles add to is added in
//! their order, so results are the same bits for any number of threads.

use rayon::prelude::*;

use super::gemm::{self, Mat, Threads};
use super::math::Math;
use super::norm::tree;
use super::philox;
use super::simd;

/// Queries of a tile.
const QUERIES: usize = 64;
/// Keys of a tile; a multiple of [`DRAWN`].
const KEYS: usize = 256;
/// Elements that one group of random words decides about, sixteen bits each.
const DRAWN: usize = 2 * philox::GROUP;
const LANES: usize = 32;
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
pub struct Drop {
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
    pub drop: Option<Drop>,
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

#[inline(always)]
fn largest<T: Math>(x: &[T]) -> T {
    let mut lanes = [T::of(f64::NEG_INFINITY); LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] = if chunk[i] > lanes[i] { chunk[i] } else { lanes[i] };
        }
    }
    let larger = |a: T, b: &T| if *b > a { *b } else { a };
    rest.iter().fold(lanes.iter().fold(lanes[0], larger), larger)
}

/// Makes `e^(x scale - shift)` of a row and sums it.
#[inline(always)]
fn exp_row<T: Math>(x: &mut [T], scale: T, shift: T) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (chunks, rest) = x.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            chunk[i] = (chunk[i] * scale - shift).exp();
            lanes[i] += chunk[i];
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *x = (*x * scale - shift).exp();
        *lane += *x;
    }
    tree(lanes)
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
    fn factors(&self, drop: Drop, head: Head, t: usize, s: usize, out: &mut [T]) {
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

    /// The output `[batch, queries, heads, width]`, and by `[batch, heads, queries]` the logarithm of the sum of the
    /// exponentials; infinite where no key is seen, which gives the mean of all values, as in Keras.
    pub fn forward(&self) -> (Vec<T>, Vec<T>) {
        let Sizes {
            batch,
            queries,
            heads,
            shared,
            width,
            ..
        } = self.sizes;
        let mut out = vec![T::ZERO; batch * queries * heads * width];
        let mut sums = vec![T::ZERO; batch * heads * queries];
        if sums.is_empty() {
            return (out, sums);
        }
        let parts = queries.div_ceil(QUERIES);
        let rows = Rows::new(&mut out);
        let turn = |index: usize| {
            let head = Head {
                b: index / shared,
                n: index % shared * (heads / shared),
            };
            Turned::new(self.key(head, self.all()))
        };
        let count = batch * shared;
        let turned: Vec<Turned<T>> = if self.work() >= simd::PARALLEL_MIN {
            (0..count).into_par_iter().map(turn).collect()
        } else {
            (0..count).map(turn).collect()
        };
        let run = |(index, sums): (usize, &mut [T])| {
            let head = Head {
                b: index / heads,
                n: index % heads,
            };
            let keys = &turned[head.b * shared + head.n / (heads / shared)];
            let part = |(i, sums): (usize, &mut [T])| self.forward_tile(head, i * QUERIES, keys, sums, &rows);
            if parts > 1 && self.work() >= simd::PARALLEL_MIN {
                sums.par_chunks_mut(QUERIES).enumerate().for_each(part);
            } else {
                sums.chunks_mut(QUERIES).enumerate().for_each(part);
            }
        };
        if self.work() >= simd::PARALLEL_MIN {
            sums.par_chunks_mut(queries).enumerate().for_each(run);
        } else {
            sums.chunks_mut(queries).enumerate().for_each(run);
        }
        (out, sums)
    }

    /// Scores of all heads, as a measure of the work.
    fn work(&self) -> usize {
        self.sizes.batch * self.sizes.heads * self.sizes.queries * self.sizes.keys
    }

    fn forward_tile(&self, head: Head, t: usize, keys: &Turned<T>, sums: &mut [T], out: &Rows<T>) {
        let Sizes {
            queries,
            heads,
            depth,
            width,
            ..
        } = self.sizes;
        let rows = sums.len();
        let mut scores = vec![T::ZERO; rows * KEYS.min(self.sizes.keys)];
        let mut made = vec![T::ZERO; rows * width];
        let mut tops = vec![T::of(f64::NEG_INFINITY); rows];
        let mut factors = vec![T::ZERO; if self.rules.drop.is_some() { KEYS } else { 0 }];
        let mut first = true;
        for tile in self.tiles(t, rows) {
            if self.hidden(head, tile) {
                continue;
            }
            let scores = &mut scores[..rows * tile.cols];
            let keys = keys.tile(tile, depth);
            gemm::gemm(
                scores,
                tile.cols,
                self.query(head, tile),
                keys,
                false,
                Threads::One,
            );
            self.weigh(
                head,
                tile,
                scores,
                &mut factors,
                (&mut tops, sums, &mut made),
                first,
            );
            let scores = Mat::new(scores, rows, tile.cols);
            gemm::gemm(
                &mut made,
                width,
                scores,
                self.value(head, tile),
                !first,
                Threads::One,
            );
            first = false;
        }
        for (i, (sum, top)) in sums.iter_mut().zip(&tops).enumerate() {
            let made = &mut made[i * width..(i + 1) * width];
            if *sum == T::ZERO {
                self.blind(head, t + i, made);
                *sum = T::of(f64::INFINITY);
            } else {
                let share = T::ONE / *sum;
                made.iter_mut().for_each(|o| *o *= share);
                *sum = *top + sum.ln();
            }
            let start = ((head.b * queries + t + i) * heads + head.n) * width;
            // SAFETY: this task alone has this head and this query.
            unsafe { out.get(start, width) }.copy_from_slice(made);
        }
    }

    /// Makes probabilities, up to the running maximum and sum, of a tile's scores.
    fn weigh(
        &self,
        head: Head,
        tile: Tile,
        scores: &mut [T],
        factors: &mut [T],
        (tops, sums, made): (&mut [T], &mut [T], &mut [T]),
        first: bool,
    ) {
        let finishes = self.finishes();
        let scale = if finishes { T::ONE } else { T::of(self.rules.scale) };
        let width = self.sizes.width;
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                for (i, row) in scores.chunks_exact_mut(tile.cols).enumerate() {
                    let (row, unseen) = row.split_at_mut(self.seen(tile, i));
                    unseen.fill(T::ZERO);
                    if finishes {
                        self.finish_row(head, tile.t + i, tile.s, row);
                    }
                    let top = largest(row) * scale;
                    let old = tops[i];
                    let new = if top > old { top } else { old };
                    // With nothing seen yet the exponentials are of -inf, not of its difference to itself.
                    let shift = if new.f64() == f64::NEG_INFINITY {
                        T::ZERO
                    } else {
                        new
                    };
                    let sum = exp_row(row, scale, shift);
                    tops[i] = new;
                    if new == old || first {
                        sums[i] += sum;
                    } else {
                        let factor = (old - shift).exp();
                        sums[i] = sums[i] * factor + sum;
                        made[i * width..(i + 1) * width]
                            .iter_mut()
                            .for_each(|o| *o *= factor);
                    }
                    if let Some(drop) = self.rules.drop {
                        let factors = &mut factors[..row.len()];
                        self.factors(drop, head, tile.t + i, tile.s, factors);
                        row.iter_mut().zip(&*factors).for_each(|(p, f)| *p *= *f);
                    }
                }
            },
        );
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

    fn blind(&self, head: Head, t: usize, out: &mut [T]) {
        let all = Tile {
            t,
            rows: 1,
            s: 0,
            cols: self.sizes.keys,
        };
        let values = self.value(head, all);
        out.fill(T::ZERO);
        self.evenly(head, t, |s, p| {
            let value = &values.data[s * values.row_stride..][..values.cols];
            out.iter_mut().zip(value).for_each(|(o, v)| *o += p * *v);
        });
    }

    /// The gradients by query, key and value, and by the bias in its own shape when `bias` gives that.
    pub fn backward(&self, out: &[T], sums: &[T], grad: &[T], bias: Option<[usize; 4]>) -> Gradients<T> {
        let Sizes {
            batch, heads, shared, ..
        } = self.sizes;
        let mut made = Gradients {
            query: vec![T::ZERO; self.query.len()],
            key: vec![T::ZERO; self.key.len()],
            value: vec![T::ZERO; self.value.len()],
            bias: Vec::new(),
        };
        let dots = self.dots(out, grad);
        let into = Into {
            query: Rows::new(&mut made.query),
            grad,
            sums,
            dots: &dots,
            bias,
        };
        // What adds to one part of the bias is one task; without a bias each head of keys is, or a part of its queries.
        let several = |axis: usize, all: usize| bias.is_none_or(|dims| dims[axis] > 1 || all == 1);
        let (samples, groups) = match (several(0, batch), several(1, heads)) {
            (split_b, split_n) => (if split_b { batch } else { 1 }, if split_n { shared } else { 1 }),
        };
        let parts = self.parts(samples * groups, bias.is_some());
        let part = |index: usize| {
            let (b, k, part) = (index / parts / groups, index / parts % groups, index % parts);
            let samples = if samples == batch { b..b + 1 } else { 0..batch };
            let heads = if groups == shared { k..k + 1 } else { 0..shared };
            self.backward_part(samples, heads, (part, parts), &into)
        };
        let count = samples * groups * parts;
        let found: Vec<Part<T>> = if self.work() >= simd::PARALLEL_MIN {
            (0..count).into_par_iter().map(part).collect()
        } else {
            (0..count).map(part).collect()
        };
        for part in found {
            made.bias.extend(part.bias);
            for (b, k, keys, values) in part.heads {
                self.scatter(
                    &mut made.key,
                    &keys,
                    b,
                    k,
                    self.sizes.depth,
                    T::of(self.rules.scale),
                );
                self.scatter(&mut made.value, &values, b, k, self.sizes.width, T::ONE);
            }
        }
        made
    }

    /// Into how many parts the queries of a head are cut.
    fn parts(&self, tasks: usize, bias: bool) -> usize {
        let tiles = self.sizes.queries.div_ceil(QUERIES);
        if bias || tasks == 0 {
            1
        } else {
            TASKS.div_ceil(tasks).min(tiles).max(1)
        }
    }

    /// Adds the rows of one head of keys, times `scale`.
    fn scatter(&self, all: &mut [T], rows: &[T], b: usize, k: usize, size: usize, scale: T) {
        let Sizes { keys, shared, .. } = self.sizes;
        if size == 0 {
            return;
        }
        for (s, row) in rows.chunks_exact(size).enumerate() {
            let start = ((b * keys + s) * shared + k) * size;
            let all = all[start..start + size].iter_mut();
            all.zip(row).for_each(|(all, row)| *all += *row * scale);
        }
    }

    /// `sum(out * grad)` by `[batch, queries, heads]`.
    fn dots(&self, out: &[T], grad: &[T]) -> Vec<T> {
        let width = self.sizes.width;
        if width == 0 {
            return vec![T::ZERO; self.sizes.batch * self.sizes.queries * self.sizes.heads];
        }
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                let rows = out.chunks_exact(width).zip(grad.chunks_exact(width));
                rows.map(|(o, g)| dot(o, g)).collect()
            },
        )
    }

    fn backward_part(
        &self,
        samples: std::ops::Range<usize>,
        groups: std::ops::Range<usize>,
        (part, parts): (usize, usize),
        into: &Into<'_, T>,
    ) -> Part<T> {
        let Sizes {
            keys,
            heads,
            shared,
            depth,
            width,
            queries,
            ..
        } = self.sizes;
        let group = heads / shared;
        let first = groups.start * group;
        let own = |dims: [usize; 4]| {
            let heads = if dims[1] > 1 { groups.len() * group } else { 1 };
            heads * dims[2] * dims[3]
        };
        let mut found = Part {
            heads: Vec::with_capacity(samples.len() * groups.len()),
            bias: vec![T::ZERO; into.bias.map_or(0, own)],
        };
        let cols = KEYS.min(keys);
        let mut work = Work {
            scores: vec![T::ZERO; QUERIES * cols],
            slopes: vec![T::ZERO; QUERIES * cols],
            kept: vec![
                T::ZERO;
                if self.rules.drop.is_some() {
                    QUERIES * cols
                } else {
                    0
                }
            ],
            query: vec![T::ZERO; QUERIES * depth],
        };
        let tiles = queries.div_ceil(QUERIES);
        let share = tiles.div_ceil(parts);
        let tiles = (part * share).min(tiles)..((part + 1) * share).min(tiles);
        for b in samples {
            for k in groups.clone() {
                let head = Head { b, n: k * group };
                let keys_turned = Turned::new(self.key(head, self.all()));
                let values_turned = Turned::new(self.value(head, self.all()));
                let turned = (&keys_turned, &values_turned);
                let mut by_key = vec![T::ZERO; keys * depth];
                let mut by_value = vec![T::ZERO; keys * width];
                for n in k * group..(k + 1) * group {
                    for t in tiles.clone() {
                        let head = Head { b, n };
                        let slab = Slab {
                            bias: &mut found.bias,
                            head: n - first,
                        };
                        self.backward_tile(
                            head,
                            t * QUERIES,
                            turned,
                            (&mut by_key, &mut by_value),
                            slab,
                            &mut work,
                            into,
                        );
                    }
                }
                found.heads.push((b, k, by_key, by_value));
            }
        }
        found
    }

    /// The tiles of one row of them.
    fn backward_tile(
        &self,
        head: Head,
        t: usize,
        (keys, values): (&Turned<T>, &Turned<T>),
        (by_key, by_value): (&mut [T], &mut [T]),
        mut slab: Slab<'_, T>,
        work: &mut Work<T>,
        into: &Into<'_, T>,
    ) {
        let Sizes {
            queries,
            heads,
            depth,
            width,
            ..
        } = self.sizes;
        let rows = QUERIES.min(queries - t);
        let place = (head.b * queries + t) * heads + head.n;
        let grad = matrix(into.grad, place * width, rows, width, heads * width);
        let sums = &into.sums[(head.b * heads + head.n) * queries + t..][..rows];
        let Work {
            scores,
            slopes,
            kept,
            query,
        } = work;
        let query = &mut query[..rows * depth];
        query.fill(T::ZERO);
        let scale = T::of(self.rules.scale);
        for tile in self.tiles(t, rows) {
            if self.hidden(head, tile) {
                continue;
            }
            let area = rows * tile.cols;
            let (scores, slopes) = (&mut scores[..area], &mut slopes[..area]);
            let q = self.query(head, tile);
            gemm::gemm(scores, tile.cols, q, keys.tile(tile, depth), false, Threads::One);
            gemm::gemm(
                slopes,
                tile.cols,
                grad,
                values.tile(tile, width),
                false,
                Threads::One,
            );
            let kept = if self.rules.drop.is_some() {
                &mut kept[..area]
            } else {
                &mut []
            };
            self.slopes(head, tile, scores, slopes, kept, sums, |i| {
                into.dots[place + i * heads]
            });
            let weights = Mat::new(if kept.is_empty() { &*scores } else { &*kept }, rows, tile.cols);
            let by_value = &mut by_value[tile.s * width..(tile.s + tile.cols) * width];
            gemm::gemm(by_value, width, weights.t(), grad, true, Threads::One);
            if let Some(dims) = into.bias {
                slab.add(dims, tile, slopes);
            }
            let slopes = Mat::new(slopes, rows, tile.cols);
            let by_key = &mut by_key[tile.s * depth..(tile.s + tile.cols) * depth];
            gemm::gemm(by_key, depth, slopes.t(), q, true, Threads::One);
            gemm::gemm(query, depth, slopes, self.key(head, tile), true, Threads::One);
        }
        for (i, sum) in sums.iter().enumerate() {
            let row = &query[i * depth..(i + 1) * depth];
            let start = (place + i * heads) * depth;
            // SAFETY: this task alone has this head and this query.
            let into = unsafe { into.query.get(start, depth) };
            into.iter_mut().zip(row).for_each(|(to, q)| *to = *q * scale);
            if sum.f64() == f64::INFINITY {
                let grad = &grad.data[i * grad.row_stride..][..width];
                self.evenly(head, t + i, |s, p| {
                    let row = by_value[s * width..(s + 1) * width].iter_mut();
                    row.zip(grad).for_each(|(v, g)| *v += p * *g);
                });
            }
        }
    }

    /// From scores and the gradient by probabilities to probabilities (with dropout in `kept`) and the gradient by
    /// scores.
    fn slopes(
        &self,
        head: Head,
        tile: Tile,
        scores: &mut [T],
        slopes: &mut [T],
        kept: &mut [T],
        sums: &[T],
        dot: impl Fn(usize) -> T,
    ) {
        let finishes = self.finishes();
        let scale = if finishes { T::ONE } else { T::of(self.rules.scale) };
        let cols = tile.cols;
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                let rows = scores.chunks_exact_mut(cols).zip(slopes.chunks_exact_mut(cols));
                for (i, ((row, slopes), sum)) in rows.zip(sums).enumerate() {
                    let seen = self.seen(tile, i);
                    let (row, unseen) = row.split_at_mut(seen);
                    let (slopes, flat) = slopes.split_at_mut(seen);
                    unseen.fill(T::ZERO);
                    flat.fill(T::ZERO);
                    if finishes {
                        self.finish_row(head, tile.t + i, tile.s, row);
                    }
                    let dot = dot(i);
                    let blind = sum.f64() == f64::INFINITY;
                    let shift = if blind { T::ZERO } else { *sum };
                    row.iter_mut().for_each(|p| *p = (*p * scale - shift).exp());
                    if blind {
                        row.fill(T::ZERO);
                    }
                    if let Some(drop) = self.rules.drop {
                        let (kept, none) = kept[i * cols..(i + 1) * cols].split_at_mut(seen);
                        none.fill(T::ZERO);
                        self.factors(drop, head, tile.t + i, tile.s, kept);
                        for ((kept, p), slope) in kept.iter_mut().zip(&*row).zip(&mut *slopes) {
                            *slope *= *kept;
                            *kept *= *p;
                        }
                    }
                    slopes
                        .iter_mut()
                        .zip(row)
                        .for_each(|(slope, p)| *slope = *p * (*slope - dot));
                }
            },
        );
    }
}

#[inline(always)]
fn dot<T: Math>(a: &[T], b: &[T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            lanes[i] += a[i] * b[i];
        }
    }
    let rest = lanes.iter_mut().zip(a_rest.iter().zip(b_rest));
    rest.for_each(|(lane, (a, b))| *lane += *a * *b);
    tree(lanes)
}

/// The gradients by the inputs.
#[derive(Clone, Debug)]
pub struct Gradients<T> {
    /// By the queries.
    pub query: Vec<T>,
    /// By the keys.
    pub key: Vec<T>,
    /// By the values.
    pub value: Vec<T>,
    /// By the bias, or empty.
    pub bias: Vec<T>,
}

/// What the backward tasks share.
struct Into<'a, T> {
    query: Rows<T>,
    grad: &'a [T],
    sums: &'a [T],
    dots: &'a [T],
    bias: Option<[usize; 4]>,
}

/// What one backward task makes.
struct Part<T> {
    /// Sample, head of keys, and the gradients by its keys and values.
    heads: Vec<(usize, usize, Vec<T>, Vec<T>)>,
    bias: Vec<T>,
}

/// Buffers of a backward task.
struct Work<T> {
    scores: Vec<T>,
    slopes: Vec<T>,
    kept: Vec<T>,
    query: Vec<T>,
}

/// The part of the bias's gradient that a task makes, and the place of a head in it.
struct Slab<'a, T> {
    bias: &'a mut [T],
    head: usize,
}

impl<T: Math> Slab<'_, T> {
    fn add(&mut self, [_, heads, queries, keys]: [usize; 4], tile: Tile, slopes: &[T]) {
        let head = if heads > 1 { self.head } else { 0 };
        for (i, slopes) in slopes.chunks_exact(tile.cols).enumerate() {
            let row = if queries > 1 { tile.t + i } else { 0 };
            let start = (head * queries + row) * keys;
            if keys > 1 {
                let bias = self.bias[start + tile.s..][..tile.cols].iter_mut();
                bias.zip(slopes).for_each(|(b, s)| *b += *s);
            } else {
                self.bias[start] += slopes.iter().copied().sum::<T>();
            }
        }
    }
}
