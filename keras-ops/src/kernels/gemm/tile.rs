//! The products of `f32` matrices.
//!
//! The right operand is copied panel by panel, a few vectors wide, into memory that stays in the near caches; a tile of
//! rows keeps its sums in registers. Each element is a sum of fused multiply-adds over [`DEPTH`] terms, and of such
//! sums in order: it depends on nothing but its row and its column.

use std::cell::RefCell;
use std::mem::MaybeUninit;

use pulp::Simd;

use super::{Mat, Start};
use crate::kernels::fused::FusedActivation;
use crate::kernels::math::Math;
use crate::kernels::{simd, turn};

/// Terms of a sum before it is added to the destination.
const DEPTH: usize = 256;
/// Rows of a tile.
const ROWS: usize = 6;
/// Columns of the widest panel.
pub(super) const WIDE: usize = 64;
/// Bytes of the widest vector.
const ALIGNED: usize = 64;

/// Vectors of a panel: what the sums of a tile leave room for in the registers.
pub(in crate::kernels) const fn vectors<S: Simd>() -> usize {
    if S::REGISTER_COUNT < 32 { 2 } else { 4 }
}

thread_local! {
    static PANEL: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// `dst = act(start + a b)`.
pub(super) struct Block<'a> {
    /// Rows of `b.cols` elements, `stride` apart, all valid for writing, and for reading where the start is `Old`.
    pub(super) dst: *mut f32,
    pub(super) stride: usize,
    pub(super) a: Mat<'a, f32>,
    pub(super) b: Mat<'a, f32>,
    pub(super) start: Start<'a, f32>,
    pub(super) act: FusedActivation,
}

impl Block<'_> {
    pub(super) fn run(self) {
        PANEL.with_borrow_mut(|panel| {
            panel.resize(DEPTH * WIDE + ALIGNED / size_of::<f32>(), 0.);
            let aligned = panel.as_ptr().align_offset(ALIGNED);
            simd::dispatch(Job(self, &mut panel[aligned..]));
        });
    }
}

/// A product and the memory for its panels.
struct Job<'a>(Block<'a>, &'a mut [f32]);

impl pulp::WithSimd for Job<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self(block, panel) = self;
        let width = vectors::<S>() * S::F32_LANES;
        let mut first = 0;
        while first < block.b.cols {
            let end = block.b.cols.min(first + width);
            block.columns(simd, first, end, panel);
            block.activate(first, end);
            first = end;
        }
    }
}

/// What sums are added to: rows that lie `stride` apart.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Base {
    pub(in crate::kernels) first: *const f32,
    pub(in crate::kernels) stride: usize,
}

/// A panel's operands and results.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Tile<'a> {
    /// A panel of the right operand: `depth` rows of whole vectors.
    pub(in crate::kernels) panel: &'a [f32],
    pub(in crate::kernels) depth: usize,
    /// The left operand: rows of `depth` elements.
    pub(in crate::kernels) a: *const f32,
    pub(in crate::kernels) row_stride: usize,
    pub(in crate::kernels) col_stride: usize,
    /// Rows of `filled` elements.
    pub(in crate::kernels) dst: *mut f32,
    pub(in crate::kernels) stride: usize,
    pub(in crate::kernels) base: Option<Base>,
    /// Columns that count.
    pub(in crate::kernels) filled: usize,
}

