//! Indexing, scattering and ordering.

use keras_ops::{self as ops, Index, Reduction, Result, Tensor};

use super::case::{CUBE, Case, Input, X, case, labels};

const SEGMENTS: Input = (&[5, 3], -1.5, 1.8);

/// Three places, two of them the same, in the first two axes of a cube.
fn pairs() -> Result<Tensor> {
    ops::reshape(&labels(&[1, 2, 0, 1, 1, 2])?, &[3, 2])
}

fn ids() -> Result<Tensor> {
    labels(&[2, 0, 2, 3, 0])
}

/// The segments that have rows: those without are infinite.
fn existing(y: Tensor) -> Result<Tensor> {
    ops::take(&y, &labels(&[0, 2, 3])?, 0)
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("embedding", &[X], |x| ops::embedding(&x[0], &ops::reshape(&labels(&[2, 0, 2, 1])?, &[2, 2])?)).fixed(),
    case("embedding of blocks", &[CUBE], |x| ops::embedding(&x[0], &labels(&[1, 1, 0])?)).fixed(),
    case("get_item", &[CUBE], |x| ops::get_item(&x[0], &[Index::Ellipsis, (0..2).into(), Index::Slice { start: None, stop: None, step: -2 }])),
    case("get_item at", &[CUBE], |x| ops::get_item(&x[0], &[(..).into(), Index::At(-1), Index::NewAxis])),
    case("sort", &[CUBE], |x| ops::sort(&x[0], -1)),
    case("sort middle", &[CUBE], |x| ops::sort(&x[0], 1)),
    case("top_k", &[CUBE], |x| Ok(ops::top_k(&x[0], 3)?.0)),
    case("scatter", &[(&[4, 5], -1., 1.5)], |x| ops::scatter(&ops::reshape(&labels(&[2, 0, 2, 1])?, &[4, 1])?, &x[0], &[3, 5])).fixed(),
    case("scatter places", &[(&[3], -1., 1.5)], |x| ops::scatter(&pairs()?, &x[0], &[2, 3])).fixed(),
    case("scatter_update", &[CUBE, (&[3, 5], -1., 1.5)], |x| ops::scatter_update(&x[0], &pairs()?, &x[1], Reduction::Set)).fixed(),
    case("scatter_update add", &[CUBE, (&[3, 5], -1., 1.5)], |x| ops::scatter_update(&x[0], &pairs()?, &x[1], Reduction::Add)).fixed(),
    case("scatter_update max", &[CUBE, (&[3, 5], -1., 1.5)], |x| ops::scatter_update(&x[0], &pairs()?, &x[1], Reduction::Max)).fixed(),
    case("scatter_update min", &[CUBE, (&[3, 5], -1., 1.5)], |x| ops::scatter_update(&x[0], &pairs()?, &x[1], Reduction::Min)).fixed(),
    case("scatter_update mul", &[CUBE, (&[3, 5], -1., 1.5)], |x| ops::scatter_update(&x[0], &pairs()?, &x[1], Reduction::Mul)).fixed(),
    case("slice_update", &[CUBE, (&[1, 2, 5], -1., 1.5)], |x| ops::slice_update(&x[0], &[1, 1, 0], &x[1])).fixed(),
    case("slice_update corner", &[CUBE, (&[2, 1, 2], -1., 1.5)], |x| ops::slice_update(&x[0], &[0, 2, 3], &x[1])).fixed(),
    case("segment_sum", &[SEGMENTS], |x| ops::segment_sum(&x[0], &ids()?, Some(4), false)).fixed(),
    case("segment_max", &[SEGMENTS], |x| existing(ops::segment_max(&x[0], &ids()?, None, false)?)).fixed(),
    case("segment_min", &[SEGMENTS], |x| existing(ops::segment_min(&x[0], &ids()?, None, false)?)).fixed(),
    case("segment_prod", &[SEGMENTS], |x| ops::segment_prod(&x[0], &ids()?, Some(5), false)).fixed(),
    case("bincount", &[(&[5], -1., 1.5)], |x| ops::bincount(&ids()?, Some(&x[0]), 6)).fixed(),
    case("bincount batch", &[(&[2, 3], -1., 1.5)], |x| ops::bincount(&pairs()?.t()?, Some(&x[0]), 0)).fixed(),
];
