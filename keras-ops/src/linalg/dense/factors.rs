use faer::linalg::cholesky::llt::factor as llt;
use faer::linalg::householder as mirrors;
use faer::linalg::qr::no_pivoting::factor;
use faer::linalg::triangular_solve as triangular;
use faer::{Conj, MatMut};

use super::{Field, PAR, columns, columns_mut, rows_of, with_memory};

/// The lower Cholesky factor of a symmetric `n` by `n` matrix, row by row; `None` when it is not positive definite.
pub(in crate::linalg) fn cholesky<T: Field>(a: &[T], n: usize) -> Option<Vec<T>> {
    if n == 0 {
        return Some(Vec::new());
    }
    let mut l = a.to_vec();
    let size = llt::cholesky_in_place_scratch::<T>(n, PAR, Default::default());
    let factored = with_memory(size, |memory| {
        let l = columns_mut(&mut l, n, n);
        llt::cholesky_in_place(l, Default::default(), PAR, memory, Default::default())
    });
    factored.ok()?;
    // Column j has what was above the diagonal in front.
    for (j, column) in l.chunks_exact_mut(n).enumerate() {
        column[..j].fill(T::ZERO);
    }
    Some(rows_of(&l, n, n))
}

/// Solves `A X = B` in place of `B`, `n` by `m`, both row-major, for a triangular `A`.
pub(in crate::linalg) fn solve_triangular<T: Field>(a: &[T], n: usize, lower: bool, x: &mut [T], m: usize) {
    if n == 0 || m == 0 {
        return;
    }
    let a = columns(a, n, n).transpose();
    let x = MatMut::from_row_major_slice_mut(x, n, m);
    if lower {
        triangular::solve_lower_triangular_in_place(a, x, PAR);
    } else {
        triangular::solve_upper_triangular_in_place(a, x, PAR);
    }
}

/// `A = Q R` by Householder reflections, of the `m` by `n` matrix with these columns: `count` columns of `Q`, one after
/// the other, and `R`, row-major with as many rows.
pub(crate) fn qr<T: Field>(a: &[T], m: usize, n: usize, count: usize) -> (Vec<T>, Vec<T>) {
    let mut q = vec![T::ZERO; m * count];
    q.iter_mut().step_by(m + 1).for_each(|x| *x = T::ONE);
    let mut r = vec![T::ZERO; count * n];
    let small = m.min(n);
    if small == 0 || count == 0 {
        return (q, r);
    }
    let mut a = a.to_vec();
    let block = factor::recommended_block_size::<T>(m, n);
    let mut tau = vec![T::ZERO; block * small];
    let size = factor::qr_in_place_scratch::<T>(m, n, block, PAR, Default::default());
    with_memory(size, |memory| {
        let (a, tau) = (columns_mut(&mut a, m, n), columns_mut(&mut tau, block, small));
        factor::qr_in_place(a, tau, PAR, memory, Default::default());
    });
    let size = mirrors::apply_block_householder_sequence_on_the_left_in_place_scratch::<T>(m, block, count);
    with_memory(size, |memory| {
        let (a, tau) = (columns(&a, m, n), columns(&tau, block, small));
        let q = columns_mut(&mut q, m, count);
        mirrors::apply_block_householder_sequence_on_the_left_in_place_with_conj(
            a,
            tau,
            Conj::No,
            q,
            PAR,
            memory,
        );
    });
    // The mirrors lie below the diagonal.
    for (j, column) in a.chunks_exact_mut(m).enumerate() {
        column[(j + 1).min(m)..].fill(T::ZERO);
    }
    r[..count.min(m) * n].copy_from_slice(&rows_of(&a, m, n)[..count.min(m) * n]);
    (q, r)
}
