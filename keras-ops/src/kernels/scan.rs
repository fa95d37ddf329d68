//! Running folds along one axis of a row-major block.

use crate::kernels::team::{Parts as _, Slice as _};

use super::math::Math;
use super::reduce::Extent;
use super::simd;

/// A fold that runs: associative, accumulated in `f64`.
pub trait Running: Copy + Send + Sync {
    /// The fold of nothing.
    const START: f64;
    /// Takes in an element.
    fn step(self, sum: f64, x: f64) -> f64;
}

/// Sums.
#[derive(Clone, Copy, Debug)]
pub struct Add;

impl Running for Add {
    const START: f64 = 0.;
    #[inline(always)]
    fn step(self, sum: f64, x: f64) -> f64 {
        sum + x
    }
}

/// Products.
#[derive(Clone, Copy, Debug)]
pub struct Multiply;

impl Running for Multiply {
    const START: f64 = 1.;
    #[inline(always)]
    fn step(self, sum: f64, x: f64) -> f64 {
        sum * x
    }
}

/// Lanes walked at the same time: one addition waits for the last in its lane, not in the others.
const SIDE: usize = 8;
/// Columns of a block that are walked together.
const COLUMNS: usize = 512;

/// The fold of each element with all before it along the middle axis of `[outer, len, inner]` (with all behind
/// it for `reverse`).
pub fn scan<T: Math, R: Running>(r: R, x: &[T], extent: Extent, reverse: bool) -> Vec<T> {
    let Extent { len, inner, .. } = extent;
    let mut out = vec![T::ZERO; x.len()];
    if x.is_empty() {
        return out;
    }
    let slab = len * inner;
    // Whole slabs are shared out; bounds depend on sizes alone.
    let per = (simd::CHUNK / slab)
        .max(1)
        .next_multiple_of(if inner == 1 { SIDE } else { 1 });
    let work = |(out, x): (&mut [T], &[T])| {
        if inner > 1 {
            for (out, x) in out.chunks_exact_mut(slab).zip(x.chunks_exact(slab)) {
                columns(r, out, x, inner, reverse);
            }
        } else {
            let (mut outs, mut xs) = (out.chunks_exact_mut(SIDE * len), x.chunks_exact(SIDE * len));
            for (out, x) in outs.by_ref().zip(xs.by_ref()) {
                several(r, out, x, len, reverse);
            }
            let rest = outs.into_remainder().chunks_exact_mut(len);
            rest.zip(xs.remainder().chunks_exact(len))
                .for_each(|(out, x)| long(r, out, x, reverse));
        }
    };
    if simd::parallel(x.len()) {
        out.par_chunks_mut(per * slab)
            .zip(x.par_chunks(per * slab))
            .for_each(work);
    } else {
        work((&mut out, x));
    }
    out
}

fn place(i: usize, len: usize, reverse: bool) -> usize {
    if reverse { len - 1 - i } else { i }
}

/// `SIDE` rows side by side.
fn several<T: Math, R: Running>(r: R, out: &mut [T], x: &[T], len: usize, reverse: bool) {
    let mut sums = [R::START; SIDE];
    for i in 0..len {
        let i = place(i, len, reverse);
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum = r.step(*sum, x[lane * len + i].f64());
            out[lane * len + i] = T::of(*sum);
        }
    }
}

/// One row: long ones in `SIDE` parts side by side, each then joined to what comes before it.
fn long<T: Math, R: Running>(r: R, out: &mut [T], x: &[T], reverse: bool) {
    let len = x.len();
    let part = len / SIDE;
    if part < 64 {
        let mut sum = R::START;
        for i in 0..len {
            let i = place(i, len, reverse);
            sum = r.step(sum, x[i].f64());
            out[i] = T::of(sum);
        }
        return;
    }
    let mut sums = [R::START; SIDE];
    for i in 0..part {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum = r.step(*sum, x[place(lane * part + i, len, reverse)].f64());
        }
    }
    let mut before = R::START;
    for sum in &mut sums {
        let total = r.step(before, *sum);
        *sum = before;
        before = total;
    }
    for i in 0..part {
        for (lane, sum) in sums.iter_mut().enumerate() {
            let i = place(lane * part + i, len, reverse);
            *sum = r.step(*sum, x[i].f64());
            out[i] = T::of(*sum);
        }
    }
    let mut sum = before;
    for i in SIDE * part..len {
        let i = place(i, len, reverse);
        sum = r.step(sum, x[i].f64());
        out[i] = T::of(sum);
    }
}

/// Rows below one another, column by column.
fn columns<T: Math, R: Running>(r: R, out: &mut [T], x: &[T], inner: usize, reverse: bool) {
    let len = x.len() / inner;
    for first in (0..inner).step_by(COLUMNS) {
        let width = COLUMNS.min(inner - first);
        let mut sums = [R::START; COLUMNS];
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                for i in 0..len {
                    let at = place(i, len, reverse) * inner + first;
                    let (out, x) = (&mut out[at..at + width], &x[at..at + width]);
                    for ((out, x), sum) in out.iter_mut().zip(x).zip(&mut sums[..width]) {
                        *sum = r.step(*sum, x.f64());
                        *out = T::of(*sum);
                    }
                }
            },
        );
    }
}
