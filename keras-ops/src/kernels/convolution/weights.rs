//! The gradient by the kernel, and sums over pixels.

use crate::kernels::team::{IntoParts as _, Parts as _, Slice as _};
use pulp::Simd;

use super::gather::{cut_at_most, under, window_lines, window_runs, window_taps};
use super::panels::{Panel, lanes, split};
use super::tile::{Part, Source};
use super::{Geometry, PARALLEL_WORK};
use crate::kernels::fused;
use crate::kernels::simd;
use crate::kernels::vector::{Lane, read, write};

// The most blocks of parts whose sums are kept apart, and the elements of all these.
const BLOCKS: usize = 16;
const BLOCK_ELEMENTS: usize = 1 << 22;
// The most pixels of a part: their columns stay in the first-level cache while the rows go by.
const PART_PIXELS: usize = 128;
// Pixels of so many elements share few places of the first-level cache; the columns of a panel are laid side by side
// for so many rows and more.
const FAR: usize = 256;
const NEAR_ROWS: usize = 32;

/// The gradient by the kernel of `gather` from `image` with the gradient `y`, and with `sum` the sum of `y` over all
/// pixels: the gradient by the bias.
pub fn kernel_gradient<T: Lane>(
    geometry: &Geometry,
    image: Source<'_, T>,
    y: Source<'_, T>,
    sum: bool,
) -> (Vec<T>, Option<Vec<T>>) {
    let g = &geometry.flat();
    let mut total = vec![T::ZERO; g.kernel_len()];
    let mut bias = vec![T::ZERO; if sum { g.filters } else { 0 }];
    let parts = cut_at_most(g, g.output, PART_PIXELS);
    if g.work() == 0 || parts.is_empty() {
        return (total, sum.then(|| sum_pixels(y, g.filters)));
    }
    let layout = Layout::new::<T>(g);
    // Sums of blocks of parts, and where these would be too large, of some of the rows at a time.
    let blocks = (BLOCK_ELEMENTS / layout.len).clamp(1, BLOCKS).min(parts.len());
    let slices = if g.work() < PARALLEL_WORK {
        1
    } else {
        (BLOCKS / blocks).clamp(1, layout.rows)
    };
    let size = parts.len().div_ceil(blocks);
    let tasks: Vec<(&[Part], std::ops::Range<usize>)> = parts
        .chunks(size)
        .flat_map(|parts| {
            let rows = layout.rows;
            (0..slices).map(move |s| (parts, s * rows / slices..(s + 1) * rows / slices))
        })
        .collect();
    let run = |(parts, rows): &(&[Part], std::ops::Range<usize>)| {
        block(g, &layout, image, y, parts, rows.clone(), sum)
    };
    let sums: Vec<(Vec<T>, Vec<T>)> = if g.work() < PARALLEL_WORK {
        tasks.iter().map(run).collect()
    } else {
        tasks.par_iter().map(run).collect()
    };
    for ((_, rows), sums) in tasks.iter().zip(&sums) {
        let (sums, sum) = sums;
        layout.add(g, rows.clone(), sums, &mut total);
        fused::add_rows(&mut bias, sum);
    }
    (total, sum.then_some(bias))
}

/// How the sums of a task lie: panels of the columns of all groups, each with the task's rows.
struct Layout {
    panels: Vec<(usize, Panel)>,
    lanes: usize,
    /// Rows of a panel: the elements of a window in one group.
    rows: usize,
    /// Elements of all panels.
    len: usize,
}

impl Layout {
    fn new<T: Lane>(g: &Geometry) -> Self {
        let lanes = lanes::<T>();
        let (groups, columns, rows, most) = match g.depthwise() {
            true => (1, g.channels, g.taps(), 1),
            false => (g.groups, g.group_filters(), g.taps() * g.group_channels(), 2),
        };
        let panels = (0..groups).flat_map(|group| {
            let panels = split(group * columns, columns, most, 0, lanes);
            panels.into_iter().map(move |panel| (group, panel))
        });
        let panels: Vec<_> = panels.collect();
        let len = panels
            .iter()
            .map(|(_, p)| p.wide * lanes * rows)
            .sum::<usize>()
            .max(1);
        Self {
            panels,
            lanes,
            rows,
            len,
        }
    }

    /// Adds a task's sums of some rows to the gradient.
    fn add<T: Lane>(&self, g: &Geometry, rows: std::ops::Range<usize>, sums: &[T], total: &mut [T]) {
        let mut at = 0;
        for (_, panel) in &self.panels {
            let width = panel.wide * self.lanes;
            for row in rows.clone() {
                let sums = &sums[at..at + panel.columns];
                let total = &mut total[row * g.filters + panel.first..][..panel.columns];
                total.iter_mut().zip(sums).for_each(|(t, s)| *t += *s);
                at += width;
            }
        }
    }
}

