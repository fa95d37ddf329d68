//! Optimizer steps of a million weights, beside a plain read-modify-write of the same bytes.

use keras::Tensor;
use keras::ops::optimizer_step::{AdamRule, SgdRule, adam_step, sgd_step};
use keras::ops::{Result, host, inplace};

use super::{Row, row};

const MILLION: &[usize] = &[1 << 20];
const ADAM: AdamRule = AdamRule {
    learning_rate: 1e-3,
    beta_1: 0.9,
    beta_2: 0.999,
    epsilon: 1e-7,
    step: 10,
};

/// The least that a step with two slots can do: every byte that it reads and writes.
fn read_modify_write(w: &Tensor, g: &Tensor, m: &Tensor, v: &Tensor) -> Result<()> {
    host::read(g, |g: &[f32]| {
        inplace::write_many(
            "read_modify_write",
            &[w, m, v],
            |written: &mut [&mut [f32]]| {
                let [w, m, v] = written else { return Ok(()) };
                for (((w, m), v), g) in w.iter_mut().zip(m.iter_mut()).zip(v.iter_mut()).zip(g) {
                    *w += g;
                    *m += g;
                    *v += g;
                }
                Ok(())
            },
        )
    })
}

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("adam step 1M", &[MILLION, MILLION, MILLION, MILLION], |x| {
        adam_step(&ADAM, &x[0], &x[1], &x[2], &x[3], None)?;
        Ok(x[0].clone())
    }).forward_only(),
    row("read-modify-write 1M (3 written, 1 read)", &[MILLION, MILLION, MILLION, MILLION], |x| {
        read_modify_write(&x[0], &x[1], &x[2], &x[3])?;
        Ok(x[0].clone())
    }).forward_only(),
    row("sgd step 1M", &[MILLION, MILLION], |x| {
        sgd_step(&SgdRule { learning_rate: 1e-3, momentum: 0., nesterov: false }, &x[0], &x[1], None)?;
        Ok(x[0].clone())
    }).forward_only(),
];
