//! Convolution.

use keras_ops::{self as ops, ConvOptions, FusedActivation as Act, Padding};

use super::case::{Case, Input, case};

const STEPS: Input = (&[2, 7, 3], -2., 2.3);
const IMAGE: Input = (&[2, 6, 5, 3], -2., 2.3);
const GREY: Input = (&[3, 6, 7, 1], -2., 2.3);
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

const K1: Input = (&[3, 3, 4], -0.7, 0.5);
const K2: Input = (&[3, 2, 3, 4], -0.7, 0.5);
const K3: Input = (&[3, 2, 2, 2, 3], -0.7, 0.5);
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
    case("conv2d groups of one", &[(&[2, 5, 6, 3], -2., 2.3), (&[2, 3, 1, 6], -0.7, 0.5)], |x| ops::conv2d(&x[0], &x[1], None, &grouped(3, conv([1, 2], Valid)), Act::Linear)),
    case("conv2d one channel", &[GREY, (&[3, 3, 1, 2], -0.7, 0.5)], |x| ops::conv2d(&x[0], &x[1], None, &conv([1, 1], Same), Act::Linear)),
    case("conv2d pointwise", &[IMAGE, (&[1, 1, 3, 4], -0.7, 0.5)], |x| ops::conv2d(&x[0], &x[1], None, &conv([1, 1], Same), Act::Linear)),
    case("conv2d pointwise strides", &[IMAGE, (&[1, 1, 3, 4], -0.7, 0.5)], |x| ops::conv2d(&x[0], &x[1], None, &conv([2, 2], Same), Act::Linear)),
    case("conv2d many filters", &[(&[1, 4, 5, 2], -2., 2.3), (&[2, 2, 2, 37], -0.7, 0.5)], |x| ops::conv2d(&x[0], &x[1], None, &conv([1, 1], Same), Act::Linear)),
    case("conv2d many channels", &[(&[1, 3, 4, 37], -2., 2.3), (&[2, 2, 37, 3], -0.7, 0.5)], |x| ops::conv2d(&x[0], &x[1], None, &conv([1, 1], Same), Act::Linear)),
    case("conv2d channels first", &[(&[2, 3, 6, 5], -2., 2.3), K2, BIAS], |x| ops::conv2d(&x[0], &x[1], Some(&x[2]), &first(conv([1, 1], Same)), Act::Relu)),
    case("conv3d", &[SOLID, K3], |x| ops::conv3d(&x[0], &x[1], None, &conv([1, 2, 1], Same), Act::Linear)),
    case("conv3d valid", &[SOLID, K3], |x| ops::conv3d(&x[0], &x[1], None, &conv([1, 1, 2], Valid), Act::Tanh)),
];
