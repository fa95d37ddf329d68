//! Systems of equations, inverses and determinants.

use candle_core::{Result, Tensor};

use super::dense::{self, Field, Lu};
use super::matrices::{Matrices, by_float, made, mm, t, weighted};
use crate::tape::{record_many, record_with_output};
use crate::{host, mul_scalar};

/// Checks a system and gives the right side as a matrix, and whether it was a vector.
fn sides(op: &str, a: &Tensor, b: &Tensor) -> Result<(Matrices, Tensor, bool)> {
    let batch = Matrices::square(op, a)?;
    let vector = b.rank() + 1 == a.rank();
    let fits = |tail: usize| b.rank() >= tail && b.dims()[..b.rank() - tail] == batch.lead[..];
    let rows = b.dims().get(batch.lead.len()).copied();
    if a.dtype() != b.dtype() || !fits(if vector { 1 } else { 2 }) || rows != Some(batch.rows) {
        candle_core::bail!(
            "{op}: expected a right side (.., {n}) or (.., {n}, columns) of {:?} with the leading axes {:?}, got {:?} \
             {:?}",
            a.dtype(),
            batch.lead,
            b.dims(),
            b.dtype(),
            n = batch.rows
        );
    }
    let b = if vector {
        crate::expand_dims(b, -1)?
    } else {
        b.clone()
    };
    Ok((batch, b, vector))
}

fn without_column(x: Tensor, vector: bool) -> Result<Tensor> {
    if vector {
        crate::squeeze(&x, Some(&[-1]))
    } else {
        Ok(x)
    }
}

/// Columns of each right side.
fn columns(b: &Tensor) -> usize {
    b.dims()[b.rank() - 1]
}

/// The solution `X` of `A X = B`.
///
/// # Shapes
/// `a` (.., n, n); `b` (.., n) or (.., n, columns) with the same leading axes; the result as `b`.
///
/// # Errors
/// When shapes or dtypes do not fit, or a matrix is singular.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let a = Tensor::new(&[[1f32, 2.], [4., 4.]], &Device::Cpu)?;
/// let b = Tensor::new(&[3f32, 8.], &Device::Cpu)?;
/// assert_eq!(ops::solve(&a, &b)?.to_vec1::<f32>()?, [1., 1.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn solve(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    const OP: &str = "solve";
    let (batch, b, vector) = sides(OP, a, b)?;
    let x = by_float!(a, T => solved::<T>(a, &b, &batch))?;
    without_column(x, vector)
}

fn singular(n: usize, diagonal: usize) -> candle_core::Error {
    candle_core::Error::msg(format!(
        "the {n} by {n} matrix is singular: pivot {diagonal} is 0"
    ))
}

/// The factors of the matrix with these columns, which can be inverted.
fn regular<T: Field>(op: &str, a: &[T], n: usize) -> Result<Lu<T>> {
    let lu = Lu::of_columns(a, n);
    match lu.zero() {
        Some(i) => Err(candle_core::Error::msg(format!("{op}: {}", singular(n, i)))),
        None => Ok(lu),
    }
}

fn solved<T: Field>(a: &Tensor, b: &Tensor, batch: &Matrices) -> Result<Tensor> {
    let (n, m) = (batch.rows, columns(b));
    let out = host::read(&t(a)?, |a: &[T]| {
        host::read(b, |b: &[T]| {
            batch.each(|i| {
                let lu = regular("solve", &a[i * n * n..(i + 1) * n * n], n)?;
                Ok(lu.solve(&b[i * n * m..(i + 1) * n * m], m))
            })
        })
    })?;
    let out = host::storage_as(out.concat(), b.dtype(), b.device())?;
    let saved = a.detach();
    Ok(record_with_output(
        &[a, b],
        out,
        b.shape(),
        move |grad, x, needs| {
            let gb = solve(&t(&saved)?, &grad)?;
            let ga = match needs[0] {
                true => Some(mul_scalar(&mm(&gb, &t(x)?)?, -1.)?),
                false => None,
            };
            Ok([ga, Some(gb)].into_iter().collect())
        },
    ))
}

