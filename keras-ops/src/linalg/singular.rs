//! Singular values and what they give.

use candle_core::{DType, Result, Shape, Tensor};

use super::dense::{self, Field, Svd, Vectors};
use super::matrices::{Matrices, by_float, columns_times, mm, t};
use crate::kernels::gemm::{Mat, Threads, matmul};
use crate::tape::record_many;
use crate::{add, host, mul_scalar, multiply, subtract};

fn decomposed<T: Field>(op: &str, x: &Tensor, batch: &Matrices, vectors: Vectors) -> Result<Vec<Svd<T>>> {
    batch.map(x, |a: &[T]| {
        match dense::svd(a, batch.rows, batch.cols, vectors) {
            Some(svd) => Ok(svd),
            None => candle_core::bail!(
                "{op}: a matrix has elements that are not finite, or the iteration did not end"
            ),
        }
    })
}

/// `A = U diag(s) V'`: `U`, the singular values in falling order, and `V'`.
///
/// The signs of the vectors are not unique; their gradient is infinite where singular values are equal or 0. With
/// `full_matrices` there is a gradient for square matrices only: the vectors beyond the singular values are not unique.
///
/// # Shapes
/// (.., m, n) to (.., m, k), (.., k) and (.., k, n) with `k = min(m, n)`; with `full_matrices`, `U` and `V'` are square.
///
/// # Errors
/// When `x` is not of float matrices, or not finite.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[0f64, 2.], [1., 0.]], &Device::Cpu)?;
/// let (u, s, v) = ops::svd(&x, true)?;
/// assert_eq!(s.to_vec1::<f64>()?, [2., 1.]);
/// let back = ops::matmul(&ops::multiply(&u, &s)?, &v)?;
/// let error = (back - x)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f64>()?;
/// assert!(error < 1e-12);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn svd(x: &Tensor, full_matrices: bool) -> Result<(Tensor, Tensor, Tensor)> {
    const OP: &str = "svd";
    if let Some(wide) = host::widened(x)? {
        let (u, s, v) = svd(&wide, full_matrices)?;
        let narrow = |part: &Tensor| crate::cast(part, x.dtype());
        return Ok((narrow(&u)?, narrow(&s)?, narrow(&v)?));
    }
    let batch = Matrices::of(OP, x)?;
    by_float!(x, T => with_vectors::<T>(x, &batch, full_matrices))
}

fn with_vectors<T: Field>(
    x: &Tensor,
    batch: &Matrices,
    full_matrices: bool,
) -> Result<(Tensor, Tensor, Tensor)> {
    const OP: &str = "svd";
    let (m, n) = (batch.rows, batch.cols);
    let k = m.min(n);
    let vectors = if full_matrices {
        Vectors::Full
    } else {
        Vectors::Thin
    };
    let found = decomposed::<T>(OP, x, batch, vectors)?;
    let (cu, cv) = if full_matrices { (m, n) } else { (k, k) };
    let (mut u, mut s, mut v) = (Vec::new(), Vec::new(), Vec::new());
    for svd in found {
        u.extend(svd.left);
        s.extend(svd.values);
        v.extend(svd.right);
    }
    let shapes = [batch.shape(&[m, cu]), batch.shape(&[k]), batch.shape(&[cv, n])];
    let plain = |values: &[T], shape: &Shape| host::tensor(values.to_vec(), x.dtype(), shape, x.device());
    let saved = [
        plain(&u, &shapes[0])?,
        plain(&s, &shapes[1])?,
        plain(&v, &shapes[2])?,
    ];
    let store = |values| host::storage_as::<T>(values, x.dtype(), x.device());
    let [su, ss, sv] = shapes;
    let outputs = vec![(store(u)?, su), (store(s)?, ss), (store(v)?, sv)];
    let backward = move |grads: crate::tape::OutputGrads, _: &crate::tape::Needs| {
        let mut grads = grads.into_iter();
        let mut next = || grads.next().flatten();
        let (gu, gs, gv) = (next(), next(), next());
        if (gu.is_some() || gv.is_some()) && full_matrices && m != n {
            candle_core::bail!(
                "{OP}: no gradient of the vectors with `full_matrices` unless the matrices are square"
            );
        }
        Ok([Some(svd_gradient(&saved, gu, gs, gv)?)].into_iter().collect())
    };
    match <[Tensor; 3]>::try_from(record_many(&[x], outputs, backward)) {
        Ok([u, s, v]) => Ok((u, s, v)),
        Err(_) => candle_core::bail!("{OP}: expected three outputs"),
    }
}

/// `U (U' G - G' U) E` and its like: the part of a gradient that turns vectors among themselves.
fn turning(vectors: &Tensor, grad: &Tensor, gaps: &Tensor) -> Result<Tensor> {
    let product = mm(&t(vectors)?, grad)?;
    multiply(&subtract(&product, &t(&product)?)?, gaps)
}

