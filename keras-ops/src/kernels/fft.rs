//! Fourier transforms of rows, on planes of real and imaginary parts.

use std::cell::RefCell;
use std::sync::Arc;

use crate::kernels::team::{Parts as _, Slice as _};
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustc_hash::FxHashMap;
use rustfft::{Fft, FftDirection, FftNum, FftPlanner, FftPlannerScalar};

use super::simd;
use crate::kernels::math::Math;

thread_local! {
    static REAL: RefCell<RealFftPlanner<f32>> = RefCell::new(RealFftPlanner::new());
    static HALVES: RefCell<FxHashMap<usize, Arc<Halves<f32>>>> = RefCell::default();
    static SINGLE: RefCell<FftPlanner<f32>> = RefCell::new(FftPlanner::new());
    // Without vector instructions: f64 is for checking, and the vectorised planner takes long to compile.
    static DOUBLE: RefCell<FftPlannerScalar<f64>> = RefCell::new(FftPlannerScalar::new());
}

/// The transform of an even number of real numbers, by that of neighbours as complex numbers.
struct Halves<T> {
    pairs: Arc<dyn Fft<T>>,
    /// Real and imaginary part of `e^(-2 pi i k / n) / 2`.
    turns: [Vec<T>; 2],
}

impl<T: Spectral> Halves<T> {
    fn new(n: usize) -> Self {
        let half = n / 2;
        let turn = |k: usize| match k {
            0 => (1., 0.),
            // Where the cosine of a rounded angle would not be 0.
            k if 4 * k == n => (0., -1.),
            k if k == half => (-1., 0.),
            k => {
                let (sin, cos) = (-std::f64::consts::TAU * k as f64 / n as f64).sin_cos();
                (cos, sin)
            }
        };
        let turns: Vec<_> = (0..=half).map(turn).collect();
        Self {
            pairs: T::complex_plan(half, FftDirection::Forward),
            turns: [
                turns.iter().map(|turn| T::of(0.5 * turn.0)).collect(),
                turns.iter().map(|turn| T::of(0.5 * turn.1)).collect(),
            ],
        }
    }

    /// `planes` are of `n / 2 + 1` numbers, as the results are.
    fn forward(&self, x: &[T], work: &mut Work<T>, re: &mut [T], im: &mut [T]) {
        let half = x.len() / 2;
        let Work {
            bins,
            scratch,
            planes,
        } = work;
        let bins = &mut bins[..half];
        for (bin, pair) in bins.iter_mut().zip(x.as_chunks::<2>().0) {
            *bin = Complex::new(pair[0], pair[1]);
        }
        self.pairs.process_with_scratch(bins, scratch);
        let [zr, zi] = planes;
        let [cos, sin] = &self.turns;
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                let parts = zr.iter_mut().zip(zi.iter_mut());
                for ((zr, zi), bin) in parts.zip(&*bins) {
                    (*zr, *zi) = (bin.re, bin.im);
                }
                (zr[half], zi[half]) = (zr[0], zi[0]);
                // The transforms of the even and of the odd numbers, from each bin and its partner from the end.
                let pairs = zr.iter().zip(zr.iter().rev()).zip(zi.iter().zip(zi.iter().rev()));
                let turns = cos.iter().zip(sin);
                for ((((ar, br), (ai, bi)), (cos, sin)), (re, im)) in
                    pairs.zip(turns).zip(re.iter_mut().zip(im))
                {
                    let (even_re, even_im) = (*ar + *br, *ai - *bi);
                    let (odd_re, odd_im) = (*ai + *bi, *br - *ar);
                    *re = T::of(0.5) * even_re + (odd_re * *cos - odd_im * *sin);
                    *im = T::of(0.5) * even_im + (odd_re * *sin + odd_im * *cos);
                }
            },
        );
    }
}

/// Buffers of a transform.
struct Work<T> {
    bins: Vec<Complex<T>>,
    scratch: Vec<Complex<T>>,
    planes: [Vec<T>; 2],
}

