//! `spread` to fewer channels than a register holds: all taps of a window side by side, then added in place.

use std::ops::Range;

use super::Geometry;
use super::axis::reaching;
use super::gather::each_part;
use super::panels::{Packed, lanes};
use super::sweep::Sweep;
use super::tile::{Part, Source, parts};
use crate::kernels::buffer::unwritten;
use crate::kernels::fused::{self, FusedActivation};
use crate::kernels::simd::vectorize;
use crate::kernels::vector::Lane;

/// Whether this is less work than a register of channels for each pixel.
pub(super) fn pays<T: Lane>(g: &Geometry) -> bool {
    let lanes = lanes::<T>();
    if g.groups != 1 || g.channels >= lanes || g.input[0] > 1 {
        return false;
    }
    let steps: usize = g.stride.iter().product();
    let pixels: usize = g.input.iter().product();
    let windows: usize = g.output.iter().product();
    let run = if g.dilation[2] == 1 {
        g.kernel[2] * g.channels
    } else {
        g.channels
    };
    let runs = g.taps() * g.channels / run.max(1);
    // Adding a run costs about as much as this many products of registers.
    let adding = runs * (24 + 6 * run.div_ceil(lanes));
    windows * (g.filters * (g.taps() * g.channels).div_ceil(lanes) + adding)
        < pixels * g.taps() * g.filters / steps
}

/// As `spread`.
pub(super) fn spread<T: Lane>(
    g: &Geometry,
    y: Source<'_, T>,
    kernel: &[T],
    bias: Option<&[T]>,
    act: FusedActivation,
) -> Vec<T> {
    // SAFETY: each part is filled as a whole before anything is added.
    let mut out = unsafe { unwritten(g.image_len()) };
    let rows: Vec<usize> = (0..g.filters).collect();
    let packed = Packed::new(kernel, None, (0, g.taps() * g.channels), &rows, g.filters, 2);
    // Windows over the borders of a part are computed for both sides, so parts are not small.
    let lines = g.input[2] * (8 * g.extent(1)).max(16);
    let planes = g.input[1] * g.input[2] * 8 * g.extent(0);
    let size = if g.input[0] > 1 { planes } else { lines };
    each_part(
        g,
        parts(g.batch, g.input, size),
        g.channels,
        &mut out,
        |part, dst, scratch| {
            match bias {
                Some(bias) => dst
                    .chunks_exact_mut(g.channels)
                    .for_each(|pixel| pixel.copy_from_slice(bias)),
                None => dst.fill(T::ZERO),
            }
            add(g, part, y, &packed, dst, scratch);
            fused::finish(dst, None, act);
        },
    );
    out
}

/// The windows along an axis that reach some pixels.
fn windows(g: &Geometry, axis: usize, span: &Range<usize>) -> Range<usize> {
    let (first, count) = reaching(g, axis, span.start, span.end);
    let end = (first + count as isize).clamp(0, g.output[axis] as isize) as usize;
    (first.max(0) as usize).min(end)..end
}

fn add<T: Lane>(
    g: &Geometry,
    part: &Part,
    y: Source<'_, T>,
    packed: &Packed<T>,
    dst: &mut [T],
    scratch: &mut Vec<T>,
) {
    let span = part.span(g.input);
    let [planes, lines, columns] = [0, 1, 2].map(|axis| windows(g, axis, &span[axis]));
    let wide = g.taps() * g.channels;
    let mut taps = vec![T::ZERO; columns.len() * wide];
    for oz in planes {
        for oy in lines.clone() {
            let line = (part.image * g.output[0] + oz) * g.output[1] + oy;
            let first = (line * g.output[2] + columns.start) * g.filters;
            let sweep = Sweep {
                x: y.run(first, columns.len() * g.filters, 0, scratch),
                lines: &[(0, 0)],
                width: columns.len(),
                step: g.filters,
                out_step: wide,
                runs: &[(0, g.filters)],
                packed,
                depthwise: false,
                relu: false,
            };
            sweep.run(&mut taps);
            vectorize(
                #[inline(always)]
                || add_line(g, &span, (oz, oy, columns.start), &taps, dst),
            );
        }
    }
}

/// Adds the taps of one line of windows to the pixels of `span`.
#[inline(always)]
fn add_line<T: Lane>(
    g: &Geometry,
    span: &[Range<usize>; 3],
    (oz, oy, first): (usize, usize, usize),
    taps: &[T],
    dst: &mut [T],
) {
    let wide = g.taps() * g.channels;
    let place = |axis: usize, window: usize, tap: usize| {
        let at = (window * g.stride[axis] + tap * g.dilation[axis]).checked_sub(g.before[axis])?;
        span[axis].contains(&at).then(|| at - span[axis].start)
    };
    let (height, width) = (span[1].len(), span[2].len());
    // Taps that lie side by side in the image too.
    let joined = if g.dilation[2] == 1 { g.kernel[2] } else { 1 };
    for kz in 0..g.kernel[0] {
        for ky in 0..g.kernel[1] {
            let Some((z, y)) = place(0, oz, kz).zip(place(1, oy, ky)) else {
                continue;
            };
            let line = &mut dst[(z * height + y) * width * g.channels..][..width * g.channels];
            for (ox, taps) in (first..).zip(taps.chunks_exact(wide)) {
                let taps = &taps[(kz * g.kernel[1] + ky) * g.kernel[2] * g.channels..];
                for kx in (0..g.kernel[2]).step_by(joined) {
                    // The first pixel, from the span's, and the taps of the run that lie in it.
                    let at = (ox * g.stride[2] + kx * g.dilation[2]) as isize
                        - (g.before[2] + span[2].start) as isize;
                    let skip = (-at).clamp(0, joined as isize) as usize;
                    let end = (width as isize - at).clamp(skip as isize, joined as isize) as usize;
                    let len = (end - skip) * g.channels;
                    let to = (at + skip as isize).max(0) as usize * g.channels;
                    let from = (kx + skip) * g.channels;
                    if len > 0 {
                        let line = line[to..to + len].iter_mut();
                        line.zip(&taps[from..from + len]).for_each(|(d, t)| *d += *t);
                    }
                }
            }
        }
    }
}
