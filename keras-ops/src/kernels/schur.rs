//! Eigenvalues and eigenvectors of general matrices, in complex `f64`: Hessenberg form, then QR steps with Wilkinson's
//! shift, then back substitution.

use rustfft::num_complex::Complex;

type C = Complex<f64>;

const ZERO: C = C::new(0., 0.);
/// Steps for one eigenvalue after which the iteration gives up; two or three are usual.
const STEPS: usize = 100;

/// A square matrix.
struct Square {
    n: usize,
    x: Vec<C>,
}

impl Square {
    fn at(&self, i: usize, j: usize) -> C {
        self.x[i * self.n + j]
    }

    /// Mirrors rows and columns from `first` on: the two-sided reflection by the unit vector `v`.
    fn mirror_rows(&mut self, first: usize, v: &[C]) {
        let n = self.n;
        for j in 0..n {
            let rows = first..first + v.len();
            let sum: C = rows.zip(v).map(|(i, v)| v.conj() * self.x[i * n + j]).sum();
            for (i, v) in v.iter().enumerate() {
                self.x[(first + i) * n + j] -= v * sum * 2.;
            }
        }
    }

    fn mirror_columns(&mut self, first: usize, v: &[C]) {
        for row in self.x.chunks_exact_mut(self.n) {
            let row = &mut row[first..first + v.len()];
            let sum: C = row.iter().zip(v).map(|(x, v)| x * v).sum();
            row.iter_mut().zip(v).for_each(|(x, v)| *x -= sum * v.conj() * 2.);
        }
    }

    /// Turns rows `i` and `i + 1` by the rotation `[c, s; -s', c]`, from column `first` on.
    fn turn_rows(&mut self, i: usize, first: usize, c: f64, s: C) {
        let n = self.n;
        let (top, below) = self.x.split_at_mut((i + 1) * n);
        let (top, below) = (&mut top[i * n + first..], &mut below[first..n]);
        for (a, b) in top.iter_mut().zip(below) {
            (*a, *b) = (*a * c + s * *b, *b * c - s.conj() * *a);
        }
    }

    /// Turns columns `i` and `i + 1` by the inverse rotation, in the first `rows` rows.
    fn turn_columns(&mut self, i: usize, rows: usize, c: f64, s: C) {
        for row in self.x.chunks_exact_mut(self.n).take(rows) {
            let (a, b) = (row[i], row[i + 1]);
            row[i] = a * c + s.conj() * b;
            row[i + 1] = b * c - s * a;
        }
    }
}

/// `A = Q T Q'` with an upper triangular `T`; `None` when the iteration does not end.
fn schur(a: &[f64], n: usize) -> Option<(Square, Square)> {
    let mut t = Square {
        n,
        x: a.iter().map(|x| C::new(*x, 0.)).collect(),
    };
    let mut q = Square {
        n,
        x: vec![ZERO; n * n],
    };
    q.x.iter_mut().step_by(n + 1).for_each(|x| *x = C::new(1., 0.));
    for k in 0..n.saturating_sub(2) {
        let mut v: Vec<C> = (k + 1..n).map(|i| t.at(i, k)).collect();
        let norm = v.iter().map(C::norm_sqr).sum::<f64>().sqrt();
        let away = if v[0].re >= 0. { norm } else { -norm };
        v[0] += away;
        let length = v.iter().map(C::norm_sqr).sum::<f64>().sqrt();
        if length > 0. {
            v.iter_mut().for_each(|x| *x /= length);
            t.mirror_rows(k + 1, &v);
            t.mirror_columns(k + 1, &v);
            q.mirror_columns(k + 1, &v);
        }
    }
    let (mut end, mut steps) = (n.saturating_sub(1), 0);
    while end > 0 {
        let small = |i: &usize| {
            let around = t.at(*i, *i).l1_norm() + t.at(*i - 1, *i - 1).l1_norm();
            t.at(*i, *i - 1).l1_norm() <= f64::EPSILON * around
        };
        let start = (1..=end).rev().find(small).unwrap_or(0);
        if start > 0 {
            t.x[start * n + start - 1] = ZERO;
        }
        if start == end {
            (end, steps) = (end - 1, 0);
            continue;
        }
        steps += 1;
        if steps > STEPS {
            return None;
        }
        let shift = if steps % 11 == 10 {
            // An exceptional shift breaks cycles.
            t.at(end, end) + t.at(end, end - 1).norm()
        } else {
            wilkinson(&t, end)
        };
        step(&mut t, &mut q, start, end, shift);
    }
    Some((t, q))
}

