//! The gated recurrent unit: `h = z h + (1 - z) candidate`.

use super::lanes::{by, groups, map};
use super::{Act, BackwardSlice, Blocks, Cell, ForwardSlice, Plan, parts};
use crate::kernels::packed::{Packed, Product, Rows, Start};
use crate::kernels::simd::vectorize_for;

/// The cell; kept of a unit: z, r, the candidate, its recurrent part, h before.
///
/// The recurrent part is `h U + b` with `after` (reset after the product), `r h` without.
#[derive(Debug)]
pub struct Gru<'a, T, A, R> {
    /// The kernel; its transpose on the way back.
    pub kernel: Blocks<T>,
    /// The recurrent kernel, without `after` only its columns of the gates; its transpose on the way back.
    pub recurrent: Blocks<T>,
    /// Without `after` the recurrent kernel's columns of the candidate; its transpose on the way back.
    pub candidate: Option<Packed<T>>,
    /// The bias, and with `after` that of the recurrent product.
    pub bias: [Option<&'a [T]>; 2],
    /// The activation.
    pub act: A,
    /// The gates' activation.
    pub gate: R,
}

const KEPT: usize = 5;

impl<T: Product, A: Act, R: Act> Cell<T> for Gru<'_, T, A, R> {
    const GATES: usize = 3;
    const KEPT: usize = KEPT;

    fn forward(&self, plan: &Plan<'_, T>, slice: &mut ForwardSlice<'_, T>) {
        let (units, rows) = (plan.units, slice.rows);
        let mut x_part = vec![T::ZERO; rows * 3 * units];
        // With `after` the recurrent product, without the reset state in the first of three.
        let mut h_part = vec![T::ZERO; rows * 3 * units];
        let (inputs, states) = (plan.inputs(slice.first), plan.states(slice.first));
        let mut dropped_x = self.kernel.scratch(rows, inputs.factors);
        let mut dropped_h = self.recurrent.scratch(rows, states.factors);
        for step in 0..plan.time {
            let (x, start) = (slice.inputs(plan, plan.time_of(step)), Start::bias(self.bias[0]));
            self.kernel
                .forward(&mut x_part, 3 * units, x, inputs, start, &mut dropped_x);
            let h = Rows {
                data: &*slice.h,
                count: rows,
                stride: units,
            };
            if let Some(candidate) = &self.candidate {
                self.recurrent
                    .forward(&mut x_part, 3 * units, h, states, Start::Old, &mut dropped_h);
                for (row, (part, (gates, h))) in h_part
                    .chunks_exact_mut(3 * units)
                    .zip(x_part.chunks_exact(3 * units).zip(h.data.chunks_exact(units)))
                    .enumerate()
                {
                    let factors = self.candidate_factors(plan, slice.first + row);
                    for (k, part) in part[..units].iter_mut().enumerate() {
                        let h = factors.map_or(h[k], |factors| h[k] * factors[k]);
                        *part = self.gate.value(gates[units + k]) * h;
                    }
                }
                let reset = Rows {
                    data: &h_part,
                    count: rows,
                    stride: 3 * units,
                };
                T::multiply(&mut x_part[2 * units..], 3 * units, reset, candidate, Start::Old);
            } else {
                let start = Start::bias(self.bias[1]);
                self.recurrent
                    .forward(&mut h_part, 3 * units, h, states, start, &mut dropped_h);
            }
            vectorize_for::<T, _>(
                #[inline(always)]
                || {
                    let parts = x_part
                        .chunks_exact_mut(3 * units)
                        .zip(h_part.chunks_exact_mut(3 * units));
                    for (row, (x, h)) in parts.enumerate() {
                        self.step(plan, slice, [row, step], x, h);
                    }
                },
            );
        }
    }

    fn backward(&self, plan: &Plan<'_, T>, slice: &mut BackwardSlice<'_, T>) {
        let (units, rows) = (plan.units, slice.rows);
        // By z, r, the candidate's input part, its recurrent part.
        let mut dz = vec![T::ZERO; rows * 4 * units];
        let mut by_h = vec![T::ZERO; rows * 3 * units];
        let mut by_reset = vec![T::ZERO; if self.candidate.is_some() { rows * units } else { 0 }];
        let mut through = self.recurrent.scratch(rows, plan.recurrent_dropout);
        let mut through_x = self.kernel.scratch(rows, plan.dropout);
        for step in (0..plan.time).rev() {
            if let Some(candidate) = &self.candidate {
                self.reset_gradient(plan, slice, step, candidate, &mut by_h, &mut by_reset);
            }
            vectorize_for::<T, _>(
                #[inline(always)]
                || {
                    let scratch = dz
                        .chunks_exact_mut(4 * units)
                        .zip(by_h.chunks_exact_mut(3 * units));
                    for (row, (dz, by_h)) in scratch.enumerate() {
                        let reset = by_reset.get(row * units..).unwrap_or_default();
                        self.step_back(plan, slice, [row, step], [dz, by_h], reset);
                    }
                },
            );
            let recurrent = Rows {
                data: &by_h,
                count: rows,
                stride: 3 * units,
            };
            slice.state_gradient(plan, recurrent, &self.recurrent, &mut through);
            let gates = Rows {
                data: &dz,
                count: rows,
                stride: 4 * units,
            };
            slice.input_gradient(plan, plan.time_of(step), gates, &self.kernel, &mut through_x);
        }
    }
}

