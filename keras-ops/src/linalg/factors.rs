//! Matrices as products of simpler ones.

use candle_core::{Result, Shape, Tensor};

use super::dense::{self, Field};
use super::matrices::{Matrices, by_float, made, mm, t, weighted};
use super::solve::{solve_triangular, triangular};
use crate::tape::{record_many, record_with_output};
use crate::{add, host, mul_scalar, subtract};

/// The Cholesky factor of symmetric positive definite matrices: the lower `L` with `A = L L'`, or with `upper` its
/// transposed.
///
/// As in Keras, `(A + A') / 2` is what is factored.
///
/// # Errors
/// When a matrix is not square, not of floats, or not positive definite.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[4f32, 2.], [2., 5.]], &Device::Cpu)?;
/// assert_eq!(ops::cholesky(&x, false)?.to_vec2::<f32>()?, [[2., 0.], [1., 2.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn cholesky(x: &Tensor, upper: bool) -> Result<Tensor> {
    const OP: &str = "cholesky";
    let batch = Matrices::square(OP, x)?;
    host::within(OP, || {
        let even = mul_scalar(&add(x, &t(x)?)?, 0.5)?;
        let lower = by_float!(x, T => lower::<T>(&even, &batch))?;
        if upper { t(&lower) } else { Ok(lower) }
    })
}

fn lower<T: Field>(x: &Tensor, batch: &Matrices) -> Result<Tensor> {
    let n = batch.rows;
    let factors = batch.map(x, |a: &[T]| match dense::cholesky(a, n) {
        Some(l) => Ok(l),
        None => candle_core::bail!("the matrix is not positive definite"),
    })?;
    let out = host::storage_as(factors.concat(), x.dtype(), x.device())?;
    Ok(record_with_output(&[x], out, x.shape(), |grad, l, _| {
        let inner = weighted(&mm(&t(l)?, &grad)?, |i, j| match i.cmp(&j) {
            std::cmp::Ordering::Greater => 1.,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.,
        })?;
        // L'^-1 inner L^-1
        let left = triangular(&t(l)?, &inner, false)?;
        let both = t(&triangular(&t(l)?, &t(&left)?, false)?)?;
        Ok([Some(both)].into_iter().collect())
    }))
}

/// The inverse of `A` from its Cholesky factor, the lower one or with `upper` the upper one.
///
/// # Errors
/// When a matrix is not square or not of floats.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let factor = Tensor::new(&[[2f32, 0.], [0., 4.]], &Device::Cpu)?;
/// assert_eq!(ops::cholesky_inverse(&factor, false)?.to_vec2::<f32>()?, [[0.25, 0.], [0., 0.0625]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn cholesky_inverse(x: &Tensor, upper: bool) -> Result<Tensor> {
    const OP: &str = "cholesky_inverse";
    Matrices::square(OP, x)?;
    host::within(OP, || {
        let one = weighted(&crate::full_like(&x.detach(), 1.)?, |i, j| {
            f64::from(u8::from(i == j))
        })?;
        let inverse = solve_triangular(x, &one, !upper)?;
        if upper {
            mm(&inverse, &t(&inverse)?)
        } else {
            mm(&t(&inverse)?, &inverse)
        }
    })
}

/// `P A = L U`: the factors in one matrix, `U` with the diagonal and `L`, whose diagonal is 1, below it; and for each
/// row the row that it was exchanged with, in order.
///
/// # Errors
/// When a matrix is not square or not of floats.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.], [4., 4.]], &Device::Cpu)?;
/// let (lu, pivots) = ops::lu_factor(&x)?;
/// assert_eq!(lu.to_vec2::<f32>()?, [[4., 4.], [0.25, 1.]]);
/// assert_eq!(pivots.to_vec1::<u32>()?, [1, 1]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn lu_factor(x: &Tensor) -> Result<(Tensor, Tensor)> {
    const OP: &str = "lu_factor";
    let batch = Matrices::square(OP, x)?;
    by_float!(x, T => factored::<T>(x, &batch))
}

fn factored<T: Field>(x: &Tensor, batch: &Matrices) -> Result<(Tensor, Tensor)> {
    let n = batch.rows;
    let found = batch.map(&t(x)?, |a: &[T]| Ok(dense::lu_rows(a, n)))?;
    let (factors, pivots): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let pivots = pivots.concat();
    let out = host::storage_as(factors.concat(), x.dtype(), x.device())?;
    let exchanged = Tensor::from_vec(pivots.clone(), batch.shape(&[n]), x.device())?;
    let lu = record_with_output(&[x], out, x.shape(), move |grad, lu, _| {
        let unit = |i: usize, j: usize| f64::from(u8::from(i > j));
        let one = weighted(&crate::full_like(lu, 1.)?, |i, j| f64::from(u8::from(i == j)))?;
        let l = add(&weighted(lu, unit)?, &one)?;
        let u = weighted(lu, |i, j| f64::from(u8::from(i <= j)))?;
        let (gl, gu) = (
            weighted(&grad, unit)?,
            weighted(&grad, |i, j| f64::from(u8::from(i <= j)))?,
        );
        let inner = add(
            &weighted(&mm(&t(&l)?, &gl)?, unit)?,
            &weighted(&mm(&gu, &t(&u)?)?, |i, j| f64::from(u8::from(i <= j)))?,
        )?;
        // L'^-1 inner U'^-1, the rows put back.
        let left = triangular(&t(&l)?, &inner, false)?;
        let both = t(&triangular(&u, &t(&left)?, false)?)?;
        let values = host::read(&both, |g: &[T]| {
            let mut out = g.to_vec();
            for (g, pivots) in out
                .chunks_exact_mut((n * n).max(1))
                .zip(pivots.chunks_exact(n.max(1)))
            {
                for (i, pivot) in pivots
                    .iter()
                    .enumerate()
                    .rev()
                    .filter(|(i, p)| *i != **p as usize)
                {
                    let (top, below) = g.split_at_mut(*pivot as usize * n);
                    top[i * n..(i + 1) * n].swap_with_slice(&mut below[..n]);
                }
            }
            Ok(out)
        })?;
        Ok([Some(made(values, grad.shape(), &grad)?)].into_iter().collect())
    });
    Ok((lu, exchanged))
}