impl Block<'_> {
    #[inline(always)]
    fn columns<S: Simd>(&self, simd: S, first: usize, end: usize, panel: &mut [f32]) {
        let (filled, rows) = (end - first, self.a.rows);
        let count = filled.div_ceil(S::F32_LANES);
        for from in (0..self.a.cols).step_by(DEPTH) {
            let depth = DEPTH.min(self.a.cols - from);
            let panel = &mut panel[..depth * count * S::F32_LANES];
            pack::<S>(panel, self.b, from..from + depth, first..end);
            // SAFETY: the caller's promise of `dst`; a bias has an element a column.
            let (dst, old) = unsafe {
                let dst = self.dst.add(first);
                (
                    dst,
                    Base {
                        first: dst,
                        stride: self.stride,
                    },
                )
            };
            let base = match self.start {
                _ if from > 0 => Some(old),
                Start::Old => Some(old),
                Start::Bias(bias) => Some(Base {
                    first: bias[first..end].as_ptr(),
                    stride: 0,
                }),
                Start::Zero => None,
            };
            let tile = Tile {
                panel,
                depth,
                a: self.a.data[from * self.a.col_stride..].as_ptr(),
                row_stride: self.a.row_stride,
                col_stride: self.a.col_stride,
                dst,
                stride: self.stride,
                base,
                filled,
            };
            // SAFETY: `Product` was checked.
            unsafe { tile.multiply(simd, rows) };
        }
    }

    #[inline(always)]
    fn activate(&self, first: usize, end: usize) {
        if self.act == FusedActivation::Linear {
            return;
        }
        for row in 0..self.a.rows {
            // SAFETY: the caller's promise; the products above have written these elements.
            let line = unsafe {
                let start = self.dst.add(row * self.stride + first);
                std::slice::from_raw_parts_mut(start, end - first)
            };
            match self.act {
                FusedActivation::Linear => {}
                FusedActivation::Relu => line.iter_mut().for_each(|v| *v = v.relu()),
                FusedActivation::Sigmoid => line.iter_mut().for_each(|v| *v = v.sigmoid()),
                FusedActivation::Tanh => line.iter_mut().for_each(|v| *v = Math::tanh(*v)),
            }
        }
    }
}

/// Copies a part of the right operand into rows of whole vectors, the last one filled with zeros.
#[inline(always)]
pub(in crate::kernels) fn pack<S: Simd>(
    panel: &mut [f32],
    b: Mat<'_, f32>,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
) {
    let filled = columns.len();
    let width = filled.div_ceil(S::F32_LANES) * S::F32_LANES;
    let from = &b.data[rows.start * b.row_stride + columns.start * b.col_stride..];
    if b.col_stride == 1 {
        for (k, line) in panel.chunks_exact_mut(width).enumerate() {
            let from = &from[k * b.row_stride..][..filled];
            if filled == 4 * S::F32_LANES {
                // Of known size, so that it is no call.
                line[..4 * S::F32_LANES].copy_from_slice(&from[..4 * S::F32_LANES]);
            } else {
                line[..filled].copy_from_slice(from);
                line[filled..].fill(0.);
            }
        }
    } else if b.row_stride == 1 {
        turn::turn::<S>(panel, width, from, b.col_stride, rows.len(), filled);
        if filled < width {
            panel
                .chunks_exact_mut(width)
                .for_each(|line| line[filled..].fill(0.));
        }
    } else {
        for (k, line) in panel.chunks_exact_mut(width).enumerate() {
            let picked = from[k * b.row_stride..].iter().step_by(b.col_stride);
            line[..filled].iter_mut().zip(picked).for_each(|(to, v)| *to = *v);
            line[filled..].fill(0.);
        }
    }
}

