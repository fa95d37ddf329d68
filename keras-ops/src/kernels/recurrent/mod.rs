//! Recurrent layers over whole sequences: slices of the batch run through all steps on their own.
//!
//! For the way back each row `(batch, time)` keeps [`Cell::KEPT`] values a unit, at the place of its input:
//! what the gates gave, the states before. The way back puts the gradients of the gates in their place, so
//! that the gradients by the kernels are one product each over all rows.

mod act;
mod blocks;
mod gru;
mod lanes;
mod lstm;
mod simple;
mod slices;

use crate::kernels::team::{IntoParts as _, Parts as _};

pub use act::{Act, Given, RecurrentActivation, Sigmoid, Tanh};
pub use blocks::{Blocks, Dropped, Factors, dropped_gradient};
pub use gru::Gru;
pub use lstm::Lstm;
pub use simple::Simple;
pub use slices::{BackwardSlice, ForwardSlice};

use super::buffer::unwritten;
use super::gemm::{self, Mat, Threads};
use super::packed::Product;

// Rows of the batch that one task takes through the sequence; a constant, so that results do not depend on
// the number of threads.
const SLICE: usize = 16;
// Multiply-adds from which other threads are worth waking.
const PARALLEL: usize = 1 << 21;

/// Sizes and options of one run.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a, T> {
    /// Sequences.
    pub batch: usize,
    /// Steps.
    pub time: usize,
    /// Size of an input.
    pub features: usize,
    /// Size of a state.
    pub units: usize,
    /// Whether the last input comes first.
    pub backwards: bool,
    /// Whether every step's output is wanted, or the last one's.
    pub sequences: bool,
    /// Whether outputs lie at the times of their inputs, or in the order of the steps.
    pub input_order: bool,
    /// Whether the output of a masked step is 0 instead of the one before.
    pub zero_masked: bool,
    /// 0 where a step is left out, by batch and time.
    pub mask: Option<&'a [u8]>,
    /// Factors of the inputs.
    pub dropout: Option<Factors<'a, T>>,
    /// Factors of the state in the recurrent products.
    pub recurrent_dropout: Option<Factors<'a, T>>,
}

impl<T: Copy> Plan<'_, T> {
    /// The input's time at a step.
    #[inline(always)]
    pub fn time_of(&self, step: usize) -> usize {
        if self.backwards {
            self.time - 1 - step
        } else {
            step
        }
    }

    /// Whether the step of a row is left out.
    #[inline(always)]
    pub fn masked(&self, row: usize, time: usize) -> bool {
        self.mask.is_some_and(|mask| mask[row * self.time + time] == 0)
    }

    /// Rows of inputs from `first` on.
    fn inputs(&self, first: usize) -> Dropped<'_, T> {
        Dropped {
            first,
            factors: self.dropout,
        }
    }

    /// Rows of the state from `first` on.
    fn states(&self, first: usize) -> Dropped<'_, T> {
        Dropped {
            first,
            factors: self.recurrent_dropout,
        }
    }

    fn steps_out(&self) -> usize {
        if self.sequences { self.time } else { 1 }
    }

    fn cost(&self, gates: usize) -> usize {
        self.batch * self.time * (self.features + self.units) * self.units * gates
    }
}

/// A recurrent cell with its kernels packed.
pub trait Cell<T: Product>: Sync {
    /// Columns of the kernel a unit.
    const GATES: usize;
    /// Values kept of each step a unit, the state before it last.
    const KEPT: usize;
    /// Runs a slice forward.
    fn forward(&self, plan: &Plan<'_, T>, slice: &mut ForwardSlice<'_, T>);
    /// Runs a slice back.
    fn backward(&self, plan: &Plan<'_, T>, slice: &mut BackwardSlice<'_, T>);
}

fn front<'a, T>(rest: &mut &'a mut [T], count: usize) -> &'a mut [T] {
    let all = std::mem::take(rest);
    let (first, others) = all.split_at_mut(count.min(all.len()));
    *rest = others;
    first
}

/// Runs all sequences; gives the outputs and what was kept. `h` and `c` become the last states.
pub fn forward<T: Product, C: Cell<T>>(
    cell: &C,
    plan: &Plan<'_, T>,
    x: &[T],
    h: &mut [T],
    c: &mut [T],
    keep: bool,
) -> (Vec<T>, Vec<T>) {
    let (units, steps) = (plan.units, plan.steps_out());
    let width = plan.time * units * C::KEPT;
    // SAFETY: every cell writes the whole row of each step it keeps, and each output it is asked for.
    let (mut out, mut kept) = unsafe {
        (
            unwritten(plan.batch * steps * units),
            unwritten(if keep { plan.batch * width } else { 0 }),
        )
    };
    let (mut outs, mut keeps, mut hs, mut cs) = (&mut out[..], &mut kept[..], h, c);
    let slices: Vec<_> = (0..plan.batch)
        .step_by(SLICE)
        .map(|first| {
            let rows = SLICE.min(plan.batch - first);
            ForwardSlice {
                first,
                rows,
                x: &x[first * plan.time * plan.features..][..rows * plan.time * plan.features],
                out: front(&mut outs, rows * steps * units),
                kept: front(&mut keeps, rows * width),
                h: front(&mut hs, rows * units),
                c: front(&mut cs, rows * units),
            }
        })
        .collect();
    each(plan.cost(C::GATES), slices, |mut slice| {
        cell.forward(plan, &mut slice)
    });
    (out, kept)
}