/// `A = Q R` with orthonormal columns of `Q` and an upper triangular `R`, with LAPACK's signs.
///
/// With `complete`, `Q` is square and `R` has the shape of `A` (Keras's mode `complete`); else `Q` has as many columns
/// as the smaller side (`reduced`). Without full rank, `Q` and `R` are not unique.
///
/// # Errors
/// When `x` is not of float matrices. Its gradient: with `complete` and more rows than columns, `Q`'s other columns are
/// not unique, so there is none.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[3f32, 1.], [4., 2.]], &Device::Cpu)?;
/// let (q, r) = ops::qr(&x, false)?;
/// let back = ops::matmul(&q, &r)?;
/// let error = (back - x)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?;
/// assert!(error < 1e-6);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn qr(x: &Tensor, complete: bool) -> Result<(Tensor, Tensor)> {
    let batch = Matrices::of("qr", x)?;
    by_float!(x, T => orthogonalised::<T>(x, &batch, complete))
}

fn orthogonalised<T: Field>(x: &Tensor, batch: &Matrices, complete: bool) -> Result<(Tensor, Tensor)> {
    const OP: &str = "qr";
    let (m, n) = (batch.rows, batch.cols);
    let k = if complete { m } else { m.min(n) };
    let found = batch.map(&t(x)?, |a: &[T]| {
        let (q, r) = dense::qr(a, m, n, k);
        Ok((dense::rows_of(&q, m, k), r))
    })?;
    let (q, r): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let store = |values: Vec<Vec<T>>| host::storage_as(values.concat(), x.dtype(), x.device());
    let (qs, rs) = (store(q)?, store(r)?);
    let (q_shape, r_shape) = (batch.shape(&[m, k]), batch.shape(&[k, n]));
    // The gradient needs the outputs, which only exist after recording: keep copies.
    let saved = (plain(&qs, &q_shape)?, plain(&rs, &r_shape)?);
    let outputs = vec![(qs, q_shape.clone()), (rs, r_shape.clone())];
    let like = x.detach();
    let backward = move |grads: crate::tape::OutputGrads, _: &crate::tape::Needs| {
        if k > n {
            candle_core::bail!("{OP}: no gradient with `complete` for more rows than columns; use `reduced`");
        }
        let (q, r) = saved;
        let mut grads = grads.into_iter();
        let mut next = |shape: &Shape| match grads.next().flatten() {
            Some(grad) => Ok(grad),
            None => Tensor::zeros(shape, like.dtype(), like.device()),
        };
        let (gq, gr) = (next(&q_shape)?, next(&r_shape)?);
        let dx = qr_gradient(&like, &q, &r, gq, gr)?;
        Ok([Some(dx)].into_iter().collect())
    };
    let tensors = record_many(&[x], outputs, backward);
    match <[Tensor; 2]>::try_from(tensors) {
        Ok([q, r]) => Ok((q, r)),
        Err(_) => candle_core::bail!("{OP}: expected two outputs"),
    }
}

fn plain(storage: &candle_core::Storage, shape: &Shape) -> Result<Tensor> {
    let storage = storage.try_clone(&candle_core::Layout::contiguous(shape))?;
    Ok(Tensor::from_storage(
        storage,
        shape,
        candle_core::op::BackpropOp::none(),
        false,
    ))
}

fn qr_gradient(x: &Tensor, q: &Tensor, r: &Tensor, gq: Tensor, gr: Tensor) -> Result<Tensor> {
    let (k, n) = (r.dims()[r.rank() - 2], r.dims()[r.rank() - 1]);
    if n > k {
        // The first columns make Q; the others are Q times their part of R.
        let (first, rest) = ((-1, 0, k), (-1, k, n - k));
        let cut = |x: &Tensor, (axis, start, len): (i64, usize, usize)| crate::narrow(x, axis, start, len);
        let by_rest = mm(q, &cut(&gr, rest)?)?;
        let gq = add(&gq, &mm(&cut(x, rest)?, &t(&cut(&gr, rest)?)?)?)?;
        let by_first = qr_gradient(&cut(x, first)?, q, &cut(r, first)?, gq, cut(&gr, first)?)?;
        return crate::concatenate(&[&by_first, &by_rest], -1);
    }
    let inner = subtract(&mm(r, &t(&gr)?)?, &mm(&t(&gq)?, q)?)?;
    let below = weighted(&inner, |i, j| f64::from(u8::from(i > j)))?;
    let diagonal = weighted(&inner, |i, j| f64::from(u8::from(i == j)))?;
    let even = add(&add(&below, &t(&below)?)?, &diagonal)?;
    let left = add(&gq, &mm(q, &even)?)?;
    // left R'^-1
    t(&triangular(r, &t(&left)?, false)?)
}
