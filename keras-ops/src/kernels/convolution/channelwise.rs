//! Convolution of each channel with a filter of its own, from the image where it lies.

use std::ops::Range;

use pulp::Simd;

use super::Geometry;
use super::gather::{cut, each_part};
use super::tile::Part;
use crate::kernels::buffer::unwritten;
use crate::kernels::fused::{self, FusedActivation};
use crate::kernels::simd;
use crate::kernels::vector::{Lane, read, write};

/// Whether [`gather`] can do it: the channels of a pixel fill a register.
pub(super) fn fits<T: Lane>(g: &Geometry) -> bool {
    g.depthwise() && g.channels >= super::panels::lanes::<T>()
}

/// `act(x * kernel + bias)` for a kernel of (taps, channels), where it [`fits`].
pub(super) fn gather<T: Lane>(
    g: &Geometry,
    x: &[T],
    kernel: &[T],
    bias: Option<&[T]>,
    act: FusedActivation,
) -> Vec<T> {
    assert!(
        fits::<T>(g) && x.len() == g.image_len() && kernel.len() == g.kernel_len(),
        "convolution by channels: operands do not fit"
    );
    let zeros;
    let bias = match bias {
        Some(bias) => bias,
        None => {
            zeros = vec![T::ZERO; g.channels];
            &zeros
        }
    };
    assert!(
        bias.len() == g.channels,
        "convolution by channels: operands do not fit"
    );
    // SAFETY: each line of each part is written as a whole.
    let mut out = unsafe { unwritten(g.output_len()) };
    each_part(g, cut(g, g.output), g.channels, &mut out, |part, dst, _| {
        simd::dispatch(Lines {
            g,
            x,
            kernel,
            bias,
            part,
            relu: act == FusedActivation::Relu,
            dst,
        });
        if act != FusedActivation::Relu {
            fused::finish(dst, None, act);
        }
    });
    out
}

/// Some lines of the output.
struct Lines<'a, T> {
    g: &'a Geometry,
    x: &'a [T],
    kernel: &'a [T],
    bias: &'a [T],
    part: &'a Part,
    relu: bool,
    dst: &'a mut [T],
}

/// A line of the image that a line of the output reads: its first element, and the first weight it is read with.
struct Row {
    line: usize,
    weights: usize,
}

impl<T: Lane> pulp::WithSimd for Lines<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { g, part, .. } = self;
        let span = part.span(g.output);
        let mut dst = self.dst.chunks_exact_mut(part.columns.len() * g.channels);
        let mut job = Job {
            g,
            x: self.x,
            kernel: self.kernel,
            bias: self.bias,
            relu: self.relu,
            rows: Vec::with_capacity(g.kernel[0] * g.kernel[1]),
            first: part.columns.start,
        };
        let whole = whole(g, &part.columns);
        let beside = g.stride[2] == 1 && g.dilation[2] == 1;
        for z in span[0].clone() {
            for y in span[1].clone() {
                let Some(dst) = dst.next() else {
                    return;
                };
                job.rows.clear();
                job.rows.extend(rows(g, part.image, z, y));
                // SAFETY: the channels are there, and so are the taps of the pixels of `whole`.
                unsafe {
                    match g.kernel[2] {
                        3 if beside => job.line::<S, 3>(simd, whole.clone(), &part.columns, dst),
                        5 if beside => job.line::<S, 5>(simd, whole.clone(), &part.columns, dst),
                        _ => job.line::<S, 0>(simd, whole.clone(), &part.columns, dst),
                    }
                }
            }
        }
    }
}

/// The pixels of `columns` whose windows lie in the image's lines as a whole.
fn whole(g: &Geometry, columns: &Range<usize>) -> Range<usize> {
    let start = g.before[2]
        .div_ceil(g.stride[2])
        .clamp(columns.start, columns.end);
    let reach = (g.input[2] + g.before[2]).checked_sub(g.extent(2));
    let end = reach.map_or(0, |reach| reach / g.stride[2] + 1);
    start..end.clamp(start, columns.end)
}

/// The lines of the image that a line of the output reads.
fn rows(g: &Geometry, image: usize, z: usize, y: usize) -> impl Iterator<Item = Row> {
    let place = |axis: usize, output: usize, tap: usize| {
        let at = (output * g.stride[axis] + tap * g.dilation[axis]).checked_sub(g.before[axis])?;
        (at < g.input[axis]).then_some(at)
    };
    let taps = (0..g.kernel[0]).flat_map(|kz| (0..g.kernel[1]).map(move |ky| (kz, ky)));
    taps.filter_map(move |(kz, ky)| {
        let (z, y) = place(0, z, kz).zip(place(1, y, ky))?;
        Some(Row {
            line: ((image * g.input[0] + z) * g.input[1] + y) * g.input[2] * g.channels,
            weights: (kz * g.kernel[1] + ky) * g.kernel[2] * g.channels,
        })
    })
}

struct Job<'a, T> {
    g: &'a Geometry,
    x: &'a [T],
    kernel: &'a [T],
    bias: &'a [T],
    relu: bool,
    rows: Vec<Row>,
    /// The pixel that results begin with.
    first: usize,
}

