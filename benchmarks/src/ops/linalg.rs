use keras::Tensor;
use keras::ops::{self, Result};

use super::{Row, row};

/// A symmetric matrix whose diagonal outweighs the rest.
fn definite(x: &Tensor) -> Result<Tensor> {
    let n = x.dims()[x.rank() - 1];
    let one = ops::eye(n, None, 0, x.dtype(), x.device())?;
    ops::add(x, &ops::mul_scalar(&one, n as f64)?)
}

const SQUARE: &[usize] = &[256, 256];

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("qr 256x256", &[SQUARE], |x| Ok(ops::qr(&x[0], false)?.1)),
    row("svd 256x256", &[SQUARE], |x| Ok(ops::svd(&x[0], false)?.1)),
    row("eigh 256x256", &[SQUARE], |x| Ok(ops::eigh(&x[0])?.0)),
    row("eigh 32 of 32x32", &[&[32, 32, 32]], |x| Ok(ops::eigh(&x[0])?.0)),
    row("solve 256x256", &[SQUARE, SQUARE], |x| ops::solve(&x[0], &x[1])),
    row("cholesky 256x256", &[SQUARE], |x| ops::cholesky(&definite(&x[0])?, false)),
    row("inv 256x256", &[SQUARE], |x| ops::inv(&x[0])),
    row("inv 32 of 32x32", &[&[32, 32, 32]], |x| ops::inv(&x[0])),
];
