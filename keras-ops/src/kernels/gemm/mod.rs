//! Matrix products, with bias and activation: own kernels for `f32`, the `gemm` crate for `f64` and for products of few
//! rows or columns.
//!
//! Each element is summed in an order that depends on the sizes alone, so results are the same bits for any
//! number of threads.

pub(in crate::kernels) mod tile;

use candle_core::DType;
use gemm::Parallelism;
use smallvec::SmallVec;

use super::buffer;
use super::fused::{self, FusedActivation};
use super::math::Math;
use super::team;

// Multiply-adds of one task: enough that handing it to another thread pays.
const TASK: usize = 1 << 20;
// The most tasks of a product, and the fewest rows of one: a panel that is packed for fewer does not pay.
const TASKS: usize = 64;
const ROWS: usize = 64;
// Fewer rows than these, each without gaps in the right operand, and fewer columns are left to the crate.
const FEW_ROWS: usize = 8;
const FEW_COLUMNS: usize = 4;

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

    /// The same elements as `f32`s, which they are.
    fn single(self) -> Mat<'a, f32>
    where
        T: Math,
    {
        Mat {
            data: single(self.data),
            rows: self.rows,
            cols: self.cols,
            row_stride: self.row_stride,
            col_stride: self.col_stride,
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
    /// The team, when the product is large enough.
    Pool,
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

/// `dst = act(start + a b)`; the rows of `dst` lie `stride` apart.
#[derive(Debug)]
pub struct Product<'a, T> {
    /// Where the result goes.
    pub dst: &'a mut [T],
    /// Distance from one row of it to the next.
    pub stride: usize,
    /// The left operand.
    pub a: Mat<'a, T>,
    /// The right operand.
    pub b: Mat<'a, T>,
    /// What sums start from.
    pub start: Start<'a, T>,
    /// What is done to the result.
    pub act: FusedActivation,
}

impl<'a, T: Math> Product<'a, T> {
    /// `dst = a b` without gaps.
    pub fn new(dst: &'a mut [T], a: Mat<'a, T>, b: Mat<'a, T>) -> Self {
        Self {
            dst,
            stride: b.cols.max(1),
            a,
            b,
            start: Start::Zero,
            act: FusedActivation::Linear,
        }
    }

    fn check(&self) {
        let (m, n, k) = (self.a.rows, self.b.cols, self.a.cols);
        assert!(
            k == self.b.rows && self.a.inside() && self.b.inside(),
            "gemm: the operands do not fit: {m}x{k}, {}x{n}",
            self.b.rows
        );
        assert!(
            m == 0 || n == 0 || (m - 1) * self.stride + n <= self.dst.len() && n <= self.stride,
            "gemm: the destination is too small"
        );
        if let Start::Bias(bias) = self.start {
            assert_eq!(bias.len(), n, "gemm: one bias a column");
        }
    }

    /// Whether it is one for the own kernels.
    fn own(&self) -> bool {
        let (m, n) = (self.a.rows, self.b.cols);
        let gaps = self.b.col_stride != 1;
        (const { size_of::<T>() == 4 }) && n >= FEW_COLUMNS && (m >= FEW_ROWS || m > 1 && gaps)
    }

    /// Rows and columns of one task; they depend on the sizes alone.
    fn piece(&self) -> [usize; 2] {
        let (m, n, k) = (self.a.rows, self.b.cols, self.a.cols);
        let wanted = (m * n * k / TASK).min(TASKS);
        if wanted < 2 {
            return [m, n];
        }
        let panels = n.div_ceil(tile::WIDE);
        let rows = wanted.div_ceil(panels).min(m / ROWS).max(1);
        [m.div_ceil(rows), (panels / wanted).max(1) * tile::WIDE]
    }
}

/// Products that do not depend on one another, all at once.
pub fn products<T: Math>(products: &mut [Product<'_, T>], threads: Threads) {
    let jobs: SmallVec<[Job<'_, T>; 2]> = products.iter_mut().filter_map(Job::new).collect();
    let count = jobs.iter().map(|job| job.tasks).sum();
    let task = |mut task: usize| {
        for job in &jobs {
            match task.checked_sub(job.tasks) {
                Some(left) => task = left,
                None => return job.run(task),
            }
        }
    };
    match threads {
        Threads::One => (0..count).for_each(task),
        Threads::Pool => team::run(count, &task),
    }
}

/// A checked product, cut into tasks.
struct Job<'a, T> {
    dst: *mut T,
    stride: usize,
    a: Mat<'a, T>,
    b: Mat<'a, T>,
    start: Start<'a, T>,
    act: FusedActivation,
    own: bool,
    piece: [usize; 2],
    tasks: usize,
}

// SAFETY: each task writes other elements of the destination.
unsafe impl<T: Sync> Sync for Job<'_, T> {}

impl<'a, T: Math> Job<'a, T> {
    /// `None` where there is nothing to do.
    fn new(product: &'a mut Product<'_, T>) -> Option<Self> {
        product.check();
        if product.a.rows == 0 || product.b.cols == 0 {
            return None;
        }
        let [rows, cols] = product.piece();
        Some(Self {
            own: product.own(),
            dst: product.dst.as_mut_ptr(),
            stride: product.stride,
            a: product.a,
            b: product.b,
            start: product.start,
            act: product.act,
            piece: [rows, cols],
            tasks: product.a.rows.div_ceil(rows) * product.b.cols.div_ceil(cols),
        })
    }

    fn run(&self, task: usize) {
        let [rows, cols] = self.piece;
        let across = self.b.cols.div_ceil(cols);
        let (row, col) = (task / across * rows, task % across * cols);
        let (a, b) = (self.a.rows_from(row, rows), self.b.t().rows_from(col, cols).t());
        // SAFETY: inside the destination, which was checked.
        let dst = unsafe { self.dst.add(row * self.stride + col) };
        let start = match self.start {
            Start::Bias(bias) => Start::Bias(&bias[col..col + b.cols]),
            other => other,
        };
        if self.own && a.cols > 0 {
            return tile::Block {
                dst: dst.cast(),
                stride: self.stride,
                a: a.single(),
                b: b.single(),
                start: match start {
                    Start::Zero => Start::Zero,
                    Start::Old => Start::Old,
                    Start::Bias(bias) => Start::Bias(single(bias)),
                },
                act: self.act,
            }
            .run();
        }
        let add = matches!(start, Start::Old);
        if a.cols > 0 {
            // SAFETY: as above.
            unsafe { plain(dst, self.stride, a, b, add) };
        } else if !add {
            for row in 0..a.rows {
                // SAFETY: as above.
                unsafe { dst.add(row * self.stride).write_bytes(0, b.cols) };
            }
        }
        let bias = match start {
            Start::Bias(bias) => Some(bias),
            _ => None,
        };
        if bias.is_some() || self.act != FusedActivation::Linear {
            for row in 0..a.rows {
                // SAFETY: inside the destination, and written above.
                let row = unsafe { std::slice::from_raw_parts_mut(dst.add(row * self.stride), b.cols) };
                fused::finish(row, bias, self.act);
            }
        }
    }
}

/// The elements as `f32`s, which they are.
fn single<T: Math>(data: &[T]) -> &[f32] {
    assert!(T::DTYPE == DType::F32, "gemm: not of f32");
    // SAFETY: `T` is f32, the only float of that dtype.
    unsafe { std::slice::from_raw_parts(data.as_ptr().cast(), data.len()) }
}

/// `dst = a b`, or `dst += a b` with `add`; the rows of `dst` lie `stride` apart.
pub fn gemm<T: Math>(
    dst: &mut [T],
    stride: usize,
    a: Mat<'_, T>,
    b: Mat<'_, T>,
    add: bool,
    threads: Threads,
) {
    let start = if add { Start::Old } else { Start::Zero };
    let product = Product {
        dst,
        stride,
        a,
        b,
        start,
        act: FusedActivation::Linear,
    };
    products(&mut [product], threads);
}

/// `a b` as a new row-major matrix.
pub fn matmul<T: Math>(a: Mat<'_, T>, b: Mat<'_, T>, threads: Threads) -> Vec<T> {
    dense(a, b, None, FusedActivation::Linear, threads)
}

/// `act(a b + bias)` as a new row-major matrix.
pub fn dense<T: Math>(
    a: Mat<'_, T>,
    b: Mat<'_, T>,
    bias: Option<&[T]>,
    act: FusedActivation,
    threads: Threads,
) -> Vec<T> {
    // SAFETY: the product writes each element and reads none.
    let mut dst = unsafe { buffer::unwritten(a.rows * b.cols) };
    let start = Start::bias(bias);
    let product = Product {
        start,
        act,
        ..Product::new(&mut dst, a, b)
    };
    products(&mut [product], threads);
    dst
}

/// The products of several pairs as new row-major matrices, all at once.
pub fn matmuls<T: Math, const N: usize>(pairs: [(Mat<'_, T>, Mat<'_, T>); N]) -> [Vec<T>; N] {
    // SAFETY: the products write each element and read none.
    let mut all = pairs.map(|(a, b)| unsafe { buffer::unwritten(a.rows * b.cols) });
    let each = all.iter_mut().zip(pairs);
    let mut list: SmallVec<[_; 2]> = each.map(|(dst, (a, b))| Product::new(dst, a, b)).collect();
    products(&mut list, Threads::Pool);
    drop(list);
    all
}

/// `dst = a b`, or `dst += a b` with `add`, by the crate.
///
/// # Safety
/// `dst` must be valid for writing `a.rows` rows of `b.cols` elements, `stride` apart, and for reading with `add`; the
/// operands must lie inside their slices.
unsafe fn plain<T: Math>(dst: *mut T, stride: usize, a: Mat<'_, T>, b: Mat<'_, T>, add: bool) {
    let (zero, one) = (T::ZERO, T::ONE);
    // SAFETY: the caller's promise; `Math` is implemented for f32 and f64 only, which the crate knows.
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