fn svd_gradient(
    saved: &[Tensor; 3],
    gu: Option<Tensor>,
    gs: Option<Tensor>,
    gv: Option<Tensor>,
) -> Result<Tensor> {
    let [u, s, vt] = saved;
    let k = s.dims()[s.rank() - 1] as i64;
    // With full matrices and a gradient of the values alone, only the first vectors count.
    let u = crate::narrow(u, -1, 0, k as usize)?;
    let vt = crate::narrow(vt, -2, 0, k as usize)?;
    let v = t(&vt)?;
    let gaps = squared_gaps(s)?;
    let mut terms = Vec::new();
    if let Some(gs) = gs {
        terms.push(mm(&columns_times(&u, &gs)?, &vt)?);
    }
    let reciprocal = |s: &Tensor| crate::pow_scalar(s, -1.);
    if let Some(gu) = gu {
        let inner = columns_times(&turning(&u, &gu, &gaps)?, s)?;
        terms.push(mm(&mm(&u, &inner)?, &vt)?);
        if u.dims()[u.rank() - 2] as i64 > k {
            let outside = subtract(&gu, &mm(&u, &mm(&t(&u)?, &gu)?)?)?;
            terms.push(mm(&columns_times(&outside, &reciprocal(s)?)?, &vt)?);
        }
    }
    if let Some(gv) = gv.map(|g| t(&g)).transpose()? {
        let inner = turning(&v, &gv, &gaps)?;
        terms.push(mm(&columns_times(&u, s)?, &mm(&inner, &vt)?)?);
        if v.dims()[v.rank() - 2] as i64 > k {
            let outside = subtract(&gv, &mm(&v, &mm(&t(&v)?, &gv)?)?)?;
            terms.push(mm(&columns_times(&u, &reciprocal(s)?)?, &t(&outside)?)?);
        }
    }
    let Some(mut sum) = terms.pop() else {
        candle_core::bail!("svd: no output has a gradient");
    };
    for term in terms {
        sum = add(&sum, &term)?;
    }
    Ok(sum)
}

/// `1 / (s_j² - s_i²)` beside the diagonal.
fn squared_gaps(s: &Tensor) -> Result<Tensor> {
    let k = s.dims()[s.rank() - 1];
    let values = host::read(s, |s: &[f64]| {
        let one = |s: &[f64], i: usize, j: usize| match i == j {
            true => 0.,
            false => 1. / ((s[j] - s[i]) * (s[j] + s[i])),
        };
        let all = s.chunks_exact(k.max(1));
        Ok(all
            .flat_map(|s| (0..k * k).map(|at| one(s, at / k, at % k)).collect::<Vec<f64>>())
            .collect::<Vec<f64>>())
    })?;
    let shape = Shape::from([s.dims(), &[k]].concat());
    host::tensor(values, s.dtype(), &shape, s.device())
}

/// The singular values alone, in falling order: Keras's `svd` with `compute_uv=False`.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[0f64, 2.], [1., 0.]], &Device::Cpu)?;
/// assert_eq!(ops::svdvals(&x)?.to_vec1::<f64>()?, [2., 1.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn svdvals(x: &Tensor) -> Result<Tensor> {
    Ok(host::within("svdvals", || svd(x, false))?.1)
}

/// The number of singular values above `tol`; by default above `max(m, n)` times the rounding error of the largest.
///
/// # Shapes
/// (.., m, n) to (..), `uint32`.
///
/// # Errors
/// When `x` is not of float matrices, or not finite.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.], [2., 4.]], &Device::Cpu)?;
/// assert_eq!(ops::matrix_rank(&x, None)?.to_scalar::<u32>()?, 1);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn matrix_rank(x: &Tensor, tol: Option<f64>) -> Result<Tensor> {
    const OP: &str = "matrix_rank";
    let batch = Matrices::of(OP, x)?;
    let ranks = by_float!(x, T => ranks::<T>(x, &batch, tol))?;
    Tensor::from_vec(ranks, batch.shape(&[]), x.device())
}

fn ranks<T: Field>(x: &Tensor, batch: &Matrices, tol: Option<f64>) -> Result<Vec<u32>> {
    let rank = |svd: &Svd<T>| {
        let largest = svd.values.first().map_or(0., |s| s.f64());
        let limit = tol.unwrap_or(largest * batch.rows.max(batch.cols) as f64 * rounding(x.dtype()));
        svd.values.iter().filter(|s| s.f64() > limit).count() as u32
    };
    let found = decomposed::<T>("matrix_rank", x, batch, Vectors::None)?;
    Ok(found.iter().map(rank).collect())
}

/// The distance from 1 to the next number.
fn rounding(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => f64::EPSILON,
        _ => f64::from(f32::EPSILON),
    }
}