/// The sums of some rows over some parts, and with `sum` those of `y`.
fn block<T: Lane>(
    g: &Geometry,
    layout: &Layout,
    image: Source<'_, T>,
    y: Source<'_, T>,
    parts: &[Part],
    rows: std::ops::Range<usize>,
    sum: bool,
) -> (Vec<T>, Vec<T>) {
    let width: usize = layout.panels.iter().map(|(_, p)| p.wide * layout.lanes).sum();
    let mut sums = vec![T::ZERO; width * rows.len()];
    let (mut under_scratch, mut y_scratch, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    let slack = 2 * layout.lanes;
    let mut bias = vec![T::ZERO; if sum && rows.start == 0 { g.filters } else { 0 }];
    for part in parts {
        let over = if g.depthwise() { slack } else { 0 };
        let tile = under(g, part).cut(image, g.input, g.channels, over, &mut under_scratch);
        let size: usize = g.output.iter().product();
        let first = part.image * size + part.lines.start * g.output[2] + part.columns.start;
        let y = y.run(
            first * g.filters,
            part.pixels() * g.filters,
            slack,
            &mut y_scratch,
        );
        if !bias.is_empty() {
            fused::add_rows(&mut bias, &y[..part.pixels() * g.filters]);
        }
        let starts = window_lines(g, part, tile.strides);
        let mut places = (usize::MAX, Vec::new());
        let mut at = 0;
        for (group, panel) in &layout.panels {
            if places.0 != *group {
                places = (*group, row_places(g, tile.strides, *group, rows.clone()));
            }
            let wide = panel.wide * layout.lanes;
            let len = wide * rows.len();
            let near = rows.len() >= NEAR_ROWS && g.filters >= FAR && !g.depthwise();
            let (y, y_step, y_first) = if near {
                lay_columns(&y[panel.first..], g.filters, wide, part.pixels(), &mut columns);
                (columns.as_slice(), wide, 0)
            } else {
                (y, g.filters, panel.first)
            };
            let pass = Pass {
                x: tile.data,
                y,
                y_step,
                y_first,
                lines: &starts,
                width: part.columns.len(),
                step: g.stride[2] * tile.strides[2],
                rows: &places.1,
                panel: *panel,
                depthwise: g.depthwise(),
            };
            pass.run(&mut sums[at..at + len]);
            at += len;
        }
    }
    (sums, bias)
}

/// The first `wide` elements of each of some pixels, which lie `step` apart.
fn lay_columns<T: Lane>(y: &[T], step: usize, wide: usize, pixels: usize, columns: &mut Vec<T>) {
    columns.resize(pixels * wide, T::ZERO);
    simd::vectorize(
        #[inline(always)]
        || {
            let mut from = y;
            for to in columns.chunks_exact_mut(wide) {
                for (to, from) in to.iter_mut().zip(from) {
                    *to = *from;
                }
                from = from.get(step..).unwrap_or_default();
            }
        },
    );
}

/// Where each row's element of a window is.
fn row_places(g: &Geometry, strides: [usize; 3], group: usize, rows: std::ops::Range<usize>) -> Vec<usize> {
    let runs = match g.depthwise() {
        true => window_taps(g, strides),
        false => window_runs(g, strides, group),
    };
    let all = runs.into_iter().flat_map(|(at, len)| at..at + len);
    all.skip(rows.start).take(rows.len()).collect()
}

/// One panel over the pixels of one part.
struct Pass<'a, T> {
    x: &'a [T],
    y: &'a [T],
    lines: &'a [usize],
    width: usize,
    step: usize,
    /// From a pixel of `y` to the next, and the panel's first element in one.
    y_step: usize,
    y_first: usize,
    rows: &'a [usize],
    panel: Panel,
    depthwise: bool,
}

impl<T: Lane> Pass<'_, T> {
    fn run(&self, sums: &mut [T]) {
        let (Some(line), Some(row)) = (self.lines.iter().max(), self.rows.iter().max()) else {
            return;
        };
        if self.width == 0 {
            return;
        }
        let lanes = lanes::<T>();
        let wide = self.panel.wide * lanes;
        let over = if self.depthwise {
            self.panel.first + wide
        } else {
            1
        };
        let pixels = self.lines.len() * self.width;
        assert!(
            line + row + (self.width - 1) * self.step + over <= self.x.len()
                && (pixels - 1) * self.y_step + self.y_first + wide <= self.y.len()
                && self.rows.len() * wide <= sums.len(),
            "convolution: a kernel gradient reaches over its ends"
        );
        simd::dispatch(Job { pass: self, sums });
    }
}

struct Job<'a, T> {
    pass: &'a Pass<'a, T>,
    sums: &'a mut [T],
}

