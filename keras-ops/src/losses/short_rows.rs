//! Sums along rows that are shorter than a register: what is costly runs over many rows at once.

use crate::kernels::math::Math;
use crate::kernels::row_dots::{self, row_dots};

/// Rows of this length are worked on one by one.
pub(super) const LONG: usize = row_dots::LONGEST;
/// Elements worked on at once.
const BLOCK: usize = 512;

/// A number for each row of `p`, rows of `n`, that all terms of the row take.
pub(super) trait Scale<T>: Copy {
    fn of_rows(self, p: &[T], n: usize, out: &mut [T]);
}

/// None is needed.
#[derive(Clone, Copy)]
pub(super) struct Unscaled;

impl<T: Math> Scale<T> for Unscaled {
    #[inline(always)]
    fn of_rows(self, _: &[T], _: usize, _: &mut [T]) {}
}

/// `sum(p)`, or 1 where that is 0.
#[derive(Clone, Copy)]
pub(super) struct Total;

impl<T: Math> Scale<T> for Total {
    #[inline(always)]
    fn of_rows(self, p: &[T], n: usize, out: &mut [T]) {
        for (out, row) in out.iter_mut().zip(p.chunks_exact(n)) {
            let total = row_sum(row);
            *out = if total == T::ZERO { T::ONE } else { total };
        }
    }
}

/// `log(sum(e^p))`.
#[derive(Clone, Copy)]
pub(super) struct LogSumExp;

impl<T: Math> Scale<T> for LogSumExp {
    #[inline(always)]
    fn of_rows(self, p: &[T], n: usize, out: &mut [T]) {
        let mut exps = [T::ZERO; BLOCK];
        let mut tops = [T::ZERO; BLOCK];
        let exps = &mut exps[..p.len()];
        let tops = &mut tops[..out.len()];
        let rows = exps.chunks_exact_mut(n).zip(p.chunks_exact(n));
        for (top, (exps, row)) in tops.iter_mut().zip(rows) {
            *top = row.iter().fold(row[0], |a, b| if *b > a { *b } else { a });
            exps.iter_mut().zip(row).for_each(|(e, p)| *e = *p - *top);
        }
        exps.iter_mut().for_each(|e| *e = e.exp());
        for (out, row) in out.iter_mut().zip(exps.chunks_exact(n)) {
            *out = row_sum(row);
        }
        out.iter_mut()
            .zip(tops)
            .for_each(|(out, top)| *out = *top + out.ln());
    }
}

/// Added in float64, as along long rows.
#[inline(always)]
fn row_sum<T: Math>(row: &[T]) -> T {
    T::of(row.iter().fold(0., |sum, x| sum + x.f64()))
}

/// The sum of `term(t, p, scale of the row)` along each row of `n`.
#[inline(always)]
pub(super) fn sums<T: Math>(
    out: &mut [T],
    (t, p): (&[T], &[T]),
    n: usize,
    scale: impl Scale<T>,
    term: impl Fn(T, T, T) -> T,
) {
    let mut buffers = [[T::ONE; BLOCK]; 3];
    let [of_rows, scales, terms] = &mut buffers;
    let rows = BLOCK / n;
    for ((out, t), p) in out
        .chunks_mut(rows)
        .zip(t.chunks(rows * n))
        .zip(p.chunks(rows * n))
    {
        let (scales, terms) = (&mut scales[..p.len()], &mut terms[..p.len()]);
        scale.of_rows(p, n, &mut of_rows[..out.len()]);
        for (scales, of_row) in scales.chunks_exact_mut(n).zip(&*of_rows) {
            scales.iter_mut().for_each(|scale| *scale = *of_row);
        }
        for (((term_of, t), p), scale) in terms.iter_mut().zip(t).zip(p).zip(&*scales) {
            *term_of = term(*t, *p, *scale);
        }
        for (out, row) in out.iter_mut().zip(terms.chunks_exact(n)) {
            *out = row_sum(row);
        }
    }
}

/// `value(p[label], scale of the row)` for each row of `n`, 0 where the label is negative; the scales are kept.
#[inline(always)]
pub(super) fn picked<T: Math>(
    (out, of_rows): (&mut [T], &mut [T]),
    labels: &[i64],
    p: &[T],
    n: usize,
    scale: impl Scale<T>,
    value: impl Fn(T, T) -> T,
) {
    let rows = BLOCK / n;
    let written = out.chunks_mut(rows).zip(of_rows.chunks_mut(rows));
    let given = labels.chunks(rows).zip(p.chunks(rows * n));
    for ((out, of_rows), (labels, p)) in written.zip(given) {
        scale.of_rows(p, n, of_rows);
        for ((out, label), row) in out.iter_mut().zip(labels).zip(p.chunks_exact(n)) {
            *out = row[usize::try_from(*label).unwrap_or(0)];
        }
        for (out, scale) in out.iter_mut().zip(of_rows) {
            *out = value(*out, *scale);
        }
        for (out, label) in out.iter_mut().zip(labels) {
            *out = if *label < 0 { T::ZERO } else { *out };
        }
    }
}

/// `value(t · p, t · t, p · p)` for each row of `n`.
#[inline(always)]
pub(super) fn dots<T: Math>(out: &mut [T], (t, p): (&[T], &[T]), n: usize, value: impl Fn(T, T, T) -> T) {
    const ROWS: usize = 128;
    let mut found = [[T::ZERO; ROWS]; 3];
    for ((out, t), p) in out
        .chunks_mut(ROWS)
        .zip(t.chunks(ROWS * n))
        .zip(p.chunks(ROWS * n))
    {
        let [both, of_t, of_p] = &mut found;
        let rows = out.len();
        let (both, of_t, of_p) = (&mut both[..rows], &mut of_t[..rows], &mut of_p[..rows]);
        row_dots((t, p), n, [both, of_t, of_p]);
        for (out, ((both, of_t), of_p)) in out.iter_mut().zip(both.iter().zip(&*of_t).zip(&*of_p)) {
            *out = value(*both, *of_t, *of_p);
        }
    }
}
