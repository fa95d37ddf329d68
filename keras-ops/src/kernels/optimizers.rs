//! Optimizer steps in one pass: each element's variable and slots are read and written once.

use crate::kernels::team::{Parts as _, Slice as _};
use candle_core::WithDType;
use half::{bf16, f16};
use smallvec::SmallVec;

use super::simd;
use crate::host::Real;

/// A float type that steps are computed in.
pub trait Float: Real {
    /// The square root.
    fn root(self) -> Self;
}

impl Float for f32 {
    #[inline(always)]
    fn root(self) -> Self {
        self.sqrt()
    }
}

impl Float for f64 {
    #[inline(always)]
    fn root(self) -> Self {
        self.sqrt()
    }
}

/// A float type that variables are stored in, and the one their steps are computed in.
pub trait Element: WithDType + Send + Sync {
    /// What steps are computed in.
    type Wide: Float + Send + Sync;
    /// To the wider type.
    fn wide(self) -> Self::Wide;
    /// From the wider type, rounded.
    fn narrow(wide: Self::Wide) -> Self;
}

macro_rules! element {
    ($($t:ty => $wide:ty: $to:expr, $from:expr;)*) => {$(
        impl Element for $t {
            type Wide = $wide;
            #[inline(always)]
            fn wide(self) -> $wide {
                $to(self)
            }
            #[inline(always)]
            fn narrow(wide: $wide) -> Self {
                $from(wide)
            }
        }
    )*};
}

element! {
    f32 => f32: std::convert::identity, std::convert::identity;
    f64 => f64: std::convert::identity, std::convert::identity;
    f16 => f32: f16::to_f32, f16::from_f32;
    bf16 => f32: bf16::to_f32, bf16::from_f32;
}

/// The slices written by a step, the variable first.
pub type Written<'a, E> = SmallVec<[&'a mut [E]; 4]>;

/// Runs `f` over matching pieces of `written` and `read`, in parallel when large.
#[inline]
pub fn pass<E: Element>(
    mut written: Written<'_, E>,
    read: &[E],
    f: &(impl Fn(&mut [&mut [E]], &[E]) + Sync),
) {
    let piece = |written: &mut [&mut [E]], read: &[E]| vectorized(written, read, f);
    if simd::parallel(read.len()) {
        split(written, read, &piece);
    } else {
        piece(&mut written, read);
    }
}

// Only for f32: the other types' loops convert, call or are rare, and each loop is compiled three times.
#[inline]
fn vectorized<E: Element>(written: &mut [&mut [E]], read: &[E], f: &impl Fn(&mut [&mut [E]], &[E])) {
    if const { size_of::<E>() != 4 } {
        return f(written, read);
    }
    simd::vectorize(
        #[inline(always)]
        || f(written, read),
    )
}

type Piece<'a, E> = &'a (dyn Fn(&mut [&mut [E]], &[E]) + Sync);

fn split<E: Element>(mut written: Written<'_, E>, read: &[E], f: Piece<'_, E>) {
    if read.len() <= simd::CHUNK {
        return f(&mut written, read);
    }
    let middle = read.len().div_ceil(simd::CHUNK) / 2 * simd::CHUNK;
    let (left_read, right_read) = read.split_at(middle);
    let mut right = Written::new();
    let left: Written<'_, E> = written
        .into_iter()
        .map(|slice| {
            let (first, second) = slice.split_at_mut(middle);
            right.push(second);
            first
        })
        .collect();
    crate::kernels::team::join(|| split(left, left_read, f), || split(right, right_read, f));
}

/// The gradient of a table in which few rows are not 0.
#[derive(Clone, Copy, Debug)]
pub struct TableGradient<'a, E> {
    /// The rows, ascending.
    pub rows: &'a [u32],
    /// Their values.
    pub values: &'a [E],
    /// Elements of a row.
    pub width: usize,
}

/// [`pass`] over a table; rows without a gradient are stepped by one of 0, or left alone without `all`.
pub fn pass_rows<E: Element, F>(written: Written<'_, E>, grad: TableGradient<'_, E>, all: bool, f: &F)
where
    F: Fn(&mut [&mut [E]], &[E]) + Sync,
{
    let len = written.first().map_or(0, |w| w.len());
    if len == 0 || grad.width == 0 {
        return;
    }
    let zeros = vec![E::narrow(E::Wide::of(0.)); if all { len.min(simd::CHUNK) } else { 0 }];
    let pass = RowPass {
        grad,
        zeros: &zeros,
        f,
    };
    pass.split(written, 0, simd::parallel(len));
}

struct RowPass<'a, E, F> {
    grad: TableGradient<'a, E>,
    zeros: &'a [E],
    f: &'a F,
}

