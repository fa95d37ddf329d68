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

fn finite(x: &Tensor) -> bool {
    ops::all_finite(x).unwrap()
}

#[test]
fn matrices_without_elements() {
    let empty = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
    for (lead, n) in [(0, 3), (2, 0)] {
        let x = empty(&[lead, n, n]);
        assert_eq!(ops::inv(&x).unwrap().dims(), [lead, n, n]);
        assert_eq!(ops::cholesky(&x, false).unwrap().dims(), [lead, n, n]);
        assert_eq!(ops::lu_factor(&x).unwrap().1.dims(), [lead, n]);
        assert_eq!(ops::eigh(&x).unwrap().0.dims(), [lead, n]);
        assert_eq!(ops::eig(&x).unwrap().1.0.dims(), [lead, n, n]);
        assert_eq!(ops::solve(&x, &x).unwrap().dims(), [lead, n, n]);
        assert_eq!(ops::solve_triangular(&x, &x, true).unwrap().dims(), [lead, n, n]);
        let (det, (sign, log)) = (ops::det(&x).unwrap(), ops::slogdet(&x).unwrap());
        // The determinant of nothing is the empty product.
        assert_eq!(det.to_vec1::<f32>().unwrap(), vec![1.; lead]);
        assert_eq!(sign.to_vec1::<f32>().unwrap(), vec![1.; lead]);
        assert_eq!(log.to_vec1::<f32>().unwrap(), vec![0.; lead]);
    }
    for (lead, m, n) in [(0, 3, 2), (2, 0, 3), (2, 3, 0), (2, 0, 0)] {
        let x = empty(&[lead, m, n]);
        let k = m.min(n);
        let (q, r) = ops::qr(&x, false).unwrap();
        assert_eq!((q.dims(), r.dims()), (&[lead, m, k][..], &[lead, k, n][..]));
        let (q, r) = ops::qr(&x, true).unwrap();
        assert_eq!((q.dims(), r.dims()), (&[lead, m, m][..], &[lead, m, n][..]));
        for (full, u_cols, v_rows) in [(false, k, k), (true, m, n)] {
            let (u, s, v) = ops::svd(&x, full).unwrap();
            assert_eq!((u.dims(), s.dims()), (&[lead, m, u_cols][..], &[lead, k][..]));
            assert_eq!(v.dims(), [lead, v_rows, n]);
        }
        assert_eq!(ops::pinv(&x, None).unwrap().dims(), [lead, n, m]);
        assert_eq!(
            ops::matrix_rank(&x, None).unwrap().to_vec1::<u32>().unwrap(),
            vec![0; lead]
        );
        let b = empty(&[lead, m, 2]);
        assert_eq!(ops::lstsq(&x, &b, None).unwrap().dims(), [lead, n, 2]);
    }
}

#[test]
fn singular_matrices() {
    // Pivots of 0 early, late, and everywhere.
    let early = [[0f64, 0., 1.], [0., 2., 3.], [0., 4., 6.]];
    let late = [[1f64, 2., 3.], [2., 4., 6.], [1., 0., 1.]];
    for x in [early, late, [[0.; 3]; 3]] {
        let x = Tensor::new(&x, &Device::Cpu).unwrap();
        assert_eq!(ops::det(&x).unwrap().to_scalar::<f64>().unwrap(), 0.);
        let (sign, log) = ops::slogdet(&x).unwrap();
        assert_eq!(sign.to_scalar::<f64>().unwrap(), 0.);
        assert_eq!(log.to_scalar::<f64>().unwrap(), f64::NEG_INFINITY);
        let (lu, pivots) = ops::lu_factor(&x).unwrap();
        let one = Tensor::eye(3, DType::F64, &Device::Cpu).unwrap();
        let l = (ops::tril(&lu, -1).unwrap() + one).unwrap();
        let product = ops::matmul(&l, &ops::triu(&lu, 0).unwrap()).unwrap();
        let mut rows = x.to_vec2::<f64>().unwrap();
        for (i, pivot) in pivots.to_vec1::<u32>().unwrap().into_iter().enumerate() {
            rows.swap(i, pivot as usize);
        }
        assert!(distance(&product, &Tensor::new(rows, &Device::Cpu).unwrap()) < 1e-15);
        let error = ops::inv(&x).unwrap_err().to_string();
        assert!(error.starts_with("inv: the 3 by 3 matrix is singular"), "{error}");
    }
}

#[test]
fn factors_give_the_matrix_back() {
    for n in [1, 2, 3, 8, 17, 33, 65, 130] {
        let x = normal(&[2, n, n], n as u64);
        let (q, r) = ops::qr(&x, false).unwrap();
        orthonormal(&q);
        assert!(distance(&ops::matmul(&q, &r).unwrap(), &x) < 1e-12, "qr {n}");
        assert!(distance(&ops::tril(&r, -1).unwrap(), &r.zeros_like().unwrap()) == 0.);
        let one = Tensor::eye(n, DType::F64, &Device::Cpu).unwrap();
        let definite = ops::add(&ops::matmul(&x, &t(&x)).unwrap(), &one).unwrap();
        let l = ops::cholesky(&definite, false).unwrap();
        assert!(
            distance(&ops::matmul(&l, &t(&l)).unwrap(), &definite) < 1e-11,
            "cholesky {n}"
        );
        let inverse = ops::inv(&definite).unwrap();
        let one = one.broadcast_as(definite.dims()).unwrap();
        assert!(
            distance(&ops::matmul(&definite, &inverse).unwrap(), &one) < 1e-8,
            "inv {n}"
        );
        let y = ops::solve(&definite, &x).unwrap();
        assert!(
            distance(&ops::matmul(&definite, &y).unwrap(), &x) < 1e-8,
            "solve {n}"
        );
        let y = ops::solve_triangular(&l, &x, true).unwrap();
        assert!(distance(&ops::matmul(&l, &y).unwrap(), &x) < 1e-8, "lower {n}");
        let y = ops::solve_triangular(&t(&l), &x, false).unwrap();
        assert!(
            distance(&ops::matmul(&t(&l), &y).unwrap(), &x) < 1e-8,
            "upper {n}"
        );
    }
}

