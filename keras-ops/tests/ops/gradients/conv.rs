//! Convolution.

use keras_ops::{
    self as ops, ConvArgs, ConvOptions, ConvTransposeOptions, FusedActivation as Act, Padding, PoolArgs,
    Sizes,
};

use super::case::{Case, Input, case};

const STEPS: Input = (&[2, 7, 3], -2., 2.3);
const IMAGE: Input = (&[2, 6, 5, 3], -2., 2.3);
const GREY: Input = (&[2, 6, 7, 1], -2., 2.3);
const SOLID: Input = (&[2, 4, 5, 3, 2], -2., 2.3);
const BIAS: Input = (&[4], -0.4, 0.9);

fn conv<const N: usize>(strides: [usize; N], padding: Padding) -> ConvOptions<N> {
    ConvOptions {
        strides,
        padding,
        ..ConvOptions::default()
    }
}

fn dilated<const N: usize>(dilation: [usize; N], padding: Padding) -> ConvOptions<N> {
    ConvOptions {
        dilation,
        padding,
        ..ConvOptions::default()
    }
}

fn first<const N: usize>(options: ConvOptions<N>) -> ConvOptions<N> {
    ConvOptions {
        channels_first: true,
        ..options
    }
}

fn grouped<const N: usize>(groups: usize, options: ConvOptions<N>) -> ConvOptions<N> {
    ConvOptions { groups, ..options }
}

fn turned<const N: usize>(strides: [usize; N], padding: Padding) -> ConvTransposeOptions<N> {
    ConvTransposeOptions {
        strides,
        padding,
        ..ConvTransposeOptions::default()
    }
}

fn args(strides: impl Into<Sizes>, padding: Padding) -> ConvArgs {
    ConvArgs {
        strides: strides.into(),
        padding,
        ..ConvArgs::default()
    }
}

