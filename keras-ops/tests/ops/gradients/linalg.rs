//! Matrices. Inputs are moved away from singular ones by a multiple of the identity.

use keras_ops as ops;
use ops::{Norm, Result, Tensor};

use super::case::{CUBE, Case, Input, X, case};

const SQUARE: Input = (&[2, 3, 3], -1.1, 1.3);
const COLUMNS: Input = (&[2, 3, 2], -1.4, 1.2);
const TALL: Input = (&[2, 4, 3], -1.1, 1.3);
const WIDE: Input = (&[2, 3, 4], -1.1, 1.3);

/// `x + k` on the diagonals, of any dtype and shape.
fn shifted(x: &Tensor, k: f64) -> Result<Tensor> {
    with_diagonal(x, |_| k)
}

/// `x + k`, `x + 2 k`, … on the diagonals: singular values of matrices that are near them lie apart.
fn spaced(x: &Tensor, k: f64) -> Result<Tensor> {
    with_diagonal(x, |i| k * (i + 1) as f64)
}

fn with_diagonal(x: &Tensor, added: impl Fn(usize) -> f64) -> Result<Tensor> {
    let (rows, cols) = (x.dims()[x.rank() - 2], x.dims()[x.rank() - 1]);
    let one = |at: usize| {
        if at / cols.max(1) == at % cols.max(1) {
            added(at % cols.max(1))
        } else {
            0.
        }
    };
    let values: Vec<f64> = (0..rows * cols).map(one).collect();
    x.broadcast_add(&Tensor::from_vec(values, (rows, cols), x.device())?.to_dtype(x.dtype())?)
}

/// Products that do not depend on the signs of vectors.
fn outer(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    ops::matmul(a, &b.transpose(b.rank() - 2, b.rank() - 1)?)
}

fn with_eigh(x: &Tensor) -> Result<Tensor> {
    let (w, v) = ops::eigh(&shifted(x, 0.)?)?;
    let scale = ops::expand_dims(&ops::exp(&w)?, -2)?;
    outer(&ops::multiply(&v, &scale)?, &v)
}

fn with_svd(x: &Tensor, full: bool) -> Result<Tensor> {
    let (u, s, v) = ops::svd(x, full)?;
    let scale = ops::expand_dims(&ops::sqrt(&s)?, -2)?;
    ops::matmul(&ops::multiply(&u, &scale)?, &v)
}

fn both((a, b): (Tensor, Tensor)) -> Result<Tensor> {
    ops::concatenate(&[&a, &b], -2)
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("cholesky", &[SQUARE], |x| ops::cholesky(&shifted(&x[0], 4.)?, false)),
    case("cholesky upper", &[SQUARE], |x| ops::cholesky(&shifted(&x[0], 4.)?, true)),
    case("cholesky_inverse", &[SQUARE], |x| ops::cholesky_inverse(&shifted(&x[0], 2.)?, false)),
    case("cholesky_inverse upper", &[SQUARE], |x| ops::cholesky_inverse(&shifted(&x[0], 2.)?, true)),
    case("lu_factor", &[SQUARE], |x| Ok(ops::lu_factor(&shifted(&x[0], 0.2)?)?.0)),
    case("qr", &[TALL], |x| both(ops::qr(&x[0], false)?)),
    case("qr square", &[SQUARE], |x| ops::host::within("qr", || both(ops::qr(&shifted(&x[0], 1.)?, true)?))),
    case("qr wide", &[WIDE], |x| { let (q, r) = ops::qr(&shifted(&x[0], 1.)?, false)?; ops::concatenate(&[&q, &r], -1) }),
    case("solve", &[SQUARE, COLUMNS], |x| ops::solve(&shifted(&x[0], 3.)?, &x[1])),
    case("solve vector", &[SQUARE, (&[2, 3], -1., 1.)], |x| ops::solve(&shifted(&x[0], 3.)?, &x[1])),
    case("solve_triangular", &[SQUARE, COLUMNS], |x| ops::solve_triangular(&shifted(&x[0], 3.)?, &x[1], false)),
    case("solve_triangular lower", &[SQUARE, (&[2, 3], -1., 1.)], |x| ops::solve_triangular(&shifted(&x[0], 3.)?, &x[1], true)),
    case("inv", &[SQUARE], |x| ops::inv(&shifted(&x[0], 3.)?)),
    case("det", &[SQUARE], |x| ops::det(&shifted(&x[0], 2.)?)),
    case("slogdet", &[SQUARE], |x| Ok(ops::slogdet(&shifted(&x[0], -3.)?)?.1)),
    case("logdet", &[SQUARE], |x| ops::logdet(&shifted(&x[0], 3.)?)),
    case("eigh", &[SQUARE], |x| Ok(ops::eigh(&x[0])?.0)),
    case("eigh vectors", &[SQUARE], |x| with_eigh(&x[0])),
    case("svd", &[TALL], |x| with_svd(&x[0], false)),
    case("svd wide", &[WIDE], |x| with_svd(&x[0], false)),
    case("svd square", &[SQUARE], |x| ops::host::within("svd", || with_svd(&spaced(&x[0], 3.)?, true))),
    case("svd values of full", &[TALL], |x| Ok(ops::svd(&x[0], true)?.1)),
    case("svdvals", &[WIDE], |x| ops::svdvals(&x[0])),
    case("pinv", &[TALL], |x| ops::pinv(&x[0], None)),
    case("pinv wide", &[WIDE], |x| ops::pinv(&x[0], None)),
    case("lstsq", &[TALL, (&[2, 4], -1., 1.)], |x| ops::lstsq(&x[0], &x[1], None)),
    case("lstsq wide", &[WIDE, COLUMNS], |x| ops::lstsq(&x[0], &x[1], None)),
    case("norm", &[X], |x| ops::norm(&x[0], Norm::Euclidean, None, false)),
    case("norm axis", &[CUBE], |x| ops::norm(&x[0], Norm::P(3.), Some(&[1]), true)),
    case("norm one", &[CUBE], |x| ops::norm(&x[0], Norm::P(1.), Some(&[-1]), false)),
    case("norm largest", &[CUBE], |x| ops::norm(&x[0], Norm::P(f64::INFINITY), Some(&[-1]), false)),
    case("norm column", &[CUBE], |x| ops::norm(&x[0], Norm::P(1.), Some(&[1, 2]), true)),
    case("norm nuclear", &[CUBE], |x| ops::norm(&x[0], Norm::Nuclear, Some(&[-1, 1]), false)),
    case("norm spectral", &[CUBE], |x| ops::norm(&x[0], Norm::P(2.), Some(&[1, 2]), true)),
];
