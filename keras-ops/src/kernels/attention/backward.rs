//! The gradients: each tile's probabilities are made again from the logarithms of the sums.

use crate::kernels::team::{IntoParts as _, Parts as _};

use super::{Attention, Head, KEYS, QUERIES, Rows, Sizes, TASKS, Tile, Turned, matrix};
use crate::kernels::gemm::{self, Mat, Threads};
use crate::kernels::math::Math;
use crate::kernels::row_folds::sum_of_pairs;
use crate::kernels::simd;

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

/// The keys and values of one head and the gradients by them.
struct Side<T> {
    keys: Turned<T>,
    values: Turned<T>,
    by_key: Vec<T>,
    by_value: Vec<T>,
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

impl<T: Math> Attention<'_, T> {
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
        let samples = if several(0, batch) { batch } else { 1 };
        let groups = if several(1, heads) { shared } else { 1 };
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
                rows.map(|(o, g)| T::of(sum_of_pairs(o, g, |o, g| o * g)))
                    .collect()
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
                let mut side = Side {
                    keys: Turned::new(self.key(head, self.all())),
                    values: Turned::new(self.value(head, self.all())),
                    by_key: vec![T::ZERO; keys * depth],
                    by_value: vec![T::ZERO; keys * width],
                };
                for n in k * group..(k + 1) * group {
                    for t in tiles.clone() {
                        let slab = Slab {
                            bias: &mut found.bias,
                            head: n - first,
                        };
                        self.backward_tile(Head { b, n }, t * QUERIES, &mut side, slab, &mut work, into);
                    }
                }
                found.heads.push((b, k, side.by_key, side.by_value));
            }
        }
        found
    }

    /// The tiles of one row of them.
    fn backward_tile(
        &self,
        head: Head,
        t: usize,
        side: &mut Side<T>,
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
            gemm::gemm(
                scores,
                tile.cols,
                q,
                side.keys.tile(tile, depth),
                false,
                Threads::One,
            );
            gemm::gemm(
                slopes,
                tile.cols,
                grad,
                side.values.tile(tile, width),
                false,
                Threads::One,
            );
            let kept = if self.rules.drop.is_some() {
                &mut kept[..area]
            } else {
                &mut []
            };
            let dots = |i: usize| into.dots[place + i * heads];
            self.slopes(head, tile, (&mut *scores, &mut *slopes, &mut *kept), sums, dots);
            let weights = Mat::new(if kept.is_empty() { &*scores } else { &*kept }, rows, tile.cols);
            let by_value = &mut side.by_value[tile.s * width..(tile.s + tile.cols) * width];
            gemm::gemm(by_value, width, weights.t(), grad, true, Threads::One);
            if let Some(dims) = into.bias {
                slab.add(dims, tile, slopes);
            }
            let slopes = Mat::new(slopes, rows, tile.cols);
            let by_key = &mut side.by_key[tile.s * depth..(tile.s + tile.cols) * depth];
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
                    let row = side.by_value[s * width..(s + 1) * width].iter_mut();
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
        (scores, slopes, kept): (&mut [T], &mut [T], &mut [T]),
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
