//! Eigenvalues and eigenvectors.

use candle_core::{Result, Shape, Tensor};

use super::matrices::{Matrices, columns_times, mm, t};
use crate::kernels::{schur, spectral};
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
        symmetric(&even, &batch)
    })
}

fn symmetric(x: &Tensor, batch: &Matrices) -> Result<(Tensor, Tensor)> {
    let n = batch.rows;
    let found = batch.map(x, |a: &[f64]| match spectral::symmetric(a, n) {
        Some((values, vectors)) => Ok((values, spectral::transposed(&vectors, n, n))),
        None => {
            candle_core::bail!("the matrix has elements that are not finite, or the iteration did not end")
        }
    })?;
    let (values, vectors): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let (values, vectors) = (values.concat(), vectors.concat());
    let (w_shape, v_shape) = (batch.shape(&[n]), x.shape().clone());
    let plain = |values: &[f64], shape: &Shape| host::tensor(values.to_vec(), x.dtype(), shape, x.device());
    let (v, gaps) = (
        plain(&vectors, &v_shape)?,
        plain(&reciprocal_gaps(&values, n), &v_shape)?,
    );
    let store = |values| host::storage_as::<f64>(values, x.dtype(), x.device());
    let outputs = vec![(store(values)?, w_shape), (store(vectors)?, v_shape)];
    let backward = move |grads: crate::tape::OutputGrads, _: &crate::tape::Needs| {
        let mut grads = grads.into_iter();
        let (gw, gv) = (grads.next().flatten(), grads.next().flatten());
        let mut dx = None;
        if let Some(gw) = gw {
            dx = Some(mm(&columns_times(&v, &gw)?, &t(&v)?)?);
        }
        if let Some(gv) = gv {
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
fn reciprocal_gaps(values: &[f64], n: usize) -> Vec<f64> {
    let of = |w: &[f64], i: usize, j: usize| if i == j { 0. } else { 1. / (w[j] - w[i]) };
    let one = |w: &[f64]| -> Vec<f64> { (0..n * n).map(|at| of(w, at / n, at % n)).collect() };
    values.chunks_exact(n.max(1)).flat_map(one).collect()
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
    const OP: &str = "eig";
    let batch = Matrices::square(OP, x)?;
    let n = batch.rows;
    let found = batch.map(x, |a: &[f64]| match schur::eigen(a, n) {
        Some(found) => Ok(found),
        None => candle_core::bail!(
            "{OP}: a matrix has elements that are not finite, or the iteration did not end"
        ),
    })?;
    let (values, vectors): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let pair = |all: Vec<rustfft::num_complex::Complex<f64>>, shape: Shape| -> Result<Complex> {
        let part = |values: Vec<f64>| host::tensor(values, x.dtype(), &shape, x.device());
        let (re, im) = all.iter().map(|z| (z.re, z.im)).unzip();
        Ok((part(re)?, part(im)?))
    };
    Ok((
        pair(values.concat(), batch.shape(&[n]))?,
        pair(vectors.concat(), x.shape().clone())?,
    ))
}
