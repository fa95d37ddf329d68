//! The output, over the keys with a running maximum and sum.

use crate::kernels::team::{IntoParts as _, Parts as _, Slice as _};

use super::{Attention, Head, KEYS, QUERIES, Rows, Sizes, Tile, Turned};
use crate::kernels::gemm::{self, Mat, Threads};
use crate::kernels::math::Math;
use crate::kernels::row_folds::{LANES, largest, tree};
use crate::kernels::simd;

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

impl<T: Math> Attention<'_, T> {
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
}
