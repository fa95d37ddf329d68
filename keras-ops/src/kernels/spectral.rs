//! Eigenvalues of symmetric matrices and singular values, in `f64`.

use super::gemm::{Mat, Threads, matmul};
use super::{qr, simd};

/// Sweeps after which an iteration that does not end gives up; a handful is usual.
const SWEEPS: usize = 60;

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    qr::dot(a, b)
}

/// `(a, b) = (c a - s b, s a + c b)`.
fn rotate(a: &mut [f64], b: &mut [f64], c: f64, s: f64) {
    simd::vectorize(
        #[inline(always)]
        || {
            for (a, b) in a.iter_mut().zip(b) {
                (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
            }
        },
    );
}

/// Rows `i < j` of a matrix with `n` columns.
fn rows(x: &mut [f64], n: usize, i: usize, j: usize) -> (&mut [f64], &mut [f64]) {
    let (top, below) = x.split_at_mut(j * n);
    (&mut top[i * n..(i + 1) * n], &mut below[..n])
}

/// Mirrors that bring a symmetric matrix to three diagonals: the diagonal, the one beside it, and the product of the
/// mirrors, transposed.
fn tridiagonal(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut mirrors: Vec<Vec<f64>> = Vec::with_capacity(n);
    for k in 0..n.saturating_sub(2) {
        let first = k + 1;
        let mut v: Vec<f64> = a[k * n + first..(k + 1) * n].to_vec();
        let norm = dot(&v, &v).sqrt();
        v[0] += if v[0] >= 0. { norm } else { -norm };
        let length = dot(&v, &v).sqrt();
        if length > 0. {
            v.iter_mut().for_each(|x| *x /= length);
        }
        // A <- H A H with H = 1 - 2 v v', for the rows and columns from k on.
        let mut full = vec![0.; n - k];
        full[1..].copy_from_slice(&v);
        let products: Vec<f64> = (k..n).map(|i| dot(&a[i * n + k..(i + 1) * n], &full)).collect();
        let inner = dot(&products, &full);
        let w: Vec<f64> = products
            .iter()
            .zip(&full)
            .map(|(p, v)| 2. * (p - inner * v))
            .collect();
        for i in k..n {
            let (vi, wi) = (full[i - k], w[i - k]);
            let row = &mut a[i * n + k..(i + 1) * n];
            simd::vectorize(
                #[inline(always)]
                || {
                    let terms = w.iter().zip(&full);
                    row.iter_mut()
                        .zip(terms)
                        .for_each(|(x, (w, v))| *x -= vi * w + wi * v);
                },
            );
        }
        mirrors.push(v);
    }
    let diagonal = (0..n).map(|i| a[i * n + i]).collect();
    let beside = (1..n).map(|i| a[i * n + i - 1]).collect();
    let mut q = identity(n);
    for (k, v) in mirrors.iter().enumerate().rev() {
        let first = k + 1;
        let mut sums = vec![0.; n - first];
        for (i, v) in v.iter().enumerate() {
            let row = &q[(first + i) * n + first..(first + i + 1) * n];
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += v * x);
        }
        for (i, v) in v.iter().enumerate() {
            let row = &mut q[(first + i) * n + first..(first + i + 1) * n];
            row.iter_mut().zip(&sums).for_each(|(x, sum)| *x -= 2. * v * sum);
        }
    }
    (diagonal, beside, transposed(&q, n, n))
}

fn identity(n: usize) -> Vec<f64> {
    let mut x = vec![0.; n * n];
    x.iter_mut().step_by(n + 1).for_each(|x| *x = 1.);
    x
}

/// The transposed of a row-major matrix.
pub fn transposed(x: &[f64], rows: usize, cols: usize) -> Vec<f64> {
    (0..cols)
        .flat_map(|j| (0..rows).map(move |i| (i, j)))
        .map(|(i, j)| x[i * cols + j])
        .collect()
}

