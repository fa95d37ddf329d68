//! Cholesky and LU factors and triangular systems of row-major matrices, in blocks so that most of the work is
//! matrix products.

use super::gemm::{Mat, Threads, gemm};
use super::simd;
use crate::kernels::math::Math;

/// Rows of a block.
const BLOCK: usize = 32;

/// `to -= factor * from`.
fn subtract<T: Math>(to: &mut [T], factor: T, from: &[T]) {
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || {
            to.iter_mut()
                .zip(from)
                .for_each(|(to, from)| *to -= factor * *from)
        },
    );
}

/// `dst -= a b` for matrices that lie apart; the rows of `dst` lie `stride` apart.
fn subtract_product<T: Math>(dst: &mut [T], stride: usize, a: Mat<'_, T>, b: Mat<'_, T>) {
    let negative: Vec<T> = (0..a.rows)
        .flat_map(|i| (0..a.cols).map(move |j| (i, j)))
        .map(|(i, j)| -a.data[i * a.row_stride + j * a.col_stride])
        .collect();
    gemm(
        dst,
        stride,
        Mat::new(&negative, a.rows, a.cols),
        b,
        true,
        Threads::Pool,
    );
}

/// A copy of rows `rows` and columns `cols` of a matrix with `n` columns.
fn part<T: Copy>(a: &[T], n: usize, rows: std::ops::Range<usize>, cols: std::ops::Range<usize>) -> Vec<T> {
    rows.flat_map(|i| a[i * n..][cols.clone()].iter().copied())
        .collect()
}

/// The lower Cholesky factor of a symmetric `n` by `n` matrix, of which the lower triangle is read; `None` when it is
/// not positive definite.
pub fn cholesky<T: Math>(a: &[T], n: usize) -> Option<Vec<T>> {
    let mut l = a.to_vec();
    for k in (0..n).step_by(BLOCK) {
        let end = (k + BLOCK).min(n);
        for i in k..n {
            let (above, row) = l.split_at_mut(i * n);
            for j in k..end.min(i + 1) {
                let other = if j == i {
                    None
                } else {
                    Some(&above[j * n + k..j * n + j])
                };
                let (done, rest) = row[k..].split_at_mut(j - k);
                let dot = |b: &[T]| -> T { done.iter().zip(b).map(|(a, b)| *a * *b).sum() };
                match other {
                    Some(other) => rest[0] = (rest[0] - dot(other)) / above[j * n + j],
                    None => {
                        let square = rest[0] - dot(done);
                        // NaN is not positive either.
                        if square.is_nan() || square <= T::ZERO {
                            return None;
                        }
                        rest[0] = square.sqrt();
                    }
                }
            }
        }
        // What lies right of the block, in strips so that little above the diagonal is computed.
        let strip = 4 * BLOCK;
        for first in (end..n).step_by(strip) {
            let last = (first + strip).min(n);
            let (left, right) = (part(&l, n, first..n, k..end), part(&l, n, first..last, k..end));
            let dst = &mut l[first * n + first..];
            subtract_product(
                dst,
                n,
                Mat::new(&left, n - first, end - k),
                Mat::new(&right, last - first, end - k).t(),
            );
        }
    }
    for i in 0..n {
        l[i * n + i + 1..(i + 1) * n].fill(T::ZERO);
    }
    Some(l)
}