impl<E: Element, F: Fn(&mut [&mut [E]], &[E]) + Sync> RowPass<'_, E, F> {
    /// Steps the rows of the table from `first` on that `written` holds.
    fn split(&self, written: Written<'_, E>, first: usize, parallel: bool) {
        let width = self.grad.width;
        let count = written.first().map_or(0, |w| w.len()) / width;
        if !parallel || count < 2 || count * width <= 2 * simd::CHUNK {
            return self.rows(written, first, count);
        }
        let middle = count / 2;
        let mut right = Written::new();
        let left: Written<'_, E> = written
            .into_iter()
            .map(|slice| {
                let (before, after) = slice.split_at_mut(middle * width);
                right.push(after);
                before
            })
            .collect();
        crate::kernels::team::join(
            || self.split(left, first, true),
            || self.split(right, first + middle, true),
        );
    }

    fn rows(&self, mut written: Written<'_, E>, first: usize, count: usize) {
        let TableGradient { rows, values, width } = self.grad;
        let from = rows.partition_point(|row| (*row as usize) < first);
        let to = rows.partition_point(|row| (*row as usize) < first + count);
        simd::vectorize(
            #[inline(always)]
            || {
                let mut done = 0;
                for k in from..=to {
                    let row = if k < to { rows[k] as usize - first } else { count };
                    if !self.zeros.is_empty() {
                        for start in (done * width..row * width).step_by(self.zeros.len()) {
                            let end = (start + self.zeros.len()).min(row * width);
                            (self.f)(&mut part(&mut written, start, end), &self.zeros[..end - start]);
                        }
                    }
                    if k < to {
                        let grad = &values[k * width..(k + 1) * width];
                        (self.f)(&mut part(&mut written, row * width, (row + 1) * width), grad);
                    }
                    done = row + 1;
                }
            },
        )
    }
}

#[inline(always)]
fn part<'a, E>(written: &'a mut Written<'_, E>, start: usize, end: usize) -> Written<'a, E> {
    written.iter_mut().map(|slice| &mut slice[start..end]).collect()
}

/// `x = f(x)`, in parallel when large.
#[inline]
pub fn each<E: Element>(x: &mut [E], f: &(impl Fn(E) -> E + Sync)) {
    let run = |x: &mut [E]| {
        simd::vectorize(
            #[inline(always)]
            || {
                for x in x {
                    *x = f(*x);
                }
            },
        )
    };
    if simd::parallel(x.len()) {
        x.par_chunks_mut(simd::CHUNK).for_each(run)
    } else {
        run(x)
    }
}

/// `x * factor`, brought into `[-limit, limit]`; NaN stays.
#[inline(always)]
pub fn scaled_within<E: Element>(x: E, factor: E::Wide, limit: E::Wide) -> E {
    let x = x.wide() * factor;
    let x = if x > limit { limit } else { x };
    E::narrow(if x < -limit { -limit } else { x })
}

/// `w -= lr g`.
#[inline(always)]
pub fn sgd<E: Element>(written: &mut [&mut [E]], grad: &[E], lr: E::Wide) {
    let [w] = written else { return };
    for (w, g) in w.iter_mut().zip(grad) {
        *w = E::narrow(w.wide() - g.wide() * lr);
    }
}

/// `m = momentum m - lr g`, then `w += m`, or with Nesterov's look ahead `w += momentum m - lr g`.
#[inline(always)]
pub fn sgd_momentum<E: Element, const NESTEROV: bool>(
    written: &mut [&mut [E]],
    grad: &[E],
    lr: E::Wide,
    momentum: E::Wide,
) {
    let [w, m] = written else { return };
    for ((w, m), g) in w.iter_mut().zip(m.iter_mut()).zip(grad) {
        let step = g.wide() * lr;
        let next = m.wide() * momentum - step;
        *m = E::narrow(next);
        *w = E::narrow(w.wide() + if NESTEROV { next * momentum - step } else { next });
    }
}

/// The factors of an Adam step.
#[derive(Clone, Copy, Debug)]
pub struct AdamFactors<T> {
    /// `lr sqrt(1 - beta_2^t) / (1 - beta_1^t)`.
    pub alpha: T,
    /// `1 - beta_1`.
    pub first: T,
    /// `1 - beta_2`.
    pub second: T,
    /// Keeps the divisor from 0.
    pub epsilon: T,
}

#[inline(always)]
fn moments<E: Element>(m: &mut E, v: &mut E, g: &E, factors: &AdamFactors<E::Wide>) -> (E::Wide, E::Wide) {
    let (g, old_m, old_v) = (g.wide(), m.wide(), v.wide());
    let new_m = old_m + (g - old_m) * factors.first;
    let new_v = old_v + (g * g - old_v) * factors.second;
    *m = E::narrow(new_m);
    *v = E::narrow(new_v);
    (new_m, new_v)
}

