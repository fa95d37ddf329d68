//! Norms of vectors and matrices.

use candle_core::{Result, Tensor};

use super::matrices::t;
use super::svdvals;
use crate::{abs, axes, host, pow_scalar, sqrt, square, sum};

/// Which norm: Keras's `ord`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Norm {
    /// The square root of the sum of squares, of vectors and matrices alike.
    #[default]
    Euclidean,
    /// The same, of matrices only.
    Frobenius,
    /// The sum of the singular values.
    Nuclear,
    /// Of vectors `(sum |x|^p)^(1/p)`, the largest for infinity, the smallest for minus infinity, the number of
    /// those that are not 0 for 0. Of matrices, for 1 and infinity the largest sum of a column or row, for 2 the
    /// largest singular value; for -1, minus infinity and -2 the smallest.
    P(f64),
}

fn max(x: &Tensor, axis: i64, keepdims: bool) -> Result<Tensor> {
    crate::max(x, Some(&[axis]), keepdims)
}

fn min(x: &Tensor, axis: i64, keepdims: bool) -> Result<Tensor> {
    crate::min(x, Some(&[axis]), keepdims)
}

/// The norm along one axis (of vectors) or two (of matrices); without axes, of all elements for
/// [`Norm::Euclidean`], else of a tensor of rank 1 or 2.
///
/// # Shapes
/// The axes are dropped, or kept with size 1 with `keepdims`.
///
/// # Errors
/// When the axes do not fit the norm, a norm of matrices is not one of those listed, or `x` is not of floats.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Norm, Tensor};
/// let x = Tensor::new(&[[3f32, 4.], [0., -5.]], &Device::Cpu)?;
/// assert_eq!(ops::norm(&x, Norm::Euclidean, Some(&[-1]), false)?.to_vec1::<f32>()?, [5., 5.]);
/// assert_eq!(ops::norm(&x, Norm::P(1.), None, false)?.to_scalar::<f32>()?, 9.);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn norm(x: &Tensor, ord: Norm, axis: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    const OP: &str = "norm";
    host::compute_dtype(OP, x.dtype())?;
    host::within(OP, || {
        let every: Vec<i64> = (0..x.rank() as i64).collect();
        let axes = axis.unwrap_or(&every);
        match (axes, ord) {
            (_, Norm::Euclidean) if axis.is_none() => euclidean(x, None, keepdims),
            ([one], Norm::Euclidean) => euclidean(x, Some(&[*one]), keepdims),
            ([one], Norm::P(p)) => of_vectors(x, p, *one, keepdims),
            ([a, b], _) => {
                let (a, b) = (axes::axis(OP, *a, x.rank())?, axes::axis(OP, *b, x.rank())?);
                if a == b {
                    candle_core::bail!("axes {axes:?} name one axis twice");
                }
                of_matrices(x, ord, [a, b], keepdims)
            }
            _ => candle_core::bail!(
                "expected one axis for norms of vectors or two for norms of matrices, got {axes:?} for {ord:?} of shape \
                 {:?}",
                x.dims()
            ),
        }
    })
}

fn euclidean(x: &Tensor, axes: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    sqrt(&sum(&square(x)?, axes, keepdims)?)
}

fn of_vectors(x: &Tensor, p: f64, axis: i64, keepdims: bool) -> Result<Tensor> {
    let total = |x: &Tensor| sum(x, Some(&[axis]), keepdims);
    match p {
        f64::INFINITY => max(&abs(x)?, axis, keepdims),
        f64::NEG_INFINITY => min(&abs(x)?, axis, keepdims),
        0. => {
            let one = crate::not_equal(x, &crate::full_like(x, 0.)?)?;
            total(&crate::cast(&one, x.dtype())?)
        }
        1. => total(&abs(x)?),
        2. => euclidean(x, Some(&[axis]), keepdims),
        p => pow_scalar(&total(&pow_scalar(&abs(x)?, p)?)?, 1. / p),
    }
}

fn of_matrices(x: &Tensor, ord: Norm, [a, b]: [usize; 2], keepdims: bool) -> Result<Tensor> {
    if matches!(ord, Norm::Euclidean | Norm::Frobenius) {
        return euclidean(x, Some(&[a as i64, b as i64]), keepdims);
    }
    // The two axes last, in the order given.
    let rest = (0..x.rank()).filter(|i| *i != a && *i != b);
    let order: Vec<usize> = rest.chain([a, b]).collect();
    let moved = crate::transpose(x, &order)?;
    let sums = |columns: bool| -> Result<Tensor> {
        let x = abs(&if columns { t(&moved)? } else { moved.clone() })?;
        sum(&x, Some(&[-1]), false)
    };
    let values = match ord {
        Norm::Nuclear => sum(&svdvals(&moved)?, Some(&[-1]), false)?,
        Norm::P(1.) => max(&sums(true)?, -1, false)?,
        Norm::P(-1.) => min(&sums(true)?, -1, false)?,
        Norm::P(f64::INFINITY) => max(&sums(false)?, -1, false)?,
        Norm::P(f64::NEG_INFINITY) => min(&sums(false)?, -1, false)?,
        Norm::P(2.) => max(&svdvals(&moved)?, -1, false)?,
        Norm::P(-2.) => min(&svdvals(&moved)?, -1, false)?,
        other => candle_core::bail!(
            "expected Frobenius, nuclear, 1, -1, 2, -2 or an infinity for matrices, got {other:?}"
        ),
    };
    if !keepdims {
        return Ok(values);
    }
    let (first, second) = (a.min(b) as i64, a.max(b) as i64);
    crate::expand_dims(&crate::expand_dims(&values, first)?, second)
}
