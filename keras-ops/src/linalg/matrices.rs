//! What all of them need: shapes, batches, and small expressions of matrices.

use crate::kernels::team::{IntoParts as _, Parts as _};
use candle_core::{Result, Shape, Tensor};

use crate::host;
use crate::kernels::math::Math;

/// Numbers below which matrices are not worth another thread.
const PARALLEL: usize = 1 << 12;

/// The leading axes of a tensor of matrices, and the rows and columns of one.
#[derive(Clone, Debug)]
pub(super) struct Matrices {
    pub(super) lead: Vec<usize>,
    pub(super) rows: usize,
    pub(super) cols: usize,
}

impl Matrices {
    pub(super) fn of(op: &str, x: &Tensor) -> Result<Self> {
        host::compute_dtype(op, x.dtype())?;
        match x.dims() {
            [lead @ .., rows, cols] => Ok(Self {
                lead: lead.to_vec(),
                rows: *rows,
                cols: *cols,
            }),
            other => candle_core::bail!("{op}: expected matrices (.., rows, columns), got shape {other:?}"),
        }
    }

    pub(super) fn square(op: &str, x: &Tensor) -> Result<Self> {
        let found = Self::of(op, x)?;
        if found.rows != found.cols {
            candle_core::bail!("{op}: expected square matrices, got shape {:?}", x.dims());
        }
        Ok(found)
    }

    pub(super) fn count(&self) -> usize {
        self.lead.iter().product()
    }

    /// The shape of a batch of things of shape `tail`.
    pub(super) fn shape(&self, tail: &[usize]) -> Shape {
        Shape::from([&self.lead, tail].concat())
    }

    /// `f` of each number, in parallel when the matrices are large.
    pub(super) fn each<R: Send>(&self, f: impl Fn(usize) -> Result<R> + Sync + Send) -> Result<Vec<R>> {
        if self.count() > 1 && self.count() * self.rows * self.cols >= PARALLEL {
            (0..self.count())
                .into_par_iter()
                .map(f)
                .collect()
                .into_iter()
                .collect()
        } else {
            (0..self.count()).map(f).collect()
        }
    }

    /// `f` of each matrix of `x`.
    pub(super) fn map<T: Math, R: Send>(
        &self,
        x: &Tensor,
        f: impl Fn(&[T]) -> Result<R> + Sync + Send,
    ) -> Result<Vec<R>> {
        let size = self.rows * self.cols;
        host::read(x, |x: &[T]| self.each(|i| f(&x[i * size..(i + 1) * size])))
    }
}

/// A tensor like `x` without history.
pub(super) fn made<T: Math>(values: Vec<T>, shape: &Shape, like: &Tensor) -> Result<Tensor> {
    host::tensor(values, like.dtype(), shape, like.device())
}

/// `a b`.
pub(super) fn mm(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    crate::matmul(a, b)
}

/// The transposed matrices. A view.
pub(super) fn t(x: &Tensor) -> Result<Tensor> {
    let rank = x.rank();
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 2, rank - 1);
    crate::transpose(x, &order)
}

/// Matrices with each element times `weight(row, column)`.
pub(super) fn weighted(x: &Tensor, weight: impl Fn(usize, usize) -> f64) -> Result<Tensor> {
    let (rows, cols) = (x.dims()[x.rank() - 2], x.dims()[x.rank() - 1]);
    let values: Vec<f64> = (0..rows * cols).map(|at| weight(at / cols, at % cols)).collect();
    let mask = host::tensor(values, x.dtype(), &Shape::from((rows, cols)), x.device())?;
    crate::multiply(x, &mask)
}

/// Matrices whose columns are scaled by vectors (.., columns).
pub(super) fn columns_times(x: &Tensor, scale: &Tensor) -> Result<Tensor> {
    crate::multiply(x, &crate::expand_dims(scale, -2)?)
}

/// Runs an expression with `$t` standing for the type to compute in.
macro_rules! by_float {
    ($x:expr, $t:ident => $body:expr) => {
        match $x.dtype() {
            candle_core::DType::F64 => {
                type $t = f64;
                $body
            }
            _ => {
                type $t = f32;
                $body
            }
        }
    };
}
pub(super) use by_float;
