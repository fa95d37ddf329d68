//! Sums of a broadcast back to the shape of one operand, in the pass that makes the terms.

use crate::kernels::team::{Parts as _, Slice as _};

use super::broadcast::Plan;
use super::math::Math;
use super::row_folds::{sum_of, sum_of_pairs};
use super::simd::{self, CHUNK};

/// Rows of a part: so many are added in their own type.
const ROWS: usize = 128;
/// Elements that one thread adds.
const PIECE: usize = 1 << 16;

/// Two axes, the last of which both operands walk in steps of 0 or 1.
#[derive(Clone, Copy)]
struct Grid {
    rows: usize,
    len: usize,
    /// How far the other operand's rows and elements are apart.
    other: (usize, usize),
}

impl Grid {
    /// The other operand's part for a row.
    #[inline(always)]
    fn other<T: Copy>(self, other: &[T], row: usize) -> Result<&[T], T> {
        let at = row * self.other.0;
        if self.other.1 == 0 {
            Err(other[at])
        } else {
            Ok(&other[at..at + self.len])
        }
    }
}

impl Plan {
    /// The sums of `f(g, mine, other)` over the axes along which `mine`, the first or the second operand, was
    /// broadcast; `None` where that is not along rows, columns or everything.
    #[inline(always)]
    pub fn sums<T: Math>(
        &self,
        second: bool,
        [g, mine, other]: [&[T]; 3],
        f: impl Fn(T, T, T) -> T + Sync,
    ) -> Option<Vec<T>> {
        if g.is_empty() {
            return None;
        }
        if self.is_scalar(second) {
            return Some(vec![everything(g, mine[0], other, f)]);
        }
        let [(rows, outer), (len, inner)] = self.two_axes()?;
        let side = |(a, b): (usize, usize)| if second { (b, a) } else { (a, b) };
        let (outer, inner) = (side(outer), side(inner));
        let grid = Grid {
            rows,
            len,
            other: (outer.1, inner.1),
        };
        match (outer.0, inner.0) {
            (1, 0) => Some(along_rows(grid, g, mine, other, f)),
            (0, 1) => Some(along_columns(grid, g, mine, other, f)),
            _ => None,
        }
    }
}

#[inline(always)]
fn everything<T: Math>(g: &[T], mine: T, other: &[T], f: impl Fn(T, T, T) -> T + Sync) -> T {
    let sum = |(g, other): (&[T], &[T])| {
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || sum_of_pairs(g, other, |g, other| f(g, mine, other)),
        )
    };
    let parts = g.par_chunks(CHUNK).zip(other.par_chunks(CHUNK));
    let parts: Vec<f64> = parts.map(sum).collect();
    T::of(parts.iter().sum())
}

#[inline(always)]
fn along_rows<T: Math>(
    grid: Grid,
    g: &[T],
    mine: &[T],
    other: &[T],
    f: impl Fn(T, T, T) -> T + Sync,
) -> Vec<T> {
    let mut out = vec![T::ZERO; grid.rows];
    let step = (CHUNK / grid.len).max(1);
    simd::chunks_mut(&mut out, step, simd::parallel(g.len()), &|i, out| {
        let first = i * step;
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                for (i, out) in out.iter_mut().enumerate() {
                    let row = first + i;
                    let (g, mine) = (&g[row * grid.len..][..grid.len], mine[row]);
                    *out = T::of(match grid.other(other, row) {
                        Ok(other) => sum_of_pairs(g, other, |g, other| f(g, mine, other)),
                        Err(other) => sum_of(g, |g| f(g, mine, other)),
                    });
                }
            },
        );
    });
    out
}

#[inline(always)]
fn along_columns<T: Math>(
    grid: Grid,
    g: &[T],
    mine: &[T],
    other: &[T],
    f: impl Fn(T, T, T) -> T + Sync,
) -> Vec<T> {
    let piece = |(i, g): (usize, &[T])| {
        let first = i * (PIECE / grid.len).max(1);
        let (mut sums, mut parts) = (vec![0f64; grid.len], vec![T::ZERO; grid.len]);
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                for (i, g) in g.chunks(ROWS * grid.len).enumerate() {
                    parts.fill(T::ZERO);
                    for (row, g) in g.chunks_exact(grid.len).enumerate() {
                        let columns = parts.iter_mut().zip(g).zip(mine);
                        match grid.other(other, first + i * ROWS + row) {
                            Ok(other) => {
                                for (((part, g), mine), other) in columns.zip(other) {
                                    *part += f(*g, *mine, *other);
                                }
                            }
                            Err(other) => {
                                for ((part, g), mine) in columns {
                                    *part += f(*g, *mine, other);
                                }
                            }
                        }
                    }
                    sums.iter_mut()
                        .zip(&parts)
                        .for_each(|(sum, part)| *sum += part.f64());
                }
            },
        );
        sums
    };
    let pieces = g.par_chunks((PIECE / grid.len).max(1) * grid.len).enumerate();
    let pieces: Vec<Vec<f64>> = pieces.map(piece).collect();
    let total = |column: usize| T::of(pieces.iter().map(|sums| sums[column]).sum());
    (0..grid.len).map(total).collect()
}
