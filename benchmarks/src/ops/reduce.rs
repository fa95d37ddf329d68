use keras::ops;

use super::{Row, row};

const CUBE: &[&[usize]] = &[&[64, 128, 128]];

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("sum all 64x128x128", CUBE, |x| ops::sum(&x[0], None, false)).candle(|x| x[0].sum_all()),
    row("sum last 64x128x128", CUBE, |x| ops::sum(&x[0], Some(&[-1]), false)).candle(|x| x[0].sum(2)),
    row("sum first 64x128x128", CUBE, |x| ops::sum(&x[0], Some(&[0]), false)).candle(|x| x[0].sum(0)),
    row("sum middle 64x128x128", CUBE, |x| ops::sum(&x[0], Some(&[1]), false)).candle(|x| x[0].sum(1)),
    row("max last 64x128x128", CUBE, |x| ops::max(&x[0], Some(&[-1]), false)).candle(|x| x[0].max(2)),
    row("variance last 64x128x128", CUBE, |x| ops::variance(&x[0], Some(&[-1]), false)).candle(|x| x[0].var(2)),
    row("argmax last 64x128x128", CUBE, |x| ops::argmax(&x[0], Some(-1), false)).candle(|x| x[0].argmax(2)).forward_only(),
    row("softmax 4096x1000", &[&[4096, 1000]], |x| ops::softmax(&x[0], &[-1])),
    row("log_softmax 4096x1000", &[&[4096, 1000]], |x| ops::log_softmax(&x[0], &[-1])),
    row("logsumexp 4096x1000", &[&[4096, 1000]], |x| ops::logsumexp(&x[0], Some(&[-1]), false)).candle(|x| x[0].log_sum_exp(1)),
];