/// `m += (g - m) (1 - beta_1)`, `v += (g² - v) (1 - beta_2)`, `w -= alpha m / (sqrt(v) + epsilon)`; with a
/// fourth slice, AMSGrad's greatest `v` so far divides instead.
#[inline(always)]
pub fn adam<E: Element>(written: &mut [&mut [E]], grad: &[E], factors: AdamFactors<E::Wide>) {
    let AdamFactors { alpha, epsilon, .. } = factors;
    match written {
        [w, m, v] => {
            for (((w, m), v), g) in w.iter_mut().zip(m.iter_mut()).zip(v.iter_mut()).zip(grad) {
                let (m, v) = moments(m, v, g, &factors);
                *w = E::narrow(w.wide() - m * alpha / (v.root() + epsilon));
            }
        }
        [w, m, v, top] => {
            let slots = w
                .iter_mut()
                .zip(m.iter_mut())
                .zip(v.iter_mut())
                .zip(top.iter_mut());
            for ((((w, m), v), top), g) in slots.zip(grad) {
                let (m, v) = moments(m, v, g, &factors);
                let old = top.wide();
                let new = if v > old { v } else { old };
                *top = E::narrow(new);
                *w = E::narrow(w.wide() - m * alpha / (new.root() + epsilon));
            }
        }
        _ => {}
    }
}

/// The factors of an RMSprop step.
#[derive(Clone, Copy, Debug)]
pub struct RmspropFactors<T> {
    /// The learning rate.
    pub lr: T,
    /// How much of the old averages stays.
    pub rho: T,
    /// `1 - rho`.
    pub rest: T,
    /// How much of the old increment stays.
    pub momentum: T,
    /// Keeps the divisor from 0.
    pub epsilon: T,
}

#[inline(always)]
fn one<E: Element>(
    f: &RmspropFactors<E::Wide>,
    w: &mut E,
    v: &mut E,
    m: Option<&mut E>,
    a: Option<&mut E>,
    g: &E,
) {
    let g = g.wide();
    let square = f.rho * v.wide() + f.rest * (g * g);
    *v = E::narrow(square);
    let mut divisor = square;
    if let Some(a) = a {
        let mean = f.rho * a.wide() + f.rest * g;
        *a = E::narrow(mean);
        divisor = square - mean * mean;
    }
    let mut step = f.lr * g / (divisor + f.epsilon).root();
    if let Some(m) = m {
        step = f.momentum * m.wide() + step;
        *m = E::narrow(step);
    }
    *w = E::narrow(w.wide() - step);
}

/// `v = rho v + (1 - rho) g²`, `w -= lr g / sqrt(v + epsilon)`. Slices after `w` and `v`: the momentum if
/// `MOMENTUM`, then the average gradient if centred, whose square is taken off `v`.
#[inline(always)]
pub fn rmsprop<E: Element, const MOMENTUM: bool>(
    written: &mut [&mut [E]],
    grad: &[E],
    f: RmspropFactors<E::Wide>,
) {
    match written {
        [w, v] => {
            for ((w, v), g) in w.iter_mut().zip(v.iter_mut()).zip(grad) {
                one(&f, w, v, None, None, g);
            }
        }
        [w, v, m] if MOMENTUM => {
            for (((w, v), m), g) in w.iter_mut().zip(v.iter_mut()).zip(m.iter_mut()).zip(grad) {
                one(&f, w, v, Some(m), None, g);
            }
        }
        [w, v, a] => {
            for (((w, v), a), g) in w.iter_mut().zip(v.iter_mut()).zip(a.iter_mut()).zip(grad) {
                one(&f, w, v, None, Some(a), g);
            }
        }
        [w, v, m, a] => {
            let slots = w.iter_mut().zip(v.iter_mut()).zip(m.iter_mut()).zip(a.iter_mut());
            for ((((w, v), m), a), g) in slots.zip(grad) {
                one(&f, w, v, Some(m), Some(a), g);
            }
        }
        _ => {}
    }
}

/// The sum of squares, in `f64`: partial sums of fixed chunks, so the same for any number of threads.
pub fn sum_of_squares<E: Element>(x: &[E]) -> f64 {
    let chunk = |x: &[E]| {
        simd::vectorize(
            #[inline(always)]
            || {
                let mut lanes = [0f64; 16];
                let (blocks, rest) = x.as_chunks::<16>();
                for block in blocks {
                    lanes.iter_mut().zip(block).for_each(|(sum, x)| {
                        let x = x.wide().f64();
                        *sum += x * x;
                    });
                }
                let rest: f64 = rest.iter().map(|x| x.wide().f64().powi(2)).sum();
                lanes.iter().sum::<f64>() + rest
            },
        )
    };
    if simd::parallel(x.len()) {
        let parts: Vec<f64> = x.par_chunks(simd::CHUNK).map(chunk).collect();
        parts.iter().sum()
    } else {
        x.chunks(simd::CHUNK).map(chunk).sum()
    }
}
