//! Products of few rows with one matrix, again and again: the steps of a recurrent layer.
//!
//! The matrix is packed once into panels of a few vectors' width, and a tile of rows keeps its sums in
//! registers. A row's sums do not depend on the rows beside it.

use pulp::Simd;

use super::gemm::{self, Mat, Threads};
use super::math::Math;
use super::simd;

// Vectors of one panel.
const PANEL: usize = 4;

/// A right operand in the layout its products read.
#[derive(Clone, Debug)]
pub struct Packed<T> {
    data: Vec<T>,
    rows: usize,
    cols: usize,
}

/// What sums start from.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a, T> {
    /// Nothing.
    Zero,
    /// One value a column.
    Bias(&'a [T]),
    /// What the destination holds.
    Old,
}

impl<'a, T> Start<'a, T> {
    /// A bias, if there is one.
    pub fn bias(bias: Option<&'a [T]>) -> Self {
        bias.map_or(Start::Zero, Start::Bias)
    }
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
        let Mat {
            data,
            rows,
            cols,
            row_stride,
            col_stride,
        } = self.0;
        let lanes = S::F32_LANES;
        let padded = cols.div_ceil(lanes) * lanes;
        let mut out = vec![0.; rows * padded];
        for first in (0..cols).step_by(PANEL * lanes) {
            let width = (padded - first).min(PANEL * lanes);
            let filled = (cols - first).min(width);
            let panel = &mut out[first * rows..][..rows * width];
            for (k, line) in panel.chunks_exact_mut(width).enumerate() {
                let from = &data[k * row_stride + first * col_stride..];
                if col_stride == 1 {
                    line[..filled].copy_from_slice(&from[..filled]);
                } else {
                    let picked = from.iter().step_by(col_stride);
                    line[..filled].iter_mut().zip(picked).for_each(|(to, v)| *to = *v);
                }
            }
        }
        Packed {
            data: out,
            rows,
            cols,
        }
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
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (lanes, cols) = (S::F32_LANES, self.packed.cols);
        let padded = cols.div_ceil(lanes) * lanes;
        for first in (0..padded).step_by(PANEL * lanes) {
            match (padded - first).min(PANEL * lanes) / lanes {
                1 => self.panel::<S, 1>(simd, first),
                2 => self.panel::<S, 2>(simd, first),
                3 => self.panel::<S, 3>(simd, first),
                _ => self.panel::<S, PANEL>(simd, first),
            }
        }
    }
}

impl Multiply<'_> {
    #[inline(always)]
    fn panel<S: Simd, const N: usize>(&mut self, simd: S, first: usize) {
        let count = self.rows.count;
        let mut row = 0;
        while row < count {
            let left = count - row;
            // More sums than registers would go through memory.
            let tile = if S::REGISTER_COUNT < 32 { left.min(2) } else { left };
            row += match tile {
                1 => self.tile::<S, 1, N>(simd, row, first),
                2 | 3 => self.tile::<S, 2, N>(simd, row, first),
                4 | 5 | 8 => self.tile::<S, 4, N>(simd, row, first),
                _ => self.tile::<S, 6, N>(simd, row, first),
            };
        }
    }

    /// Rows `row .. row + M`, `N` vectors of columns from `first` on.
    #[inline(always)]
    #[allow(
        clippy::needless_range_loop,
        reason = "counts that are constants, so that sums stay in registers"
    )]
    fn tile<S: Simd, const M: usize, const N: usize>(&mut self, simd: S, row: usize, first: usize) -> usize {
        let (lanes, depth) = (S::F32_LANES, self.packed.rows);
        let filled = (self.packed.cols - first).min(N * lanes);
        let mut sums = [[simd.splat_f32s(0.); N]; M];
        let part = |line: &[f32], n: usize| {
            simd.partial_load_f32s(&line[(n * lanes).min(filled)..filled.min((n + 1) * lanes)])
        };
        match self.start {
            Start::Zero => {}
            Start::Bias(bias) => {
                let line = &bias[first..first + filled];
                for n in 0..N {
                    let value = part(line, n);
                    sums.iter_mut().for_each(|sums| sums[n] = value);
                }
            }
            Start::Old => {
                for m in 0..M {
                    let line = &self.dst[(row + m) * self.stride + first..][..filled];
                    for n in 0..N {
                        sums[m][n] = part(line, n);
                    }
                }
            }
        }
        let panel = &self.packed.data[first * depth..][..depth * N * lanes];
        let (panel, _) = S::as_simd_f32s(panel);
        let left = &self.rows.data[row * self.rows.stride..];
        let step = self.rows.stride;
        for k in 0..depth {
            // SAFETY: the panel holds `depth` lines of N vectors; `check` found `depth` elements in every row.
            let line: [S::f32s; N] = std::array::from_fn(|n| unsafe { *panel.get_unchecked(k * N + n) });
            for m in 0..M {
                // SAFETY: as above.
                let value = simd.splat_f32s(unsafe { *left.get_unchecked(m * step + k) });
                for n in 0..N {
                    sums[m][n] = simd.mul_add_e_f32s(value, line[n], sums[m][n]);
                }
            }
        }
        for m in 0..M {
            let line = &mut self.dst[(row + m) * self.stride + first..][..filled];
            for n in 0..N {
                let end = filled.min((n + 1) * lanes);
                simd.partial_store_f32s(&mut line[(n * lanes).min(filled)..end], sums[m][n]);
            }
        }
        M
    }
}
