use faer::linalg::lu::partial_pivoting::{factor, solve};
use faer::perm::PermRef;
use faer::{Conj, MatMut};

use super::{Field, PAR, columns, columns_mut, identity, rows_of, with_memory};
use crate::kernels::math::Math;

/// `P A = L U` of a square matrix.
#[derive(Debug)]
pub(in crate::linalg) struct Lu<T> {
    n: usize,
    /// `L` below the diagonal, where it is 1, and `U`: one column after the other.
    factors: Vec<T>,
    /// For each row of `L U` the row of `A`, and the other way round.
    order: Vec<usize>,
    places: Vec<usize>,
    exchanges: usize,
}

impl<T: Field> Lu<T> {
    /// Of the matrix with these columns.
    pub(in crate::linalg) fn of_columns(a: &[T], n: usize) -> Self {
        let mut lu = Self {
            n,
            factors: a.to_vec(),
            order: vec![0; n],
            places: vec![0; n],
            exchanges: 0,
        };
        if n > 0 {
            let size = factor::lu_in_place_scratch::<usize, T>(n, n, PAR, Default::default());
            let factors = columns_mut(&mut lu.factors, n, n);
            let (order, places) = (&mut lu.order, &mut lu.places);
            lu.exchanges = with_memory(size, |memory| {
                factor::lu_in_place(factors, order, places, PAR, memory, Default::default())
                    .0
                    .transposition_count
            });
        }
        lu
    }

    /// The diagonal of `U`. Behind a pivot of 0 the factors are not numbers.
    pub(in crate::linalg) fn pivots(&self) -> impl Iterator<Item = T> {
        self.factors.iter().step_by(self.n + 1).copied()
    }

    /// Which pivot is 0, when `A` is singular.
    pub(in crate::linalg) fn zero(&self) -> Option<usize> {
        self.pivots().position(|pivot| pivot == T::ZERO)
    }

    /// The sign of the exchange of rows.
    pub(in crate::linalg) fn sign(&self) -> f64 {
        if self.exchanges.is_multiple_of(2) { 1. } else { -1. }
    }

    fn permutation(&self) -> Option<PermRef<'_, usize>> {
        (self.n > 0).then(|| PermRef::new_checked(&self.order, &self.places, self.n))
    }

    /// `X` of `A X = B`, both row-major with `m` columns.
    pub(in crate::linalg) fn solve(&self, b: &[T], m: usize) -> Vec<T> {
        let mut x = b.to_vec();
        let Some(order) = self.permutation().filter(|_| m > 0) else {
            return x;
        };
        let factors = columns(&self.factors, self.n, self.n);
        let size = solve::solve_in_place_scratch::<usize, T>(self.n, m, PAR);
        with_memory(size, |memory| {
            let x = MatMut::from_row_major_slice_mut(&mut x, self.n, m);
            solve::solve_in_place_with_conj(factors, factors, order, Conj::No, x, PAR, memory)
        });
        x
    }

    /// The inverse of `A`, row-major. faer's own takes up to three times as long for small matrices.
    pub(in crate::linalg) fn inverse(&self) -> Vec<T> {
        self.solve(&identity(self.n), self.n)
    }

    /// The factors row by row, and for each row the row that it was exchanged with, in order.
    fn rows(&self) -> (Vec<T>, Vec<u32>) {
        let mut at: Vec<usize> = (0..self.n).collect();
        let mut place = at.clone();
        let exchanged = self.order.iter().enumerate().map(|(i, row)| {
            let other = place[*row];
            at.swap(i, other);
            (place[at[i]], place[at[other]]) = (i, other);
            other as u32
        });
        let pivots = exchanged.collect();
        (rows_of(&self.factors, self.n, self.n), pivots)
    }
}

/// The factors of the matrix with these columns, in one matrix, row by row; and for each row the row that it was
/// exchanged with, in order.
pub(in crate::linalg) fn lu_rows<T: Field>(a: &[T], n: usize) -> (Vec<T>, Vec<u32>) {
    let lu = Lu::of_columns(a, n);
    match lu.zero() {
        None => lu.rows(),
        Some(_) => of_singular(rows_of(a, n, n), n),
    }
}

/// The factors of a row-major matrix that has a pivot of 0: as in LAPACK, its column of `L` stays 0. faer divides by it.
fn of_singular<T: Math>(mut lu: Vec<T>, n: usize) -> (Vec<T>, Vec<u32>) {
    let mut pivots = Vec::with_capacity(n);
    for k in 0..n {
        let mut pivot = k;
        for i in k + 1..n {
            if lu[i * n + k].abs() > lu[pivot * n + k].abs() {
                pivot = i;
            }
        }
        pivots.push(pivot as u32);
        let (top, below) = lu.split_at_mut((k + 1) * n);
        let top = &mut top[k * n..];
        if pivot > k {
            top.swap_with_slice(&mut below[(pivot - k - 1) * n..][..n]);
        }
        if top[k] == T::ZERO {
            continue;
        }
        for row in below.chunks_exact_mut(n) {
            let factor = row[k] / top[k];
            row[k] = factor;
            let rest = row[k + 1..].iter_mut().zip(&top[k + 1..]);
            rest.for_each(|(x, t)| *x -= factor * *t);
        }
    }
    (lu, pivots)
}
