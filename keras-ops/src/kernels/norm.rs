//! Normalising rows: by mean and variance, by mean square, or to unit length.
//!
//! A row is summed in blocks: in its own type inside a block, in `f64` across blocks.

use crate::kernels::team::{Parts as _, Slice as _};

use super::buffer::unwritten;
use super::math::Math;
use super::row_folds::{BLOCK, EIGHT, LANES, halved, sum_of, tree, trees};
use super::simd;

/// Rows whose parameter gradients are summed in their own type.
const ROWS: usize = 64;
/// Parts that the rows are cut into at most for the parameter gradients.
const PARTS: usize = 64;

/// How a row is normalised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// `(x - mean) / sqrt(variance + epsilon)`.
    Layer(f64),
    /// `x / sqrt(mean(x²) + epsilon)`.
    Rms(f64),
    /// `x / sqrt(sum(x²))`, but no more than `x / epsilon`.
    Unit(f64),
}

/// What a row was shifted and scaled by.
#[derive(Clone, Copy, Debug)]
pub struct Moved<T> {
    mean: T,
    /// What rounding took from the mean.
    low: f64,
    scale: T,
    /// Whether the scale depends on the row.
    free: bool,
}

impl<T: Math> Moved<T> {
    #[inline(always)]
    fn scaled_low(&self) -> T {
        T::of(self.low * self.scale.f64())
    }
}

/// The sums of `x - mean` and of its square, each in lanes.
#[inline(always)]
fn lanes_apart<T: Math>(x: &[T], mean: T) -> [[T; LANES]; 2] {
    let (mut plain, mut squares) = ([T::ZERO; LANES], [T::ZERO; LANES]);
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            let d = chunk[i] - mean;
            plain[i] += d;
            squares[i] += d * d;
        }
    }
    for ((plain, squares), x) in plain.iter_mut().zip(&mut squares).zip(rest) {
        let d = *x - mean;
        *plain += d;
        *squares += d * d;
    }
    [plain, squares]
}

/// The sums of `x - mean` and of its square.
#[inline(always)]
pub(super) fn apart<T: Math>(x: &[T], mean: T) -> [f64; 2] {
    let mut totals = [0.; 2];
    for block in x.chunks(BLOCK) {
        let [plain, squares] = lanes_apart(block, mean);
        totals[0] += tree(plain).f64();
        totals[1] += tree(squares).f64();
    }
    totals
}

/// The sums of eight rows of `len` elements, each as by [`sum_of`].
#[inline(always)]
fn eight_sums<T: Math>(x: &[T], len: usize) -> [T; EIGHT] {
    let mut rows = [[T::ZERO; EIGHT]; EIGHT];
    for (row, x) in rows.iter_mut().zip(x.chunks_exact(len)) {
        let mut lanes = [T::ZERO; LANES];
        let (chunks, rest) = x.as_chunks::<LANES>();
        for chunk in chunks {
            for i in 0..LANES {
                lanes[i] += chunk[i];
            }
        }
        lanes.iter_mut().zip(rest).for_each(|(lane, x)| *lane += *x);
        *row = halved(&lanes);
    }
    trees(&rows)
}

/// [`apart`] of eight rows of `len` elements.
#[inline(always)]
fn eight_apart<T: Math>(x: &[T], len: usize, means: &[T; EIGHT]) -> [[T; EIGHT]; 2] {
    let (mut all_plain, mut all_squares) = ([[T::ZERO; EIGHT]; EIGHT], [[T::ZERO; EIGHT]; EIGHT]);
    for (r, x) in x.chunks_exact(len).enumerate() {
        let [plain, squares] = lanes_apart(x, means[r]);
        all_plain[r] = halved(&plain);
        all_squares[r] = halved(&squares);
    }
    [trees(&all_plain), trees(&all_squares)]
}

/// Whether rows of `len` elements are best summed eight at a time: joining the lanes of one row takes as long as adding
/// a short row to them, and eight long ones do not stay in the nearest cache.
const fn medium<T>(len: usize) -> bool {
    size_of::<T>() == 4 && LANES <= len && len <= 512
}

impl Kind {
    #[inline(always)]
    fn of<T: Math>(self, x: &[T]) -> Moved<T> {
        let mean = match self {
            Kind::Layer(_) => T::of(sum_of(x, |x| x) / x.len() as f64),
            _ => T::ZERO,
        };
        self.moved(mean, apart(x, mean), x.len())
    }

    /// [`of`](Self::of) for eight rows of `len` elements.
    #[inline(always)]
    fn of_eight<T: Math>(self, x: &[T], len: usize, moved: &mut [Moved<T>]) {
        let mut means = [T::ZERO; EIGHT];
        if let Kind::Layer(_) = self {
            for (mean, sum) in means.iter_mut().zip(eight_sums(x, len)) {
                *mean = T::of(sum.f64() / len as f64);
            }
        }
        let [plain, squares] = eight_apart(x, len, &means);
        for (r, moved) in moved.iter_mut().enumerate() {
            *moved = self.moved(means[r], [plain[r].f64(), squares[r].f64()], len);
        }
    }