/// The eigenvalue of the last two by two block that is nearer to its last element.
fn wilkinson(t: &Square, end: usize) -> C {
    let (a, b) = (t.at(end - 1, end - 1), t.at(end - 1, end));
    let (c, d) = (t.at(end, end - 1), t.at(end, end));
    let half = (a - d) * 0.5;
    let root = (half * half + b * c).sqrt();
    let low = half - root;
    let high = half + root;
    // Of d + half ± root, the one with the smaller distance from d.
    if low.norm_sqr() < high.norm_sqr() {
        d + low
    } else {
        d + high
    }
}

/// One QR step on rows and columns `start..=end`.
fn step(t: &mut Square, q: &mut Square, start: usize, end: usize, shift: C) {
    let n = t.n;
    let (mut x, mut y) = (t.at(start, start) - shift, t.at(start + 1, start));
    for k in start..end {
        let length = (x.norm_sqr() + y.norm_sqr()).sqrt();
        if length > 0. {
            // [c, s; -s', c] takes (x, y) to a multiple of the first axis.
            let (c, s) = match x.norm() {
                0. => (0., y.conj() / y.norm()),
                r => (r / length, (x / r) * y.conj() / length),
            };
            let first = k.saturating_sub(1).max(start.saturating_sub(1));
            t.turn_rows(k, first, c, s);
            t.turn_columns(k, (k + 3).min(end + 1), c, s);
            q.turn_columns(k, n, c, s);
        }
        if k + 1 < end {
            (x, y) = (t.at(k + 1, k), t.at(k + 2, k));
        }
    }
}

/// The eigenvalues, and the eigenvectors as columns of a row-major matrix, each of length 1 with a real largest element;
/// `None` when the iteration does not end or an element is not finite.
pub fn eigen(a: &[f64], n: usize) -> Option<(Vec<C>, Vec<C>)> {
    if a.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let (t, q) = schur(a, n)?;
    let values: Vec<C> = (0..n).map(|i| t.at(i, i)).collect();
    let scale = t.x.iter().fold(0f64, |m, x| m.max(x.l1_norm()));
    let least = (f64::EPSILON * scale).max(f64::MIN_POSITIVE);
    let mut vectors = vec![ZERO; n * n];
    for k in 0..n {
        let mut y = vec![ZERO; k + 1];
        y[k] = C::new(1., 0.);
        for i in (0..k).rev() {
            let sum: C = (i + 1..=k).map(|j| t.at(i, j) * y[j]).sum();
            let mut gap = values[k] - values[i];
            if gap.l1_norm() < least {
                gap = C::new(least, 0.);
            }
            y[i] = sum / gap;
        }
        let mut v: Vec<C> = (0..n)
            .map(|i| y.iter().enumerate().map(|(j, y)| q.at(i, j) * y).sum())
            .collect();
        let norm = v.iter().map(C::norm_sqr).sum::<f64>().sqrt();
        let largest = v
            .iter()
            .copied()
            .max_by(|a, b| a.norm_sqr().total_cmp(&b.norm_sqr()));
        let turn = largest.map_or(C::new(1., 0.), |x| x.conj() / x.norm() / norm);
        v.iter_mut().for_each(|x| *x *= turn);
        for (i, x) in v.into_iter().enumerate() {
            vectors[i * n + k] = x;
        }
    }
    Some((values, vectors))
}
