//! Loss functions, away from kinks.

use keras_ops::{Result, Tensor, losses};

use super::case::{Case, Input, X, case, labels};

const P: Input = (&[3, 5], 0.05, 0.95);
const Q: Input = (&[3, 5], 0.08, 0.9);
const Y: Input = (&[3, 5], -2.3, 2.);
const COSINES: Input = (&[3, 5], -0.4, 0.4);
const OTHERS: Input = (&[4, 5], -0.3, 0.5);
const SPREAD: Input = (&[5, 3], -2., 2.3);
const FRAMES: Input = (&[2, 4, 3], -1., 1.7);

fn classes() -> Result<Tensor> {
    labels(&[4, 0, 2])
}

fn spelling() -> Result<Tensor> {
    keras_ops::reshape(&labels(&[1, 1, 2, 0])?, &[2, 2])
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("mean_squared_error", &[X, Y], |x| losses::mean_squared_error(&x[0], &x[1])),
    case("mean_absolute_error", &[X, Y], |x| losses::mean_absolute_error(&x[0], &x[1])),
    case("mean_absolute_percentage_error", &[X, Y], |x| losses::mean_absolute_percentage_error(&x[0], &x[1])),
    case("mean_squared_logarithmic_error", &[P, Q], |x| losses::mean_squared_logarithmic_error(&x[0], &x[1])),
    case("huber", &[X, Y], |x| losses::huber(&x[0], &x[1], 0.7)),
    case("log_cosh", &[X, Y], |x| losses::log_cosh(&x[0], &x[1])),
    case("pinball", &[X, Y], |x| losses::pinball(&x[0], &x[1], 0.7)),
    case("poisson", &[P, Q], |x| losses::poisson(&x[0], &x[1])),
    case("kl_divergence", &[P, Q], |x| losses::kl_divergence(&x[0], &x[1])),
    case("cosine_similarity", &[X, Y], |x| losses::cosine_similarity(&x[0], &x[1], -1)),
    case("cosine_similarity first", &[X, Y], |x| losses::cosine_similarity(&x[0], &x[1], 0)),
    case("hinge", &[X, Y], |x| losses::hinge(&x[0], &x[1])),
    case("squared_hinge", &[X, Y], |x| losses::squared_hinge(&x[0], &x[1])),
    case("categorical_hinge", &[X, Y], |x| losses::categorical_hinge(&x[0], &x[1])),
    case("binary_crossentropy loss", &[P, Q], |x| losses::binary_crossentropy(&x[0], &x[1], false, 0.3, -1)),
    case("binary_crossentropy loss first", &[P, Q], |x| losses::binary_crossentropy(&x[0], &x[1], false, 0., 0)),
    case("binary_crossentropy loss logits", &[X, Y], |x| losses::binary_crossentropy(&x[0], &x[1], true, 0.3, -1)),
    case("categorical_crossentropy loss", &[P, Q], |x| losses::categorical_crossentropy(&x[0], &x[1], false, 0.3, -1)),
    case("categorical_crossentropy loss first", &[P, Q], |x| losses::categorical_crossentropy(&x[0], &x[1], false, 0., 0)),
    case("categorical_crossentropy loss logits", &[X, Y], |x| losses::categorical_crossentropy(&x[0], &x[1], true, 0.3, -1)),
    case("categorical_crossentropy loss logits first", &[X, Y], |x| losses::categorical_crossentropy(&x[0], &x[1], true, 0., 0)),
    case("binary_focal_crossentropy", &[P, Q], |x| losses::binary_focal_crossentropy(&x[0], &x[1], None, 2., false, 0., -1)),
    case("binary_focal_crossentropy balanced", &[P, Q], |x| losses::binary_focal_crossentropy(&x[0], &x[1], Some(0.3), 1.5, false, 0.2, -1)),
    case("binary_focal_crossentropy logits", &[P, Y], |x| losses::binary_focal_crossentropy(&x[0], &x[1], Some(0.3), 1.5, true, 0.2, -1)),
    case("categorical_focal_crossentropy", &[P, Q], |x| losses::categorical_focal_crossentropy(&x[0], &x[1], &[0.25], 2., false, 0.2, -1)),
    case("categorical_focal_crossentropy logits", &[P, Y], |x| losses::categorical_focal_crossentropy(&x[0], &x[1], &[0.25], 1.5, true, 0., -1)),
    case("categorical_focal_crossentropy by class", &[P, Q], |x| losses::categorical_focal_crossentropy(&x[0], &x[1], &[0.25, 0.1, 0.4, 0.2, 0.3], 2., false, 0.2, -1)),
    case("categorical_focal_crossentropy by class first", &[P, Y], |x| losses::categorical_focal_crossentropy(&x[0], &x[1], &[0.25, 0.1, 0.4], 1.5, true, 0., 0)).fixed(),
    case("dice", &[P, Q], |x| losses::dice(&x[0], &x[1], None)),
    case("dice first", &[P, Q], |x| losses::dice(&x[0], &x[1], Some(&[0]))),
    case("tversky", &[P, Q], |x| losses::tversky(&x[0], &x[1], 0.3, 0.6, None)),
    case("tversky last", &[P, Q], |x| losses::tversky(&x[0], &x[1], 0.3, 0.6, Some(&[-1]))),
    case("sparse_categorical_crossentropy loss", &[Q], |x| losses::sparse_categorical_crossentropy(&classes()?, &x[0], false, None, -1)).fixed(),
    case("sparse_categorical_crossentropy ignored", &[Q], |x| losses::sparse_categorical_crossentropy(&classes()?, &x[0], false, Some(0), -1)).fixed(),
    case("sparse_categorical_crossentropy loss logits", &[Y], |x| losses::sparse_categorical_crossentropy(&classes()?, &x[0], true, None, -1)).fixed(),
    case("sparse_categorical_crossentropy logits ignored", &[Y], |x| losses::sparse_categorical_crossentropy(&classes()?, &x[0], true, Some(0), -1)).fixed(),
    case("categorical_generalized_cross_entropy", &[Q], |x| losses::categorical_generalized_cross_entropy(&classes()?, &x[0], 0.4)).fixed(),
    case("circle", &[COSINES], |x| losses::circle(&labels(&[1, 0, 1])?, &x[0], None, None, true, 2., 0.3)).fixed(),
    case("circle whole", &[COSINES], |x| losses::circle(&labels(&[1, 0, 1])?, &x[0], None, None, false, 2., 0.3)).fixed(),
    case("circle references", &[COSINES, OTHERS], |x| losses::circle(&labels(&[1, 0, 1])?, &x[0], Some(&labels(&[0, 1, 1, 0])?), Some(&x[1]), true, 2., 0.3)).fixed(),
    case("contrastive", &[X], |x| losses::contrastive(&labels(&[1, 0, 1])?, &x[0], 4.)).fixed(),
    case("triplet hard", &[SPREAD], |x| losses::triplet(&labels(&[1, 0, 1, 0, 1])?, &keras_ops::sin(&x[0])?, 1.3, true)).fixed().through("sin"),
    case("triplet", &[SPREAD], |x| losses::triplet(&labels(&[1, 0, 1, 0, 1])?, &keras_ops::sin(&x[0])?, 1.3, false)).fixed().through("sin"),
    case("supervised_contrastive", &[X], |x| losses::supervised_contrastive(&labels(&[1, 0, 1])?, &x[0], 0.5)).fixed(),
    case("info_nce", &[X, Y], |x| losses::info_nce(&x[0], &x[1], 0.5, false)),
    case("info_nce symmetric", &[X, Y], |x| losses::info_nce(&x[0], &x[1], 0.5, true)),
    case("ctc", &[FRAMES], |x| losses::ctc(&spelling()?, &x[0])).fixed(),
];
