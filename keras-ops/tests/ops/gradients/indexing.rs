//! Indexing, scattering and ordering.

use keras_ops as ops;

use super::case::{CUBE, Case, X, case, labels};

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("embedding", &[X], |x| ops::embedding(&x[0], &ops::reshape(&labels(&[2, 0, 2, 1])?, &[2, 2])?)).fixed(),
    case("embedding of blocks", &[CUBE], |x| ops::embedding(&x[0], &labels(&[1, 1, 0])?)).fixed(),
];