/// The factors of `P A = L U` in one matrix, and for each row the row that it was exchanged with.
pub fn lu<T: Math>(a: &[T], n: usize) -> (Vec<T>, Vec<u32>) {
    let mut lu = a.to_vec();
    let mut pivots = Vec::with_capacity(n);
    for k in (0..n).step_by(BLOCK) {
        let end = (k + BLOCK).min(n);
        for j in k..end {
            let mut pivot = j;
            for i in j + 1..n {
                if lu[i * n + j].abs() > lu[pivot * n + j].abs() {
                    pivot = i;
                }
            }
            pivots.push(pivot as u32);
            let (top, below) = lu.split_at_mut((j + 1) * n);
            let top = &mut top[j * n..];
            if pivot > j {
                top.swap_with_slice(&mut below[(pivot - j - 1) * n..][..n]);
            }
            let scale = top[j];
            if scale == T::ZERO {
                continue;
            }
            for row in below.chunks_exact_mut(n) {
                row[j] /= scale;
                let factor = row[j];
                row[j + 1..end]
                    .iter_mut()
                    .zip(&top[j + 1..end])
                    .for_each(|(x, t)| *x -= factor * *t);
            }
        }
        if end == n {
            break;
        }
        for i in k + 1..end {
            let (above, row) = lu.split_at_mut(i * n);
            let (factors, row) = row[..n].split_at_mut(end);
            for p in k..i {
                subtract(row, factors[p], &above[p * n + end..(p + 1) * n]);
            }
        }
        let (left, right) = (part(&lu, n, end..n, k..end), part(&lu, n, k..end, end..n));
        subtract_product(
            &mut lu[end * n + end..],
            n,
            Mat::new(&left, n - end, end - k),
            Mat::new(&right, end - k, n - end),
        );
    }
    (lu, pivots)
}

/// Exchanges the rows of a matrix with `m` columns as [`lu`] did.
pub fn permute<T>(x: &mut [T], m: usize, pivots: &[u32]) {
    for (i, pivot) in pivots.iter().enumerate().filter(|(i, p)| *i != **p as usize) {
        let (top, below) = x.split_at_mut(*pivot as usize * m);
        top[i * m..(i + 1) * m].swap_with_slice(&mut below[..m]);
    }
}

/// Which triangle of a matrix counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Triangle {
    /// The lower one.
    Lower,
    /// The lower one, with ones on the diagonal.
    UnitLower,
    /// The upper one.
    Upper,
}

/// Solves `A X = B` in place of `B`, `n` by `m`, for a triangular `A`.
pub fn solve_triangular<T: Math>(a: &[T], n: usize, triangle: Triangle, x: &mut [T], m: usize) {
    let blocks = n.div_ceil(BLOCK);
    let upper = triangle == Triangle::Upper;
    for block in 0..blocks {
        let block = if upper { blocks - 1 - block } else { block };
        let (k, end) = (block * BLOCK, ((block + 1) * BLOCK).min(n));
        for step in 0..end - k {
            let i = if upper { end - 1 - step } else { k + step };
            let (above, rest) = x.split_at_mut(i * m);
            let (row, below) = rest.split_at_mut(m);
            if upper {
                for p in i + 1..end {
                    subtract(row, a[i * n + p], &below[(p - i - 1) * m..(p - i) * m]);
                }
            } else {
                for p in k..i {
                    subtract(row, a[i * n + p], &above[p * m..(p + 1) * m]);
                }
            }
            if triangle != Triangle::UnitLower {
                let scale = a[i * n + i];
                row.iter_mut().for_each(|x| *x /= scale);
            }
        }
        let others = if upper { 0..k } else { end..n };
        if others.is_empty() {
            continue;
        }
        let factors = part(a, n, others.clone(), k..end);
        let solved = x[k * m..end * m].to_vec();
        subtract_product(
            &mut x[others.start * m..],
            m,
            Mat::new(&factors, others.len(), end - k),
            Mat::new(&solved, end - k, m),
        );
    }
}

/// The solution of `A X = B` from the factors of `A`.
pub fn solve<T: Math>(lu: &[T], pivots: &[u32], n: usize, b: &[T], m: usize) -> Vec<T> {
    let mut x = b.to_vec();
    permute(&mut x, m, pivots);
    solve_triangular(lu, n, Triangle::UnitLower, &mut x, m);
    solve_triangular(lu, n, Triangle::Upper, &mut x, m);
    x
}
