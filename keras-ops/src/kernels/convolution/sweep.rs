//! The register kernel: pixels times filters.

use pulp::Simd;

use super::panels::{Packed, Panel};
use crate::kernels::simd;
use crate::kernels::vector::{Lane, read, write};

/// Lines of pixels, each with the window it reads.
#[derive(Debug)]
pub(super) struct Sweep<'a, T> {
    pub(super) x: &'a [T],
    /// Where the first window of each line begins in `x`, and where its result goes.
    pub(super) lines: &'a [(usize, usize)],
    /// Pixels of a line.
    pub(super) width: usize,
    /// From one window to the next.
    pub(super) step: usize,
    /// From one result to the next.
    pub(super) out_step: usize,
    /// The runs of elements of a window: where in it, and how many.
    pub(super) runs: &'a [(usize, usize)],
    pub(super) packed: &'a Packed<T>,
    /// Each column has a channel of its own.
    pub(super) depthwise: bool,
    pub(super) relu: bool,
}

// Rows of a panel that are gone through at once, so that they stay in the second-level cache.
const DEPTH: usize = 1 << 10;
// The most elements of a panel's row: two registers of 64 bytes.
const MOST: usize = 32;

impl<T: Lane> Sweep<'_, T> {
    /// Writes the results to `dst`.
    pub(super) fn run(&self, dst: &mut [T]) {
        let furthest = |i: fn(&(usize, usize)) -> usize| self.lines.iter().map(i).max();
        let (Some(from), Some(to)) = (furthest(|l| l.0), furthest(|l| l.1)) else {
            return;
        };
        if self.width == 0 {
            return;
        }
        let panels = || self.packed.panels.iter();
        let columns = panels().map(|p| p.first + p.columns).max().unwrap_or(0);
        let over = if self.depthwise { self.reach() } else { 0 };
        let window = self.runs.iter().map(|(at, len)| at + len).max();
        let rows: usize = self.runs.iter().map(|run| run.1).sum();
        assert!(
            to + (self.width - 1) * self.out_step + columns <= dst.len()
                && window.is_none_or(|w| from + (self.width - 1) * self.step + w + over <= self.x.len())
                && rows == self.packed.rows,
            "convolution: a sweep reaches over its ends"
        );
        simd::dispatch(Job { sweep: self, dst });
    }

    /// How far the registers of a depthwise sweep read behind a window's start.
    fn reach(&self) -> usize {
        let lanes = super::panels::lanes::<T>();
        let ends = self.packed.panels.iter().map(|p| p.first + p.wide * lanes);
        ends.max().unwrap_or(1) - 1
    }

    /// The runs in pieces of at most `DEPTH` rows.
    fn pieces(&self) -> Vec<Vec<(usize, usize)>> {
        let (mut pieces, mut piece, mut room) = (Vec::new(), Vec::new(), DEPTH);
        for &(mut at, mut len) in self.runs {
            while len > 0 {
                let part = len.min(room);
                piece.push((at, part));
                (at, len, room) = (at + part, len - part, room - part);
                if room == 0 {
                    pieces.push(std::mem::take(&mut piece));
                    room = DEPTH;
                }
            }
        }
        if !piece.is_empty() || pieces.is_empty() {
            pieces.push(piece);
        }
        pieces
    }
}

struct Job<'a, T> {
    sweep: &'a Sweep<'a, T>,
    dst: &'a mut [T],
}

impl<T: Lane> pulp::WithSimd for Job<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let sweep = self.sweep;
        let lanes = T::lanes::<S>();
        assert!(2 * lanes <= MOST);
        for panel in &sweep.packed.panels {
            let mut row = 0;
            let pieces = sweep.pieces();
            for (i, runs) in pieces.iter().enumerate() {
                let ends = (i == 0, i + 1 == pieces.len());
                let rows = runs.iter().map(|run| run.1).sum::<usize>();
                let part = Piece {
                    sweep,
                    panel,
                    runs,
                    row,
                    ends,
                };
                // SAFETY: `run` has checked that all windows and results lie inside, and `Packed` has as many rows
                // as the runs have elements. Registers beyond a panel's columns are in its padding.
                unsafe {
                    match (panel.wide, sweep.depthwise, S::REGISTER_COUNT >= 32) {
                        (1, true, _) => part.pixels::<S, 8, 8, 1, true>(simd, self.dst),
                        (1, false, true) => part.pixels::<S, 16, 17, 1, false>(simd, self.dst),
                        (1, false, false) => part.pixels::<S, 8, 8, 1, false>(simd, self.dst),
                        (_, _, true) => part.pixels::<S, 8, 9, 2, false>(simd, self.dst),
                        (_, _, false) => part.pixels::<S, 6, 6, 2, false>(simd, self.dst),
                    }
                }
                row += rows;
            }
        }
    }
}

