//! Matrix products of `f32` and `f64`: a checked wrapper over the `gemm` crate.
//!
//! Each element is summed in an order that depends on the sizes alone, so results are the same bits for any
//! number of threads.

use gemm::Parallelism;
use rayon::prelude::*;

use crate::host::Real;

// Multiply-adds of one task: enough that waking another thread pays.
const TASK: usize = 1 << 22;
// A side of at least this many rows or columns may be halved; shorter ones would cost the kernel its speed.
const HALVED: usize = 256;

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

    /// `count` rows from `first` on, or those that are left.
    fn rows_from(self, first: usize, count: usize) -> Self {
        let rows = count.min(self.rows - first);
        Self {
            data: &self.data[first * self.row_stride..],
            rows,
            ..self
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

/// Into how many tasks the rows and columns of a product are cut. It depends on the sizes alone, so that each
/// element is summed in the same order whatever the number of threads.
fn grid(m: usize, n: usize, k: usize) -> [usize; 2] {
    let wanted = (m * n * k / TASK).min(64);
    let mut tasks = [1, 1];
    while tasks[0] * tasks[1] < wanted {
        let sizes = [m / tasks[0], n / tasks[1]];
        let longer = usize::from(sizes[1] > sizes[0]);
        if sizes[longer] < HALVED {
            break;
        }
        tasks[longer] *= 2;
    }
    tasks
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
    let tasks = match threads {
        Threads::One => [1, 1],
        Threads::Pool => grid(m, n, k),
    };
    if tasks == [1, 1] {
        // SAFETY: both operands lie inside their slices, `dst` is the caller's promise.
        return unsafe { block(dst, stride, a, b, add) };
    }
    let (rows, cols) = (m.div_ceil(tasks[0]), n.div_ceil(tasks[1]));
    let dst = Shared(dst);
    (0..m.div_ceil(rows) * n.div_ceil(cols))
        .into_par_iter()
        .for_each(|task| {
            let (row, col) = (task / n.div_ceil(cols) * rows, task % n.div_ceil(cols) * cols);
            let a = a.rows_from(row, rows);
            let b = b.t().rows_from(col, cols).t();
            // SAFETY: the tasks write different elements of `dst`, all inside what the caller promised.
            unsafe { block(dst.at(row * stride + col), stride, a, b, add) }
        });
}

/// A destination that several tasks write, each its own elements.
struct Shared<T>(*mut T);

// SAFETY: `product` gives each task other elements.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// # Safety
    /// `offset` must lie inside the destination.
    unsafe fn at(&self, offset: usize) -> *mut T {
        // SAFETY: the caller's promise.
        unsafe { self.0.add(offset) }
    }
}

/// One product on the calling thread.
///
/// # Safety
/// As [`product`], whose checks have been made.
unsafe fn block<T: Real>(dst: *mut T, stride: usize, a: Mat<'_, T>, b: Mat<'_, T>, add: bool) {
    let (zero, one) = (T::of(0.), T::of(1.));
    // SAFETY: the operands were checked to lie inside their slices, `dst` is the caller's promise, and `Real`
    // is implemented for f32 and f64 only, which the crate knows.
    unsafe {
        gemm::gemm(
            a.rows,
            b.cols,
            a.cols,
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
            Parallelism::None,
        );
    }
}
