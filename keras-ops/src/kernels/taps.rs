//! A linear map along one axis with a few weights a row: resizing, blurring.

use crate::kernels::team::{Parts as _, Slice as _};

use super::reduce::Extent;
use super::simd::{self, CHUNK};
use crate::host::Real;

/// Rows of at most this many neighbours are gathered element by element.
const NARROW: usize = 8;

/// For each place of the output, the places of the input that it is made of, with their weights.
#[derive(Clone, Debug)]
pub struct Taps {
    inputs: usize,
    rows: usize,
    /// Taps of a row: 1, or even; the missing ones have weight 0.
    per: usize,
    index: Vec<u32>,
    weight: Vec<f64>,
}

impl Taps {
    /// Rows of (input place, weight) over `inputs` places.
    ///
    /// # Panics
    /// When a place is not below `inputs`, which callers ensure.
    pub fn new(inputs: usize, rows: &[Vec<(usize, f64)>]) -> Self {
        let most = rows.iter().map(Vec::len).max().unwrap_or(0);
        let per = if most < 2 { most } else { most.next_multiple_of(2) };
        let (mut index, mut weight) = (Vec::new(), Vec::new());
        for row in rows {
            assert!(row.iter().all(|tap| tap.0 < inputs), "taps outside the axis");
            // Filled up with a place of the row itself, so that no other place's NaN gets in.
            let own = row.first().map_or(0, |tap| tap.0);
            let filled = row.iter().copied().chain(std::iter::repeat((own, 0.)));
            for (place, w) in filled.take(per) {
                index.push(place as u32);
                weight.push(w);
            }
        }
        Self {
            inputs,
            rows: rows.len(),
            per,
            index,
            weight,
        }
    }

    /// Places of the output.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The map of gradients: rows and inputs exchanged.
    pub fn transposed(&self) -> Self {
        let mut rows = vec![Vec::new(); self.inputs];
        for (at, (i, w)) in self.index.iter().zip(&self.weight).enumerate() {
            if *w != 0. {
                rows[*i as usize].push((at / self.per, *w));
            }
        }
        Self::new(self.rows, &rows)
    }

    /// The map along the middle axis of `[outer, inputs, inner]`.
    ///
    /// # Panics
    /// When `x` does not have that many elements.
    pub fn apply<T: Real>(&self, x: &[T], outer: usize, inner: usize) -> Vec<T> {
        assert_eq!(x.len(), outer * self.inputs * inner, "taps: another size");
        let extent = Extent {
            outer,
            len: self.rows,
            inner,
        };
        let mut out = vec![T::default(); extent.count()];
        if out.is_empty() || self.per == 0 {
            return out;
        }
        let weight: Vec<T> = self.weight.iter().map(|w| T::of(*w)).collect();
        if inner < NARROW {
            self.narrow(x, &mut out, inner, &weight);
        } else {
            self.wide(x, &mut out, inner, &weight);
        }
        out
    }

    fn wide<T: Real>(&self, x: &[T], out: &mut [T], inner: usize, weight: &[T]) {
        let rows = (CHUNK / inner).max(1);
        let block = |x: &[T], first: usize, out: &mut [T]| {
            for (row, out) in out.chunks_exact_mut(inner).enumerate() {
                let taps = (first + row) * self.per..(first + row + 1) * self.per;
                combine(out, x, &self.index[taps.clone()], &weight[taps]);
            }
        };
        let many = simd::parallel(out.len());
        let slabs = x.chunks_exact(self.inputs * inner);
        if many {
            out.par_chunks_mut(self.rows * inner)
                .zip(x.par_chunks_exact(self.inputs * inner))
                .for_each(|(out, x)| {
                    out.par_chunks_mut(rows * inner)
                        .enumerate()
                        .for_each(|(i, out)| block(x, i * rows, out));
                });
        } else {
            out.chunks_mut(self.rows * inner)
                .zip(slabs)
                .for_each(|(out, x)| block(x, 0, out));
        }
    }

    fn narrow<T: Real>(&self, x: &[T], out: &mut [T], inner: usize, weight: &[T]) {
        let (from, to) = (self.inputs * inner, self.rows * inner);
        // One table a tap, over all elements of a slab.
        let mut tables: Vec<(Vec<u32>, Vec<T>)> = Vec::with_capacity(self.per);
        for k in 0..self.per {
            let taps = (0..self.rows).map(|row| row * self.per + k);
            let index = taps
                .clone()
                .flat_map(|tap| (0..inner).map(move |c| (tap, c)))
                .map(|(tap, c)| self.index[tap] * inner as u32 + c as u32)
                .collect();
            let weight = taps.flat_map(|tap| std::iter::repeat_n(weight[tap], inner));
            tables.push((index, weight.collect()));
        }
        let slab = |(out, x): (&mut [T], &[T])| {
            for (index, weight) in &tables {
                gather_add(out, x, index, weight);
            }
        };
        let slabs = (CHUNK / to.max(1)).max(1);
        let block = |(out, x): (&mut [T], &[T])| {
            out.chunks_exact_mut(to).zip(x.chunks_exact(from)).for_each(slab);
        };
        if simd::parallel(out.len()) {
            out.par_chunks_mut(slabs * to)
                .zip(x.par_chunks(slabs * from))
                .for_each(block);
        } else {
            block((out, x));
        }
    }
}

/// `out += weight * x[index]`, element by element.
fn gather_add<T: Real>(out: &mut [T], x: &[T], index: &[u32], weight: &[T]) {
    assert!(index.len() == out.len() && weight.len() == out.len());
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || {
            for (out, (i, w)) in out.iter_mut().zip(index.iter().zip(weight)) {
                debug_assert!((*i as usize) < x.len());
                // SAFETY: `Taps::new` checked each place to be below `inputs`, and a slab of `x` has `inputs`
                // rows of `inner` elements, of which the table numbers one.
                *out += *w * unsafe { *x.get_unchecked(*i as usize) };
            }
        },
    );
}

/// The weighted sum of rows of `x`.
fn combine<T: Real>(out: &mut [T], x: &[T], index: &[u32], weight: &[T]) {
    let inner = out.len();
    let row = |i: u32| &x[i as usize * inner..][..inner];
    simd::vectorize_for::<T, _>(
        #[inline(always)]
        || {
            if let ([i], [w]) = (index, weight) {
                out.iter_mut().zip(row(*i)).for_each(|(out, a)| *out = *w * *a);
                return;
            }
            let pairs = index.as_chunks::<2>().0.iter().zip(weight.as_chunks::<2>().0);
            for (k, ([i, j], [v, w])) in pairs.enumerate() {
                let terms = row(*i).iter().zip(row(*j)).map(|(a, b)| *v * *a + *w * *b);
                if k == 0 {
                    out.iter_mut().zip(terms).for_each(|(out, term)| *out = term);
                } else {
                    out.iter_mut().zip(terms).for_each(|(out, term)| *out += term);
                }
            }
        },
    );
}
