//! Orthonormal columns by Householder reflections.

use rayon::prelude::*;

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

fn dot(a: &[f64], b: &[f64]) -> f64 {
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
