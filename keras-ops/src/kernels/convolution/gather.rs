//! Each pixel of the result from its window of the image.

use crate::kernels::team::{IntoParts as _, Parts as _};

use super::channelwise;
use super::panels::Packed;
use super::sweep::Sweep;
use super::tile::{Part, Place, Source, parts};
use super::{Geometry, PARALLEL_WORK};
use crate::kernels::buffer::unwritten;
use crate::kernels::fused::{self, FusedActivation};
use crate::kernels::vector::Lane;

/// The most pixels of a part, and the parts that the pixels are cut into if possible.
pub(super) const PART_PIXELS: usize = 512;
const PARTS: usize = 16;

/// Parts of pixels of `size`, the same for any number of threads.
pub(super) fn cut(g: &Geometry, size: [usize; 3]) -> Vec<Part> {
    cut_at_most(g, size, PART_PIXELS)
}

/// [`cut`] to parts of at most about `most` pixels.
pub(super) fn cut_at_most(g: &Geometry, size: [usize; 3], most: usize) -> Vec<Part> {
    let pixels = g.batch * size.iter().product::<usize>();
    let wanted = (g.work() / PARALLEL_WORK).clamp(1, PARTS);
    parts(g.batch, size, pixels.div_ceil(wanted).min(most).max(16))
}

/// Runs `f` with the part's share of `dst` for each part, at once where the work is worth it.
pub(super) fn each_part<T: Lane>(
    g: &Geometry,
    parts: Vec<Part>,
    channels: usize,
    mut dst: &mut [T],
    f: impl Fn(&Part, &mut [T], &mut Vec<T>) + Sync,
) {
    let mut shares = Vec::with_capacity(parts.len());
    for part in parts {
        let (share, rest) = dst.split_at_mut(part.pixels() * channels);
        shares.push((part, share));
        dst = rest;
    }
    if g.work() < PARALLEL_WORK {
        let mut scratch = Vec::new();
        shares
            .into_iter()
            .for_each(|(part, dst)| f(&part, dst, &mut scratch));
    } else {
        shares
            .into_par_iter()
            .for_each(|(part, dst)| f(&part, dst, &mut Vec::new()));
    }
}

/// The box of the image under the windows of a part.
pub(super) fn under(g: &Geometry, part: &Part) -> Place {
    let span = part.span(g.output);
    let from = |i: usize| (span[i].start * g.stride[i]) as isize - g.before[i] as isize;
    let size = |i: usize| (span[i].len() - 1) * g.stride[i] + g.extent(i);
    Place {
        image: part.image,
        from: [from(0), from(1), from(2)],
        size: [size(0), size(1), size(2)],
    }
}

/// Where the first window of each line of a part begins in its box.
pub(super) fn window_lines(g: &Geometry, part: &Part, strides: [usize; 3]) -> Vec<usize> {
    let span = part.span(g.output);
    let line = |z: usize, y: usize| z * g.stride[0] * strides[0] + y * g.stride[1] * strides[1];
    let planes = 0..span[0].len();
    planes
        .flat_map(|z| (0..span[1].len()).map(move |y| line(z, y)))
        .collect()
}

/// The runs of a window in its box, for one group.
pub(super) fn window_runs(g: &Geometry, strides: [usize; 3], group: usize) -> Vec<(usize, usize)> {
    let channels = g.group_channels();
    let joined = g.dilation[2] == 1 && g.groups == 1;
    let mut runs = Vec::new();
    for z in 0..g.kernel[0] {
        for y in 0..g.kernel[1] {
            let line = z * g.dilation[0] * strides[0] + y * g.dilation[1] * strides[1];
            if joined {
                runs.push((line, g.kernel[2] * channels));
            } else {
                let at = |x: usize| line + x * g.dilation[2] * strides[2] + group * channels;
                runs.extend((0..g.kernel[2]).map(|x| (at(x), channels)));
            }
        }
    }
    runs
}

