//! The plain recurrent layer: `h = act(x W + h U + b)`.

use super::lanes::{by, groups, map};
use super::{Act, BackwardSlice, Blocks, Cell, ForwardSlice, Plan, parts};
use crate::kernels::packed::{Product, Rows, Start};
use crate::kernels::simd::vectorize_for;

/// The cell; kept of a unit: h after and before.
#[derive(Debug)]
pub struct Simple<'a, T, A> {
    /// The kernel; its transpose on the way back.
    pub kernel: Blocks<T>,
    /// The recurrent kernel; its transpose on the way back.
    pub recurrent: Blocks<T>,
    /// The bias.
    pub bias: Option<&'a [T]>,
    /// The activation.
    pub act: A,
}

const KEPT: usize = 2;

impl<T: Product, A: Act> Cell<T> for Simple<'_, T, A> {
    const GATES: usize = 1;
    const KEPT: usize = KEPT;

    fn forward(&self, plan: &Plan<'_, T>, slice: &mut ForwardSlice<'_, T>) {
        let (units, rows) = (plan.units, slice.rows);
        let mut z = vec![T::ZERO; rows * units];
        let (inputs, states) = (plan.inputs(slice.first), plan.states(slice.first));
        let mut dropped_x = self.kernel.scratch(rows, inputs.factors);
        let mut dropped_h = self.recurrent.scratch(rows, states.factors);
        for step in 0..plan.time {
            let (x, start) = (slice.inputs(plan, plan.time_of(step)), Start::bias(self.bias));
            self.kernel
                .forward(&mut z, units, x, inputs, start, &mut dropped_x);
            let h = Rows {
                data: slice.h,
                count: rows,
                stride: units,
            };
            self.recurrent
                .forward(&mut z, units, h, states, Start::Old, &mut dropped_h);
            vectorize_for::<T, _>(
                #[inline(always)]
                || {
                    for (row, z) in z.chunks_exact_mut(units).enumerate() {
                        self.step(plan, slice, [row, step], z);
                    }
                },
            );
        }
    }

    fn backward(&self, plan: &Plan<'_, T>, slice: &mut BackwardSlice<'_, T>) {
        let (units, rows) = (plan.units, slice.rows);
        let mut dz = vec![T::ZERO; rows * units];
        let mut through = self.recurrent.scratch(rows, plan.recurrent_dropout);
        let mut through_x = self.kernel.scratch(rows, plan.dropout);
        for step in (0..plan.time).rev() {
            vectorize_for::<T, _>(
                #[inline(always)]
                || {
                    for (row, dz) in dz.chunks_exact_mut(units).enumerate() {
                        self.step_back(plan, slice, [row, step], dz);
                    }
                },
            );
            let gates = Rows {
                data: &dz,
                count: rows,
                stride: units,
            };
            slice.state_gradient(plan, gates, &self.recurrent, &mut through);
            slice.input_gradient(plan, plan.time_of(step), gates, &self.kernel, &mut through_x);
        }
    }
}

impl<T: Product, A: Act> Simple<'_, T, A> {
    #[inline(always)]
    fn step(&self, plan: &Plan<'_, T>, slice: &mut ForwardSlice<'_, T>, at: [usize; 2], z: &[T]) {
        let units = plan.units;
        let Some(row) = slice.arrive(plan, at, KEPT) else {
            return;
        };
        let mut kept = row.kept.map(|kept| parts::<KEPT, T>(kept, units));
        if let Some([_, kh]) = &mut kept {
            kh.copy_from_slice(row.h);
        }
        for at in groups(units) {
            at.put(row.h, map(at.get(z), |v| self.act.value(v)));
        }
        if let Some([ky, _]) = &mut kept {
            ky.copy_from_slice(row.h);
        }
        if let Some(out) = row.out {
            out.copy_from_slice(row.h);
        }
    }

    #[inline(always)]
    fn step_back(&self, plan: &Plan<'_, T>, slice: &mut BackwardSlice<'_, T>, at: [usize; 2], dz: &mut [T]) {
        let units = plan.units;
        let Some(row) = slice.arrive(plan, at, [KEPT, 1]) else {
            return dz.fill(T::ZERO);
        };
        let [ky, _] = parts(row.kept, units);
        for at in groups(units) {
            let (y, dh) = (at.get(ky), at.get(row.dh));
            at.put(dz, by(|k| dh[k] * self.act.slope(y[k])));
        }
        ky.copy_from_slice(dz);
        row.dh.fill(T::ZERO);
    }
}