/// The solution `X` of `A X = B` for a triangular `A`: the lower triangle counts with `lower`, else the upper one.
///
/// # Shapes
/// As in [`solve`].
///
/// # Errors
/// When shapes or dtypes do not fit. A zero on the diagonal gives infinities.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let a = Tensor::new(&[[2f32, 9.], [1., 4.]], &Device::Cpu)?;
/// let b = Tensor::new(&[2f32, 9.], &Device::Cpu)?;
/// assert_eq!(ops::solve_triangular(&a, &b, true)?.to_vec1::<f32>()?, [1., 2.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn solve_triangular(a: &Tensor, b: &Tensor, lower: bool) -> Result<Tensor> {
    const OP: &str = "solve_triangular";
    let (batch, b, vector) = sides(OP, a, b)?;
    let x = by_float!(a, T => triangular_solved::<T>(a, &b, lower, &batch))?;
    without_column(x, vector)
}

/// [`solve_triangular`] for right sides that are matrices.
pub(super) fn triangular(a: &Tensor, b: &Tensor, lower: bool) -> Result<Tensor> {
    solve_triangular(a, b, lower)
}

fn triangular_solved<T: Field>(a: &Tensor, b: &Tensor, lower: bool, batch: &Matrices) -> Result<Tensor> {
    let (n, m) = (batch.rows, columns(b));
    let out = host::read(a, |a: &[T]| {
        host::read(b, |b: &[T]| {
            batch.each(|i| {
                let mut x = b[i * n * m..(i + 1) * n * m].to_vec();
                dense::solve_triangular(&a[i * n * n..(i + 1) * n * n], n, lower, &mut x, m);
                Ok(x)
            })
        })
    })?;
    let out = host::storage_as(out.concat(), b.dtype(), b.device())?;
    let saved = a.detach();
    Ok(record_with_output(
        &[a, b],
        out,
        b.shape(),
        move |grad, x, needs| {
            let gb = solve_triangular(&t(&saved)?, &grad, !lower)?;
            let ga = match needs[0] {
                true => {
                    let all = mul_scalar(&mm(&gb, &t(x)?)?, -1.)?;
                    let counts = |i: usize, j: usize| if lower { i >= j } else { i <= j };
                    Some(weighted(&all, |i, j| f64::from(u8::from(counts(i, j))))?)
                }
                false => None,
            };
            Ok([ga, Some(gb)].into_iter().collect())
        },
    ))
}

/// The inverse.
///
/// # Errors
/// When a matrix is not square, not of floats, or singular.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[2f32, 0.], [0., 4.]], &Device::Cpu)?;
/// assert_eq!(ops::inv(&x)?.to_vec2::<f32>()?, [[0.5, 0.], [0., 0.25]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn inv(x: &Tensor) -> Result<Tensor> {
    let batch = Matrices::square("inv", x)?;
    by_float!(x, T => inverted::<T>(x, &batch))
}

fn inverse<T: Field>(op: &str, a: &[T], n: usize) -> Result<Vec<T>> {
    Ok(regular(op, a, n)?.inverse())
}

fn inverted<T: Field>(x: &Tensor, batch: &Matrices) -> Result<Tensor> {
    let out = batch.map(&t(x)?, |a: &[T]| inverse("inv", a, batch.rows))?;
    let out = host::storage_as(out.concat(), x.dtype(), x.device())?;
    Ok(record_with_output(&[x], out, x.shape(), |grad, y, _| {
        let turned = t(y)?;
        let dx = mul_scalar(&mm(&mm(&turned, &grad)?, &turned)?, -1.)?;
        Ok([Some(dx)].into_iter().collect())
    }))
}

/// The factors of the determinant of the matrix with these columns: a sign and the pivots.
fn signed_pivots<T: Field>(a: &[T], n: usize) -> (f64, Vec<f64>) {
    let lu = Lu::of_columns(a, n);
    if lu.zero().is_some() && a.iter().all(|x| x.f64().is_finite()) {
        // Those behind the zero are not numbers.
        return (1., vec![0.]);
    }
    (lu.sign(), lu.pivots().map(|pivot| pivot.f64()).collect())
}

/// The sign of a determinant and the logarithm of its absolute value.
fn sign_and_log<T: Field>(a: &[T], n: usize) -> (f64, f64) {
    let (mut sign, pivots) = signed_pivots(a, n);
    let mut log = 0.;
    for pivot in pivots {
        sign *= match pivot {
            p if p > 0. => 1.,
            p if p < 0. => -1.,
            p => p, // 0 or NaN
        };
        log += pivot.abs().ln();
    }
    (sign, log)
}

