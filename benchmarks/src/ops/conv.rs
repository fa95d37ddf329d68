//! Convolution and pooling, channels last.

use keras::Tensor;
use keras::ops::{
    self, ConvOptions, ConvTransposeOptions, FusedActivation as Act, Padding, PoolOptions, Result, nn,
};

use super::{Row, row};

fn conv2d(x: &[Tensor], stride: usize, padding: Padding) -> Result<Tensor> {
    let options = ConvOptions {
        strides: [stride; 2],
        padding,
        ..Default::default()
    };
    ops::conv2d(&x[0], &x[1], None, &options, Act::Linear)
}

/// candle is channels first, so it gets the same numbers as views.
fn candle_conv2d(x: &[Tensor], padding: usize, stride: usize) -> Result<Tensor> {
    let image = x[0].permute((0, 3, 1, 2))?;
    image.conv2d(&x[1].permute((3, 2, 0, 1))?, padding, stride, 1, 1)
}

fn pool2d(window: usize, stride: usize) -> PoolOptions<2> {
    PoolOptions {
        strides: [stride; 2],
        ..PoolOptions::new([window; 2])
    }
}

const IMAGES: &[&[usize]] = &[&[128, 26, 26, 32]];

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("conv2d 3x3 64x26x26x32 to 64", &[&[64, 26, 26, 32], &[3, 3, 32, 64]], |x| conv2d(x, 1, Padding::Valid))
        .candle(|x| candle_conv2d(x, 0, 1)),
    row("conv2d 3x3 128x28x28x1 to 32", &[&[128, 28, 28, 1], &[3, 3, 1, 32]], |x| conv2d(x, 1, Padding::Valid))
        .candle(|x| candle_conv2d(x, 0, 1)),
    row("conv2d 3x3 128x32x32x16 to 16 same", &[&[128, 32, 32, 16], &[3, 3, 16, 16]], |x| conv2d(x, 1, Padding::Same))
        .candle(|x| candle_conv2d(x, 1, 1)),
    row("conv2d 3x3 128x8x8x64 to 64 same", &[&[128, 8, 8, 64], &[3, 3, 64, 64]], |x| conv2d(x, 1, Padding::Same))
        .candle(|x| candle_conv2d(x, 1, 1)),
    row("conv2d 3x3 128x32x32x16 to 32 same stride 2", &[&[128, 32, 32, 16], &[3, 3, 16, 32]], |x| conv2d(x, 2, Padding::Same)),
    row("conv2d 7x7 8x224x224x3 to 64 same stride 2", &[&[8, 224, 224, 3], &[7, 7, 3, 64]], |x| conv2d(x, 2, Padding::Same)),
    row("conv2d 1x1 32x28x28x64 to 256", &[&[32, 28, 28, 64], &[1, 1, 64, 256]], |x| conv2d(x, 1, Padding::Valid))
        .candle(|x| candle_conv2d(x, 0, 1)),
    row("conv1d 3 32x512x64 to 64", &[&[32, 512, 64], &[3, 64, 64]], |x| {
        ops::conv1d(&x[0], &x[1], None, &ConvOptions::default(), Act::Linear)
    }),
    row("conv3d 3x3x3 4x16x32x32x8 to 16", &[&[4, 16, 32, 32, 8], &[3, 3, 3, 8, 16]], |x| {
        ops::conv3d(&x[0], &x[1], None, &ConvOptions::default(), Act::Linear)
    }),
    row("depthwise 3x3 32x32x32x64 same", &[&[32, 32, 32, 64], &[3, 3, 64, 1]], |x| {
        let options = ConvOptions { padding: Padding::Same, ..Default::default() };
        ops::depthwise_conv2d(&x[0], &x[1], None, &options, Act::Linear)
    }),
    row("conv_transpose2d 4x4 16x16x16x64 to 32 stride 2 same", &[&[16, 16, 16, 64], &[4, 4, 32, 64]], |x| {
        let options = ConvTransposeOptions { strides: [2; 2], padding: Padding::Same, ..Default::default() };
        ops::conv_transpose2d(&x[0], &x[1], None, &options, Act::Linear)
    }),
    row("max_pool2d 2x2 128x26x26x32", IMAGES, |x| ops::max_pool2d(&x[0], &pool2d(2, 2)))
        .candle(|x| x[0].permute((0, 3, 1, 2))?.max_pool2d(2)),
    row("max_pool2d 3x3 stride 2 128x26x26x32", IMAGES, |x| ops::max_pool2d(&x[0], &pool2d(3, 2))),
    row("average_pool2d 2x2 128x26x26x32", IMAGES, |x| nn::average_pool2d(&x[0], &pool2d(2, 2)))
        .candle(|x| x[0].permute((0, 3, 1, 2))?.avg_pool2d(2)),
    row("global average pool 128x26x26x32", IMAGES, |x| nn::global_average_pool(&x[0], false, false)),
];
