use faer::diag::DiagMut;
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::linalg::svd::{self as faer_svd, ComputeSvdVectors};

use super::{Field, PAR, columns, columns_mut, identity, rows_of, scaled, with_memory};

/// `A = U diag(s) V'` with singular values in falling order.
#[derive(Debug)]
pub(in crate::linalg) struct Svd<T> {
    /// `U`, row-major.
    pub(in crate::linalg) left: Vec<T>,
    /// The singular values.
    pub(in crate::linalg) values: Vec<T>,
    /// `V'`, row-major.
    pub(in crate::linalg) right: Vec<T>,
}

/// How many vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::linalg) enum Vectors {
    /// None.
    None,
    /// As many as values.
    Thin,
    /// All of both spaces.
    Full,
}

/// The singular value decomposition of a row-major `m` by `n` matrix; `None` when an element is not finite or the
/// iteration does not end.
pub(in crate::linalg) fn svd<T: Field>(a: &[T], m: usize, n: usize, vectors: Vectors) -> Option<Svd<T>> {
    let k = m.min(n);
    let (lefts, rights, compute) = match vectors {
        Vectors::None => (0, 0, ComputeSvdVectors::No),
        Vectors::Thin => (k, k, ComputeSvdVectors::Thin),
        Vectors::Full => (m, n, ComputeSvdVectors::Full),
    };
    if k == 0 {
        let (left, right) = if vectors == Vectors::Full { (m, n) } else { (0, 0) };
        return Some(Svd {
            left: identity(left),
            values: Vec::new(),
            right: identity(right),
        });
    }
    let (unit, scale) = scaled(a)?;
    let mut values = vec![T::ZERO; k];
    let (mut left, mut right) = (vec![T::ZERO; m * lefts], vec![T::ZERO; n * rights]);
    let size = faer_svd::svd_scratch::<T>(n, m, compute, compute, PAR, Default::default());
    let found = with_memory(size, |memory| {
        let (u, v) = (
            columns_mut(&mut left, m, lefts),
            columns_mut(&mut right, n, rights),
        );
        let some = vectors != Vectors::None;
        // The rows of A are the columns of A', of which U and V change places.
        faer_svd::svd(
            columns(&unit, n, m),
            DiagMut::from_slice_mut(&mut values),
            some.then_some(v),
            some.then_some(u),
            PAR,
            memory,
            Default::default(),
        )
    });
    found.ok()?;
    values.iter_mut().for_each(|s| *s *= scale);
    Some(Svd {
        left: rows_of(&left, m, lefts),
        values,
        right,
    })
}

/// The eigenvalues of a symmetric matrix in rising order, and the eigenvectors as columns of a row-major matrix; `None`
/// when an element is not finite or the iteration does not end.
pub(in crate::linalg) fn symmetric<T: Field>(a: &[T], n: usize) -> Option<(Vec<T>, Vec<T>)> {
    let (unit, scale) = scaled(a)?;
    let (mut values, mut vectors) = (vec![T::ZERO; n], vec![T::ZERO; n * n]);
    if n == 0 {
        return Some((values, vectors));
    }
    let compute = ComputeEigenvectors::Yes;
    let size = evd::self_adjoint_evd_scratch::<T>(n, compute, PAR, Default::default());
    let found = with_memory(size, |memory| {
        evd::self_adjoint_evd(
            columns(&unit, n, n),
            DiagMut::from_slice_mut(&mut values),
            Some(columns_mut(&mut vectors, n, n)),
            PAR,
            memory,
            Default::default(),
        )
    });
    found.ok()?;
    values.iter_mut().for_each(|w| *w *= scale);
    Some((values, rows_of(&vectors, n, n)))
}

/// Real and imaginary parts.
pub(in crate::linalg) type Complex<T> = (Vec<T>, Vec<T>);

/// The eigenvalues of a row-major matrix, and the eigenvectors as columns of a row-major matrix, each of length 1 with a
/// real largest element; `None` when an element is not finite or the iteration does not end.
pub(in crate::linalg) fn eigen<T: Field>(a: &[T], n: usize) -> Option<(Complex<T>, Complex<T>)> {
    let (unit, scale) = scaled(a)?;
    let (mut re, mut im, mut vectors) = (vec![T::ZERO; n], vec![T::ZERO; n], vec![T::ZERO; n * n]);
    if n == 0 {
        return Some(((re, im), (vectors.clone(), vectors)));
    }
    let (no, yes) = (ComputeEigenvectors::No, ComputeEigenvectors::Yes);
    let size = evd::evd_scratch::<T>(n, no, yes, PAR, Default::default());
    let found = with_memory(size, |memory| {
        evd::evd_real(
            columns(&unit, n, n).transpose(),
            DiagMut::from_slice_mut(&mut re),
            DiagMut::from_slice_mut(&mut im),
            None,
            Some(columns_mut(&mut vectors, n, n)),
            PAR,
            memory,
            Default::default(),
        )
    });
    found.ok()?;
    let (real, imaginary) = vectors_of_pairs(&vectors, &im, n);
    [&mut re, &mut im]
        .into_iter()
        .for_each(|part| part.iter_mut().for_each(|w| *w *= scale));
    let turned = |columns: &[T]| rows_of(columns, n, n);
    Some(((re, im), (turned(&real), turned(&imaginary))))
}

/// The vectors as columns, from those of faer: a pair of conjugate ones is given as the real and the imaginary part of
/// the first.
fn vectors_of_pairs<T: Field>(found: &[T], imaginary: &[T], n: usize) -> Complex<T> {
    let (mut re, mut im) = (Vec::with_capacity(n * n), Vec::with_capacity(n * n));
    let zero = vec![T::ZERO; n];
    let mut columns = found.chunks_exact(n).zip(imaginary);
    while let Some((x, w)) = columns.next() {
        let pair = (*w != T::ZERO).then(|| columns.next()).flatten();
        let (x, y) = normalised(x, pair.map_or(&zero[..], |(y, _)| y));
        re.extend_from_slice(&x);
        im.extend_from_slice(&y);
        if pair.is_some() {
            re.extend_from_slice(&x);
            im.extend(y.iter().map(|y| -*y));
        }
    }
    (re, im)
}

/// A complex vector with length 1 and a real largest element.
fn normalised<T: Field>(re: &[T], im: &[T]) -> Complex<T> {
    let size = |x: T, y: T| x.f64().hypot(y.f64());
    let pairs = || re.iter().copied().zip(im.iter().copied());
    let sizes = pairs().map(|(x, y)| size(x, y));
    let norm = sizes.map(|s| s * s).sum::<f64>().sqrt();
    let largest = pairs().max_by(|a, b| size(a.0, a.1).total_cmp(&size(b.0, b.1)));
    let (x, y) = largest.unwrap_or((T::ONE, T::ZERO));
    let length = size(x, y);
    if length == 0. || norm == 0. {
        return (re.to_vec(), im.to_vec());
    }
    let (c, s, scale) = (x.f64(), y.f64(), length * norm);
    pairs()
        .map(|(x, y)| (x.f64(), y.f64()))
        .map(|(x, y)| (T::of((c * x + s * y) / scale), T::of((c * y - s * x) / scale)))
        .unzip()
}
