//! Values of linear algebra against Keras (see keras/make_linalg.py), and laws where vectors are not unique.

use keras_ops::{self as ops, DType, Device, Norm, Result, Seed, Tensor};

use super::table::{self, Run};

fn one(output: Result<Tensor>) -> Result<Vec<Tensor>> {
    output.map(|x| vec![x])
}

fn two(outputs: Result<(Tensor, Tensor)>) -> Result<Vec<Tensor>> {
    outputs.map(|(a, b)| vec![a, b])
}

fn vector(x: &Tensor, ord: Norm) -> Result<Vec<Tensor>> {
    one(ops::norm(x, ord, Some(&[1]), false))
}

fn matrix(x: &Tensor, ord: Norm) -> Result<Vec<Tensor>> {
    one(ops::norm(x, ord, Some(&[2, 0]), true))
}

fn sorted_real(x: &Tensor) -> Result<Vec<Tensor>> {
    let ((re, _), _) = ops::eig(x)?;
    let mut re = re.to_vec1::<f32>()?;
    re.sort_by(f32::total_cmp);
    one(Tensor::new(re, &Device::Cpu))
}

const INF: f64 = f64::INFINITY;

#[rustfmt::skip]
const TABLE: &[(&str, Run)] = &[
    ("cholesky", |x| one(ops::cholesky(&x[0], false))),
    ("cholesky upper", |x| one(ops::cholesky(&x[0], true))),
    ("cholesky 70", |x| one(ops::cholesky(&x[0], false))),
    ("cholesky_inverse", |x| one(ops::cholesky_inverse(&x[0], false))),
    ("cholesky_inverse upper", |x| one(ops::cholesky_inverse(&x[0], true))),
    ("det", |x| one(ops::det(&x[0]))),
    ("inv", |x| one(ops::inv(&x[0]))),
    ("inv 70", |x| one(ops::inv(&x[0]))),
    ("logdet", |x| one(ops::logdet(&x[0]))),
    ("slogdet", |x| two(ops::slogdet(&x[0]))),
    ("lu_factor", |x| two(ops::lu_factor(&x[0]))),
    ("lu_factor 50", |x| two(ops::lu_factor(&x[0]))),
    ("solve", |x| one(ops::solve(&x[0], &x[1]))),
    ("solve 70", |x| one(ops::solve(&x[0], &x[1]))),
    ("solve vector", |x| one(ops::solve(&x[0], &x[1]))),
    ("solve_triangular", |x| one(ops::solve_triangular(&x[0], &x[1], false))),
    ("solve_triangular lower", |x| one(ops::solve_triangular(&x[0], &x[1], true))),
    ("qr", |x| two(ops::qr(&x[0], false))),
    ("qr complete", |x| two(ops::qr(&x[0], true))),
    ("qr wide", |x| two(ops::qr(&x[0], false))),
    ("qr square", |x| two(ops::qr(&x[0], false))),
    ("eigh values", |x| one(ops::eigh(&x[0]).map(|found| found.0))),
    ("svd values", |x| one(ops::svdvals(&x[0]))),
    ("eig real", |x| sorted_real(&x[0])),
    ("matrix_rank", |x| one(ops::matrix_rank(&x[0], None))),
    ("pinv", |x| one(ops::pinv(&x[0], None))),
    ("pinv wide", |x| one(ops::pinv(&x[0], None))),
    ("pinv of rank 1", |x| one(ops::pinv(&x[0], None))),
    ("lstsq", |x| one(ops::lstsq(&x[0], &x[1], None))),
    ("lstsq vector", |x| one(ops::lstsq(&x[0], &x[1], None))),
    ("norm", |x| one(ops::norm(&x[0], Norm::Euclidean, None, false))),
    ("norm keepdims", |x| one(ops::norm(&x[0], Norm::Euclidean, None, true))),
    ("norm vector None", |x| vector(&x[0], Norm::Euclidean)),
    ("norm vector inf", |x| vector(&x[0], Norm::P(INF))),
    ("norm vector -inf", |x| vector(&x[0], Norm::P(-INF))),
    ("norm vector 0", |x| vector(&x[0], Norm::P(0.))),
    ("norm vector 1", |x| vector(&x[0], Norm::P(1.))),
    ("norm vector 2", |x| vector(&x[0], Norm::P(2.))),
    ("norm vector 3", |x| vector(&x[0], Norm::P(3.))),
    ("norm vector -2", |x| vector(&x[0], Norm::P(-2.))),
    ("norm vector 0.5", |x| vector(&x[0], Norm::P(0.5))),
    ("norm matrix None", |x| matrix(&x[0], Norm::Euclidean)),
    ("norm matrix fro", |x| matrix(&x[0], Norm::Frobenius)),
    ("norm matrix nuc", |x| matrix(&x[0], Norm::Nuclear)),
    ("norm matrix inf", |x| matrix(&x[0], Norm::P(INF))),
    ("norm matrix -inf", |x| matrix(&x[0], Norm::P(-INF))),
    ("norm matrix 1", |x| matrix(&x[0], Norm::P(1.))),
    ("norm matrix -1", |x| matrix(&x[0], Norm::P(-1.))),
    ("norm matrix 2", |x| matrix(&x[0], Norm::P(2.))),
    ("norm matrix -2", |x| matrix(&x[0], Norm::P(-2.))),
];

#[test]
fn values_are_those_of_keras() {
    table::check("linalg", 2e-5, TABLE);
}

fn normal(shape: &[usize], seed: u64) -> Tensor {
    ops::random::normal(shape, 0., 1., DType::F64, &Device::Cpu, Seed::new(seed, 0)).unwrap()
}

