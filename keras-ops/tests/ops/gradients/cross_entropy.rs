//! Cross-entropies.

use keras_ops as ops;

use super::case::{CUBE, Case, POSITIVE, UNIT, X, case, labels};

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("categorical_crossentropy", &[POSITIVE, POSITIVE], |x| ops::categorical_crossentropy(&x[0], &x[1], false, -1)),
    case("categorical_crossentropy first", &[POSITIVE, POSITIVE], |x| ops::categorical_crossentropy(&x[0], &x[1], false, 0)),
    case("categorical_crossentropy logits", &[CUBE, CUBE], |x| ops::categorical_crossentropy(&x[0], &x[1], true, 1)),
    case("sparse_categorical_crossentropy", &[POSITIVE], |x| ops::sparse_categorical_crossentropy(&labels(&[4, 0, 2])?, &x[0], false, -1)).fixed(),
    case("sparse_categorical_crossentropy logits", &[X], |x| ops::sparse_categorical_crossentropy(&labels(&[4, 0, 2])?, &x[0], true, -1)).fixed(),
    case("sparse_categorical_crossentropy first", &[X], |x| ops::sparse_categorical_crossentropy(&labels(&[2, 0, 1, 1, 2])?, &x[0], true, 0)).fixed(),
    case("sparse_categorical_crossentropy from softmax", &[X], |x| ops::sparse_categorical_crossentropy(&labels(&[4, 0, 2])?, &ops::softmax(&x[0], &[-1])?, false, -1)).fixed().through("softmax"),
    case("binary_crossentropy", &[X, UNIT], |x| ops::binary_crossentropy(&x[0], &x[1], false)),
    case("binary_crossentropy logits", &[POSITIVE, X], |x| ops::binary_crossentropy(&x[0], &x[1], true)),
];