/// Some rows of one panel.
struct Piece<'a, T> {
    sweep: &'a Sweep<'a, T>,
    panel: &'a Panel,
    runs: &'a [(usize, usize)],
    row: usize,
    /// Whether these are the first rows, and the last ones.
    ends: (bool, bool),
}

impl<T: Lane> Piece<'_, T> {
    /// All pixels, `P` at a time, or `Q` at first where that leaves none over; else the first of the last ones again.
    ///
    /// # Safety
    /// As [`Sweep::run`] checks.
    #[inline(always)]
    unsafe fn pixels<S: Simd, const P: usize, const Q: usize, const V: usize, const DEPTHWISE: bool>(
        &self,
        simd: S,
        dst: &mut [T],
    ) {
        let sweep = self.sweep;
        let own = if DEPTHWISE { self.panel.first } else { 0 };
        let pixels = sweep.lines.len() * sweep.width;
        let over = pixels % P;
        let mut larger = if Q == P + 1 && over * Q <= pixels { over } else { 0 };
        let (mut from, mut to, mut count) = ([0; Q], [0; Q], 0);
        for &(start, result) in sweep.lines {
            for i in 0..sweep.width {
                from[count] = start + own + i * sweep.step;
                to[count] = result + self.panel.first + i * sweep.out_step;
                count += 1;
                // SAFETY: the caller's promise.
                unsafe {
                    if count == Q && larger > 0 {
                        larger -= 1;
                        self.block::<S, Q, V, DEPTHWISE>(simd, dst, &from, &to);
                        count = 0;
                    } else if count == P && larger == 0 {
                        self.block::<S, P, V, DEPTHWISE>(simd, dst, &from[..P], &to[..P]);
                        count = 0;
                    }
                }
            }
        }
        if count > 0 {
            let first = from[0];
            from[count..].fill(first);
            // SAFETY: the caller's promise.
            unsafe { self.block::<S, P, V, DEPTHWISE>(simd, dst, &from[..P], &to[..count]) };
        }
    }

    /// # Safety
    /// As [`Self::pixels`]; the `P` windows begin at `from`, the first results go to `to`.
    #[inline(always)]
    unsafe fn block<S: Simd, const P: usize, const V: usize, const DEPTHWISE: bool>(
        &self,
        simd: S,
        dst: &mut [T],
        from: &[usize],
        to: &[usize],
    ) {
        let lanes = T::lanes::<S>();
        let whole = self.panel.columns == V * lanes;
        let mut own = [0; P];
        own.copy_from_slice(from);
        let from = own;
        // SAFETY: windows, rows and results lie inside their slices, as promised; where the columns do not fill
        // the registers, results go through a buffer.
        unsafe {
            let packed = self.sweep.packed.data.as_ptr().add(self.panel.at);
            let mut sums = [[T::splat(simd, T::ZERO); V]; P];
            if self.ends.0 {
                let mut bias = [T::splat(simd, T::ZERO); V];
                for (v, bias) in bias.iter_mut().enumerate() {
                    *bias = read::<T, S>(packed.add(v * lanes));
                }
                sums = [bias; P];
            } else {
                for (sums, to) in sums.iter_mut().zip(to) {
                    let mut buffer = [T::ZERO; MOST];
                    let from = if whole {
                        dst.as_ptr().add(*to)
                    } else {
                        buffer[..self.panel.columns].copy_from_slice(&dst[*to..][..self.panel.columns]);
                        buffer.as_ptr()
                    };
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = read::<T, S>(from.add(v * lanes));
                    }
                }
            }
            let mut weights = packed.add((self.row + 1) * V * lanes);
            for &(at, len) in self.runs {
                let mut x = self.sweep.x.as_ptr().add(at);
                for _ in 0..len {
                    let mut row = [T::splat(simd, T::ZERO); V];
                    for (v, row) in row.iter_mut().enumerate() {
                        *row = read::<T, S>(weights.add(v * lanes));
                    }
                    for (sums, from) in sums.iter_mut().zip(&from) {
                        let value = if DEPTHWISE {
                            read::<T, S>(x.add(*from))
                        } else {
                            T::splat(simd, *x.add(*from))
                        };
                        for (sum, row) in sums.iter_mut().zip(&row) {
                            *sum = T::fma(simd, value, *row, *sum);
                        }
                    }
                    weights = weights.add(V * lanes);
                    x = x.add(1);
                }
            }
            if self.ends.1 && self.sweep.relu {
                for sum in &mut sums {
                    for v in sum {
                        *v = T::relu_all(simd, *v);
                    }
                }
            }
            for (sums, to) in sums.iter().zip(to) {
                let mut buffer = [T::ZERO; MOST];
                let result = if whole {
                    dst.as_mut_ptr().add(*to)
                } else {
                    buffer.as_mut_ptr()
                };
                for (v, sum) in sums.iter().enumerate() {
                    write::<T, S>(result.add(v * lanes), *sum);
                }
                if !whole {
                    dst[*to..][..self.panel.columns].copy_from_slice(&buffer[..self.panel.columns]);
                }
            }
        }
    }
}