    /// From the sums of `x - mean` and of its square; the mean is 0 where it is not asked for.
    #[inline(always)]
    fn moved<T: Math>(self, mean: T, [plain, squares]: [f64; 2], len: usize) -> Moved<T> {
        let per = 1. / len as f64;
        let (low, scale, free) = match self {
            Kind::Layer(epsilon) => {
                let (plain, squares) = (plain * per, squares * per);
                let variance = (squares - plain * plain).max(0.);
                (plain, 1. / (variance + epsilon).sqrt(), true)
            }
            Kind::Rms(epsilon) => (0., 1. / (squares * per + epsilon).sqrt(), true),
            Kind::Unit(epsilon) => {
                let scale = 1. / squares.sqrt();
                (0., scale.min(1. / epsilon), scale < 1. / epsilon)
            }
        };
        Moved {
            mean,
            low,
            scale: T::of(scale),
            free,
        }
    }

    /// The shares of `sum(g)` and `sum(g y)` that are taken from a row's gradient.
    #[inline(always)]
    fn shares(self, free: bool, len: usize) -> [f64; 2] {
        let per = 1. / len as f64;
        match self {
            Kind::Layer(_) => [per, per],
            Kind::Rms(_) => [0., per],
            Kind::Unit(_) => [0., if free { 1. } else { 0. }],
        }
    }
}

/// Normalises rows of `gamma.len()` elements, then `y gamma + beta`.
pub fn forward<T: Math>(x: &[T], gamma: &[T], beta: &[T], kind: Kind) -> (Vec<T>, Vec<Moved<T>>) {
    let len = gamma.len();
    if x.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let nothing = Moved {
        mean: T::ZERO,
        low: 0.,
        scale: T::ZERO,
        free: true,
    };
    let mut moved = vec![nothing; x.len() / len];
    // SAFETY: every row of the output is written below, from start to end.
    let mut out = unsafe { unwritten::<T>(x.len()) };
    let run = |x: &[T], out: &mut [T], moved: &mut [Moved<T>]| {
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                let eights = if medium::<T>(len) {
                    moved.len() / EIGHT * EIGHT
                } else {
                    0
                };
                let (whole, rest) = moved.split_at_mut(eights);
                let (x_whole, x_rest) = x.split_at(eights * len);
                let (out_whole, out_rest) = out.split_at_mut(eights * len);
                let (x, out) = (
                    x_whole.chunks_exact(EIGHT * len),
                    out_whole.chunks_exact_mut(EIGHT * len),
                );
                for ((x, out), moved) in x.zip(out).zip(whole.chunks_exact_mut(EIGHT)) {
                    kind.of_eight(x, len, moved);
                    let rows = x.chunks_exact(len).zip(out.chunks_exact_mut(len));
                    for ((x, out), moved) in rows.zip(&*moved) {
                        write_row(out, x, gamma, beta, moved);
                    }
                }
                let rows = x_rest.chunks_exact(len).zip(out_rest.chunks_exact_mut(len));
                for ((x, out), moved) in rows.zip(rest) {
                    *moved = kind.of(x);
                    write_row(out, x, gamma, beta, moved);
                }
            },
        )
    };
    if simd::parallel(x.len()) {
        let rows = (simd::CHUNK / len).max(1);
        let parts = x.par_chunks(rows * len).zip(out.par_chunks_mut(rows * len));
        parts
            .zip(moved.par_chunks_mut(rows))
            .for_each(|((x, out), moved)| run(x, out, moved));
    } else {
        run(x, &mut out, &mut moved);
    }
    (out, moved)
}

#[inline(always)]
fn write_row<T: Math>(out: &mut [T], x: &[T], gamma: &[T], beta: &[T], moved: &Moved<T>) {
    let Moved { mean, scale, .. } = *moved;
    let low = moved.scaled_low();
    for (((out, x), gamma), beta) in out.iter_mut().zip(x).zip(gamma).zip(beta) {
        *out = ((*x - mean) * scale - low) * *gamma + *beta;
    }
}

/// The gradients by input and, when wanted, by gamma and beta.
#[derive(Debug)]
pub struct Gradients<T> {
    /// By the input.
    pub x: Vec<T>,
    /// By gamma.
    pub gamma: Vec<T>,
    /// By beta.
    pub beta: Vec<T>,
}

