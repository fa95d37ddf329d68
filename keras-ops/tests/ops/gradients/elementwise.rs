//! Functions of single elements and of pairs.

use keras_ops::{self as ops, DType};

use super::case::{COLUMN, CUBE, Case, POSITIVE, ROW, SCALAR, X, case};

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("neg", &[X], |x| ops::neg(&x[0])),
    case("abs", &[X], |x| ops::abs(&x[0])),
    case("exp", &[CUBE], |x| ops::exp(&x[0])),
    case("log", &[POSITIVE], |x| ops::log(&x[0])),
    case("log1p", &[POSITIVE], |x| ops::log1p(&x[0])),
    case("expm1", &[X], |x| ops::expm1(&x[0])),
    case("sqrt", &[POSITIVE], |x| ops::sqrt(&x[0])),
    case("rsqrt", &[POSITIVE], |x| ops::rsqrt(&x[0])),
    case("reciprocal", &[POSITIVE], |x| ops::reciprocal(&x[0])),
    case("square", &[X], |x| ops::square(&x[0])),
    case("sign", &[X], |x| ops::sign(&x[0])),
    case("sin", &[X], |x| ops::sin(&x[0])),
    case("cos", &[X], |x| ops::cos(&x[0])),
    case("erf", &[X], |x| ops::erf(&x[0])),
    case("add_scalar", &[X], |x| ops::add_scalar(&x[0], 0.3)),
    case("mul_scalar", &[X], |x| ops::mul_scalar(&x[0], -1.3)),
    case("scale_shift", &[X], |x| ops::scale_shift(&x[0], 2.5, -1.)),
    case("pow_scalar", &[POSITIVE], |x| ops::pow_scalar(&x[0], 2.7)),
    case("clip", &[X], |x| ops::clip(&x[0], -0.9, 1.1)),
    case("cast", &[X], |x| ops::cast(&ops::square(&x[0])?, DType::F64)).through("square"),
    case("where_", &[X, POSITIVE], |x| ops::where_(&ops::greater(&x[0], &ops::full_like(&x[0], 0.1)?)?, &x[0], &x[1])),
    case("add", &[X, POSITIVE], |x| ops::add(&x[0], &x[1])),
    case("add row", &[CUBE, ROW], |x| ops::add(&x[0], &x[1])),
    case("subtract column", &[COLUMN, CUBE], |x| ops::subtract(&x[0], &x[1])).fixed(),
    case("subtract scalar", &[SCALAR, CUBE], |x| ops::subtract(&x[0], &x[1])),
    case("multiply", &[X, POSITIVE], |x| ops::multiply(&x[0], &x[1])),
    case("multiply row", &[CUBE, ROW], |x| ops::multiply(&x[0], &x[1])),
    case("multiply outer", &[COLUMN, ROW], |x| ops::multiply(&x[0], &x[1])),
    case("multiply scalar", &[CUBE, SCALAR], |x| ops::multiply(&x[0], &x[1])),
    case("multiply middle", &[(&[2, 1, 5], -1., 2.), (&[4, 2, 3, 5], -2., 1.)], |x| ops::multiply(&x[0], &x[1])).fixed(),
    case("divide", &[X, POSITIVE], |x| ops::divide(&x[0], &x[1])),
    case("divide row", &[CUBE, ROW], |x| ops::divide(&x[0], &x[1])),
    case("maximum", &[X, ROW], |x| ops::maximum(&x[0], &x[1])),
    case("minimum", &[X, COLUMN], |x| ops::minimum(&x[0], &x[1])),
    case("prelu", &[CUBE, ROW], |x| ops::prelu(&x[0], &x[1])),
    case("power", &[POSITIVE, ROW], |x| ops::power(&x[0], &x[1])),
];