impl Tile<'_> {
    /// All of `rows` rows.
    ///
    /// # Safety
    /// The operands must hold as many rows, and the panel `depth` rows of the vectors that `filled` elements need.
    #[inline(always)]
    pub(in crate::kernels) unsafe fn multiply<S: Simd>(self, simd: S, rows: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.filled.div_ceil(S::F32_LANES) {
                1 => self.rows::<S, 1>(simd, rows),
                2 => self.rows::<S, 2>(simd, rows),
                3 => self.rows::<S, 3>(simd, rows),
                _ => self.rows::<S, 4>(simd, rows),
            }
        }
    }

    /// [`multiply`](Self::multiply) for `N` vectors of columns.
    #[inline(always)]
    unsafe fn rows<S: Simd, const N: usize>(mut self, simd: S, rows: usize) {
        let mut left = rows;
        while left > 0 {
            // SAFETY: the caller's promise; a tile takes no more rows than are left.
            let done = unsafe {
                match left {
                    1 => self.product::<S, 1, N>(simd),
                    2 | 3 => self.product::<S, 2, N>(simd),
                    4 | 5 | 8 => self.product::<S, 4, N>(simd),
                    _ => self.product::<S, ROWS, N>(simd),
                }
            };
            left -= done;
            self.a = self.a.wrapping_add(done * self.row_stride);
            self.dst = self.dst.wrapping_add(done * self.stride);
            if let Some(base) = &mut self.base {
                base.first = base.first.wrapping_add(done * base.stride);
            }
        }
    }

    /// `M` rows.
    ///
    /// # Safety
    /// The operands must hold `M` rows, and the panel `depth` rows of `N` vectors.
    #[inline(always)]
    #[allow(
        clippy::needless_range_loop,
        reason = "counts that are constants, so that sums stay in registers"
    )]
    unsafe fn product<S: Simd, const M: usize, const N: usize>(&self, simd: S) -> usize {
        let lanes = S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.); N]; M];
        let panel = self.panel.as_ptr();
        // SAFETY: in bounds by the caller's promise; a vector may be read from anywhere.
        unsafe {
            let vector = |at: *const f32| at.cast::<S::f32s>().read_unaligned();
            let mut left = self.a;
            for k in 0..self.depth {
                let line: [S::f32s; N] = std::array::from_fn(|n| vector(panel.add((k * N + n) * lanes)));
                for m in 0..M {
                    let value = simd.splat_f32s(*left.add(m * self.row_stride));
                    for n in 0..N {
                        sums[m][n] = simd.mul_add_e_f32s(value, line[n], sums[m][n]);
                    }
                }
                left = left.wrapping_add(self.col_stride);
            }
            if self.filled < N * lanes {
                self.store_part::<S, M, N>(&sums);
                return M;
            }
            match self.base {
                Some(base) => {
                    for m in 0..M {
                        for n in 0..N {
                            let old = vector(base.first.add(m * base.stride + n * lanes));
                            let to = self.dst.add(m * self.stride + n * lanes);
                            to.cast::<S::f32s>()
                                .write_unaligned(simd.add_f32s(sums[m][n], old));
                        }
                    }
                }
                None => {
                    for m in 0..M {
                        for n in 0..N {
                            let to = self.dst.add(m * self.stride + n * lanes);
                            to.cast::<S::f32s>().write_unaligned(sums[m][n]);
                        }
                    }
                }
            }
        }
        M
    }

    /// Stores sums of which only the first `filled` columns count.
    ///
    /// # Safety
    /// As [`product`](Self::product).
    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "as above")]
    unsafe fn store_part<S: Simd, const M: usize, const N: usize>(&self, sums: &[[S::f32s; N]; M]) {
        let lanes = S::F32_LANES;
        // Through memory: sums picked by number would live there from the start.
        let mut buffer = [MaybeUninit::<f32>::uninit(); ROWS * WIDE];
        let buffer = buffer.as_mut_ptr().cast::<f32>();
        // SAFETY: the buffer holds M rows of N vectors; the rest is the caller's promise.
        unsafe {
            for m in 0..M {
                for n in 0..N {
                    let to = buffer.add((m * N + n) * lanes);
                    to.cast::<S::f32s>().write_unaligned(sums[m][n]);
                }
            }
            for m in 0..M {
                for column in 0..self.filled {
                    let sum = *buffer.add(m * N * lanes + column);
                    let old = self
                        .base
                        .map_or(0., |base| *base.first.add(m * base.stride + column));
                    *self.dst.add(m * self.stride + column) = sum + old;
                }
            }
        }
    }
}