/// `scale[..] * inverse'`, for gradients of determinants.
fn inverse_turned<T: Field>(op: &str, a: &Tensor, scale: &Tensor, batch: &Matrices) -> Result<Tensor> {
    let inverse = batch.map(&t(a)?, |a: &[T]| inverse(op, a, batch.rows))?;
    let inverse = made(inverse.concat(), a.shape(), a)?;
    let scale = crate::expand_dims(&crate::expand_dims(scale, -1)?, -1)?;
    crate::multiply(&t(&inverse)?, &scale)
}

/// The determinant.
///
/// # Shapes
/// (.., n, n) to (..).
///
/// # Errors
/// When a matrix is not square or not of floats. The gradient at a singular matrix is an error.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// assert!((ops::det(&x)?.to_scalar::<f32>()? + 2.).abs() < 1e-6);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn det(x: &Tensor) -> Result<Tensor> {
    let batch = Matrices::square("det", x)?;
    by_float!(x, T => determinant::<T>(x, batch))
}

fn determinant<T: Field>(x: &Tensor, batch: Matrices) -> Result<Tensor> {
    let n = batch.rows;
    let values = batch.map(&t(x)?, |a: &[T]| {
        let (sign, pivots) = signed_pivots(a, n);
        Ok(T::of(sign * pivots.iter().product::<f64>()))
    })?;
    let out = host::storage_as(values, x.dtype(), x.device())?;
    let saved = x.detach();
    Ok(record_with_output(
        &[x],
        out,
        &batch.shape(&[]),
        move |grad, y, _| {
            let scale = crate::multiply(&grad, y)?;
            let dx = inverse_turned::<T>("det", &saved, &scale, &batch)?;
            Ok([Some(dx)].into_iter().collect())
        },
    ))
}

/// The sign of the determinant (-1, 0 or 1) and the logarithm of its absolute value.
///
/// # Shapes
/// (.., n, n) to two tensors (..).
///
/// # Errors
/// As [`det`].
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[0f32, 1.], [1., 0.]], &Device::Cpu)?;
/// let (sign, log) = ops::slogdet(&x)?;
/// assert_eq!((sign.to_scalar::<f32>()?, log.to_scalar::<f32>()?), (-1., 0.));
/// # Ok::<(), ops::Error>(())
/// ```
pub fn slogdet(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let batch = Matrices::square("slogdet", x)?;
    by_float!(x, T => signed::<T>("slogdet", x, batch))
}

fn signed<T: Field>(op: &'static str, x: &Tensor, batch: Matrices) -> Result<(Tensor, Tensor)> {
    let values = batch.map(&t(x)?, |a: &[T]| Ok(sign_and_log(a, batch.rows)))?;
    let (signs, logs): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
    let shape = batch.shape(&[]);
    let store = |values| host::storage_as::<f64>(values, x.dtype(), x.device());
    let outputs = vec![(store(signs)?, shape.clone()), (store(logs)?, shape)];
    let saved = x.detach();
    let backward = move |grads: crate::tape::OutputGrads, _: &crate::tape::Needs| {
        let Some(Some(grad)) = grads.into_iter().nth(1) else {
            return Ok(Default::default());
        };
        let dx = inverse_turned::<T>(op, &saved, &grad, &batch)?;
        Ok([Some(dx)].into_iter().collect())
    };
    match <[Tensor; 2]>::try_from(record_many(&[x], outputs, backward)) {
        Ok([sign, log]) => Ok((sign, log)),
        Err(_) => candle_core::bail!("{op}: expected two outputs"),
    }
}

/// The logarithm of the determinant's absolute value, without overflow. Shapes and errors as in [`det`].
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 0.], [0., -1.]], &Device::Cpu)?;
/// assert_eq!(ops::logdet(&x)?.to_scalar::<f32>()?, 0.);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn logdet(x: &Tensor) -> Result<Tensor> {
    let batch = Matrices::square("logdet", x)?;
    Ok(by_float!(x, T => signed::<T>("logdet", x, batch))?.1)
}
