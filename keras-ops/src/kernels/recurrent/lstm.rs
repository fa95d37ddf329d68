//! Long short-term memory: `c = f c + i g`, `h = o act(c)`.

use super::lanes::{by, groups, map};
use super::{Act, BackwardSlice, Blocks, Cell, ForwardSlice, Plan, parts};
use crate::kernels::packed::{Product, Rows, Start};
use crate::kernels::simd::vectorize_for;

/// The cell; kept of a unit: gates i, f, g, o, the state c before, act(c), h before.
#[derive(Debug)]
pub struct Lstm<'a, T, A, R> {
    /// The kernel; its transpose on the way back.
    pub kernel: Blocks<T>,
    /// The recurrent kernel; its transpose on the way back.
    pub recurrent: Blocks<T>,
    /// The bias.
    pub bias: Option<&'a [T]>,
    /// The activation.
    pub act: A,
    /// The gates' activation.
    pub gate: R,
}

const KEPT: usize = 7;

impl<T: Product, A: Act, R: Act> Cell<T> for Lstm<'_, T, A, R> {
    const GATES: usize = 4;
    const KEPT: usize = KEPT;

    fn forward(&self, plan: &Plan<'_, T>, slice: &mut ForwardSlice<'_, T>) {
        let (units, rows) = (plan.units, slice.rows);
        let mut z = vec![T::ZERO; rows * 4 * units];
        let (inputs, states) = (plan.inputs(slice.first), plan.states(slice.first));
        let mut dropped_x = self.kernel.scratch(rows, inputs.factors);
        let mut dropped_h = self.recurrent.scratch(rows, states.factors);
        for step in 0..plan.time {
            let (x, start) = (slice.inputs(plan, plan.time_of(step)), Start::bias(self.bias));
            self.kernel
                .forward(&mut z, 4 * units, x, inputs, start, &mut dropped_x);
            let h = Rows {
                data: slice.h,
                count: rows,
                stride: units,
            };
            self.recurrent
                .forward(&mut z, 4 * units, h, states, Start::Old, &mut dropped_h);
            vectorize_for::<T, _>(
                #[inline(always)]
                || {
                    for (row, z) in z.chunks_exact_mut(4 * units).enumerate() {
                        self.step(plan, slice, [row, step], z);
                    }
                },
            );
        }
    }

    fn backward(&self, plan: &Plan<'_, T>, slice: &mut BackwardSlice<'_, T>) {
        let (units, rows) = (plan.units, slice.rows);
        let mut dz = vec![T::ZERO; rows * 4 * units];
        let mut through = self.recurrent.scratch(rows, plan.recurrent_dropout);
        let mut through_x = self.kernel.scratch(rows, plan.dropout);
        for step in (0..plan.time).rev() {
            vectorize_for::<T, _>(
                #[inline(always)]
                || {
                    for (row, dz) in dz.chunks_exact_mut(4 * units).enumerate() {
                        self.step_back(plan, slice, [row, step], dz);
                    }
                },
            );
            let gates = Rows {
                data: &dz,
                count: rows,
                stride: 4 * units,
            };
            slice.state_gradient(plan, gates, &self.recurrent, &mut through);
            slice.input_gradient(plan, plan.time_of(step), gates, &self.kernel, &mut through_x);
        }
    }
}

impl<T: Product, A: Act, R: Act> Lstm<'_, T, A, R> {
    #[inline(always)]
    fn step(&self, plan: &Plan<'_, T>, slice: &mut ForwardSlice<'_, T>, at: [usize; 2], z: &mut [T]) {
        let units = plan.units;
        let Some(row) = slice.arrive(plan, at, KEPT) else {
            return;
        };
        let (h, c) = (row.h, row.c);
        let [zi, zf, zg, zo] = parts(z, units);
        let mut kept = row.kept.map(|kept| parts::<KEPT, T>(kept, units));
        if let Some([.., kh]) = &mut kept {
            kh.copy_from_slice(h);
        }
        for at in groups(units) {
            let (i, f) = (
                map(at.get(zi), |v| self.gate.value(v)),
                map(at.get(zf), |v| self.gate.value(v)),
            );
            let (g, o) = (
                map(at.get(zg), |v| self.act.value(v)),
                map(at.get(zo), |v| self.gate.value(v)),
            );
            let before = at.get(c);
            let new = by(|k| f[k] * before[k] + i[k] * g[k]);
            let a = map(new, |v| self.act.value(v));
            at.put(c, new);
            at.put(h, by(|k| o[k] * a[k]));
            if let Some([ki, kf, kg, ko, kc, ka, _]) = &mut kept {
                at.put(ki, i);
                at.put(kf, f);
                at.put(kg, g);
                at.put(ko, o);
                at.put(kc, before);
                at.put(ka, a);
            }
        }
        if let Some(out) = row.out {
            out.copy_from_slice(h);
        }
    }

    #[inline(always)]
    fn step_back(&self, plan: &Plan<'_, T>, slice: &mut BackwardSlice<'_, T>, at: [usize; 2], dz: &mut [T]) {
        let units = plan.units;
        let Some(row) = slice.arrive(plan, at, [KEPT, 4]) else {
            return dz.fill(T::ZERO);
        };
        let [ki, kf, kg, ko, kc, ka, _] = parts(row.kept, units);
        let [di, df, dg, d_o] = parts(dz, units);
        for at in groups(units) {
            let (i, f, g, o) = (at.get(ki), at.get(kf), at.get(kg), at.get(ko));
            let (c, a, dh, dc) = (at.get(kc), at.get(ka), at.get(row.dh), at.get(row.dc));
            let back = by(|k| dc[k] + dh[k] * o[k] * self.act.slope(a[k]));
            let gi = by(|k| back[k] * g[k] * self.gate.slope(i[k]));
            let gf = by(|k| back[k] * c[k] * self.gate.slope(f[k]));
            let gg = by(|k| back[k] * i[k] * self.act.slope(g[k]));
            let go = by(|k| dh[k] * a[k] * self.gate.slope(o[k]));
            at.put(row.dc, by(|k| back[k] * f[k]));
            for (kept, scratch, grad) in [
                (&mut *ki, &mut *di, gi),
                (&mut *kf, &mut *df, gf),
                (&mut *kg, &mut *dg, gg),
                (&mut *ko, &mut *d_o, go),
            ] {
                at.put(kept, grad);
                at.put(scratch, grad);
            }
        }
        row.dh.fill(T::ZERO);
    }
}
