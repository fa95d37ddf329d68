//! Optimizer steps of a million weights, beside a plain read-modify-write of the same bytes.

use keras::ops::optimizer_step::{AdamRule, SgdRule, adam_step, sgd_step};

use super::{Row, row};

const MILLION: &[usize] = &[1 << 20];
const ADAM: AdamRule = AdamRule {
    learning_rate: 1e-3,
    beta_1: 0.9,
    beta_2: 0.999,
    epsilon: 1e-7,
    step: 10,
};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("adam step 1M", &[MILLION, MILLION, MILLION, MILLION], |x| {
        adam_step(&ADAM, &x[0], &x[1], &x[2], &x[3], None)?;
        Ok(x[0].clone())
    }).forward_only(),
    row("sgd step 1M", &[MILLION, MILLION], |x| {
        sgd_step(&SgdRule { learning_rate: 1e-3, momentum: 0., nesterov: false }, &x[0], &x[1], None)?;
        Ok(x[0].clone())
    }).forward_only(),
];
