//! Shapes, joining and indexing.

use keras_ops as ops;
use ops::PadMode;

use super::case::{COLUMN, CUBE, Case, POSITIVE, X, case, labels};

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("reshape", &[CUBE], |x| ops::reshape(&x[0], &[5, -1])),
    case("transpose", &[CUBE], |x| ops::transpose(&x[0], &[2, 0, 1])),
    case("expand_dims", &[X], |x| ops::expand_dims(&x[0], 1)),
    case("squeeze", &[COLUMN], |x| ops::squeeze(&x[0], None)),
    case("broadcast_to", &[COLUMN], |x| ops::broadcast_to(&x[0], &[2, 3, 4])).fixed(),
    case("narrow", &[CUBE], |x| ops::narrow(&x[0], 1, 1, 2)),
    case("slice", &[CUBE], |x| ops::slice(&x[0], &[1, 0, 2], &[1, 2, 3])).fixed(),
    case("split", &[CUBE], |x| Ok(ops::split(&x[0], 5, -1)?.swap_remove(3))),
    case("split_sizes", &[CUBE], |x| Ok(ops::split_sizes(&x[0], &[1, 3, 1], -1)?.swap_remove(1))),
    case("concatenate", &[CUBE, CUBE], |x| ops::concatenate(&[&x[0], &x[1], &x[0]], 1)),
    case("stack", &[X, POSITIVE], |x| ops::stack(&[&x[0], &x[1]], -1)),
    case("pad", &[CUBE], |x| ops::pad(&x[0], &[(0, 0), (1, 2), (0, 0)], 3.)),
    case("pad last", &[CUBE], |x| ops::pad(&x[0], &[(1, 0), (0, 0), (2, 1)], 0.)),
    case("pad edge", &[CUBE], |x| ops::pad(&x[0], &[(0, 0), (2, 1), (0, 2)], PadMode::Edge)),
    case("pad reflect", &[CUBE], |x| ops::pad(&x[0], &[(0, 0), (4, 1), (2, 3)], PadMode::Reflect)),
    case("pad symmetric", &[CUBE], |x| ops::pad(&x[0], &[(0, 0), (4, 1), (2, 3)], PadMode::Symmetric)),
    case("pad wrap", &[CUBE], |x| ops::pad(&x[0], &[(0, 0), (4, 1), (0, 3)], PadMode::Wrap)),
    case("pad linear_ramp", &[CUBE], |x| ops::pad(&x[0], &[(0, 0), (2, 1), (1, 3)], PadMode::LinearRamp)),
    case("pad maximum", &[CUBE], |x| ops::pad(&x[0], &[(0, 0), (2, 1), (0, 1)], PadMode::Maximum)),
    case("pad mean", &[CUBE], |x| ops::pad(&x[0], &[(0, 0), (2, 1), (1, 0)], PadMode::Mean)),
    case("pad median", &[CUBE], |x| ops::pad(&x[0], &[(0, 0), (2, 1), (0, 0)], PadMode::Median)),
    case("pad minimum", &[CUBE], |x| ops::pad(&x[0], &[(0, 0), (2, 1), (0, 0)], PadMode::Minimum)),
    case("flip", &[CUBE], |x| ops::flip(&x[0], Some(&[0, -1]))),
    case("tile", &[X], |x| ops::tile(&x[0], &[2, 3])),
    case("repeat each", &[X], |x| ops::repeat(&x[0], [2, 0, 1, 3, 1], -1)),
    case("repeat flat", &[X], |x| ops::repeat(&x[0], 2, None)),
    case("take flat", &[X], |x| ops::take(&x[0], &labels(&[4, 0, 12, 4])?, None)).fixed(),
    case("take_along_axis flat", &[X], |x| ops::take_along_axis(&x[0], &labels(&[4, 0, 12, 4])?, None)).fixed(),
    case("split places", &[X], |x| { let parts = ops::split(&x[0], [1, 3], -1)?; ops::multiply(&parts[0], &parts[1]) }),
    case("repeat", &[X], |x| ops::repeat(&x[0], 2, 1)),
    case("take", &[CUBE], |x| ops::take(&x[0], &labels(&[2, 0, 2, 2])?, 1)).fixed(),
    case("take_along_axis", &[X], |x| ops::take_along_axis(&x[0], &ops::reshape(&labels(&[4, 0, 2, 2, 3, 3])?, &[3, 2])?, 1)).fixed(),
    case("take_along_axis first", &[X], |x| ops::take_along_axis(&x[0], &ops::reshape(&labels(&[1, 0, 2, 2, 0])?, &[1, 5])?, 0)).fixed(),
];