/// The way back. `dh` and `dc` hold the gradients by the last states and become those by the first; `kept`
/// becomes the gradients of the gates. Gives the gradient by the inputs, when wanted.
pub fn backward<T: Product, C: Cell<T>>(
    cell: &C,
    plan: &Plan<'_, T>,
    grad: Option<&[T]>,
    kept: &mut [T],
    dh: &mut [T],
    dc: &mut [T],
    inputs: bool,
) -> Vec<T> {
    let (units, steps, size) = (plan.units, plan.steps_out(), plan.time * plan.features);
    // SAFETY: every cell writes the gradient by each input when the buffer is not empty.
    let mut dx = unsafe { unwritten(if inputs { plan.batch * size } else { 0 }) };
    let (mut keeps, mut dxs, mut dhs, mut dcs) = (kept, &mut dx[..], dh, dc);
    let slices: Vec<_> = (0..plan.batch)
        .step_by(SLICE)
        .map(|first| {
            let rows = SLICE.min(plan.batch - first);
            BackwardSlice {
                first,
                rows,
                grad: grad.map(|grad| &grad[first * steps * units..][..rows * steps * units]),
                kept: front(&mut keeps, rows * plan.time * units * C::KEPT),
                dx: front(&mut dxs, rows * size),
                dh: front(&mut dhs, rows * units),
                dc: front(&mut dcs, rows * units),
            }
        })
        .collect();
    each(2 * plan.cost(C::GATES), slices, |mut slice| {
        cell.backward(plan, &mut slice)
    });
    dx
}

fn each<S: Send>(cost: usize, slices: Vec<S>, f: impl Fn(S) + Sync + Send) {
    if cost >= PARALLEL && slices.len() > 1 {
        slices.into_par_iter().for_each(f);
    } else {
        slices.into_iter().for_each(f);
    }
}

/// Where the output of a step goes in its row, if it is wanted.
#[inline(always)]
fn output<T: Copy>(plan: &Plan<'_, T>, row: usize, step: usize) -> Option<std::ops::Range<usize>> {
    let (units, last) = (plan.units, step + 1 == plan.time);
    let start = match plan.sequences {
        true if plan.input_order => (row * plan.time + plan.time_of(step)) * units,
        true => (row * plan.time + step) * units,
        false if last => row * units,
        false => return None,
    };
    Some(start..start + units)
}

/// The parts of a row, one a unit each.
#[inline(always)]
fn parts<const N: usize, T>(row: &mut [T], units: usize) -> [&mut [T]; N] {
    let mut rest = row;
    std::array::from_fn(|_| front(&mut rest, units))
}

/// The gradients by kernels, from columns of what the way back left.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a, T> {
    /// Rows of [`Cell::KEPT`] values a unit.
    pub data: &'a [T],
    /// Rows: batch times time.
    pub rows: usize,
    /// Length of a row.
    pub width: usize,
}

impl<'a, T: Product> Kept<'a, T> {
    /// Columns of the rows.
    pub fn columns(&self, columns: std::ops::Range<usize>) -> Mat<'a, T> {
        Mat {
            data: self.data.get(columns.start..).unwrap_or_default(),
            rows: self.rows,
            cols: columns.len(),
            row_stride: self.width,
            col_stride: 1,
        }
    }

    /// The sums of columns over all rows, in blocks of rows of one size, then in order.
    pub fn sums(&self, columns: std::ops::Range<usize>) -> Vec<T> {
        let block = |rows: &[T]| {
            let mut sums = vec![T::ZERO; columns.len()];
            super::simd::vectorize(
                #[inline(always)]
                || {
                    for row in rows.chunks_exact(self.width) {
                        let row = &row[columns.start..columns.end];
                        sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += *v);
                    }
                },
            );
            sums
        };
        let mut sums = vec![T::ZERO; columns.len()];
        for part in self.data.chunks(self.width.max(1) * 256).map(block) {
            sums.iter_mut().zip(part).for_each(|(sum, v)| *sum += v);
        }
        sums
    }
}

/// `into[.., column..] = left^T right`, `into` of rows of `width`.
pub fn kernel_gradient<T: Product>(
    into: &mut [T],
    width: usize,
    column: usize,
    left: Mat<'_, T>,
    right: Mat<'_, T>,
) {
    if column < into.len() {
        gemm::gemm(&mut into[column..], width, left.t(), right, false, Threads::Pool);
    }
}