const K1: Input = (&[3, 3, 4], -0.7, 0.5);
const K2: Input = (&[3, 2, 3, 4], -0.7, 0.5);
const K3: Input = (&[3, 2, 2, 2, 3], -0.7, 0.5);
const KT: Input = (&[3, 2, 4, 3], -0.7, 0.5);
use Padding::{Causal, Same, Valid};

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("conv1d", &[STEPS, K1, BIAS], |x| ops::conv1d(&x[0], &x[1], Some(&x[2]), &conv([2], Same), Act::Tanh)),
    case("conv1d causal", &[STEPS, K1], |x| ops::conv1d(&x[0], &x[1], None, &dilated([2], Causal), Act::Linear)),
    case("conv1d causal steps", &[STEPS, K1], |x| ops::conv1d(&x[0], &x[1], None, &conv([2], Causal), Act::Linear)),
    case("conv1d channels first", &[(&[2, 3, 7], -2., 2.3), K1], |x| ops::conv1d(&x[0], &x[1], None, &first(conv([1], Valid)), Act::Linear)),
    case("conv2d", &[IMAGE, K2, BIAS], |x| ops::conv2d(&x[0], &x[1], Some(&x[2]), &conv([1, 1], Valid), Act::Relu)),
    case("conv2d sigmoid", &[IMAGE, K2, BIAS], |x| ops::conv2d(&x[0], &x[1], Some(&x[2]), &conv([1, 1], Same), Act::Sigmoid)),
    case("conv2d strides", &[IMAGE, K2], |x| ops::conv2d(&x[0], &x[1], None, &conv([2, 3], Same), Act::Linear)),
    case("conv2d wide strides", &[IMAGE, K2], |x| ops::conv2d(&x[0], &x[1], None, &conv([4, 3], Same), Act::Linear)),
    case("conv2d dilated", &[IMAGE, K2], |x| ops::conv2d(&x[0], &x[1], None, &dilated([2, 3], Same), Act::Linear)),
    case("conv2d padded", &[IMAGE, K2], |x| ops::conv2d(&x[0], &x[1], None, &conv([1, 2], Padding::explicit([(0, 3), (2, 1)])), Act::Linear)),
    case("conv2d groups", &[(&[2, 5, 6, 4], -2., 2.3), (&[3, 3, 2, 6], -0.7, 0.5)], |x| ops::conv2d(&x[0], &x[1], None, &grouped(2, conv([1, 2], Same)), Act::Linear)),
    case("conv2d groups of one", &[(&[2, 5, 6, 3], -2., 2.3), (&[3, 2, 1, 6], -0.7, 0.5)], |x| ops::conv2d(&x[0], &x[1], None, &grouped(3, conv([1, 2], Valid)), Act::Linear)),
    case("conv2d one channel", &[GREY, (&[3, 3, 1, 2], -0.7, 0.5)], |x| ops::conv2d(&x[0], &x[1], None, &conv([1, 1], Same), Act::Linear)),
    case("conv2d pointwise", &[IMAGE, (&[1, 1, 3, 4], -0.7, 0.5)], |x| ops::conv2d(&x[0], &x[1], None, &conv([1, 1], Same), Act::Linear)),
    case("conv2d pointwise strides", &[IMAGE, (&[1, 1, 3, 4], -0.7, 0.5)], |x| ops::conv2d(&x[0], &x[1], None, &conv([2, 2], Same), Act::Linear)),
    case("conv2d many filters", &[(&[1, 4, 5, 2], -2., 2.3), (&[2, 2, 2, 37], -0.7, 0.5)], |x| ops::conv2d(&x[0], &x[1], None, &conv([1, 1], Same), Act::Linear)),
    case("conv2d many channels", &[(&[1, 3, 4, 37], -2., 2.3), (&[2, 2, 37, 3], -0.7, 0.5)], |x| ops::conv2d(&x[0], &x[1], None, &conv([1, 1], Same), Act::Linear)),
    case("conv2d channels first", &[(&[2, 3, 6, 5], -2., 2.3), K2, BIAS], |x| ops::conv2d(&x[0], &x[1], Some(&x[2]), &first(conv([1, 1], Same)), Act::Relu)),
    case("conv3d", &[SOLID, K3], |x| ops::conv3d(&x[0], &x[1], None, &conv([1, 2, 1], Same), Act::Linear)),
    case("conv3d valid", &[SOLID, K3], |x| ops::conv3d(&x[0], &x[1], None, &conv([1, 1, 2], Valid), Act::Tanh)),
    case("conv 1-D", &[STEPS, K1, BIAS], |x| ops::conv(&x[0], &x[1], Some(&x[2]), &args(1, Causal), Act::Linear)),
    case("conv 2-D groups", &[(&[2, 5, 6, 4], -2., 2.3), (&[3, 3, 2, 6], -0.7, 0.5)], |x| ops::conv(&x[0], &x[1], None, &args([1, 2], Same), Act::Linear)),
    case("conv_max_pool", &[IMAGE, K2, BIAS], |x| ops::conv_max_pool(&x[0], &x[1], Some(&x[2]), &args(1, Valid), Act::Relu, &PoolArgs::new(2))),
    case("conv_max_pool 1-D", &[STEPS, K1, BIAS], |x| ops::conv_max_pool(&x[0], &x[1], Some(&x[2]), &args(1, Causal), Act::Tanh, &PoolArgs::new(3))),
    case("conv_max_pool many filters", &[(&[1, 4, 5, 2], -2., 2.3), (&[2, 2, 2, 37], -0.7, 0.5)], |x| ops::conv_max_pool(&x[0], &x[1], None, &args(1, Same), Act::Linear, &PoolArgs::new([2, 5]))),
    case("conv_max_pool overlapping", &[IMAGE, K2], |x| ops::conv_max_pool(&x[0], &x[1], None, &args(1, Same), Act::Sigmoid, &PoolArgs { strides: Some(1.into()), ..PoolArgs::new(2) })),
    case("conv 3-D", &[SOLID, K3], |x| ops::conv(&x[0], &x[1], None, &args(1, Valid), Act::Linear)),
    case("depthwise_conv1d", &[STEPS, (&[3, 3, 1], -0.7, 0.5), (&[3], -0.4, 0.9)], |x| ops::depthwise_conv1d(&x[0], &x[1], Some(&x[2]), &conv([2], Same), Act::Tanh)),
    case("depthwise_conv2d", &[IMAGE, (&[3, 2, 3, 1], -0.7, 0.5)], |x| ops::depthwise_conv2d(&x[0], &x[1], None, &conv([1, 1], Same), Act::Linear)),
    case("depthwise_conv2d multiplier", &[IMAGE, (&[3, 2, 3, 2], -0.7, 0.5), (&[6], -0.4, 0.9)], |x| ops::depthwise_conv2d(&x[0], &x[1], Some(&x[2]), &conv([2, 1], Valid), Act::Relu)),
    case("depthwise_conv2d large multiplier", &[(&[1, 4, 5, 2], -2., 2.3), (&[2, 2, 2, 9], -0.7, 0.5)], |x| ops::depthwise_conv2d(&x[0], &x[1], None, &conv([1, 1], Same), Act::Linear)),
    case("depthwise_conv2d one channel", &[GREY, (&[3, 3, 1, 2], -0.7, 0.5)], |x| ops::depthwise_conv2d(&x[0], &x[1], None, &conv([1, 2], Same), Act::Linear)),
    case("depthwise_conv2d dilated", &[(&[1, 6, 5, 19], -2., 2.3), (&[3, 2, 19, 1], -0.7, 0.5)], |x| ops::depthwise_conv2d(&x[0], &x[1], None, &dilated([2, 3], Same), Act::Linear)),
    case("depthwise_conv2d channels first", &[(&[2, 3, 6, 5], -2., 2.3), (&[3, 2, 3, 2], -0.7, 0.5)], |x| ops::depthwise_conv2d(&x[0], &x[1], None, &first(conv([2, 2], Same)), Act::Linear)),
    case("depthwise_conv3d", &[SOLID, (&[3, 2, 2, 2, 1], -0.7, 0.5)], |x| ops::depthwise_conv3d(&x[0], &x[1], None, &conv([1, 2, 1], Same), Act::Linear)),
    case("depthwise_conv 1-D", &[STEPS, (&[3, 3, 2], -0.7, 0.5)], |x| ops::depthwise_conv(&x[0], &x[1], None, &args(1, Causal), Act::Linear)),
    case("separable_conv1d", &[STEPS, (&[3, 3, 2], -0.7, 0.5), (&[1, 6, 4], -0.7, 0.5), BIAS], |x| ops::separable_conv1d(&x[0], &x[1], &x[2], Some(&x[3]), &conv([2], Same), Act::Tanh)),
    case("separable_conv2d", &[IMAGE, (&[3, 2, 3, 1], -0.7, 0.5), (&[1, 1, 3, 4], -0.7, 0.5)], |x| ops::separable_conv2d(&x[0], &x[1], &x[2], None, &conv([1, 1], Valid), Act::Linear)),
    case("separable_conv2d channels first", &[(&[2, 3, 6, 5], -2., 2.3), (&[3, 2, 3, 1], -0.7, 0.5), (&[1, 1, 3, 4], -0.7, 0.5)], |x| ops::separable_conv2d(&x[0], &x[1], &x[2], None, &first(conv([2, 1], Same)), Act::Linear)),
    case("separable_conv 2-D", &[IMAGE, (&[3, 2, 3, 2], -0.7, 0.5), (&[1, 1, 6, 4], -0.7, 0.5), BIAS], |x| ops::separable_conv(&x[0], &x[1], &x[2], Some(&x[3]), &args(2, Same), Act::Relu)),
    case("conv_transpose1d", &[STEPS, (&[3, 4, 3], -0.7, 0.5), BIAS], |x| ops::conv_transpose1d(&x[0], &x[1], Some(&x[2]), &turned([2], Same), Act::Tanh)),
    case("conv_transpose2d", &[IMAGE, KT], |x| ops::conv_transpose2d(&x[0], &x[1], None, &turned([1, 1], Valid), Act::Linear)),
    case("conv_transpose2d strides", &[IMAGE, KT, BIAS], |x| ops::conv_transpose2d(&x[0], &x[1], Some(&x[2]), &turned([2, 3], Same), Act::Relu)),
    case("conv_transpose2d wide strides", &[IMAGE, KT, BIAS], |x| ops::conv_transpose2d(&x[0], &x[1], Some(&x[2]), &turned([4, 3], Valid), Act::Linear)),
    case("conv_transpose2d dilated", &[IMAGE, KT], |x| ops::conv_transpose2d(&x[0], &x[1], None, &ConvTransposeOptions { dilation: [2, 3], ..turned([3, 2], Same) }, Act::Linear)),
    case("conv_transpose2d output padding", &[IMAGE, KT], |x| ops::conv_transpose2d(&x[0], &x[1], None, &ConvTransposeOptions { output_padding: Some([1, 0]), ..turned([2, 2], Same) }, Act::Linear)),
    case("conv_transpose2d channels first", &[(&[2, 3, 6, 5], -2., 2.3), KT], |x| ops::conv_transpose2d(&x[0], &x[1], None, &ConvTransposeOptions { channels_first: true, ..turned([2, 1], Valid) }, Act::Linear)),
    case("conv_transpose3d", &[(&[2, 2, 3, 2, 2], -2., 2.3), (&[3, 2, 2, 3, 2], -0.7, 0.5)], |x| ops::conv_transpose3d(&x[0], &x[1], None, &turned([1, 2, 2], Same), Act::Linear)),
    case("conv_transpose 2-D", &[IMAGE, KT], |x| ops::conv_transpose(&x[0], &x[1], None, &ConvArgs { output_padding: Some(1.into()), ..args(2, Valid) }, Act::Linear)),
];
