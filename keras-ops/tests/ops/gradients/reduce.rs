//! Sums and other reductions.

use keras_ops as ops;

use super::case::{CUBE, Case, case};

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("sum", &[CUBE], |x| ops::sum(&x[0], None, false)),
    case("sum first", &[CUBE], |x| ops::sum(&x[0], Some(&[0]), false)),
    case("sum outer", &[CUBE], |x| ops::sum(&x[0], Some(&[0, -1]), true)),
    case("mean last", &[CUBE], |x| ops::mean(&x[0], Some(&[-1]), true)),
    case("mean middle", &[CUBE], |x| ops::mean(&x[0], Some(&[1]), false)),
    case("max", &[CUBE], |x| ops::max(&x[0], Some(&[1]), false)),
    case("min", &[CUBE], |x| ops::min(&x[0], Some(&[0, 2]), true)).fails_empty(),
    case("variance", &[CUBE], |x| ops::variance(&x[0], Some(&[0, 2]), false)),
    case("variance all", &[CUBE], |x| ops::variance(&x[0], None, true)),
    case("std", &[CUBE], |x| ops::std(&x[0], Some(&[1]), false)),
    case("logsumexp", &[CUBE], |x| ops::logsumexp(&x[0], Some(&[1]), true)),
    case("logsumexp all", &[CUBE], |x| ops::logsumexp(&x[0], None, false)).fails_empty(),
    case("prod", &[CUBE], |x| ops::prod(&x[0], Some(&[-1]), false)),
];
