//! Convolution and the largest value of each window of what it gives, without the values between.

use pulp::Simd;

use super::gather::{Gather, PART_PIXELS, cut_at_most};
use super::tile::{Part, Source};
use super::{Geometry, PARALLEL_WORK};
use crate::kernels::buffer::unwritten;
use crate::kernels::fused::FusedActivation;
use crate::kernels::pool::{largest, unwritten_places};
use crate::kernels::simd;
use crate::kernels::team::{IntoParts as _, Parts as _};
use crate::kernels::vector::Lane;

/// The largest values of `gather` in windows of (height, width) that lie side by side, and with `keep` where in its
/// image of the convolution's output the pixel of each one is.
///
/// The windows must cover the output exactly, and it must have one plane.
pub fn gather_max<T: Lane>(
    g: &Geometry,
    x: Source<'_, T>,
    kernel: &[T],
    bias: Option<&[T]>,
    act: FusedActivation,
    window: [usize; 2],
    keep: bool,
) -> (Vec<T>, Vec<u32>) {
    let size = [1, g.output[1] / window[0], g.output[2] / window[1]];
    assert!(
        g.output[0] == 1 && g.output[1] == size[1] * window[0] && g.output[2] == size[2] * window[1],
        "pooled convolution: windows do not cover the output"
    );
    let len = g.batch * size[1] * size[2] * g.filters;
    let places = if keep { len } else { 0 };
    // SAFETY: each part writes every filter of its windows, and with `keep` their places.
    let (mut out, mut places) = unsafe { (unwritten(len), unwritten_places(places)) };
    let gather = Gather::new(g, x, kernel, bias, act);
    let parts = cut_at_most(g, size, PART_PIXELS / (window[0] * window[1]));
    let tasks = shares(parts, g.filters, &mut out, &mut places);
    let run = |task: Task<'_, T>, scratch: &mut Vec<T>| {
        let part = under(&task.part, window);
        // SAFETY: the convolution writes every filter of every pixel.
        let mut tile = unsafe { unwritten(part.pixels() * g.filters) };
        gather.part(&part, &mut tile, scratch);
        simd::dispatch(Windows {
            g,
            window,
            part: &part,
            tile: &tile,
            task,
        });
    };
    if g.work() < PARALLEL_WORK {
        let mut scratch = Vec::new();
        tasks.into_iter().for_each(|task| run(task, &mut scratch));
    } else {
        tasks.into_par_iter().for_each(|task| run(task, &mut Vec::new()));
    }
    (out, places)
}

/// Some windows, and where their results go.
struct Task<'a, T> {
    part: Part,
    out: &'a mut [T],
    places: &'a mut [u32],
}

fn shares<'a, T>(
    parts: Vec<Part>,
    filters: usize,
    mut out: &'a mut [T],
    mut places: &'a mut [u32],
) -> Vec<Task<'a, T>> {
    let share = |part: Part| {
        let len = part.pixels() * filters;
        let kept = if places.is_empty() { 0 } else { len };
        Task {
            part,
            out: out.split_off_mut(..len).unwrap_or_default(),
            places: places.split_off_mut(..kept).unwrap_or_default(),
        }
    };
    parts.into_iter().map(share).collect()
}

/// The convolution's pixels under some windows.
fn under(part: &Part, [height, width]: [usize; 2]) -> Part {
    Part {
        image: part.image,
        lines: part.lines.start * height..part.lines.end * height,
        columns: part.columns.start * width..part.columns.end * width,
    }
}

/// The windows over a part of the convolution's output.
struct Windows<'a, T> {
    g: &'a Geometry,
    window: [usize; 2],
    part: &'a Part,
    tile: &'a [T],
    task: Task<'a, T>,
}

impl<T: Lane> pulp::WithSimd for Windows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { g, part, tile, .. } = self;
        let ([height, width], filters) = (self.window, g.filters);
        let (step, image_step) = (part.columns.len() * filters, g.output[2] * filters);
        let corner = (part.lines.start * g.output[2] + part.columns.start) * filters;
        let Task { out, places, .. } = self.task;
        let kept = if places.is_empty() { 0 } else { filters };
        let (mut pixels, mut numbers) = (vec![0; height * width], vec![0; height * width]);
        let per_line = self.task.part.columns.len();
        for (i, out) in out.chunks_exact_mut(filters).enumerate() {
            let (line, column) = (i / per_line * height, i % per_line * width * filters);
            for y in 0..height {
                for x in 0..width {
                    let along = column + x * filters;
                    pixels[y * width + x] = (line + y) * step + along;
                    numbers[y * width + x] = (corner + (line + y) * image_step + along) as u32;
                }
            }
            // SAFETY: the tile has all filters of the pixels under the windows.
            unsafe {
                largest(
                    simd,
                    tile,
                    &pixels,
                    &numbers,
                    out,
                    &mut places[i * kept..][..kept],
                )
            };
        }
    }
}
