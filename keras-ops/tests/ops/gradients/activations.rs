//! Activations and the softmax family.

use keras_ops as ops;

use super::case::{CUBE, Case, X, case};

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("relu", &[X], |x| ops::relu(&x[0])),
    case("relu_with", &[(&[5, 7], -3., 4.)], |x| ops::relu_with(&x[0], 0.3, Some(2.), 0.5)),
    case("relu6", &[(&[5, 7], -3., 9.)], |x| ops::relu6(&x[0])),
    case("leaky_relu", &[X], |x| ops::leaky_relu(&x[0], 0.2)),
    case("sigmoid", &[X], |x| ops::sigmoid(&x[0])),
    case("hard_sigmoid", &[(&[5, 7], -5., 5.)], |x| ops::hard_sigmoid(&x[0])),
    case("tanh", &[X], |x| ops::tanh(&x[0])),
    case("softplus", &[X], |x| ops::softplus(&x[0])),
    case("softsign", &[X], |x| ops::softsign(&x[0])),
    case("silu", &[X], |x| ops::silu(&x[0])),
    case("hard_silu", &[(&[5, 7], -5., 5.)], |x| ops::hard_silu(&x[0])),
    case("gelu", &[X], |x| ops::gelu(&x[0], false)),
    case("gelu tanh", &[X], |x| ops::gelu(&x[0], true)),
    case("elu", &[X], |x| ops::elu(&x[0], 0.7)),
    case("selu", &[X], |x| ops::selu(&x[0])),
    case("celu", &[X], |x| ops::celu(&x[0], 0.7)),
    case("exponential", &[X], |x| ops::exponential(&x[0])),
    case("log_sigmoid", &[X], |x| ops::log_sigmoid(&x[0])),
    case("mish", &[X], |x| ops::mish(&x[0])),
    case("squareplus", &[X], |x| ops::squareplus(&x[0], 4.)),
    case("sparse_plus", &[X], |x| ops::sparse_plus(&x[0])),
    case("sparse_sigmoid", &[X], |x| ops::sparse_sigmoid(&x[0])),
    case("tanh_shrink", &[X], |x| ops::tanh_shrink(&x[0])),
    case("hard_tanh", &[X], |x| ops::hard_tanh(&x[0])),
    case("hard_shrink", &[X], |x| ops::hard_shrink(&x[0], 0.5)),
    case("soft_shrink", &[X], |x| ops::soft_shrink(&x[0], 0.5)),
    case("threshold", &[X], |x| ops::threshold(&x[0], 0.5, -1.)),
    case("softmax", &[CUBE], |x| ops::softmax(&x[0], &[-1])),
    case("softmax middle", &[CUBE], |x| ops::softmax(&x[0], &[1])),
    case("softmax two axes", &[CUBE], |x| ops::softmax(&x[0], &[0, 2])),
    case("log_softmax", &[CUBE], |x| ops::log_softmax(&x[0], &[-1])),
    case("log_softmax first", &[CUBE], |x| ops::log_softmax(&x[0], &[0])),
    case("glu", &[(&[3, 4, 5], -2., 2.)], |x| ops::glu(&x[0], 1)),
    case("sparsemax", &[CUBE], |x| ops::sparsemax(&x[0], -1)),
    case("sparsemax middle", &[CUBE], |x| ops::sparsemax(&x[0], 1)),
];
