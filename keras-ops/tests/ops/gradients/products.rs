//! Products, cumulative sums, and statistics of NumPy.

use keras_ops::{
    self as ops, CorrelateMode, CrossAxes, DType, Device, Interpolation, Quantile, Tensor, Trapezoid,
};

use super::case::{CUBE, Case, Input, POSITIVE, ROW, SCALAR, X, case};

const SQUARE: Input = (&[4, 4], -2., 2.3);
const TURNED: Input = (&[5, 3], -1.3, 2.);
const THREE: Input = (&[4, 3], -1.1, 2.);
const VECTOR: Input = (&[7], -1.5, 2.);

fn q(values: &[f64]) -> ops::Result<Tensor> {
    Tensor::new(values, &Device::Cpu)
}

/// With a value in the second column.
fn marked(x: &Tensor, value: f64) -> ops::Result<Tensor> {
    let columns = ops::arange(0., x.dims()[x.rank() - 1] as f64, 1., DType::U8, x.device())?;
    let mask = ops::equal(&columns, &Tensor::new(1u8, x.device())?)?;
    ops::where_(&mask, &ops::full((), value, x.dtype(), x.device())?, x)
}

fn holed(x: &Tensor) -> ops::Result<Tensor> {
    marked(x, f64::NAN)
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("tensordot", &[CUBE, (&[5, 3, 2], -1., 2.)], |x| ops::tensordot(&x[0], &x[1], ([2, 1], [0, 1]))),
    case("tensordot one", &[X, TURNED], |x| ops::tensordot(&x[0], &x[1], 1)),
    case("tensordot none", &[X, ROW], |x| ops::tensordot(&x[0], &x[1], 0)),
    case("dot", &[X, TURNED], |x| ops::dot(&x[0], &x[1])),
    case("dot vector", &[CUBE, ROW], |x| ops::dot(&x[0], &x[1])),
    case("dot scalar", &[CUBE, SCALAR], |x| ops::dot(&x[0], &x[1])),
    case("inner", &[X, POSITIVE], |x| ops::inner(&x[0], &x[1])),
    case("outer", &[ROW, X], |x| ops::outer(&x[0], &x[1])),
    case("vdot", &[X, POSITIVE], |x| ops::vdot(&x[0], &x[1])),
    case("cross", &[THREE, (&[4, 3], -2., 1.)], |x| ops::cross(&x[0], &x[1], CrossAxes::default())),
    case("cross two", &[(&[4, 2], -1., 2.), (&[4, 2], -2., 1.)], |x| ops::cross(&x[0], &x[1], CrossAxes::default())),
    case("cross mixed", &[THREE, (&[4, 2], -2., 1.)], |x| ops::cross(&x[0], &x[1], CrossAxes { axisc: 0, ..CrossAxes::default() })),
    case("kron", &[X, (&[2, 3], -1., 2.)], |x| ops::kron(&x[0], &x[1])),
    case("einsum", &[X, TURNED], |x| ops::einsum("ij,jk->ik", &[&x[0], &x[1]])),
    case("einsum batch", &[CUBE, (&[2, 4, 5], -1., 1.5)], |x| ops::einsum("bij,bkj->bki", &[&x[0], &x[1]])),
    case("einsum trace", &[SQUARE], |x| ops::einsum("ii", &[&x[0]])).fixed(),
    case("einsum diagonal", &[SQUARE, (&[4], -1., 2.)], |x| ops::einsum("ii,i->i", &[&x[0], &x[1]])).fixed(),
    case("einsum dots", &[CUBE, (&[5, 2], -1., 2.)], |x| ops::einsum("...i,ij->j...", &[&x[0], &x[1]])),
    case("einsum outer", &[X, ROW], |x| ops::einsum("ij,k->kij", &[&x[0], &x[1]])),
    case("einsum three", &[X, TURNED, X], |x| ops::einsum("ij,jk,kl->il", &[&x[0], &x[1], &x[2]])).fixed(),
    case("einsum alone", &[CUBE, POSITIVE], |x| ops::einsum("ijk,lk->k", &[&x[0], &x[1]])),
    case("cumsum", &[CUBE], |x| ops::cumsum(&x[0], Some(1))),
    case("cumsum last", &[CUBE], |x| ops::cumsum(&x[0], Some(-1))),
    case("cumsum all", &[CUBE], |x| ops::cumsum(&x[0], None)),
    case("cumprod", &[CUBE], |x| ops::cumprod(&x[0], Some(1))),
    case("cumprod last", &[POSITIVE], |x| ops::cumprod(&x[0], Some(-1))),
    case("cumprod zero", &[X], |x| ops::cumprod(&marked(&x[0], 0.)?, Some(1))),
    case("average", &[CUBE, (&[3], 0.2, 2.)], |x| ops::average(&x[0], Some(&[1]), Some(&x[1]))),
    case("average plain", &[CUBE], |x| ops::average(&x[0], Some(&[0, 2]), None)),
    case("average all", &[X, POSITIVE], |x| ops::average(&x[0], None, Some(&x[1]))),
    case("ptp", &[CUBE], |x| ops::ptp(&x[0], Some(&[1]), true)),
    case("diff", &[CUBE], |x| ops::diff(&x[0], 2, 1)),
    case("trapezoid", &[CUBE], |x| ops::trapezoid(&x[0], Trapezoid { dx: 0.3, axis: 1, ..Trapezoid::default() })),
    case("trapezoid places", &[CUBE, ROW], |x| ops::trapezoid(&x[0], Trapezoid { x: Some(&x[1]), ..Trapezoid::default() })),
    case("corrcoef", &[X], |x| ops::corrcoef(&x[0])),
    case("correlate", &[VECTOR, (&[3], -1., 1.2)], |x| ops::correlate(&x[0], &x[1], CorrelateMode::Valid)).fails_empty(),
    case("correlate same", &[VECTOR, (&[4], -1., 1.2)], |x| ops::correlate(&x[0], &x[1], CorrelateMode::Same)).fails_empty(),
    case("correlate full", &[(&[3], -1., 1.2), VECTOR], |x| ops::correlate(&x[0], &x[1], CorrelateMode::Full)).fails_empty(),
    case("quantile", &[CUBE], |x| ops::quantile(&x[0], &q(&[0.3, 0.9])?, Quantile { axis: Some(&[1]), ..Quantile::default() })),
    case("quantile midpoint", &[CUBE], |x| ops::quantile(&x[0], &q(&[0.4])?, Quantile { axis: Some(&[-1, 1]), method: Interpolation::Midpoint, keepdims: true })),
    case("percentile", &[CUBE], |x| ops::percentile(&x[0], &q(&[35.])?, Quantile { axis: Some(&[-1]), ..Quantile::default() })),
    case("median", &[CUBE], |x| ops::median(&x[0], Some(&[2]), false)),
    case("nansum", &[X], |x| ops::nansum(&holed(&x[0])?, Some(&[1]), false)),
    case("nanprod", &[X], |x| ops::nanprod(&holed(&x[0])?, Some(&[1]), false)),
    case("nancumsum", &[X], |x| ops::nancumsum(&holed(&x[0])?, Some(1))),
    case("nancumprod", &[X], |x| ops::nancumprod(&holed(&x[0])?, Some(1))),
    case("nanmax", &[X], |x| ops::nanmax(&holed(&x[0])?, Some(&[1]), false)),
    case("nanmin", &[X], |x| ops::nanmin(&holed(&x[0])?, Some(&[1]), true)),
    case("nanmean", &[X], |x| ops::nanmean(&holed(&x[0])?, Some(&[1]), false)),
    case("nanvar", &[X], |x| ops::nanvar(&holed(&x[0])?, Some(&[1]), false)),
    case("nanstd", &[X], |x| ops::nanstd(&holed(&x[0])?, Some(&[1]), false)),
    case("nanmedian", &[X], |x| ops::nanmedian(&holed(&x[0])?, Some(&[1]), false)),
    case("nanquantile", &[X], |x| ops::nanquantile(&holed(&x[0])?, &q(&[0.3])?, Quantile { axis: Some(&[1]), ..Quantile::default() })),
    case("nanpercentile", &[X], |x| ops::nanpercentile(&holed(&x[0])?, &q(&[70.])?, Quantile { axis: Some(&[1]), ..Quantile::default() })),
];
