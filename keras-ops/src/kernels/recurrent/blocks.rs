//! Products of inputs and states with a kernel: at once, or gate by gate where gates have dropout factors of their
//! own.

use super::{Kept, kernel_gradient};
use crate::kernels::gemm::Mat;
use crate::kernels::packed::{Packed, Product, Rows, Start};

/// Dropout factors by gate, sequence and element; those of one gate count for all.
#[derive(Clone, Copy, Debug)]
pub struct Factors<'a, T> {
    /// The factors.
    pub data: &'a [T],
    /// How many gates have some.
    pub gates: usize,
}

impl<'a, T> Factors<'a, T> {
    /// Those of a gate, by sequence and element.
    pub fn gate(&self, gate: usize) -> &'a [T] {
        let len = self.data.len() / self.gates;
        &self.data[gate.min(self.gates - 1) * len..][..len]
    }
}

/// A kernel packed as one, or gate by gate.
#[derive(Debug)]
pub struct Blocks<T> {
    parts: Vec<Packed<T>>,
    /// Columns of a part.
    width: usize,
    /// Size of what it is multiplied with.
    size: usize,
}

/// Rows of a slice of the batch, with their dropout factors.
#[derive(Clone, Copy, Debug)]
pub struct Dropped<'a, T> {
    /// The first row's number in the batch.
    pub first: usize,
    /// The factors, if there are some.
    pub factors: Option<Factors<'a, T>>,
}

impl<T: Product> Blocks<T> {
    /// Packs a kernel in `parts` of equal width, transposed for the way back.
    pub fn pack(kernel: Mat<'_, T>, parts: usize, back: bool) -> Self {
        let width = kernel.cols / parts;
        let part = |i: usize| {
            let part = Mat {
                data: kernel.data.get(i * width..).unwrap_or_default(),
                cols: width,
                ..kernel
            };
            T::pack(if back { part.t() } else { part })
        };
        Self {
            parts: (0..parts).map(part).collect(),
            width,
            size: kernel.rows,
        }
    }

    /// A buffer for rows times their factors.
    pub fn scratch(&self, rows: usize, factors: Option<Factors<'_, T>>) -> Vec<T> {
        vec![T::ZERO; if factors.is_some() { rows * self.size } else { 0 }]
    }

    /// `into = start + rows kernel`, rows dropped.
    pub fn forward(
        &self,
        into: &mut [T],
        stride: usize,
        rows: Rows<'_, T>,
        dropped: Dropped<'_, T>,
        start: Start<'_, T>,
        scratch: &mut [T],
    ) {
        for (gate, part) in self.parts.iter().enumerate() {
            let columns = gate * self.width;
            let start = match start {
                Start::Bias(bias) => Start::Bias(&bias[columns..columns + self.width]),
                other => other,
            };
            let rows = match dropped.factors {
                None => rows,
                Some(factors) => {
                    let factors = &factors.gate(gate)[dropped.first * self.size..];
                    let places = scratch
                        .chunks_exact_mut(self.size)
                        .zip(factors.chunks_exact(self.size));
                    for (row, (to, factors)) in places.take(rows.count).enumerate() {
                        let from = &rows.data[row * rows.stride..][..self.size];
                        to.iter_mut()
                            .zip(from.iter().zip(factors))
                            .for_each(|(to, (v, f))| *to = *v * *f);
                    }
                    Rows {
                        data: scratch,
                        count: rows.count,
                        stride: self.size,
                    }
                }
            };
            T::multiply(&mut into[columns..], stride, rows, part, start);
        }
    }

    /// `into = start + gates kernel^T`, through the factors; `start` is zero or what is there.
    pub fn backward(
        &self,
        into: &mut [T],
        stride: usize,
        gates: Rows<'_, T>,
        dropped: Dropped<'_, T>,
        start: Start<'_, T>,
        through: &mut [T],
    ) {
        let mut add = matches!(start, Start::Old);
        for (gate, part) in self.parts.iter().enumerate() {
            let gates = Rows {
                data: &gates.data[gate * self.width..],
                ..gates
            };
            let Some(factors) = dropped.factors else {
                T::multiply(into, stride, gates, part, start);
                continue;
            };
            T::multiply(through, self.size, gates, part, Start::Zero);
            let factors = &factors.gate(gate)[dropped.first * self.size..];
            let rows = through
                .chunks_exact(self.size)
                .zip(factors.chunks_exact(self.size));
            for (into, (through, factors)) in into.chunks_mut(stride).zip(rows.take(gates.count)) {
                for (to, (v, f)) in into.iter_mut().zip(through.iter().zip(factors)) {
                    *to = if add { *to + *v * *f } else { *v * *f };
                }
            }
            add = true;
        }
    }
}

/// The gradient of a kernel's columns from `column` on, `parts` gates of them: of rows by sequence and step, dropped
/// by `factors` of the gates from `first` on, with the gates' gradients.
pub fn dropped_gradient<T: Product>(
    into: &mut [T],
    width: usize,
    column: usize,
    left: Mat<'_, T>,
    (kept, columns): (Kept<'_, T>, std::ops::Range<usize>),
    (factors, first, parts): (Option<Factors<'_, T>>, usize, usize),
) {
    if into.is_empty() {
        return;
    }
    let Some(factors) = factors else {
        return kernel_gradient(into, width, column, left, kept.columns(columns));
    };
    let parts = if factors.gates > 1 { parts } else { 1 };
    let part = columns.len() / parts;
    for gate in 0..parts {
        let all = factors.gate(first + gate);
        let time = left.rows / (all.len() / left.cols).max(1);
        let mut dropped = vec![T::ZERO; left.rows * left.cols];
        for (row, to) in dropped.chunks_exact_mut(left.cols.max(1)).enumerate() {
            let from = &left.data[row * left.row_stride..][..left.cols];
            let factors = &all[row / time.max(1) * left.cols..][..left.cols];
            to.iter_mut()
                .zip(from.iter().zip(factors))
                .for_each(|(to, (v, f))| *to = *v * *f);
        }
        let start = columns.start + gate * part;
        kernel_gradient(
            into,
            width,
            column + gate * part,
            Mat::new(&dropped, left.rows, left.cols),
            kept.columns(start..start + part),
        );
    }
}
