use keras::Tensor;
use keras::ops::{AttentionOptions, Result, dot_product_attention, nn};

use super::{Row, row};

fn attention(x: &[Tensor], is_causal: bool) -> Result<Tensor> {
    let options = AttentionOptions {
        is_causal,
        ..Default::default()
    };
    dot_product_attention(&x[0], &x[1], &x[2], &options)
}

const SHORT: &[usize] = &[16, 128, 4, 64];
const PLAIN: &[usize] = &[32, 200, 2, 32];
const LONG: &[usize] = &[1, 2048, 8, 64];

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("layer_normalization 2048x256", &[&[2048, 256], &[256], &[256]], |x| {
        nn::layer_normalization(&x[0], Some(&x[1]), Some(&x[2]), &[-1], 1e-3)
    }),
    row("layer_normalization 8192x1024", &[&[8192, 1024], &[1024], &[1024]], |x| {
        nn::layer_normalization(&x[0], Some(&x[1]), Some(&x[2]), &[-1], 1e-3)
    }),
    row("rms_normalization 8192x1024", &[&[8192, 1024], &[1024]], |x| {
        nn::rms_normalization(&x[0], Some(&x[1]), &[-1], 1e-3)
    }),
    row("batch norm training 128x32x32x16", &[&[128, 32, 32, 16], &[16], &[16]], |x| {
        Ok(nn::batch_norm_training(&x[0], Some(&x[1]), Some(&x[2]), -1, 1e-3, None)?.output)
    }),
    row("batch norm training 32x16x16x64", &[&[32, 16, 16, 64], &[64], &[64]], |x| {
        Ok(nn::batch_norm_training(&x[0], Some(&x[1]), Some(&x[2]), -1, 1e-3, None)?.output)
    }),
    row("attention 16x128x4x64 causal", &[SHORT; 3], |x| attention(x, true)),
    row("attention 32x200x2x32", &[PLAIN; 3], |x| attention(x, false)),
    row("attention 1x2048x8x64 causal", &[LONG; 3], |x| attention(x, true)),
    row("group normalization 16x32x32x64 in 32", &[&[16, 32, 32, 64], &[64], &[64]], |x| {
        nn::group_normalization(&x[0], Some(&x[1]), Some(&x[2]), 32, -1, 1e-3)
    }),
];