/// The largest difference of two tensors.
fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.dims(), b.dims());
    let difference = (a - b).unwrap().abs().unwrap().flatten_all().unwrap();
    difference
        .to_vec1::<f64>()
        .unwrap()
        .into_iter()
        .fold(0., f64::max)
}

fn t(x: &Tensor) -> Tensor {
    x.transpose(x.rank() - 2, x.rank() - 1).unwrap()
}

fn orthonormal(columns: &Tensor) {
    let n = columns.dims()[columns.rank() - 1];
    let product = ops::matmul(&t(columns), columns).unwrap();
    let one = Tensor::eye(n, DType::F64, &Device::Cpu).unwrap();
    let one = one.broadcast_as(product.dims()).unwrap();
    assert!(distance(&product, &one) < 1e-12, "{:?}", columns.dims());
}

#[test]
fn singular_vectors_are_orthonormal_and_give_the_matrix_back() {
    for (m, n) in [(1, 1), (7, 4), (4, 7), (60, 60), (2, 9)] {
        let x = normal(&[3, m, n], (m * 100 + n) as u64);
        for full in [false, true] {
            let (u, s, v) = ops::svd(&x, full).unwrap();
            orthonormal(&u);
            orthonormal(&t(&v));
            let k = m.min(n);
            let (u, v) = (u.narrow(2, 0, k).unwrap(), v.narrow(1, 0, k).unwrap());
            let scaled = ops::multiply(&u, &s.unsqueeze(1).unwrap()).unwrap();
            assert!(
                distance(&ops::matmul(&scaled, &v).unwrap(), &x) < 1e-12,
                "{m} {n} {full}"
            );
        }
    }
}

#[test]
fn a_matrix_without_full_rank_has_complete_singular_vectors() {
    let x = ops::matmul(&normal(&[6, 2], 1), &normal(&[2, 5], 2)).unwrap();
    let (u, s, v) = ops::svd(&x, true).unwrap();
    orthonormal(&u);
    orthonormal(&t(&v));
    assert!(s.to_vec1::<f64>().unwrap()[2..].iter().all(|s| *s < 1e-13));
    let zero = Tensor::zeros((3, 3), DType::F64, &Device::Cpu).unwrap();
    let (u, s, v) = ops::svd(&zero, false).unwrap();
    orthonormal(&u);
    orthonormal(&t(&v));
    assert_eq!(s.to_vec1::<f64>().unwrap(), [0.; 3]);
}

#[test]
fn eigenvectors_of_symmetric_matrices() {
    for n in [1, 2, 5, 80] {
        let x = normal(&[2, n, n], n as u64);
        let x = (&x + t(&x)).unwrap();
        let (w, v) = ops::eigh(&x).unwrap();
        orthonormal(&v);
        let scaled = ops::multiply(&v, &w.unsqueeze(1).unwrap()).unwrap();
        assert!(
            distance(&ops::matmul(&x, &v).unwrap(), &scaled) < 1e-12 * 40.,
            "{n}"
        );
        let w = w.to_vec2::<f64>().unwrap();
        assert!(w.iter().all(|w| w.is_sorted()));
    }
    // Equal eigenvalues, and a matrix that is diagonal already.
    let (w, v) = ops::eigh(&Tensor::eye(4, DType::F64, &Device::Cpu).unwrap()).unwrap();
    orthonormal(&v);
    assert_eq!(w.to_vec1::<f64>().unwrap(), [1.; 4]);
}

#[test]
fn eigenvectors_of_general_matrices() {
    for n in [1, 2, 3, 7, 40] {
        let x = normal(&[2, n, n], n as u64);
        let ((wr, wi), (vr, vi)) = ops::eig(&x).unwrap();
        let by = |v: &Tensor, w: &Tensor| ops::multiply(v, &w.unsqueeze(1).unwrap()).unwrap();
        let re = (by(&vr, &wr) - by(&vi, &wi)).unwrap();
        let im = (by(&vr, &wi) + by(&vi, &wr)).unwrap();
        assert!(distance(&ops::matmul(&x, &vr).unwrap(), &re) < 1e-11, "{n}");
        assert!(distance(&ops::matmul(&x, &vi).unwrap(), &im) < 1e-11, "{n}");
        // The trace is the sum of the eigenvalues.
        let x = x.to_vec3::<f64>().unwrap();
        let sums = wr.to_vec2::<f64>().unwrap();
        for (x, w) in x.iter().zip(&sums) {
            let trace: f64 = (0..n).map(|i| x[i][i]).sum();
            assert!((trace - w.iter().sum::<f64>()).abs() < 1e-11);
        }
    }
}

#[test]
fn misuse_names_the_operation() {
    let x = Tensor::new(&[[1f32, 2.], [2., 4.]], &Device::Cpu).unwrap();
    let error = |result: Result<Tensor>| result.unwrap_err().to_string();
    assert!(error(ops::inv(&x)).contains("inv: the 2 by 2 matrix is singular: pivot 1 is 0"));
    assert!(error(ops::cholesky(&x, false)).contains("cholesky: the matrix is not positive definite"));
    assert!(
        error(ops::solve(
            &x,
            &Tensor::ones(3, DType::F32, &Device::Cpu).unwrap()
        ))
        .starts_with("solve: expected")
    );
    let nan = Tensor::new(&[[f32::NAN]], &Device::Cpu).unwrap();
    assert!(error(ops::svdvals(&nan)).contains("not finite"));
    assert!(error(ops::norm(&x, Norm::Nuclear, Some(&[0]), false)).starts_with("norm: expected one axis"));
}