/// The eigenvalues of a symmetric matrix in rising order, and the eigenvectors as rows; `None` when the iteration
/// does not end.
pub fn symmetric(a: &[f64], n: usize) -> Option<(Vec<f64>, Vec<f64>)> {
    if a.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let (mut d, mut e, mut z) = tridiagonal(a.to_vec(), n);
    e.push(0.);
    for l in 0..n {
        let mut sweeps = 0;
        loop {
            let small = |m: &usize| e[*m].abs() <= f64::EPSILON * (d[*m].abs() + d[*m + 1].abs());
            let m = (l..n.saturating_sub(1)).find(small).unwrap_or(n - 1);
            if m == l {
                break;
            }
            sweeps += 1;
            if sweeps > SWEEPS {
                return None;
            }
            implicit_step(&mut d, &mut e, &mut z, n, l, m);
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| d[*a].total_cmp(&d[*b]));
    let values = order.iter().map(|i| d[*i]).collect();
    let vectors = order
        .iter()
        .flat_map(|i| z[i * n..(i + 1) * n].iter().copied())
        .collect();
    Some((values, vectors))
}

/// One step of the implicit QL iteration on rows `l..=m`, with Wilkinson's shift.
fn implicit_step(d: &mut [f64], e: &mut [f64], z: &mut [f64], n: usize, l: usize, m: usize) {
    let half = (d[l + 1] - d[l]) / (2. * e[l]);
    let mut g = d[m] - d[l] + e[l] / (half + half.hypot(1.).copysign(half));
    let (mut s, mut c, mut p) = (1., 1., 0.);
    for i in (l..m).rev() {
        let (f, b) = (s * e[i], c * e[i]);
        let r = f.hypot(g);
        e[i + 1] = r;
        if r == 0. {
            // A zero met on the way: the matrix falls apart here.
            d[i + 1] -= p;
            e[m] = 0.;
            return;
        }
        (s, c) = (f / r, g / r);
        g = d[i + 1] - p;
        let t = (d[i] - g) * s + 2. * c * b;
        p = s * t;
        d[i + 1] = g + p;
        g = c * t - b;
        let (low, high) = rows(z, n, i, i + 1);
        rotate(low, high, c, s);
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0.;
}

/// `A = U diag(s) V'`: the `min(m, n)` singular values in falling order, `U` as rows (of length `m`) and `V` as rows
/// (of length `n`), `count_u` and `count_v` of them, at least as many as there are values.
#[derive(Debug)]
pub struct Svd {
    /// Singular values.
    pub values: Vec<f64>,
    /// Left vectors.
    pub left: Vec<f64>,
    /// Right vectors.
    pub right: Vec<f64>,
}

/// The singular value decomposition of an `m` by `n` matrix; with `full`, all vectors of both spaces.
pub fn svd(a: &[f64], m: usize, n: usize, full: bool) -> Option<Svd> {
    if m < n {
        let turned = svd(&transposed(a, m, n), n, m, full)?;
        return Some(Svd {
            values: turned.values,
            left: turned.right,
            right: turned.left,
        });
    }
    let scale = a.iter().fold(0f64, |max, x| max.max(x.abs()));
    if !scale.is_finite() || a.iter().any(|x| x.is_nan()) {
        return None;
    }
    let unit: Vec<f64> = a
        .iter()
        .map(|x| if scale > 0. { x / scale } else { 0. })
        .collect();
    let a = Mat::new(&unit, m, n);
    // The eigenvectors of A'A make the columns nearly orthogonal; rotations of pairs make them so to the last bit.
    let (_, mut v) = symmetric(&matmul(a.t(), a, Threads::Pool), n)?;
    let mut columns = matmul(Mat::new(&v, n, n), a.t(), Threads::Pool);
    orthogonalise(&mut columns, m, &mut v, n)?;
    let norms: Vec<f64> = columns.chunks_exact(m.max(1)).map(|c| dot(c, c).sqrt()).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| norms[*b].total_cmp(&norms[*a]));
    let right = order
        .iter()
        .flat_map(|i| v[i * n..(i + 1) * n].iter().copied())
        .collect();
    let mut left = Vec::with_capacity(m * if full { m } else { n });
    for i in order.iter().filter(|i| norms[**i] > 0.) {
        left.extend(columns[i * m..(i + 1) * m].iter().map(|x| x / norms[*i]));
    }
    let count = if full { m } else { n };
    if left.len() < count * m {
        // The columns of a complete Q beyond those given span what is missing.
        let (q, _) = qr::householder(left.clone(), m, count);
        left.extend_from_slice(&q[left.len()..]);
    }
    Some(Svd {
        values: order.iter().map(|i| norms[*i] * scale).collect(),
        left,
        right,
    })
}

/// Rotates rows of length `m` against each other until all are orthogonal, and the rows of `v` with them.
fn orthogonalise(x: &mut [f64], m: usize, v: &mut [f64], n: usize) -> Option<()> {
    for _ in 0..SWEEPS {
        let mut norms: Vec<f64> = x.chunks_exact(m.max(1)).map(|c| dot(c, c)).collect();
        let mut turned = false;
        for i in 0..n {
            for j in i + 1..n {
                let (a, b) = rows(x, m, i, j);
                let product = dot(a, b);
                let scale = (norms[i] * norms[j]).sqrt();
                if product.abs() <= 4. * f64::EPSILON * scale || scale == 0. {
                    continue;
                }
                turned = true;
                let zeta = (norms[j] - norms[i]) / (2. * product);
                let t = 1f64.copysign(zeta) / (zeta.abs() + zeta.hypot(1.));
                let c = 1. / t.hypot(1.);
                let s = c * t;
                rotate(a, b, c, s);
                (norms[i], norms[j]) = (dot(a, a), dot(b, b));
                let (a, b) = rows(v, n, i, j);
                rotate(a, b, c, s);
            }
        }
        if !turned {
            return Some(());
        }
    }
    None
}