/// The gradients of [`forward`]; those by gamma and beta are empty unless `parameters`.
pub fn backward<T: Math>(
    g: &[T],
    x: &[T],
    gamma: &[T],
    moved: &[Moved<T>],
    kind: Kind,
    parameters: bool,
) -> Gradients<T> {
    let len = gamma.len();
    // SAFETY: every row of the output is written below, from start to end.
    let mut dx = unsafe { unwritten::<T>(x.len()) };
    let rows = (x.len() / len.max(1))
        .div_ceil(PARTS)
        .max(simd::CHUNK / len.max(1))
        .max(1);
    type Written<'a, T> = (&'a mut [T], &'a [Moved<T>]);
    let run = |((dx, moved), (g, x)): (Written<'_, T>, (&[T], &[T]))| {
        part(dx, g, x, gamma, moved, kind, parameters)
    };
    let size = (rows * len).max(1);
    let sums: Vec<[Vec<f64>; 2]> = if simd::parallel(x.len()) {
        let inputs = g.par_chunks(size).zip(x.par_chunks(size));
        let parts = dx.par_chunks_mut(size).zip(moved.par_chunks(rows)).zip(inputs);
        parts.map(run).collect()
    } else {
        let inputs = g.chunks(size).zip(x.chunks(size));
        let parts = dx.chunks_mut(size).zip(moved.chunks(rows)).zip(inputs);
        parts.map(run).collect()
    };
    let total = |which: usize| -> Vec<T> {
        if !parameters {
            return Vec::new();
        }
        let mut total = vec![0f64; len];
        for sums in &sums {
            total.iter_mut().zip(&sums[which]).for_each(|(t, s)| *t += s);
        }
        total.into_iter().map(T::of).collect()
    };
    Gradients {
        gamma: total(0),
        beta: total(1),
        x: dx,
    }
}

/// Some rows: writes `dx`, returns the sums for gamma and beta.
fn part<T: Math>(
    dx: &mut [T],
    g: &[T],
    x: &[T],
    gamma: &[T],
    moved: &[Moved<T>],
    kind: Kind,
    parameters: bool,
) -> [Vec<f64>; 2] {
    let len = gamma.len();
    let size = if parameters { len } else { 0 };
    let mut totals = [vec![0f64; size], vec![0f64; size]];
    let mut sums = [vec![T::ZERO; size], vec![T::ZERO; size]];
    let group = ROWS * len;
    let inputs = g.chunks(group).zip(x.chunks(group));
    for ((dx, moved), (g, x)) in dx.chunks_mut(group).zip(moved.chunks(ROWS)).zip(inputs) {
        let [dgamma, dbeta] = &mut sums;
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                let inputs = g.chunks_exact(len).zip(x.chunks_exact(len));
                for ((dx, moved), (g, x)) in dx.chunks_exact_mut(len).zip(moved).zip(inputs) {
                    row(dx, g, x, gamma, *moved, kind);
                    if parameters {
                        add_row(dgamma, dbeta, g, x, *moved);
                    }
                }
            },
        );
        for (total, sum) in totals.iter_mut().zip(&mut sums) {
            for (total, sum) in total.iter_mut().zip(sum) {
                *total += sum.f64();
                *sum = T::ZERO;
            }
        }
    }
    totals
}

#[inline(always)]
fn add_row<T: Math>(dgamma: &mut [T], dbeta: &mut [T], g: &[T], x: &[T], moved: Moved<T>) {
    let Moved { mean, scale, .. } = moved;
    let low = moved.scaled_low();
    let sums = dgamma.iter_mut().zip(dbeta);
    for ((dgamma, dbeta), (g, x)) in sums.zip(g.iter().zip(x)) {
        *dgamma += *g * ((*x - mean) * scale - low);
        *dbeta += *g;
    }
}

#[inline(always)]
fn row<T: Math>(dx: &mut [T], g: &[T], x: &[T], gamma: &[T], moved: Moved<T>, kind: Kind) {
    let Moved {
        mean,
        low,
        scale,
        free,
    } = moved;
    let (mut plain, mut along) = (0f64, 0f64);
    let blocks = g.chunks(BLOCK).zip(x.chunks(BLOCK)).zip(gamma.chunks(BLOCK));
    for ((g, x), gamma) in blocks {
        let (mut a, mut b) = ([T::ZERO; LANES], [T::ZERO; LANES]);
        let (g, g_rest) = g.as_chunks::<LANES>();
        let (x, x_rest) = x.as_chunks::<LANES>();
        let (gamma, gamma_rest) = gamma.as_chunks::<LANES>();
        for ((g, x), gamma) in g.iter().zip(x).zip(gamma) {
            for i in 0..LANES {
                let v = g[i] * gamma[i];
                a[i] += v;
                b[i] += v * (x[i] - mean);
            }
        }
        let rest = g_rest.iter().zip(x_rest).zip(gamma_rest);
        for ((a, b), ((g, x), gamma)) in a.iter_mut().zip(&mut b).zip(rest) {
            let v = *g * *gamma;
            *a += v;
            *b += v * (*x - mean);
        }
        plain += tree(a).f64();
        along += tree(b).f64();
    }
    let [share, share_along] = kind.shares(free, x.len());
    let scale64 = scale.f64();
    let along = along - low * plain;
    let slope = along * share_along * scale64 * scale64 * scale64;
    let shift = T::of(plain * share * scale64 - low * slope);
    let slope = T::of(slope);
    for (((dx, g), x), gamma) in dx.iter_mut().zip(g).zip(x).zip(gamma) {
        *dx = *g * *gamma * scale - shift - (*x - mean) * slope;
    }
}
