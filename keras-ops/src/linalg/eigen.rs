//! Eigenvalues and eigenvectors.

use candle_core::{Result, Shape, Tensor};

use super::dense::{self, Field};
use super::matrices::{Matrices, by_float, columns_times, made, mm, t};
use crate::tape::record_many;
use crate::{add, host, mul_scalar, multiply};

/// The eigenvalues of symmetric matrices in rising order, and the eigenvectors as columns.
///
/// As in Keras, `(A + A') / 2` is what is taken apart. The signs of the vectors are not unique; their gradient is
/// infinite where eigenvalues are equal.
///
/// # Shapes
/// (.., n, n) to (.., n) and (.., n, n).
///
/// # Errors
/// When a matrix is not square, not of floats, or not finite.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[2f64, 1.], [1., 2.]], &Device::Cpu)?;
/// let values = ops::eigh(&x)?.0.to_vec1::<f64>()?;
/// assert!((values[0] - 1.).abs() < 1e-12 && (values[1] - 3.).abs() < 1e-12);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn eigh(x: &Tensor) -> Result<(Tensor, Tensor)> {
    const OP: &str = "eigh";
    let batch = Matrices::square(OP, x)?;
    host::within(OP, || {
        let even = mul_scalar(&add(x, &t(x)?)?, 0.5)?;
        by_float!(x, T => symmetric::<T>(&even, &batch))
    })
}

fn symmetric<T: Field>(x: &Tensor, batch: &Matrices) -> Result<(Tensor, Tensor)> {
    let n = batch.rows;
    let found = batch.map(x, |a: &[T]| match dense::symmetric(a, n) {
        Some(found) => Ok(found),
        None => {
            candle_core::bail!("the matrix has elements that are not finite, or the iteration did not end")
        }
    })?;
    let (values, vectors): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let (values, vectors) = (values.concat(), vectors.concat());
    let (w_shape, v_shape) = (batch.shape(&[n]), x.shape().clone());
    let (v, w) = (made(vectors.clone(), &v_shape, x)?, values.clone());
    let store = |values| host::storage_as::<T>(values, x.dtype(), x.device());
    let outputs = vec![(store(values)?, w_shape), (store(vectors)?, v_shape)];
    let backward = move |grads: crate::tape::OutputGrads, _: &crate::tape::Needs| {
        let mut grads = grads.into_iter();
        let (gw, gv) = (grads.next().flatten(), grads.next().flatten());
        let mut dx = None;
        if let Some(gw) = gw {
            dx = Some(mm(&columns_times(&v, &gw)?, &t(&v)?)?);
        }
        if let Some(gv) = gv {
            let gaps = made(reciprocal_gaps(&w, n), v.shape(), &v)?;
            let inner = multiply(&mm(&t(&v)?, &gv)?, &gaps)?;
            let by_vectors = mm(&mm(&v, &inner)?, &t(&v)?)?;
            dx = Some(match dx {
                Some(dx) => add(&dx, &by_vectors)?,
                None => by_vectors,
            });
        }
        Ok([dx].into_iter().collect())
    };
    match <[Tensor; 2]>::try_from(record_many(&[x], outputs, backward)) {
        Ok([w, v]) => Ok((w, v)),
        Err(_) => candle_core::bail!("expected two outputs"),
    }
}

/// `1 / (w_j - w_i)` beside the diagonal, for each vector of `n` values.
fn reciprocal_gaps<T: Field>(values: &[T], n: usize) -> Vec<T> {
    let mut gaps = Vec::with_capacity(values.len() * n);
    for w in values.chunks_exact(n.max(1)) {
        for (i, own) in w.iter().enumerate() {
            let start = gaps.len();
            gaps.extend(w.iter().map(|other| T::ONE / (*other - *own)));
            gaps[start + i] = T::ZERO;
        }
    }
    gaps
}

/// A complex tensor as real and imaginary parts.
type Complex = (Tensor, Tensor);

/// The eigenvalues of general matrices, and the eigenvectors as columns, all as pairs of real and imaginary parts.
///
/// The vectors have length 1 and a real largest element. There is no gradient, as in Keras; for symmetric matrices use
/// [`eigh`]. Differs from Keras, which gives complex tensors.
///
/// # Shapes
/// (.., n, n) to two of (.., n) and two of (.., n, n).
///
/// # Errors
/// When a matrix is not square, not of floats, or not finite.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let turn = Tensor::new(&[[0f64, -1.], [1., 0.]], &Device::Cpu)?;
/// let ((real, imag), _) = ops::eig(&turn)?;
/// assert!(real.to_vec1::<f64>()?.iter().all(|x| x.abs() < 1e-12));
/// assert!(imag.to_vec1::<f64>()?.iter().all(|x| (x.abs() - 1.).abs() < 1e-12));
/// # Ok::<(), ops::Error>(())
/// ```
pub fn eig(x: &Tensor) -> Result<(Complex, Complex)> {
    let batch = Matrices::square("eig", x)?;
    by_float!(x, T => general::<T>(x, &batch))
}

fn general<T: Field>(x: &Tensor, batch: &Matrices) -> Result<(Complex, Complex)> {
    let n = batch.rows;
    let found = batch.map(x, |a: &[T]| match dense::eigen(a, n) {
        Some(found) => Ok(found),
        None => {
            candle_core::bail!("eig: a matrix has elements that are not finite, or the iteration did not end")
        }
    })?;
    let (values, vectors): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let pair = |parts: Vec<dense::Complex<T>>, shape: Shape| -> Result<Complex> {
        let part = |values: Vec<Vec<T>>| host::tensor(values.concat(), x.dtype(), &shape, x.device());
        let (re, im) = parts.into_iter().unzip();
        Ok((part(re)?, part(im)?))
    };
    Ok((
        pair(values, batch.shape(&[n]))?,
        pair(vectors, x.shape().clone())?,
    ))
}