impl<T: Product, A: Act, R: Act> Gru<'_, T, A, R> {
    /// The factors of the state in a sequence's candidate.
    #[inline(always)]
    fn candidate_factors<'a>(&self, plan: &Plan<'a, T>, row: usize) -> Option<&'a [T]> {
        let factors = plan.recurrent_dropout?.gate(2);
        Some(&factors[row * plan.units..][..plan.units])
    }

    #[inline(always)]
    fn step(
        &self,
        plan: &Plan<'_, T>,
        slice: &mut ForwardSlice<'_, T>,
        at: [usize; 2],
        x: &mut [T],
        recurrent: &mut [T],
    ) {
        let units = plan.units;
        let after = self.candidate.is_none();
        let Some(row) = slice.arrive(plan, at, KEPT) else {
            return;
        };
        let h = row.h;
        let [xz, xr, xc] = parts(x, units);
        let [hz, hr, hc] = parts(recurrent, units);
        let mut kept = row.kept.map(|kept| parts::<KEPT, T>(kept, units));
        for at in groups(units) {
            let (mut z, mut r, mut c) = (at.get(xz), at.get(xr), at.get(xc));
            if after {
                let (hz, hr) = (at.get(hz), at.get(hr));
                z = by(|k| z[k] + hz[k]);
                r = by(|k| r[k] + hr[k]);
            }
            z = map(z, |v| self.gate.value(v));
            r = map(r, |v| self.gate.value(v));
            let inner = if after { at.get(hc) } else { at.get(hz) };
            if after {
                c = by(|k| c[k] + r[k] * inner[k]);
            }
            c = map(c, |v| self.act.value(v));
            let old = at.get(h);
            at.put(h, by(|k| z[k] * old[k] + (T::ONE - z[k]) * c[k]));
            if let Some([kz, kr, kc, ki, kh]) = &mut kept {
                at.put(kz, z);
                at.put(kr, r);
                at.put(kc, c);
                at.put(ki, inner);
                at.put(kh, old);
            }
        }
        if let Some(out) = row.out {
            out.copy_from_slice(h);
        }
    }

    /// Without `after`: the gradient by the reset state, from the candidate's.
    fn reset_gradient(
        &self,
        plan: &Plan<'_, T>,
        slice: &mut BackwardSlice<'_, T>,
        step: usize,
        candidate: &Packed<T>,
        scratch: &mut [T],
        by_reset: &mut [T],
    ) {
        let (units, time) = (plan.units, plan.time_of(step));
        for (row, part) in scratch.chunks_exact_mut(3 * units).enumerate() {
            if plan.masked(slice.first + row, time) {
                part[..units].fill(T::ZERO);
                continue;
            }
            let dh = &slice.dh[row * units..][..units];
            let kept = &slice.kept[(row * plan.time + time) * KEPT * units..];
            let (z, c) = (&kept[..units], &kept[2 * units..3 * units]);
            let grad = match (slice.grad, super::output(plan, row, step)) {
                (Some(grad), Some(range)) => Some(&grad[range]),
                _ => None,
            };
            for k in 0..units {
                let dh = dh[k] + grad.map_or(T::ZERO, |grad| grad[k]);
                part[k] = dh * (T::ONE - z[k]) * self.act.slope(c[k]);
            }
        }
        let rows = Rows {
            data: scratch,
            count: slice.rows,
            stride: 3 * units,
        };
        T::multiply(by_reset, units, rows, candidate, Start::Zero);
    }

    #[inline(always)]
    fn step_back(
        &self,
        plan: &Plan<'_, T>,
        slice: &mut BackwardSlice<'_, T>,
        place: [usize; 2],
        [dz, by_h]: [&mut [T]; 2],
        by_reset: &[T],
    ) {
        let units = plan.units;
        let after = self.candidate.is_none();
        let factors = self.candidate_factors(plan, slice.first + place[0]);
        let Some(row) = slice.arrive(plan, place, [KEPT, 4]) else {
            dz.fill(T::ZERO);
            return by_h.fill(T::ZERO);
        };
        let [kz, kr, kc, ki, kh] = parts(row.kept, units);
        let [dx_z, dx_r, dx_c, _] = parts(dz, units);
        let [dh_z, dh_r, dh_c] = parts(by_h, units);
        for at in groups(units) {
            let (z, r, c, inner) = (at.get(kz), at.get(kr), at.get(kc), at.get(ki));
            let (h, dh) = (at.get(kh), at.get(row.dh));
            let factor = factors.map_or([T::ONE; 16], |factors| at.get(factors));
            let gz = by(|k| dh[k] * (h[k] - c[k]) * self.gate.slope(z[k]));
            let gc = by(|k| dh[k] * (T::ONE - z[k]) * self.act.slope(c[k]));
            let mut through = by(|k| dh[k] * z[k]);
            let (gr, last);
            if after {
                gr = by(|k| gc[k] * inner[k] * self.gate.slope(r[k]));
                last = by(|k| gc[k] * r[k]);
                at.put(dh_c, last);
            } else {
                let reset = at.get(by_reset);
                gr = by(|k| reset[k] * h[k] * factor[k] * self.gate.slope(r[k]));
                through = by(|k| through[k] + reset[k] * r[k] * factor[k]);
                last = inner;
            }
            at.put(row.dh, through);
            for (kept, x, grad) in [
                (&mut *kz, &mut *dx_z, gz),
                (&mut *kr, &mut *dx_r, gr),
                (&mut *kc, &mut *dx_c, gc),
            ] {
                at.put(kept, grad);
                at.put(x, grad);
            }
            at.put(ki, last);
            at.put(dh_z, gz);
            at.put(dh_r, gr);
        }
    }
}