#[test]
fn large_and_small_numbers_neither_overflow_nor_vanish() {
    for scale in [1e-30, 1e30] {
        let x = normal(&[12, 9], 5).to_dtype(DType::F32).unwrap();
        let large = (&x * scale).unwrap();
        let (s, expected) = (ops::svdvals(&large).unwrap(), ops::svdvals(&x).unwrap());
        let s = (s / scale).unwrap().to_dtype(DType::F64).unwrap();
        assert!(distance(&s, &expected.to_dtype(DType::F64).unwrap()) < 1e-5);
        let square = large.narrow(0, 0, 9).unwrap();
        assert!(finite(&ops::eigh(&square).unwrap().1));
        let ((re, _), (v, _)) = ops::eig(&square).unwrap();
        assert!(finite(&re) && finite(&v));
    }
}

#[test]
fn numbers_that_are_not_finite() {
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let x = Tensor::new(&[[1f32, wrong], [2., 4.]], &Device::Cpu).unwrap();
        let message = |error: keras_ops::Error| error.to_string();
        for error in [
            ops::svd(&x, true).map(drop).map_err(message),
            ops::eigh(&x).map(drop).map_err(message),
            ops::eig(&x).map(drop).map_err(message),
            ops::pinv(&x, None).map(drop).map_err(message),
            ops::matrix_rank(&x, None).map(drop).map_err(message),
        ] {
            assert!(error.unwrap_err().contains("not finite"));
        }
        assert!(ops::cholesky(&x, false).is_err());
        // The others give what their arithmetic does.
        assert!(!finite(&ops::det(&x).unwrap()));
        assert!(!finite(&ops::qr(&x, false).unwrap().1));
        drop((ops::inv(&x), ops::solve(&x, &x), ops::lu_factor(&x)));
    }
}

/// Turns, shears, permutations, triangles: where an iteration could run in circles.
#[test]
fn eigenvalues_of_special_matrices() {
    let n = 12;
    let of = |f: &dyn Fn(usize, usize) -> f64| {
        let values: Vec<f64> = (0..n * n).map(|at| f(at / n, at % n)).collect();
        Tensor::from_vec(values, (n, n), &Device::Cpu).unwrap()
    };
    let truth = |b: bool| f64::from(u8::from(b));
    let cycle = of(&|i, j| truth((i + 1) % n == j));
    let ((re, im), _) = ops::eig(&cycle).unwrap();
    let sizes = re
        .to_vec1::<f64>()
        .unwrap()
        .into_iter()
        .zip(im.to_vec1::<f64>().unwrap());
    // All roots of unity.
    assert!(sizes.map(|(a, b)| a.hypot(b)).all(|r| (r - 1.).abs() < 1e-12));
    let sorted = |x: &Tensor| {
        let ((re, im), _) = ops::eig(x).unwrap();
        assert!(im.to_vec1::<f64>().unwrap().iter().all(|x| *x == 0.));
        let mut re = re.to_vec1::<f64>().unwrap();
        re.sort_by(f64::total_cmp);
        re
    };
    let triangle = of(&|i, j| if i > j { 0. } else { (i + 1) as f64 + truth(i != j) });
    let expected: Vec<f64> = (1..=n).map(|i| i as f64).collect();
    let far = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0., f64::max);
    assert!(far(&sorted(&triangle), &expected) < 1e-9);
    assert_eq!(sorted(&of(&|i, j| truth(i == j))), vec![1.; n]);
    assert_eq!(sorted(&of(&|_, _| 0.)), vec![0.; n]);
    // Nilpotent: all are 0.
    assert_eq!(sorted(&of(&|i, j| truth(i + 1 == j))), vec![0.; n]);
}

#[test]
fn the_largest_element_of_an_eigenvector_is_real() {
    let x = normal(&[9, 9], 3);
    let (_, (re, im)) = ops::eig(&x).unwrap();
    let (re, im) = (t(&re).to_vec2::<f64>().unwrap(), t(&im).to_vec2::<f64>().unwrap());
    for (re, im) in re.iter().zip(&im) {
        let sizes: Vec<f64> = re.iter().zip(im).map(|(a, b)| a.hypot(*b)).collect();
        assert!((sizes.iter().map(|s| s * s).sum::<f64>() - 1.).abs() < 1e-14);
        let largest = (0..9).max_by(|a, b| sizes[*a].total_cmp(&sizes[*b])).unwrap();
        assert_eq!(im[largest], 0.);
    }
}