fn packed<T: Lane>(g: &Geometry, kernel: &[T], bias: Option<&[T]>) -> Vec<Packed<T>> {
    let rows = |group: usize| -> Vec<usize> {
        let rows = 0..g.taps() * g.group_channels();
        rows.map(|row| row * g.filters + group * g.group_filters())
            .collect()
    };
    if g.depthwise() {
        let rows: Vec<usize> = (0..g.taps()).map(|tap| tap * g.channels).collect();
        return vec![Packed::new(kernel, bias, (0, g.channels), &rows, 1, 1)];
    }
    let group = |i: usize| {
        let columns = (i * g.group_filters(), g.group_filters());
        Packed::new(kernel, bias, columns, &rows(i), 1, 2)
    };
    (0..g.groups).map(group).collect()
}

/// A convolution that is ready to run, part by part.
pub(super) struct Gather<'a, T> {
    g: &'a Geometry,
    x: Source<'a, T>,
    packed: Vec<Packed<T>>,
    act: FusedActivation,
}

impl<'a, T: Lane> Gather<'a, T> {
    pub(super) fn new(
        g: &'a Geometry,
        x: Source<'a, T>,
        kernel: &[T],
        bias: Option<&[T]>,
        act: FusedActivation,
    ) -> Self {
        let packed = packed(g, kernel, bias);
        Self { g, x, packed, act }
    }

    /// Writes all filters of the pixels of a part.
    pub(super) fn part(&self, part: &Part, dst: &mut [T], scratch: &mut Vec<T>) {
        let Self { g, act, .. } = *self;
        let slack = if g.depthwise() {
            super::panels::lanes::<T>()
        } else {
            0
        };
        let tile = under(g, part).cut(self.x, g.input, g.channels, slack, scratch);
        let starts = window_lines(g, part, tile.strides);
        let results = (0..).step_by(part.columns.len() * g.filters);
        let lines: Vec<(usize, usize)> = starts.into_iter().zip(results).collect();
        for (group, packed) in self.packed.iter().enumerate() {
            let runs = if g.depthwise() {
                window_taps(g, tile.strides)
            } else {
                window_runs(g, tile.strides, group)
            };
            let sweep = Sweep {
                x: tile.data,
                lines: &lines,
                width: part.columns.len(),
                step: g.stride[2] * tile.strides[2],
                out_step: g.filters,
                runs: &runs,
                packed,
                depthwise: g.depthwise(),
                relu: act == FusedActivation::Relu,
            };
            sweep.run(dst);
        }
        if act != FusedActivation::Relu {
            fused::finish(dst, None, act);
        }
    }
}

/// `act(x * kernel + bias)`: (batch, `output`, filters) from (batch, `input`, channels).
pub fn gather<T: Lane>(
    geometry: &Geometry,
    x: Source<'_, T>,
    kernel: &[T],
    bias: Option<&[T]>,
    act: FusedActivation,
) -> Vec<T> {
    let g = &geometry.flat();
    let len = g.output_len();
    if len == 0 {
        return Vec::new();
    }
    if let (Some(x), true) = (x.values(), channelwise::fits::<T>(g)) {
        return channelwise::gather(g, x, kernel, bias, act);
    }
    // SAFETY: the sweeps write every filter of every pixel.
    let mut out = unsafe { unwritten(len) };
    let gather = Gather::new(g, x, kernel, bias, act);
    each_part(g, cut(g, g.output), g.filters, &mut out, |part, dst, scratch| {
        gather.part(part, dst, scratch)
    });
    out
}

/// Where the taps of a window are in its box.
pub(super) fn window_taps(g: &Geometry, strides: [usize; 3]) -> Vec<(usize, usize)> {
    let line = |z: usize, y: usize| z * g.dilation[0] * strides[0] + y * g.dilation[1] * strides[1];
    let mut taps = Vec::with_capacity(g.taps());
    for z in 0..g.kernel[0] {
        for y in 0..g.kernel[1] {
            taps.extend((0..g.kernel[2]).map(|x| (line(z, y) + x * g.dilation[2] * strides[2], 1)));
        }
    }
    taps
}