/// How a row of real numbers is transformed.
enum RealPlan<T> {
    /// By a transform of half the length.
    Even(Arc<Halves<T>>, Arc<dyn ComplexToReal<T>>),
    /// By a transform for an odd length.
    Odd(Arc<dyn RealToComplex<T>>, Arc<dyn ComplexToReal<T>>),
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
        let inverse = REAL.with_borrow_mut(|planner| planner.plan_fft_inverse(n));
        if n % 2 == 1 {
            return RealPlan::Odd(
                REAL.with_borrow_mut(|planner| planner.plan_fft_forward(n)),
                inverse,
            );
        }
        let halves = HALVES.with_borrow_mut(|known| {
            let halves = known.entry(n).or_insert_with(|| Arc::new(Halves::new(n)));
            halves.clone()
        });
        RealPlan::Even(halves, inverse)
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
    work: Work<T>,
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
        let half = n / 2 + 1;
        let (bins, scratch, planes) = match &*plan {
            RealPlan::Even(forward, inverse) => {
                let scratch = forward.pairs.get_inplace_scratch_len();
                (half, scratch.max(inverse.get_scratch_len()), half)
            }
            RealPlan::Odd(forward, inverse) => {
                let scratch = forward.get_scratch_len();
                (half, scratch.max(inverse.get_scratch_len()), 0)
            }
            RealPlan::Full(forward, inverse) => {
                let scratch = forward.get_inplace_scratch_len();
                (n, scratch.max(inverse.get_inplace_scratch_len()), 0)
            }
        };
        let zero = Complex::new(T::ZERO, T::ZERO);
        Self {
            plan,
            real: vec![T::ZERO; n],
            work: Work {
                bins: vec![zero; bins],
                scratch: vec![zero; scratch],
                planes: [vec![T::ZERO; planes], vec![T::ZERO; planes]],
            },
        }
    }

    /// The row to transform, to be filled.
    pub fn row(&mut self) -> &mut [T] {
        &mut self.real
    }

    /// The spectrum of the row; the row's content is lost.
    pub fn forward(&mut self, re: &mut [T], im: &mut [T]) {
        let Self { plan, real, work } = self;
        match &**plan {
            RealPlan::Even(halves, _) => return halves.forward(real, work, re, im),
            RealPlan::Odd(forward, _) => {
                // The buffers have the lengths that the plan asks for, the only thing that can fail.
                let done = forward.process_with_scratch(real, &mut work.bins, &mut work.scratch);
                debug_assert!(done.is_ok());
            }
            RealPlan::Full(forward, _) => {
                let complex = real.iter().map(|x| Complex::new(*x, T::ZERO));
                work.bins.iter_mut().zip(complex).for_each(|(bin, x)| *bin = x);
                forward.process_with_scratch(&mut work.bins, &mut work.scratch);
            }
        }
        for (bin, (re, im)) in work.bins.iter().zip(re.iter_mut().zip(im)) {
            (*re, *im) = (bin.re, bin.im);
        }
    }

    /// The spectrum of `row`, which has as many numbers as this is for.
    pub fn forward_of(&mut self, row: &[T], re: &mut [T], im: &mut [T]) {
        if let RealPlan::Even(halves, _) = &*self.plan {
            return halves.forward(row, &mut self.work, re, im);
        }
        self.real.copy_from_slice(row);
        self.forward(re, im);
    }

    /// The real row with a spectrum, not divided by its length: `sum over all n bins`, of which the given first
    /// `n / 2 + 1` determine the others.
    pub fn inverse(&mut self, re: &[T], im: &[T]) -> &[T] {
        let Self { plan, real, work } = self;
        let (n, bins) = (real.len(), &mut work.bins);
        for (bin, (re, im)) in bins.iter_mut().zip(re.iter().zip(im)) {
            *bin = Complex::new(*re, *im);
        }
        // These are real in a real row's spectrum.
        bins[0].im = T::ZERO;
        if n.is_multiple_of(2) {
            bins[n / 2].im = T::ZERO;
        }
        match &**plan {
            RealPlan::Even(_, inverse) | RealPlan::Odd(_, inverse) => {
                let done = inverse.process_with_scratch(bins, real, &mut work.scratch);
                debug_assert!(done.is_ok());
            }
            RealPlan::Full(_, inverse) => {
                for k in n / 2 + 1..n {
                    bins[k] = bins[n - k].conj();
                }
                inverse.process_with_scratch(bins, &mut work.scratch);
                real.iter_mut().zip(&*bins).for_each(|(x, bin)| *x = bin.re);
            }
        }
        real
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
