use keras::ops;

use super::{Row, row};

const MILLION: &[&[usize]] = &[&[1000, 1000]];
const TWO: &[&[usize]] = &[&[1000, 1000], &[1000, 1000]];

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("exp 1M", MILLION, |x| ops::exp(&x[0])).candle(|x| x[0].exp()),
    row("log 1M", MILLION, |x| ops::log(&x[0])).candle(|x| x[0].log()),
    row("tanh 1M", MILLION, |x| ops::tanh(&x[0])).candle(|x| x[0].tanh()),
    row("sigmoid 1M", MILLION, |x| ops::sigmoid(&x[0])),
    row("erf 1M", MILLION, |x| ops::erf(&x[0])).candle(|x| x[0].erf()),
    row("gelu 1M", MILLION, |x| ops::gelu(&x[0], false)).candle(|x| x[0].gelu_erf()),
    row("gelu tanh 1M", MILLION, |x| ops::gelu(&x[0], true)).candle(|x| x[0].gelu()),
    row("silu 1M", MILLION, |x| ops::silu(&x[0])).candle(|x| x[0].silu()),
    row("softplus 1M", MILLION, |x| ops::softplus(&x[0])),
    row("relu 1M", MILLION, |x| ops::relu(&x[0])).candle(|x| x[0].relu()),
    row("sin 1M", MILLION, |x| ops::sin(&x[0])).candle(|x| x[0].sin()),
    row("sqrt 1M", MILLION, |x| ops::sqrt(&x[0])).candle(|x| x[0].sqrt()),
    row("add 1M", TWO, |x| ops::add(&x[0], &x[1])).candle(|x| &x[0] + &x[1]),
    row("multiply 1M", TWO, |x| ops::multiply(&x[0], &x[1])).candle(|x| &x[0] * &x[1]),
    row("add row 1M", &[&[1000, 1000], &[1000]], |x| ops::add(&x[0], &x[1])).candle(|x| x[0].broadcast_add(&x[1])),
    row("multiply column 1M", &[&[1000, 1000], &[1000, 1]], |x| ops::multiply(&x[0], &x[1])).candle(|x| x[0].broadcast_mul(&x[1])),
    row("greater 1M", TWO, |x| ops::greater(&x[0], &x[1])).candle(|x| x[0].gt(&x[1])).forward_only(),
];