impl<T: Lane> Job<'_, T> {
    /// All pixels of `columns`. `K` is the width of the kernel where its taps lie side by side and it is known, else 0.
    ///
    /// # Safety
    /// The channels must fill a register, and all taps of the pixels in `whole` be there, which must be in `columns`.
    #[inline(always)]
    unsafe fn line<S: Simd, const K: usize>(
        &self,
        simd: S,
        whole: Range<usize>,
        columns: &Range<usize>,
        dst: &mut [T],
    ) {
        const P: usize = 8;
        // SAFETY: the caller's promise.
        unsafe {
            if whole.len() >= P {
                for x in whole.clone().step_by(P) {
                    let x = x.min(whole.end - P);
                    self.channels::<S, 1>(0, |c| self.pixels::<S, P, K>(simd, c, x, dst));
                }
            } else {
                for x in whole.clone() {
                    self.channels::<S, 1>(0, |c| self.pixels::<S, 1, 0>(simd, c, x, dst));
                }
            }
            for x in (columns.start..whole.start).chain(whole.end..columns.end) {
                let rest = self.channels::<S, 4>(0, |c| self.border::<S, 4>(simd, c, x, dst));
                self.channels::<S, 1>(rest, |c| self.border::<S, 1>(simd, c, x, dst));
            }
        }
    }

    /// The first channel of each `N` registers from channel `c` on, and the channel after them. A single last one has
    /// some channels of the one before where the channels don't fill it.
    #[inline(always)]
    fn channels<S: Simd, const N: usize>(&self, mut c: usize, mut f: impl FnMut(usize)) -> usize {
        let (step, channels) = (N * T::lanes::<S>(), self.g.channels);
        let end = if N == 1 {
            channels
        } else {
            c + (channels - c) / step * step
        };
        while c < end {
            f(c.min(channels - step));
            c += step;
        }
        end
    }

    /// `P` pixels from `x` on that all taps reach.
    ///
    /// # Safety
    /// As [`line`](Self::line); a register of channels must follow `c`.
    #[inline(always)]
    unsafe fn pixels<S: Simd, const P: usize, const K: usize>(
        &self,
        simd: S,
        c: usize,
        x: usize,
        dst: &mut [T],
    ) {
        let g = self.g;
        let step = g.stride[2] * g.channels;
        let along = (x * g.stride[2] - g.before[2]) * g.channels + c;
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [read::<T, S>(self.bias.as_ptr().add(c)); P];
            for row in &self.rows {
                let from = self.x.as_ptr().add(row.line + along);
                let weights = self.kernel.as_ptr().add(row.weights + c);
                if K > 0 {
                    slide::<T, S, P, K>(simd, from, weights, g.channels, &mut sums);
                    continue;
                }
                for k in 0..g.kernel[2] {
                    let weights = read::<T, S>(weights.add(k * g.channels));
                    let from = from.add(k * g.dilation[2] * g.channels);
                    for (p, sum) in sums.iter_mut().enumerate() {
                        *sum = T::fma(simd, read::<T, S>(from.add(p * step)), weights, *sum);
                    }
                }
            }
            self.write::<S, P>(simd, &sums, x, c, g.channels, dst);
        }
    }

    /// `N` registers of channels of a pixel that not all taps reach.
    ///
    /// # Safety
    /// The registers must follow `c`.
    #[inline(always)]
    unsafe fn border<S: Simd, const N: usize>(&self, simd: S, c: usize, x: usize, dst: &mut [T]) {
        let (g, lanes) = (self.g, T::lanes::<S>());
        // SAFETY: the caller's promise; a tap is read where it is inside.
        unsafe {
            let mut sums = [T::splat(simd, T::ZERO); N];
            for (n, sum) in sums.iter_mut().enumerate() {
                *sum = read::<T, S>(self.bias.as_ptr().add(c + n * lanes));
            }
            for row in &self.rows {
                for k in 0..g.kernel[2] {
                    let at = (x * g.stride[2] + k * g.dilation[2]).wrapping_sub(g.before[2]);
                    if at >= g.input[2] {
                        continue;
                    }
                    let from = self.x.as_ptr().add(row.line + at * g.channels + c);
                    let weights = self.kernel.as_ptr().add(row.weights + k * g.channels + c);
                    for (n, sum) in sums.iter_mut().enumerate() {
                        let weights = read::<T, S>(weights.add(n * lanes));
                        *sum = T::fma(simd, read::<T, S>(from.add(n * lanes)), weights, *sum);
                    }
                }
            }
            self.write::<S, N>(simd, &sums, x, c, lanes, dst);
        }
    }

    /// Finishes sums and writes them from channel `c` of pixel `x` on, `step` elements from one to the next.
    ///
    /// # Safety
    /// They must be in the line.
    #[inline(always)]
    unsafe fn write<S: Simd, const N: usize>(
        &self,
        simd: S,
        sums: &[T::Vector<S>; N],
        x: usize,
        c: usize,
        step: usize,
        dst: &mut [T],
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let to = dst.as_mut_ptr().add((x - self.first) * self.g.channels + c);
            for (n, sum) in sums.iter().enumerate() {
                let sum = if self.relu { T::relu_all(simd, *sum) } else { *sum };
                write::<T, S>(to.add(n * step), sum);
            }
        }
    }
}

/// Adds `K` taps side by side to the sums of `P` pixels side by side: each pixel of the image is read once.
///
/// # Safety
/// `P + K - 1` pixels of the image and `K` weights must follow, `channels` elements from one to the next.
#[inline(always)]
unsafe fn slide<T: Lane, S: Simd, const P: usize, const K: usize>(
    simd: S,
    from: *const T,
    weights: *const T,
    channels: usize,
    sums: &mut [T::Vector<S>; P],
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut taps = [T::splat(simd, T::ZERO); K];
        for (k, tap) in taps.iter_mut().enumerate() {
            *tap = read::<T, S>(weights.add(k * channels));
        }
        for at in 0..P + K - 1 {
            let pixel = read::<T, S>(from.add(at * channels));
            for (k, tap) in taps.iter().enumerate() {
                if at >= k && at - k < P {
                    sums[at - k] = T::fma(simd, pixel, *tap, sums[at - k]);
                }
            }
        }
    }
}
