//! Orthonormal columns by Householder reflections.

use crate::kernels::team::{Parts as _, Slice as _};

use super::simd;

/// The `Q` of `A = Q R` with positive diagonal of `R`; `a` holds columns of length `rows`, no more columns than
/// rows.
pub fn orthonormal(mut a: Vec<f64>, rows: usize) -> Vec<f64> {
    let columns = a.len().checked_div(rows).unwrap_or(0);
    let mut negative = vec![false; columns];
    for k in 0..columns {
        let (left, right) = a.split_at_mut((k + 1) * rows);
        let mirror = &mut left[k * rows + k..];
        negative[k] = to_mirror(mirror);
        reflect(right, rows, k, mirror);
    }
    let mut q = vec![0.; a.len()];
    for k in 0..columns {
        q[k * rows + k] = 1.;
    }
    for k in (0..columns).rev() {
        reflect(&mut q[k * rows..], rows, k, &a[k * rows + k..(k + 1) * rows]);
    }
    let flipped = q
        .chunks_exact_mut(rows.max(1))
        .zip(negative)
        .filter(|(_, negative)| *negative);
    flipped.for_each(|(column, _)| column.iter_mut().for_each(|x| *x = -*x));
    q
}

/// `A = Q R` by Householder reflections as LAPACK has it: `count` columns of `Q`, at least as many as `R` has rows
/// that are not 0, and `R` as columns of `rows` elements. `a` holds columns of length `rows`.
pub fn householder(mut a: Vec<f64>, rows: usize, count: usize) -> (Vec<f64>, Vec<f64>) {
    let columns = a.len().checked_div(rows).unwrap_or(0);
    let mut mirrors = Vec::new();
    for k in 0..columns.min(rows) {
        let (left, right) = a.split_at_mut((k + 1) * rows);
        let column = &mut left[k * rows + k..];
        let mut mirror = column.to_vec();
        // A column that is already done stays as it is, also in sign.
        if dot(&column[1..], &column[1..]) == 0. {
            mirrors.push(vec![0.; mirror.len()]);
            continue;
        }
        let norm = dot(column, column).sqrt();
        let negative = to_mirror(&mut mirror);
        reflect(right, rows, k, &mirror);
        column.fill(0.);
        column[0] = if negative { -norm } else { norm };
        mirrors.push(mirror);
    }
    let mut q = vec![0.; rows * count];
    for k in 0..count.min(rows) {
        q[k * rows + k] = 1.;
    }
    for (k, mirror) in mirrors.iter().enumerate().rev() {
        reflect(&mut q, rows, k, mirror);
    }
    (q, a)
}

/// Turns a column into the unit vector whose mirror takes it to a multiple of the first axis; whether that
/// multiple is negative.
fn to_mirror(x: &mut [f64]) -> bool {
    let norm = dot(x, x).sqrt();
    // Away from the first element, so that nothing cancels.
    let negative = x[0] >= 0.;
    x[0] += if negative { norm } else { -norm };
    let length = dot(x, x).sqrt();
    if length > 0. {
        x.iter_mut().for_each(|x| *x /= length);
    }
    negative
}

/// Mirrors the part from element `first` on of every column.
fn reflect(columns: &mut [f64], rows: usize, first: usize, mirror: &[f64]) {
    let one = |column: &mut [f64]| {
        let column = &mut column[first..];
        let twice = 2. * dot(column, mirror);
        simd::vectorize(
            #[inline(always)]
            || column.iter_mut().zip(mirror).for_each(|(x, m)| *x -= twice * m),
        )
    };
    if simd::parallel(columns.len()) {
        columns.par_chunks_exact_mut(rows).for_each(one);
    } else {
        columns.chunks_exact_mut(rows).for_each(one);
    }
}

/// The sum of products, in an order that depends on the length alone.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    simd::vectorize(
        #[inline(always)]
        || {
            let mut lanes = [0f64; 16];
            let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
            for (a, b) in a.iter().zip(b) {
                lanes
                    .iter_mut()
                    .zip(a.iter().zip(b))
                    .for_each(|(sum, (a, b))| *sum += a * b);
            }
            lanes.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
        },
    )
}