impl<T: Lane> pulp::WithSimd for Job<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { pass, sums } = self;
        let mut row = 0;
        // SAFETY: `run` has checked that all rows of all windows, their pixels of `y` and the sums lie inside.
        unsafe {
            match (pass.panel.wide, pass.depthwise, S::REGISTER_COUNT >= 32) {
                (1, true, _) => {
                    pass.rows::<S, 8, 1, true>(simd, sums, &mut row);
                    pass.rows::<S, 3, 1, true>(simd, sums, &mut row);
                    pass.rows::<S, 1, 1, true>(simd, sums, &mut row);
                }
                (1, false, _) => {
                    pass.rows::<S, 8, 1, false>(simd, sums, &mut row);
                    pass.rows::<S, 4, 1, false>(simd, sums, &mut row);
                    pass.rows::<S, 1, 1, false>(simd, sums, &mut row);
                }
                (_, _, true) => {
                    pass.rows::<S, 8, 2, false>(simd, sums, &mut row);
                    pass.rows::<S, 3, 2, false>(simd, sums, &mut row);
                    pass.rows::<S, 1, 2, false>(simd, sums, &mut row);
                }
                (_, _, false) => {
                    pass.rows::<S, 6, 2, false>(simd, sums, &mut row);
                    pass.rows::<S, 3, 2, false>(simd, sums, &mut row);
                    pass.rows::<S, 1, 2, false>(simd, sums, &mut row);
                }
            }
        }
    }
}

impl<T: Lane> Pass<'_, T> {
    /// `P` rows at a time, as long as there are so many.
    ///
    /// # Safety
    /// As [`Self::run`] checks.
    #[inline(always)]
    unsafe fn rows<S: Simd, const P: usize, const V: usize, const DEPTHWISE: bool>(
        &self,
        simd: S,
        sums: &mut [T],
        row: &mut usize,
    ) {
        while *row + P <= self.rows.len() {
            // SAFETY: the caller's promise.
            unsafe { self.block::<S, P, V, DEPTHWISE>(simd, sums, *row) };
            *row += P;
        }
    }

    /// # Safety
    /// As [`Self::rows`], from row `row` on.
    #[inline(always)]
    unsafe fn block<S: Simd, const P: usize, const V: usize, const DEPTHWISE: bool>(
        &self,
        simd: S,
        sums: &mut [T],
        row: usize,
    ) {
        let lanes = T::lanes::<S>();
        let own = if DEPTHWISE { self.panel.first } else { 0 };
        let mut places = [0; P];
        places.copy_from_slice(&self.rows[row..row + P]);
        // SAFETY: everything read and written lies inside its slice, as promised.
        unsafe {
            let sums = sums.as_mut_ptr().add(row * V * lanes);
            let mut block = [[T::splat(simd, T::ZERO); V]; P];
            for (i, sum) in block.as_flattened_mut().iter_mut().enumerate() {
                *sum = read::<T, S>(sums.add(i * lanes));
            }
            let mut y = self.y.as_ptr().add(self.y_first);
            for line in self.lines {
                let mut x = self.x.as_ptr().add(line + own);
                for i in 0..self.width {
                    let mut grad = [T::splat(simd, T::ZERO); V];
                    for (v, grad) in grad.iter_mut().enumerate() {
                        *grad = read::<T, S>(y.add(v * lanes));
                    }
                    for (sums, place) in block.iter_mut().zip(&places) {
                        let value = if DEPTHWISE {
                            read::<T, S>(x.add(*place))
                        } else {
                            T::splat(simd, *x.add(*place))
                        };
                        for (sum, grad) in sums.iter_mut().zip(&grad) {
                            *sum = T::fma(simd, value, *grad, *sum);
                        }
                    }
                    y = y.wrapping_add(self.y_step);
                    if i + 1 < self.width {
                        x = x.add(self.step);
                    }
                }
            }
            for (i, sum) in block.as_flattened().iter().enumerate() {
                write::<T, S>(sums.add(i * lanes), *sum);
            }
        }
    }
}

/// The sum over all pixels: the gradient by a bias of `channels` elements.
pub fn sum_pixels<T: Lane>(source: Source<'_, T>, channels: usize) -> Vec<T> {
    let len = source.len();
    let mut total = vec![T::ZERO; channels];
    let pixels = len / channels.max(1);
    let block = pixels.div_ceil(BLOCKS).max(1);
    let sum = |first: usize| {
        let mut sums = vec![T::ZERO; channels];
        let mut scratch = Vec::new();
        let end = (first + block).min(pixels);
        for at in (first..end).step_by(256) {
            let len = (end - at).min(256) * channels;
            fused::add_rows(&mut sums, source.run(at * channels, len, 0, &mut scratch));
        }
        sums
    };
    let firsts: Vec<usize> = (0..pixels).step_by(block).collect();
    let sums: Vec<Vec<T>> = if simd::parallel(len) {
        firsts.into_par_iter().map(sum).collect()
    } else {
        firsts.into_iter().map(sum).collect()
    };
    sums.iter().for_each(|sums| fused::add_rows(&mut total, sums));
    total
}
