//! Matrix products and dense layers.

use keras_ops::{self as ops, FusedActivation as Act, Seed};

use super::case::{COLUMN, CUBE, Case, Input, X, case};

const VECTOR: Input = (&[5], -1.2, 1.7);
const KERNEL: Input = (&[5, 7], -1.1, 1.3);
const BIAS: Input = (&[7], -0.4, 0.6);
const PAIR: Input = (&[2, 5, 7], -0.9, 1.4);

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("matmul", &[X, KERNEL], |x| ops::matmul(&x[0], &x[1])),
    case("matmul vectors", &[VECTOR, VECTOR], |x| ops::matmul(&x[0], &x[1])),
    case("matmul row", &[VECTOR, KERNEL], |x| ops::matmul(&x[0], &x[1])),
    case("matmul column", &[CUBE, VECTOR], |x| ops::matmul(&x[0], &x[1])),
    case("matmul folded", &[CUBE, KERNEL], |x| ops::matmul(&x[0], &x[1])),
    case("matmul batch", &[CUBE, PAIR], |x| ops::matmul(&x[0], &x[1])),
    case("matmul broadcast", &[(&[2, 1, 3, 5], -1., 1.), (&[4, 5, 1], -1., 2.)], |x| ops::matmul(&x[0], &x[1])),
    case("matmul row of batch", &[VECTOR, PAIR], |x| ops::matmul(&x[0], &x[1])).fixed(),
    case("dense", &[X, KERNEL, BIAS], |x| ops::dense(&x[0], &x[1], Some(&x[2]), Act::Linear)),
    case("dense cube", &[CUBE, KERNEL, BIAS], |x| ops::dense(&x[0], &x[1], Some(&x[2]), Act::Tanh)),
    case("dense sigmoid", &[X, KERNEL], |x| ops::dense(&x[0], &x[1], None, Act::Sigmoid)),
    case("dense relu", &[X, KERNEL, BIAS], |x| ops::dense(&x[0], &x[1], Some(&x[2]), Act::Relu)),
    case("linear", &[COLUMN], |x| ops::linear(&x[0])),
    case("dropout", &[CUBE], |x| ops::nn::dropout(&x[0], 0.4, None, Seed::new(3, 1))),
    case("dropout shared", &[CUBE], |x| ops::nn::dropout(&x[0], 0.4, Some(&[x[0].dims()[0], 1, 5]), Seed::new(3, 1))),
];
