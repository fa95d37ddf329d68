use keras::ops::{self, FusedActivation as Act};

use super::{Row, row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("matmul 1024x1024x1024", &[&[1024, 1024], &[1024, 1024]], |x| ops::matmul(&x[0], &x[1]))
        .candle(|x| x[0].matmul(&x[1])),
    row("matmul 256x256x256", &[&[256, 256], &[256, 256]], |x| ops::matmul(&x[0], &x[1]))
        .candle(|x| x[0].matmul(&x[1])),
    row("matmul batch 64 of 128x64x128", &[&[64, 128, 64], &[64, 64, 128]], |x| ops::matmul(&x[0], &x[1]))
        .candle(|x| x[0].matmul(&x[1])),
    row("dense relu 32x64x64", &[&[32, 64], &[64, 64], &[64]], |x| ops::dense(&x[0], &x[1], Some(&x[2]), Act::Relu))
        .candle(|x| x[0].matmul(&x[1])?.broadcast_add(&x[2])?.relu()),
    row("dense relu 128x784x512", &[&[128, 784], &[784, 512], &[512]], |x| ops::dense(&x[0], &x[1], Some(&x[2]), Act::Relu))
        .candle(|x| x[0].matmul(&x[1])?.broadcast_add(&x[2])?.relu()),
    row("dense 2048x256x1024", &[&[16, 128, 256], &[256, 1024], &[1024]], |x| ops::dense(&x[0], &x[1], Some(&x[2]), Act::Linear)),
];
