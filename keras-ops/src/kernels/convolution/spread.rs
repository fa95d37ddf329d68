//! Each pixel of the image from the windows that reach it: the gradient of `gather`, and transposed convolution.

use super::Geometry;
use super::axis::{Phase, phases, reaching};
use super::channelwise;
use super::few;
use super::gather::{cut, each_part};
use super::panels::Packed;
use super::sweep::Sweep;
use super::tile::{Part, Place, Source, Tile};
use crate::kernels::buffer::unwritten;
use crate::kernels::fused::{self, FusedActivation};
use crate::kernels::vector::Lane;

/// The pixels at one position between the strides, with the part of the kernel that reaches them.
struct Position<'a, T> {
    axes: [&'a Phase; 3],
    /// One a group.
    packed: Vec<Packed<T>>,
}

/// `act(bias + ` every element of `y` times the kernel, laid where its window is`)`: (batch, `input`, channels) from
/// (batch, `output`, filters).
pub fn spread<T: Lane>(
    geometry: &Geometry,
    y: Source<'_, T>,
    kernel: &[T],
    bias: Option<&[T]>,
    act: FusedActivation,
) -> Vec<T> {
    let g = &geometry.flat();
    let len = g.image_len();
    if len == 0 {
        return Vec::new();
    }
    if few::pays::<T>(g) {
        return few::spread(g, y, kernel, bias, act);
    }
    if let (Some(y), Some(mirrored), true) = (y.values(), g.mirrored(), channelwise::fits::<T>(g)) {
        let taps = kernel.chunks_exact(g.channels).rev();
        return channelwise::gather(
            &mirrored,
            y,
            &taps.flatten().copied().collect::<Vec<_>>(),
            bias,
            act,
        );
    }
    // SAFETY: every pixel is at one of the positions, whose sweep writes all channels.
    let mut out = unsafe { unwritten(len) };
    let axes = [0, 1, 2].map(|axis| phases(g, axis));
    let mut positions = Vec::new();
    for z in &axes[0] {
        for y in &axes[1] {
            for x in &axes[2] {
                let axes = [z, y, x];
                let packed = (0..if g.depthwise() { 1 } else { g.groups })
                    .map(|group| pack(g, kernel, bias, axes, group))
                    .collect();
                positions.push(Position { axes, packed });
            }
        }
    }
    let slack = if g.depthwise() {
        super::panels::lanes::<T>()
    } else {
        0
    };
    each_part(g, cut(g, g.input), g.channels, &mut out, |part, dst, scratch| {
        let span = part.span(g.input);
        let range = [0, 1, 2].map(|i| reaching(g, i, span[i].start, span[i].end));
        let place = Place {
            image: part.image,
            from: range.map(|r| r.0),
            size: range.map(|r| r.1),
        };
        let tile = place.cut(y, g.output, g.filters, slack, scratch);
        for position in &positions {
            sweep(g, part, &place, tile, position, act, dst);
        }
        if act != FusedActivation::Relu {
            fused::finish(dst, None, act);
        }
    });
    out
}

/// The taps of a position, in the order of their windows.
fn taps(axes: [&Phase; 3]) -> impl Iterator<Item = [&(usize, usize); 3]> {
    let [z, y, x] = axes;
    z.taps.iter().flat_map(move |z| {
        y.taps
            .iter()
            .flat_map(move |y| x.taps.iter().map(move |x| [z, y, x]))
    })
}

fn pack<T: Lane>(
    g: &Geometry,
    kernel: &[T],
    bias: Option<&[T]>,
    axes: [&Phase; 3],
    group: usize,
) -> Packed<T> {
    let number = |t: [&(usize, usize); 3]| (t[0].0 * g.kernel[1] + t[1].0) * g.kernel[2] + t[2].0;
    if g.depthwise() {
        let rows: Vec<usize> = taps(axes).map(|t| number(t) * g.channels).collect();
        return Packed::new(kernel, bias, (0, g.channels), &rows, 1, 1);
    }
    let (channels, filters) = (g.group_channels(), g.group_filters());
    let first = |t| number(t) * channels * g.filters + group * filters;
    let rows: Vec<usize> = taps(axes).flat_map(|t| first(t)..first(t) + filters).collect();
    Packed::new(kernel, bias, (group * channels, channels), &rows, g.filters, 2)
}

/// The runs of a position's windows in a tile, for one group.
fn runs(
    g: &Geometry,
    position: &Position<'_, impl Copy>,
    strides: [usize; 3],
    group: usize,
) -> Vec<(usize, usize)> {
    let (first, len) = match g.depthwise() {
        true => (0, 1),
        false => (group * g.group_filters(), g.group_filters()),
    };
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for [z, y, x] in taps(position.axes) {
        let at = z.1 * strides[0] + y.1 * strides[1] + x.1 * strides[2] + first;
        match runs.last_mut() {
            Some(last) if last.0 + last.1 == at && g.groups == 1 => last.1 += len,
            _ => runs.push((at, len)),
        }
    }
    runs
}

fn sweep<T: Lane>(
    g: &Geometry,
    part: &Part,
    place: &Place,
    tile: Tile<'_, T>,
    position: &Position<'_, T>,
    act: FusedActivation,
    dst: &mut [T],
) {
    let span = part.span(g.input);
    // The first pixel, how many, and the first window of the tile, along each axis.
    let axes = [0, 1, 2].map(|i| {
        let (first, count, window) = position.axes[i].pixels(g, i, span[i].start, span[i].end);
        let window = if position.axes[i].taps.is_empty() {
            0
        } else {
            window - place.from[i]
        };
        (first - span[i].start.min(first), count, window.max(0) as usize)
    });
    let (height, width) = (span[1].len(), span[2].len());
    let mut lines = Vec::with_capacity(axes[0].1 * axes[1].1);
    for z in 0..axes[0].1 {
        for y in 0..axes[1].1 {
            let from = (axes[0].2 + z) * tile.strides[0]
                + (axes[1].2 + y) * tile.strides[1]
                + axes[2].2 * tile.strides[2];
            let line = (axes[0].0 + z * g.stride[0]) * height + axes[1].0 + y * g.stride[1];
            lines.push((from, (line * width + axes[2].0) * g.channels));
        }
    }
    // Without taps no window is read; its place must lie inside nevertheless.
    let reached = position.axes.iter().all(|axis| !axis.taps.is_empty());
    if !reached {
        lines.iter_mut().for_each(|line| line.0 = 0);
    }
    for (group, packed) in position.packed.iter().enumerate() {
        let sweep = Sweep {
            x: tile.data,
            lines: &lines,
            width: axes[2].1,
            step: if reached { tile.strides[2] } else { 0 },
            out_step: g.stride[2] * g.channels,
            runs: &runs(g, position, tile.strides, group),
            packed,
            depthwise: g.depthwise(),
            relu: act == FusedActivation::Relu,
        };
        sweep.run(dst);
    }
}
