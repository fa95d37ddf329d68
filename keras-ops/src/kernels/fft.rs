//! Fourier transforms of rows, on planes of real and imaginary parts.

use std::cell::RefCell;
use std::sync::Arc;

use crate::kernels::team::{Parts as _, Slice as _};
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftDirection, FftNum, FftPlanner, FftPlannerScalar};

use super::simd;
use crate::kernels::math::Math;

thread_local! {
    static REAL: RefCell<RealFftPlanner<f32>> = RefCell::new(RealFftPlanner::new());
    static SINGLE: RefCell<FftPlanner<f32>> = RefCell::new(FftPlanner::new());
    // Without vector instructions: f64 is for checking, and the vectorised planner takes long to compile.
    static DOUBLE: RefCell<FftPlannerScalar<f64>> = RefCell::new(FftPlannerScalar::new());
}

/// How a row of real numbers is transformed.
enum RealPlan<T> {
    /// By a transform of half the length.
    Half(Arc<dyn RealToComplex<T>>, Arc<dyn ComplexToReal<T>>),
    /// As complex numbers.
    Full(Arc<dyn Fft<T>>, Arc<dyn Fft<T>>),
}

/// Floats that have transforms.
#[allow(private_interfaces, reason = "implemented here only")]
pub trait Spectral: Math + FftNum {
    /// A transform of rows of `n` complex numbers.
    fn complex_plan(n: usize, direction: FftDirection) -> Arc<dyn Fft<Self>>;
    /// A transform of rows of `n` real numbers.
    #[doc(hidden)]
    fn real_plan(n: usize) -> RealPlan<Self>;
}

#[allow(private_interfaces, reason = "implemented here only")]
impl Spectral for f32 {
    fn complex_plan(n: usize, direction: FftDirection) -> Arc<dyn Fft<Self>> {
        SINGLE.with_borrow_mut(|planner| planner.plan_fft(n, direction))
    }

    fn real_plan(n: usize) -> RealPlan<Self> {
        REAL.with_borrow_mut(|p| RealPlan::Half(p.plan_fft_forward(n), p.plan_fft_inverse(n)))
    }
}

#[allow(private_interfaces, reason = "implemented here only")]
impl Spectral for f64 {
    fn complex_plan(n: usize, direction: FftDirection) -> Arc<dyn Fft<Self>> {
        DOUBLE.with_borrow_mut(|planner| planner.plan_fft(n, direction))
    }

    fn real_plan(n: usize) -> RealPlan<Self> {
        let plan = |direction| Self::complex_plan(n, direction);
        RealPlan::Full(plan(FftDirection::Forward), plan(FftDirection::Inverse))
    }
}

/// Transforms rows of real numbers one after the other, with buffers of its own.
pub struct RealRows<T> {
    plan: Arc<RealPlan<T>>,
    real: Vec<T>,
    bins: Vec<Complex<T>>,
    scratch: Vec<Complex<T>>,
}

impl<T: Spectral> std::fmt::Debug for RealRows<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RealRows({})", self.real.len())
    }
}

impl<T: Spectral> Clone for RealRows<T> {
    fn clone(&self) -> Self {
        Self::of(self.plan.clone(), self.real.len())
    }
}

impl<T: Spectral> RealRows<T> {
    /// For rows of `n` numbers, at least 1.
    pub fn new(n: usize) -> Self {
        Self::of(Arc::new(T::real_plan(n)), n)
    }

    fn of(plan: Arc<RealPlan<T>>, n: usize) -> Self {
        let (bins, scratch) = match &*plan {
            RealPlan::Half(forward, inverse) => (
                n / 2 + 1,
                forward.get_scratch_len().max(inverse.get_scratch_len()),
            ),
            RealPlan::Full(forward, inverse) => {
                let scratch = forward.get_inplace_scratch_len();
                (n, scratch.max(inverse.get_inplace_scratch_len()))
            }
        };
        let zero = Complex::new(T::ZERO, T::ZERO);
        Self {
            plan,
            real: vec![T::ZERO; n],
            bins: vec![zero; bins],
            scratch: vec![zero; scratch],
        }
    }

    /// The row to transform, to be filled.
    pub fn row(&mut self) -> &mut [T] {
        &mut self.real
    }

