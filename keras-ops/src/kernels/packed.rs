//! Products of few rows with one matrix, again and again: the steps of a recurrent layer.
//!
//! The matrix is packed once into panels of a few vectors' width, and a tile of rows keeps its sums in
//! registers. A row's sums do not depend on the rows beside it.

use pulp::Simd;

pub use super::gemm::Start;
use super::gemm::tile::{self, Base, Tile};
use super::gemm::{self, Mat, Threads};
use super::math::Math;
use super::simd;

/// A right operand in the layout its products read.
#[derive(Clone, Debug)]
pub struct Packed<T> {
    data: Vec<T>,
    rows: usize,
    cols: usize,
}

/// Rows that lie `stride` apart, each without gaps.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, T> {
    /// The elements, the first row at index 0.
    pub data: &'a [T],
    /// How many rows.
    pub count: usize,
    /// Distance from one row to the next.
    pub stride: usize,
}

/// Floats with products of packed matrices.
pub trait Product: Math {
    /// Packs a matrix.
    fn pack(matrix: Mat<'_, Self>) -> Packed<Self>;
    /// `dst = start + rows packed`; the rows of `dst` lie `stride` apart.
    fn multiply(
        dst: &mut [Self],
        stride: usize,
        rows: Rows<'_, Self>,
        packed: &Packed<Self>,
        start: Start<'_, Self>,
    );
}

fn check<T>(dst: &[T], stride: usize, rows: &Rows<'_, T>, packed: &Packed<T>, start: &Start<'_, T>) {
    let (n, k, last) = (packed.cols, packed.rows, rows.count - 1);
    assert!(
        last * stride + n <= dst.len() && (last == 0 || n <= stride),
        "product: the destination is too small"
    );
    assert!(
        last * rows.stride + k <= rows.data.len(),
        "product: the operand is too small"
    );
    if let Start::Bias(bias) = start {
        assert_eq!(bias.len(), n, "product: one bias a column");
    }
}

impl Product for f64 {
    fn pack(matrix: Mat<'_, f64>) -> Packed<f64> {
        let (rows, cols) = (matrix.rows, matrix.cols);
        let at = |i: usize| matrix.data[i / cols * matrix.row_stride + i % cols * matrix.col_stride];
        Packed {
            data: (0..rows * cols).map(at).collect(),
            rows,
            cols,
        }
    }

    fn multiply(
        dst: &mut [f64],
        stride: usize,
        rows: Rows<'_, f64>,
        packed: &Packed<f64>,
        start: Start<'_, f64>,
    ) {
        if rows.count == 0 || packed.cols == 0 {
            return;
        }
        check(dst, stride, &rows, packed, &start);
        if let Start::Bias(bias) = start {
            for row in dst.chunks_mut(stride).take(rows.count) {
                row[..bias.len()].copy_from_slice(bias);
            }
        }
        let a = Mat {
            data: rows.data,
            rows: rows.count,
            cols: packed.rows,
            row_stride: rows.stride,
            col_stride: 1,
        };
        let b = Mat::new(&packed.data, packed.rows, packed.cols);
        let add = !matches!(start, Start::Zero);
        // A row of a single-row product is summed in another order, so rows go one by one.
        for row in 0..rows.count {
            let a = Mat {
                data: &a.data[row * a.row_stride..],
                rows: 1,
                ..a
            };
            gemm::gemm(
                &mut dst[row * stride..],
                stride.max(packed.cols),
                a,
                b,
                add,
                Threads::One,
            );
        }
    }
}

impl Product for f32 {
    fn pack(matrix: Mat<'_, f32>) -> Packed<f32> {
        simd::dispatch(Pack(matrix))
    }

    fn multiply(
        dst: &mut [f32],
        stride: usize,
        rows: Rows<'_, f32>,
        packed: &Packed<f32>,
        start: Start<'_, f32>,
    ) {
        if rows.count == 0 || packed.cols == 0 {
            return;
        }
        check(dst, stride, &rows, packed, &start);
        simd::dispatch(Multiply {
            dst,
            stride,
            rows,
            packed,
            start,
        });
    }
}

struct Pack<'a>(Mat<'a, f32>);

impl pulp::WithSimd for Pack<'_> {
    type Output = Packed<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Packed<f32> {
        let Mat { rows, cols, .. } = self.0;
        let (lanes, width) = (S::F32_LANES, tile::vectors::<S>() * S::F32_LANES);
        let padded = cols.div_ceil(lanes) * lanes;
        let mut data = vec![0.; rows * padded];
        for first in (0..cols).step_by(width) {
            let panel = &mut data[first * rows..][..rows * (padded - first).min(width)];
            tile::pack::<S>(panel, self.0, 0..rows, first..cols.min(first + width));
        }
        Packed { data, rows, cols }
    }
}

struct Multiply<'a> {
    dst: &'a mut [f32],
    stride: usize,
    rows: Rows<'a, f32>,
    packed: &'a Packed<f32>,
    start: Start<'a, f32>,
}

impl pulp::WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (lanes, width) = (S::F32_LANES, tile::vectors::<S>() * S::F32_LANES);
        let (cols, depth) = (self.packed.cols, self.packed.rows);
        let padded = cols.div_ceil(lanes) * lanes;
        for first in (0..cols).step_by(width) {
            let dst = self.dst[first..].as_mut_ptr();
            let base = match self.start {
                Start::Zero => None,
                Start::Bias(bias) => Some((bias[first..].as_ptr(), 0)),
                Start::Old => Some((dst.cast_const(), self.stride)),
            };
            let tile = Tile {
                panel: &self.packed.data[first * depth..][..depth * (padded - first).min(width)],
                depth,
                a: self.rows.data.as_ptr(),
                row_stride: self.rows.stride,
                col_stride: 1,
                dst,
                stride: self.stride,
                base: base.map(|(first, stride)| Base { first, stride }),
                filled: (cols - first).min(width),
            };
            // SAFETY: `check` found all rows in the destination and in the operand.
            unsafe { tile.multiply(simd, self.rows.count) };
        }
    }
}
