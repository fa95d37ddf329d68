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

/// A tap: where it lies from the window's first pixel along the line, in elements, and its weights.
#[derive(Clone, Copy)]
struct Tap {
    line: usize,
    along: isize,
    weights: usize,
}

/// The taps of one output line that are inside the image, and the pixels that all of them reach.
struct Line {
    taps: Vec<Tap>,
    whole: Range<usize>,
}

impl<T: Lane> pulp::WithSimd for Lines<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { g, part, .. } = self;
        let span = part.span(g.output);
        let mut dst = self.dst.chunks_exact_mut(part.columns.len() * g.channels);
        for z in span[0].clone() {
            for y in span[1].clone() {
                let (Some(dst), line) = (dst.next(), line(g, part.image, z, y)) else {
                    return;
                };
                let job = Job {
                    g,
                    x: self.x,
                    kernel: self.kernel,
                    bias: self.bias,
                    relu: self.relu,
                    line: &line,
                    first: part.columns.start,
                };
                let columns = &part.columns;
                let start = line.whole.start.clamp(columns.start, columns.end);
                let end = line.whole.end.clamp(start, columns.end);
                // SAFETY: the channels are there, and so are the taps of the pixels from `start` to `end`.
                unsafe { job.line(simd, start..end, columns.clone(), dst) };
            }
        }
    }
}

/// The taps of one output line that lie in the image.
fn line(g: &Geometry, image: usize, z: usize, y: usize) -> Line {
    let place = |axis: usize, output: usize, tap: usize| {
        let at = (output * g.stride[axis] + tap * g.dilation[axis]).checked_sub(g.before[axis])?;
        (at < g.input[axis]).then_some(at)
    };
    let mut taps = Vec::with_capacity(g.taps());
    for kz in 0..g.kernel[0] {
        for ky in 0..g.kernel[1] {
            let Some((z, y)) = place(0, z, kz).zip(place(1, y, ky)) else {
                continue;
            };
            let line = ((image * g.input[0] + z) * g.input[1] + y) * g.input[2] * g.channels;
            taps.extend((0..g.kernel[2]).map(|kx| Tap {
                line,
                along: ((kx * g.dilation[2]) as isize - g.before[2] as isize) * g.channels as isize,
                weights: ((kz * g.kernel[1] + ky) * g.kernel[2] + kx) * g.channels,
            }));
        }
    }
    let start = g.before[2].div_ceil(g.stride[2]);
    let reach = (g.input[2] + g.before[2]).checked_sub(g.extent(2));
    let end = reach.map_or(0, |reach| reach / g.stride[2] + 1);
    Line {
        taps,
        whole: start..end.max(start),
    }
}

struct Job<'a, T> {
    g: &'a Geometry,
    x: &'a [T],
    kernel: &'a [T],
    bias: &'a [T],
    relu: bool,
    line: &'a Line,
    /// The pixel that results begin with.
    first: usize,
}

impl<T: Lane> Job<'_, T> {
    /// All pixels of `columns`.
    ///
    /// # Safety
    /// The channels must fill a register, and all taps of the pixels in `whole` be there, which must be in `columns`.
    #[inline(always)]
    unsafe fn line<S: Simd>(&self, simd: S, whole: Range<usize>, columns: Range<usize>, dst: &mut [T]) {
        const P: usize = 8;
        // SAFETY: the caller's promise.
        unsafe {
            if whole.len() >= P {
                for x in whole.clone().step_by(P) {
                    let x = x.min(whole.end - P);
                    self.channels::<S>(|c| self.pixels::<S, P>(simd, c, x, dst));
                }
            } else {
                for x in whole.clone() {
                    self.channels::<S>(|c| self.pixels::<S, 1>(simd, c, x, dst));
                }
            }
            let mut taps = Vec::with_capacity(self.line.taps.len());
            for x in (columns.start..whole.start).chain(whole.end..columns.end) {
                taps.clear();
                taps.extend(self.inside(x));
                self.channels::<S>(|c| self.border(simd, c, x, &taps, dst));
            }
        }
    }

    /// The first channel of each register; the last one has some of the one before where the channels don't fill it.
    #[inline(always)]
    fn channels<S: Simd>(&self, mut f: impl FnMut(usize)) {
        let (lanes, channels) = (T::lanes::<S>(), self.g.channels);
        let mut c = 0;
        while c < channels {
            f(c.min(channels - lanes));
            c += lanes;
        }
    }

    /// `P` pixels from `x` on that all taps reach.
    ///
    /// # Safety
    /// As [`line`](Self::line); a register of channels must follow `c`.
    #[inline(always)]
    unsafe fn pixels<S: Simd, const P: usize>(&self, simd: S, c: usize, x: usize, dst: &mut [T]) {
        let (channels, step) = (self.g.channels, self.g.stride[2] * self.g.channels);
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [read::<T, S>(self.bias.as_ptr().add(c)); P];
            for tap in &self.line.taps {
                let weights = read::<T, S>(self.kernel.as_ptr().add(tap.weights + c));
                let from = (tap.line + x * step + c).wrapping_add_signed(tap.along);
                let from = self.x.as_ptr().add(from);
                for (p, sum) in sums.iter_mut().enumerate() {
                    *sum = T::fma(simd, read::<T, S>(from.add(p * step)), weights, *sum);
                }
            }
            let to = dst.as_mut_ptr().add((x - self.first) * channels + c);
            for (p, sum) in sums.iter().enumerate() {
                let sum = if self.relu { T::relu_all(simd, *sum) } else { *sum };
                write::<T, S>(to.add(p * channels), sum);
            }
        }
    }

    /// A pixel that only `taps` reach, each with the place of the pixel's first channel and of its weights.
    ///
    /// # Safety
    /// A register of channels must follow `c`.
    #[inline(always)]
    unsafe fn border<S: Simd>(&self, simd: S, c: usize, x: usize, taps: &[(usize, usize)], dst: &mut [T]) {
        // SAFETY: the caller's promise; the taps are inside.
        unsafe {
            let mut sum = read::<T, S>(self.bias.as_ptr().add(c));
            for (from, weights) in taps {
                let weights = read::<T, S>(self.kernel.as_ptr().add(weights + c));
                sum = T::fma(simd, read::<T, S>(self.x.as_ptr().add(from + c)), weights, sum);
            }
            let sum = if self.relu { T::relu_all(simd, sum) } else { sum };
            let to = dst.as_mut_ptr().add((x - self.first) * self.g.channels + c);
            write::<T, S>(to, sum);
        }
    }

    /// The taps of pixel `x` that are in the image.
    #[inline(always)]
    fn inside(&self, x: usize) -> impl Iterator<Item = (usize, usize)> {
        let line = (self.g.input[2] * self.g.channels) as isize;
        let at = (x * self.g.stride[2] * self.g.channels) as isize;
        let taps = self.line.taps.iter();
        taps.filter(move |tap| (0..line).contains(&(at + tap.along)))
            .map(move |tap| ((tap.line as isize + at + tap.along) as usize, tap.weights))
    }
}