    /// The spectrum of the row; the row's content is lost.
    pub fn forward(&mut self, re: &mut [T], im: &mut [T]) {
        match &*self.plan {
            RealPlan::Half(forward, _) => {
                // The buffers have the lengths that the plan asks for, the only thing that can fail.
                let done = forward.process_with_scratch(&mut self.real, &mut self.bins, &mut self.scratch);
                debug_assert!(done.is_ok());
            }
            RealPlan::Full(forward, _) => {
                let complex = self.real.iter().map(|x| Complex::new(*x, T::ZERO));
                self.bins.iter_mut().zip(complex).for_each(|(bin, x)| *bin = x);
                forward.process_with_scratch(&mut self.bins, &mut self.scratch);
            }
        }
        for (bin, (re, im)) in self.bins.iter().zip(re.iter_mut().zip(im)) {
            (*re, *im) = (bin.re, bin.im);
        }
    }

    /// The real row with a spectrum, not divided by its length: `sum over all n bins`, of which the given first
    /// `n / 2 + 1` determine the others.
    pub fn inverse(&mut self, re: &[T], im: &[T]) -> &[T] {
        let n = self.real.len();
        for (bin, (re, im)) in self.bins.iter_mut().zip(re.iter().zip(im)) {
            *bin = Complex::new(*re, *im);
        }
        // These are real in a real row's spectrum.
        self.bins[0].im = T::ZERO;
        if n.is_multiple_of(2) {
            self.bins[n / 2].im = T::ZERO;
        }
        match &*self.plan {
            RealPlan::Half(_, inverse) => {
                let done = inverse.process_with_scratch(&mut self.bins, &mut self.real, &mut self.scratch);
                debug_assert!(done.is_ok());
            }
            RealPlan::Full(_, inverse) => {
                for k in n / 2 + 1..n {
                    self.bins[k] = self.bins[n - k].conj();
                }
                inverse.process_with_scratch(&mut self.bins, &mut self.scratch);
                self.real
                    .iter_mut()
                    .zip(&self.bins)
                    .for_each(|(x, bin)| *x = bin.re);
            }
        }
        &self.real
    }
}

/// Rows in one task.
fn rows_of_task(len: usize) -> usize {
    (simd::CHUNK / len.max(1)).max(1)
}

/// Calls `f(row number, re, im, state)` for each pair of rows of `width` elements, in parallel when there are many;
/// `state` is cloned for each task.
pub fn each_row<T: Spectral, S: Clone + Send + Sync>(
    planes: [&mut [T]; 2],
    width: usize,
    state: &S,
    f: impl Fn(usize, &mut [T], &mut [T], &mut S) + Sync,
) {
    if width == 0 {
        return;
    }
    let [re, im] = planes;
    let rows = rows_of_task(width);
    let task = |(i, (re, im)): (usize, (&mut [T], &mut [T]))| {
        let mut state = state.clone();
        for (k, (re, im)) in re.chunks_mut(width).zip(im.chunks_mut(width)).enumerate() {
            f(i * rows + k, re, im, &mut state);
        }
    };
    if simd::parallel(re.len()) {
        re.par_chunks_mut(rows * width)
            .zip(im.par_chunks_mut(rows * width))
            .enumerate()
            .for_each(task);
    } else {
        re.chunks_mut(rows * width)
            .zip(im.chunks_mut(rows * width))
            .enumerate()
            .for_each(task);
    }
}

/// The transform of each row of `n` complex numbers; the inverse is not divided by `n`.
pub fn complex<T: Spectral>(re: &[T], im: &[T], n: usize, direction: FftDirection) -> [Vec<T>; 2] {
    let mut out = [vec![T::ZERO; re.len()], vec![T::ZERO; re.len()]];
    if n == 0 {
        return out;
    }
    let plan = T::complex_plan(n, direction);
    let zero = Complex::new(T::ZERO, T::ZERO);
    let buffers = (vec![zero; n], vec![zero; plan.get_inplace_scratch_len()]);
    let [to_re, to_im] = &mut out;
    each_row(
        [to_re, to_im],
        n,
        &buffers,
        |row, to_re, to_im, (buffer, scratch)| {
            let from = re[row * n..].iter().zip(&im[row * n..]);
            buffer
                .iter_mut()
                .zip(from)
                .for_each(|(b, (re, im))| *b = Complex::new(*re, *im));
            plan.process_with_scratch(buffer, scratch);
            let to = to_re.iter_mut().zip(to_im);
            buffer
                .iter()
                .zip(to)
                .for_each(|(b, (re, im))| (*re, *im) = (b.re, b.im));
        },
    );
    out
}
