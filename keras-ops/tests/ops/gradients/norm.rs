//! Normalisation.

use keras_ops::{self as ops, DType, Device, Result, Tensor};

use super::case::{CUBE, Case, Input, POSITIVE, ROW, X, case};

const IMAGE: Input = (&[2, 3, 2, 4], -2., 2.3);
const FOUR: Input = (&[4], 0.4, 1.9);
const FIVE: Input = (&[5], -1.1, 0.8);
const THREE: Input = (&[3], -1.4, 1.3);

/// Both results as one.
fn both((a, b): (Tensor, Tensor)) -> Result<Tensor> {
    ops::add(&a, &ops::mul_scalar(&b, 0.7)?)
}

fn mask(flags: &[u8], shape: &[usize]) -> Result<Tensor> {
    Tensor::from_slice(flags, shape, &Device::Cpu)
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("layer_normalization", &[X], |x| ops::layer_normalization(&x[0], None, None, &[-1], 1e-3)),
    case("layer_normalization parameters", &[CUBE, ROW, FIVE], |x| ops::layer_normalization(&x[0], Some(&x[1]), Some(&x[2]), &[-1], 1e-3)),
    case("layer_normalization beta", &[CUBE, ROW], |x| ops::layer_normalization(&x[0], None, Some(&x[1]), &[-1], 1e-3)),
    case("layer_normalization middle", &[CUBE, THREE, THREE], |x| ops::layer_normalization(&x[0], Some(&x[1]), Some(&x[2]), &[1], 1e-3)),
    case("layer_normalization last two", &[CUBE, (&[3, 5], -1., 2.)], |x| ops::layer_normalization(&x[0], Some(&x[1]), None, &[1, 2], 1e-3)),
    case("layer_normalization apart", &[IMAGE, (&[3, 4], -1., 2.)], |x| ops::layer_normalization(&x[0], Some(&x[1]), None, &[-1, 1], 1e-3)),
    case("layer_normalization long", &[(&[2, 70], -2., 2.), (&[70], 0.1, 2.)], |x| ops::layer_normalization(&x[0], Some(&x[1]), None, &[-1], 1e-3)),
    case("rms_normalization", &[X], |x| ops::rms_normalization(&x[0], None, &[-1], 1e-3)),
    case("rms_normalization scale", &[CUBE, ROW], |x| ops::rms_normalization(&x[0], Some(&x[1]), &[2], 1e-3)),
    case("rms_normalization middle", &[CUBE, THREE], |x| ops::rms_normalization(&x[0], Some(&x[1]), &[1], 1e-3)),
    case("unit_normalization", &[CUBE], |x| ops::unit_normalization(&x[0], &[-1], 1e-12)),
    case("unit_normalization two axes", &[CUBE], |x| ops::unit_normalization(&x[0], &[0, 2], 1e-12)),
    case("unit_normalization short", &[X], |x| ops::unit_normalization(&x[0], &[-1], 5.)),
    case("normalize", &[X], |x| ops::normalize(&x[0], -1, 2, 1e-7)),
    case("normalize 1", &[X], |x| ops::normalize(&x[0], -1, 1, 1e-7)),
    case("normalize 3", &[CUBE], |x| ops::normalize(&x[0], 1, 3, 1e-7)),
    case("moments", &[CUBE], |x| both(ops::moments(&x[0], &[1], true)?)),
    case("moments last", &[CUBE], |x| both(ops::moments(&x[0], &[2], false)?)),
    case("moments of all but one", &[(&[2, 3, 5], -2., 2.)], |x| both(ops::moments(&x[0], &[0, 1], false)?)).fails_empty(),
    case("moments apart", &[IMAGE], |x| both(ops::moments(&x[0], &[1, 3], true)?)),
    case("group_normalization", &[(&[2, 3, 6], -2., 2.3)], |x| ops::group_normalization(&x[0], None, None, 3, -1, 1e-3)),
    case("group_normalization parameters", &[(&[2, 3, 2, 4], -2., 2.3), FOUR, FOUR], |x| ops::group_normalization(&x[0], Some(&x[1]), Some(&x[2]), 2, -1, 1e-3)),
    case("group_normalization first", &[(&[2, 4, 3, 2], -2., 2.3), FOUR, FOUR], |x| ops::group_normalization(&x[0], Some(&x[1]), Some(&x[2]), 2, 1, 1e-3)),
    case("group_normalization instance", &[IMAGE, FOUR], |x| ops::group_normalization(&x[0], None, Some(&x[1]), -1, -1, 1e-3)),
    case("group_normalization one group", &[IMAGE, THREE], |x| ops::group_normalization(&x[0], Some(&x[1]), None, 1, 1, 1e-3)),
    case("batch_normalization", &[CUBE, FIVE, ROW], |x| ops::batch_normalization(&x[0], &x[1], &x[2], -1, None, None, 1e-3)),
    case("batch_normalization all", &[CUBE, FIVE, ROW, FIVE, ROW], |x| ops::batch_normalization(&x[0], &x[1], &x[2], -1, Some(&x[3]), Some(&x[4]), 1e-3)),
    case("batch_normalization first", &[(&[2, 3, 2, 4], -2., 2.3), THREE, (&[3], 0.5, 2.), THREE], |x| ops::batch_normalization(&x[0], &x[1], &x[2], 1, None, Some(&x[3]), 1e-3)),
    case("batch_norm_training", &[X], |x| Ok(ops::batch_norm_training(&x[0], None, None, -1, 1e-3, None)?.output)).fails_empty(),
    case("batch_norm_training parameters", &[CUBE, ROW, FIVE], |x| Ok(ops::batch_norm_training(&x[0], Some(&x[1]), Some(&x[2]), -1, 1e-3, None)?.output)).fails_empty(),
    case("batch_norm_training first", &[IMAGE, THREE, THREE], |x| Ok(ops::batch_norm_training(&x[0], Some(&x[1]), Some(&x[2]), 1, 1e-3, None)?.output)).fails_empty(),
    case("batch_norm_training beta", &[(&[70, 2], -2., 2.), (&[2], 0.1, 0.9)], |x| Ok(ops::batch_norm_training(&x[0], None, Some(&x[1]), -1, 1e-3, None)?.output)).fails_empty(),
    case("batch_norm_training mask", &[CUBE, ROW, FIVE], |x| Ok(ops::batch_norm_training(&x[0], Some(&x[1]), Some(&x[2]), -1, 1e-3, Some(&mask(&[1, 1, 0, 0, 1, 1], &[2, 3])?))?.output)).fixed(),
    case("layer_normalization parameters of another type", &[POSITIVE, ROW], |x| ops::cast(&ops::layer_normalization(&x[0], Some(&ops::cast(&x[1], DType::F64)?), None, &[-1], 1e-3)?, x[0].dtype())),
];
