//! Matrix products of `f32` and `f64`: a checked wrapper over the `gemm` crate.
//!
//! Each element is summed in an order that depends on the sizes alone, so results are the same bits for any
//! number of threads.

use gemm::Parallelism;

use crate::host::Real;

// Multiply-adds below which waking other threads costs more than it brings.
const PARALLEL_MIN: usize = 1 << 22;

/// A matrix in a slice, with any strides.
#[derive(Clone, Copy, Debug)]
pub struct Mat<'a, T> {
    /// The elements, the first one at index 0.
    pub data: &'a [T],
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Distance from one row to the next.
    pub row_stride: usize,
    /// Distance from one column to the next.
    pub col_stride: usize,
}

impl<'a, T> Mat<'a, T> {
    /// A row-major matrix.
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Self {
        Self {
            data,
            rows,
            cols,
            row_stride: cols,
            col_stride: 1,
        }
    }

    /// The transposed view.
    pub fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    fn inside(&self) -> bool {
        let last = |n: usize, stride: usize| n.saturating_sub(1) * stride;
        self.rows == 0
            || self.cols == 0
            || last(self.rows, self.row_stride) + last(self.cols, self.col_stride) < self.data.len()
    }
}

/// Whether a product may use other threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// Only the calling one.
    One,
    /// rayon's current pool, when the product is large enough.
    Pool,
}

impl Threads {
    fn parallelism(self, work: usize) -> Parallelism {
        match self {
            Self::Pool if work >= PARALLEL_MIN => match rayon::current_num_threads() {
                1 => Parallelism::None,
                n => Parallelism::Rayon(n),
            },
            _ => Parallelism::None,
        }
    }
}

/// `dst = a b`, or `dst += a b` with `add`; the rows of `dst` lie `stride` apart.
pub fn gemm<T: Real>(
    dst: &mut [T],
    stride: usize,
    a: Mat<'_, T>,
    b: Mat<'_, T>,
    add: bool,
    threads: Threads,
) {
    let (m, n) = (a.rows, b.cols);
    if m == 0 || n == 0 {
        return;
    }
    assert!(
        (m - 1) * stride + n <= dst.len() && n <= stride,
        "gemm: the destination is too small"
    );
    if a.cols == 0 {
        if !add {
            dst.chunks_mut(stride)
                .take(m)
                .for_each(|row| row[..n].fill(T::default()));
        }
        return;
    }
    // SAFETY: the destination was checked to hold m rows of n elements, `stride` apart and not overlapping.
    unsafe { product(dst.as_mut_ptr(), stride, a, b, add, threads) }
}

/// `a b` as a new row-major matrix.
pub fn matmul<T: Real>(a: Mat<'_, T>, b: Mat<'_, T>, threads: Threads) -> Vec<T> {
    let len = a.rows * b.cols;
    if len == 0 || a.cols == 0 {
        return vec![T::default(); len];
    }
    let mut out = Vec::with_capacity(len);
    // SAFETY: the buffer holds rows * cols elements; without `add` the product writes each and reads none.
    unsafe {
        product(out.as_mut_ptr(), b.cols, a, b, false, threads);
        out.set_len(len);
    }
    out
}

/// # Safety
/// `dst` must be valid for writing `a.rows` rows of `b.cols` elements, `stride >= b.cols` apart, and for
/// reading with `add`.
unsafe fn product<T: Real>(
    dst: *mut T,
    stride: usize,
    a: Mat<'_, T>,
    b: Mat<'_, T>,
    add: bool,
    threads: Threads,
) {
    let (m, n, k) = (a.rows, b.cols, a.cols);
    assert!(
        k == b.rows && a.inside() && b.inside(),
        "gemm: the operands do not fit: {m}x{k}, {}x{n}",
        b.rows
    );
    let (zero, one) = (T::of(0.), T::of(1.));
    // SAFETY: both operands were checked to lie inside their slices, `dst` is the caller's promise, and `Real`
    // is implemented for f32 and f64 only, which the crate knows.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            dst,
            1,
            stride as isize,
            add,
            a.data.as_ptr(),
            a.col_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.col_stride as isize,
            b.row_stride as isize,
            if add { one } else { zero },
            one,
            false,
            false,
            false,
            threads.parallelism(m * n * k),
        );
    }
}
