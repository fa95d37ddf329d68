//! Slices of the batch, and their rows at a step: what masks, outputs and states have to do with it.

use super::{Blocks, Plan, output};
use crate::kernels::packed::{Product, Rows, Start};

/// A slice of the batch on its way forward.
#[derive(Debug)]
pub struct ForwardSlice<'a, T> {
    /// Its first row of the batch.
    pub first: usize,
    /// Its rows.
    pub rows: usize,
    /// Its inputs.
    pub x: &'a [T],
    /// Its outputs.
    pub out: &'a mut [T],
    /// What is kept; empty when nothing is.
    pub kept: &'a mut [T],
    /// The state.
    pub h: &'a mut [T],
    /// The cell's state; empty where there is none.
    pub c: &'a mut [T],
}

/// A slice of the batch on its way back.
#[derive(Debug)]
pub struct BackwardSlice<'a, T> {
    /// Its first row of the batch.
    pub first: usize,
    /// Its rows.
    pub rows: usize,
    /// The gradient by its outputs, if there is one.
    pub grad: Option<&'a [T]>,
    /// What was kept; the gates' gradients after.
    pub kept: &'a mut [T],
    /// The gradient by the inputs; empty when not wanted.
    pub dx: &'a mut [T],
    /// The gradient by the state.
    pub dh: &'a mut [T],
    /// The gradient by the cell's state; empty where there is none.
    pub dc: &'a mut [T],
}

/// A row of a slice at a step forward, when it is not left out.
pub(super) struct Forth<'a, T> {
    pub(super) out: Option<&'a mut [T]>,
    pub(super) kept: Option<&'a mut [T]>,
    pub(super) h: &'a mut [T],
    pub(super) c: &'a mut [T],
}

impl<T: Product> ForwardSlice<'_, T> {
    /// The inputs at a time.
    pub(super) fn inputs(&self, plan: &Plan<'_, T>, time: usize) -> Rows<'_, T> {
        Rows {
            data: &self.x[time * plan.features..],
            count: self.rows,
            stride: plan.time * plan.features,
        }
    }

    /// Row `row` at `step`; `None` where it is left out, which is then done: zeros are kept, and the output
    /// is the one before or 0.
    #[inline(always)]
    pub(super) fn arrive(
        &mut self,
        plan: &Plan<'_, T>,
        [row, step]: [usize; 2],
        kept: usize,
    ) -> Option<Forth<'_, T>> {
        let (units, time) = (plan.units, plan.time_of(step));
        let lane = row * units..(row + 1) * units;
        let h = &mut self.h[lane.clone()];
        let out = output(plan, row, step).map(|range| &mut self.out[range]);
        let width = kept * units;
        let kept = match self.kept.is_empty() {
            true => None,
            false => Some(&mut self.kept[(row * plan.time + time) * width..][..width]),
        };
        if plan.masked(self.first + row, time) {
            kept.into_iter().for_each(|kept| kept.fill(T::ZERO));
            match out {
                Some(out) if plan.zero_masked => out.fill(T::ZERO),
                Some(out) => out.copy_from_slice(h),
                None => {}
            }
            return None;
        }
        let c = if self.c.is_empty() {
            &mut [][..]
        } else {
            &mut self.c[lane]
        };
        Some(Forth { out, kept, h, c })
    }
}

/// A row of a slice at a step back, when it is not left out.
pub(super) struct Back<'a, T> {
    pub(super) kept: &'a mut [T],
    pub(super) dh: &'a mut [T],
    pub(super) dc: &'a mut [T],
}

impl<T: Product> BackwardSlice<'_, T> {
    /// Row `row` at `step`, the output's gradient added to the state's; `None` where it was left out: no
    /// gradient of its `gates` columns.
    #[inline(always)]
    pub(super) fn arrive(
        &mut self,
        plan: &Plan<'_, T>,
        [row, step]: [usize; 2],
        [kept, gates]: [usize; 2],
    ) -> Option<Back<'_, T>> {
        let (units, time) = (plan.units, plan.time_of(step));
        let lane = row * units..(row + 1) * units;
        let dh = &mut self.dh[lane.clone()];
        let width = kept * units;
        let kept = &mut self.kept[(row * plan.time + time) * width..][..width];
        let masked = plan.masked(self.first + row, time);
        if let (Some(grad), Some(range)) = (self.grad, output(plan, row, step))
            && !(masked && plan.zero_masked)
        {
            dh.iter_mut().zip(&grad[range]).for_each(|(dh, g)| *dh += *g);
        }
        if masked {
            kept[..gates * units].fill(T::ZERO);
            return None;
        }
        let dc = if self.dc.is_empty() {
            &mut [][..]
        } else {
            &mut self.dc[lane]
        };
        Some(Back { kept, dh, dc })
    }

    /// `dh += gates recurrent`, through the dropout factors.
    pub(super) fn state_gradient(
        &mut self,
        plan: &Plan<'_, T>,
        gates: Rows<'_, T>,
        recurrent: &Blocks<T>,
        through: &mut [T],
    ) {
        recurrent.backward(
            self.dh,
            plan.units,
            gates,
            plan.states(self.first),
            Start::Old,
            through,
        );
    }

    /// The gradient by the inputs of a time, if it is wanted.
    pub(super) fn input_gradient(
        &mut self,
        plan: &Plan<'_, T>,
        time: usize,
        gates: Rows<'_, T>,
        kernel: &Blocks<T>,
        through: &mut [T],
    ) {
        if !self.dx.is_empty() {
            let stride = plan.time * plan.features;
            let into = &mut self.dx[time * plan.features..];
            kernel.backward(into, stride, gates, plan.inputs(self.first), Start::Zero, through);
        }
    }
}