/// The pseudo-inverse: singular values up to `rcond` times the largest count as 0, by default `10 max(m, n)` times the
/// rounding error.
///
/// # Shapes
/// (.., m, n) to (.., n, m).
///
/// # Errors
/// When `x` is not of float matrices, or not finite.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[2f64, 0.], [0., 0.]], &Device::Cpu)?;
/// assert_eq!(ops::pinv(&x, None)?.to_vec2::<f64>()?, [[0.5, 0.], [0., 0.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn pinv(x: &Tensor, rcond: Option<f64>) -> Result<Tensor> {
    const OP: &str = "pinv";
    let batch = Matrices::of(OP, x)?;
    let larger = batch.rows.max(batch.cols) as f64;
    let rcond = rcond.unwrap_or(10. * larger * rounding(x.dtype()));
    by_float!(x, T => inverted::<T>(OP, x, &batch, rcond))
}

fn inverted<T: Field>(op: &'static str, x: &Tensor, batch: &Matrices, rcond: f64) -> Result<Tensor> {
    let (m, n) = (batch.rows, batch.cols);
    let k = m.min(n);
    let inverse = |svd: &Svd<T>| {
        let limit = rcond * svd.values.first().map_or(0., |s| s.f64());
        let scale = |s: T| if s.f64() > limit { T::ONE / s } else { T::ZERO };
        let mut right = svd.right.clone();
        for (row, s) in right.chunks_exact_mut(n.max(1)).zip(&svd.values) {
            row.iter_mut().for_each(|x| *x *= scale(*s));
        }
        matmul(
            Mat::new(&right, k, n).t(),
            Mat::new(&svd.left, m, k).t(),
            Threads::Pool,
        )
    };
    let found = decomposed::<T>(op, x, batch, Vectors::Thin)?;
    let values: Vec<T> = found.iter().flat_map(inverse).collect();
    let shape = batch.shape(&[n, m]);
    let plain = host::tensor(values.clone(), x.dtype(), &shape, x.device())?;
    let out = host::storage_as(values, x.dtype(), x.device())?;
    let saved = x.detach();
    Ok(crate::tape::record(&[x], out, &shape, move |grad, _| {
        let (p, a) = (plain, saved);
        // The differential of a pseudo-inverse of constant rank has three terms; this is their adjoint.
        let (pt, gt) = (t(&p)?, t(&grad)?);
        let direct = mul_scalar(&mm(&mm(&pt, &grad)?, &pt)?, -1.)?;
        let rows = mm(&mm(&gt, &p)?, &pt)?;
        let rows = subtract(&rows, &mm(&a, &mm(&p, &rows)?)?)?;
        let columns = mm(&mm(&pt, &p)?, &gt)?;
        let columns = subtract(&columns, &mm(&mm(&columns, &p)?, &a)?)?;
        let dx = add(&add(&direct, &rows)?, &columns)?;
        Ok([Some(dx)].into_iter().collect())
    }))
}

/// The shortest `X` with the least squared error of `A X = B`.
///
/// Singular values up to `rcond` times the largest count as 0, by default `max(m, n)` times the rounding error.
///
/// # Shapes
/// `a` (.., m, n); `b` (.., m) or (.., m, columns) with the same leading axes.
///
/// # Errors
/// When shapes or dtypes do not fit, or `a` is not finite.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let a = Tensor::new(&[[1f64, 0.], [1., 0.], [0., 1.]], &Device::Cpu)?;
/// let x = ops::lstsq(&a, &Tensor::new(&[1f64, 3., 5.], &Device::Cpu)?, None)?.to_vec1::<f64>()?;
/// assert!((x[0] - 2.).abs() < 1e-12 && (x[1] - 5.).abs() < 1e-12);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn lstsq(a: &Tensor, b: &Tensor, rcond: Option<f64>) -> Result<Tensor> {
    const OP: &str = "lstsq";
    let batch = Matrices::of(OP, a)?;
    let vector = b.rank() + 1 == a.rank();
    let lead = batch.lead.len();
    let fits = vector || b.rank() == a.rank();
    if a.dtype() != b.dtype() || !fits || b.dims()[..lead] != batch.lead[..] || b.dims()[lead] != batch.rows {
        candle_core::bail!(
            "{OP}: expected a right side with the leading axes and rows of {:?} {:?}, got {:?} {:?}",
            a.dims(),
            a.dtype(),
            b.dims(),
            b.dtype()
        );
    }
    host::within(OP, || {
        let larger = batch.rows.max(batch.cols) as f64;
        let rcond = rcond.unwrap_or(larger * rounding(a.dtype()));
        let inverse = by_float!(a, T => inverted::<T>(OP, a, &batch, rcond))?;
        let b = if vector {
            crate::expand_dims(b, -1)?
        } else {
            b.clone()
        };
        let x = mm(&inverse, &b)?;
        if vector {
            crate::squeeze(&x, Some(&[-1]))
        } else {
            Ok(x)
        }
    })
}
