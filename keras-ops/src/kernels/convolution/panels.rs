//! The kernel, packed for the registers.

use crate::kernels::simd;
use crate::kernels::vector::Lane;

struct Lanes<T>(std::marker::PhantomData<T>);

impl<T: Lane> pulp::WithSimd for Lanes<T> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> usize {
        T::lanes::<S>()
    }
}

/// Elements of a register.
pub(super) fn lanes<T: Lane>() -> usize {
    simd::dispatch(Lanes::<T>(std::marker::PhantomData))
}

/// One or two registers of columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    /// The first column.
    pub(super) first: usize,
    /// How many columns there are; the registers may hold more.
    pub(super) columns: usize,
    /// Registers.
    pub(super) wide: usize,
    /// Where its rows begin.
    pub(super) at: usize,
}

/// `columns` columns from `first` on in panels of at most `most` registers, with `rows` rows each.
pub(super) fn split(first: usize, columns: usize, most: usize, rows: usize, lanes: usize) -> Vec<Panel> {
    let (mut panels, mut done, mut at) = (Vec::new(), 0, 0);
    while done < columns {
        let left = columns - done;
        let wide = left.div_ceil(lanes).min(most);
        panels.push(Panel {
            first: first + done,
            columns: left.min(wide * lanes),
            wide,
            at,
        });
        done += wide * lanes;
        at += rows * wide * lanes;
    }
    panels
}

/// A matrix in panels: a first row for the bias, then the rows in the order in which they are used.
#[derive(Clone, Debug)]
pub(super) struct Packed<T> {
    pub(super) panels: Vec<Panel>,
    pub(super) data: Vec<T>,
    /// Rows without the bias.
    pub(super) rows: usize,
}

impl<T: Lane> Packed<T> {
    /// Of the columns from `first` on; row `r` lies at `rows[r]`, its elements `stride` apart.
    pub(super) fn new(
        kernel: &[T],
        bias: Option<&[T]>,
        (first, columns): (usize, usize),
        rows: &[usize],
        stride: usize,
        most: usize,
    ) -> Self {
        let lanes = lanes::<T>();
        let panels = split(first, columns, most, rows.len() + 1, lanes);
        let len = panels
            .last()
            .map_or(0, |p| p.at + (rows.len() + 1) * p.wide * lanes);
        let mut data = vec![T::ZERO; len];
        for panel in &panels {
            let width = panel.wide * lanes;
            let data = &mut data[panel.at..][..(rows.len() + 1) * width];
            let (start, rest) = data.split_at_mut(width);
            if let Some(bias) = bias {
                start[..panel.columns].copy_from_slice(&bias[panel.first..][..panel.columns]);
            }
            let skip = (panel.first - first) * stride;
            for (dst, row) in rest.chunks_exact_mut(width).zip(rows) {
                let src = &kernel[row + skip..];
                if stride == 1 {
                    dst[..panel.columns].copy_from_slice(&src[..panel.columns]);
                } else {
                    let src = src.iter().step_by(stride);
                    dst[..panel.columns]
                        .iter_mut()
                        .zip(src)
                        .for_each(|(d, s)| *d = *s);
                }
            }
        }
        Self {
            panels,
            data,
            rows: rows.len(),
        }
    }
}
