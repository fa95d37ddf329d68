//! One pass over a variable and its slots, element by element.

use crate::kernels::team::{Parts as _, Slice as _};

use super::math::Math;
use super::optimizers::{Element, Written, pass};
use super::simd::CHUNK;
use crate::host::Real;

/// `[variable, slots…] = f([variable, slots…], gradient)` for every element, in parallel when large.
#[inline]
pub fn elements<E: Element<Wide: Math>, const N: usize>(
    written: Written<'_, E>,
    grad: &[E],
    f: impl Fn([E::Wide; N], E::Wide) -> [E::Wide; N] + Copy + Sync,
) {
    by_value(
        written,
        grad,
        #[inline(always)]
        |written: &mut [&mut [E]], grad: &[E]| run(written, grad, f),
    );
}

// Only an argument can be marked to be inlined.
#[inline]
fn by_value<E: Element>(written: Written<'_, E>, grad: &[E], f: impl Fn(&mut [&mut [E]], &[E]) + Sync) {
    pass(written, grad, &f);
}

// A function for each count, so that the compiler knows that its slices do not overlap.
#[inline(always)]
fn run<E: Element, const N: usize>(
    written: &mut [&mut [E]],
    grad: &[E],
    f: impl Fn([E::Wide; N], E::Wide) -> [E::Wide; N],
) {
    let step = |old: &mut [&mut E], g: &E| {
        let values = std::array::from_fn(|i| old[i].wide());
        let new = f(values, g.wide());
        old.iter_mut()
            .zip(new)
            .for_each(|(old, new)| **old = E::narrow(new));
    };
    match written {
        [a] => one(a, grad, |a, g| step(&mut [a], g)),
        [a, b] => two(a, b, grad, |a, b, g| step(&mut [a, b], g)),
        [a, b, c] => three(a, b, c, grad, |a, b, c, g| step(&mut [a, b, c], g)),
        _ => {}
    }
}

#[inline(always)]
fn one<E>(a: &mut [E], grad: &[E], f: impl Fn(&mut E, &E)) {
    for (a, g) in a.iter_mut().zip(grad) {
        f(a, g);
    }
}

#[inline(always)]
fn two<E>(a: &mut [E], b: &mut [E], grad: &[E], f: impl Fn(&mut E, &mut E, &E)) {
    for ((a, b), g) in a.iter_mut().zip(b).zip(grad) {
        f(a, b, g);
    }
}

#[inline(always)]
fn three<E>(a: &mut [E], b: &mut [E], c: &mut [E], grad: &[E], f: impl Fn(&mut E, &mut E, &mut E, &E)) {
    for (((a, b), c), g) in a.iter_mut().zip(b).zip(c).zip(grad) {
        f(a, b, c, g);
    }
}

/// `sum(f(a, b)²)` in `f64`: partial sums of fixed chunks, so the same for any number of threads.
pub fn sum_of_squares_of<E: Element>(
    a: &[E],
    b: &[E],
    f: impl Fn(E::Wide, E::Wide) -> E::Wide + Sync,
) -> f64 {
    let chunk = |(a, b): (&[E], &[E])| {
        let squares = a.iter().zip(b).map(|(a, b)| f(a.wide(), b.wide()).f64().powi(2));
        squares.sum::<f64>()
    };
    let parts = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK));
    let parts: Vec<f64> = parts.map(chunk).collect();
    parts.iter().sum()
}
