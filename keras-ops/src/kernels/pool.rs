//! Maximum and mean over windows of up to three spatial axes, channels last.

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::unwritten;
use super::simd::{self, vectorize};
use crate::host::Real;

/// The sizes of a pooling. Arrays are (depth, height, width), 1 where there are fewer axes.
#[derive(Clone, Debug)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Spatial size of the input.
    pub input: [usize; 3],
    /// Channels.
    pub channels: usize,
    /// What each output of an axis covers of the input; never empty.
    pub windows: [Vec<Range<usize>>; 3],
}

/// One window: whole lines of pixels, from the same columns.
#[derive(Clone, Copy)]
struct Window<'a> {
    /// Where each line begins.
    lines: &'a [usize],
    /// The first element of the window in its line, and that behind it.
    from: usize,
    to: usize,
    /// Elements of a pixel.
    step: usize,
}

impl Window<'_> {
    /// Where the pixels are, in order.
    #[inline(always)]
    fn each(&self, mut f: impl FnMut(usize)) {
        for line in self.lines {
            let mut at = line + self.from;
            while at < line + self.to {
                f(at);
                at += self.step;
            }
        }
    }

    fn pixels(&self) -> usize {
        self.lines.len() * (self.to - self.from) / self.step.max(1)
    }
}

impl Geometry {
    /// Spatial size of the output.
    pub fn output(&self) -> [usize; 3] {
        [0, 1, 2].map(|axis| self.windows[axis].len())
    }
    /// Elements of one input image.
    pub fn image(&self) -> usize {
        self.input.iter().product::<usize>() * self.channels
    }
    /// Elements of one output image.
    pub fn output_image(&self) -> usize {
        self.output().iter().product::<usize>() * self.channels
    }
    fn line(&self) -> usize {
        self.input[2] * self.channels
    }
    fn output_line(&self) -> usize {
        self.windows[2].len() * self.channels
    }

    /// Calls `f(offset in the output line, window)` for each window of one output line, with the input lines in
    /// `among` only. Offsets are from the first of these.
    #[inline(always)]
    fn each(
        &self,
        line: usize,
        among: Range<usize>,
        lines: &mut Vec<usize>,
        mut f: impl FnMut(usize, Window<'_>),
    ) {
        let (z, y) = (line / self.windows[1].len(), line % self.windows[1].len());
        lines.clear();
        for z in self.windows[0][z].clone() {
            let all = self.windows[1][y].clone().map(|y| z * self.input[1] + y);
            let inside = all.filter(|line| among.contains(line));
            lines.extend(inside.map(|line| (line - among.start) * self.line()));
        }
        if lines.is_empty() {
            return;
        }
        for (ox, x) in self.windows[2].iter().enumerate() {
            let window = Window {
                lines,
                from: x.start * self.channels,
                to: x.end * self.channels,
                step: self.channels,
            };
            f(ox * self.channels, window);
        }
    }

    /// Calls `f(line of all images, output line)` for all lines of the output, several of them a task.
    fn each_line<A: Send, B: Send>(
        &self,
        out: &mut [A],
        places: &mut [B],
        f: impl Fn(usize, &mut [A], &mut [B], &mut Vec<usize>) + Sync,
    ) {
        let width = self.output_line();
        let lines = if simd::parallel(self.batch * self.image()) {
            (simd::CHUNK / width).max(1)
        } else {
            out.len().div_ceil(width)
        };
        let run = |task: usize, out: &mut [A], places: &mut [B]| {
            let mut scratch = Vec::new();
            let mut places = places.chunks_mut(width);
            for (i, out) in out.chunks_mut(width).enumerate() {
                f(
                    task * lines + i,
                    out,
                    places.next().unwrap_or_default(),
                    &mut scratch,
                );
            }
        };
        let tasks = out.par_chunks_mut(lines * width).enumerate();
        if places.is_empty() {
            tasks.for_each(|(task, out)| run(task, out, &mut []));
        } else {
            let places = places.par_chunks_mut(lines * width);
            tasks
                .zip(places)
                .for_each(|((task, out), places)| run(task, out, places));
        }
    }

    /// The image that a line of the output of all images is in, and its number there.
    fn place<'a, T>(&self, x: &'a [T], line: usize) -> (&'a [T], usize) {
        let lines = self.windows[0].len() * self.windows[1].len();
        (&x[line / lines * self.image()..][..self.image()], line % lines)
    }

    fn lines(&self) -> usize {
        self.input[0] * self.input[1]
    }
}

// Channels that stay in registers while a window is gone through.
const LANES: usize = 16;

/// The maxima and, with `keep`, where in its image each one is. The first maximum of a window counts; NaN is the
/// largest.
pub fn max<T: Real>(g: &Geometry, x: &[T], keep: bool) -> (Vec<T>, Vec<u32>) {
    let len = g.batch * g.output_image();
    let mut places = vec![0; if keep { len } else { 0 }];
    if len == 0 || g.image() == 0 {
        return (vec![T::default(); len], places);
    }
    // SAFETY: each window writes all channels of its output.
    let mut out = unsafe { unwritten(len) };
    if keep {
        g.each_line(&mut out, &mut places, |line, out, places, scratch| {
            max_line::<T, true>(g, x, line, out, places, scratch)
        });
    } else {
        g.each_line(&mut out, &mut places, |line, out, places, scratch| {
            max_line::<T, false>(g, x, line, out, places, scratch)
        });
    }
    (out, places)
}

fn max_line<T: Real, const KEEP: bool>(
    g: &Geometry,
    x: &[T],
    line: usize,
    out: &mut [T],
    places: &mut [u32],
    lines: &mut Vec<usize>,
) {
    let (x, line) = g.place(x, line);
    let whole = g.channels / LANES * LANES;
    vectorize(
        #[inline(always)]
        || {
            g.each(line, 0..g.lines(), lines, |to, window| {
                let end = to + g.channels;
                let (out, places) = (&mut out[to..end], places.get_mut(to..end).unwrap_or_default());
                let part =
                    |places: &mut [u32], c: usize, n: usize| if KEEP { c..c + n } else { 0..places.len() };
                for c in (0..whole).step_by(LANES) {
                    let range = part(places, c, LANES);
                    max_lanes::<T, LANES, KEEP>(x, window, c, &mut out[c..c + LANES], &mut places[range]);
                }
                for c in whole..g.channels {
                    let range = part(places, c, 1);
                    max_lanes::<T, 1, KEEP>(x, window, c, &mut out[c..=c], &mut places[range]);
                }
            })
        },
    )
}

/// The maxima of `N` channels from `c` on over a window.
#[inline(always)]
fn max_lanes<T: Real, const N: usize, const KEEP: bool>(
    x: &[T],
    window: Window<'_>,
    c: usize,
    out: &mut [T],
    places: &mut [u32],
) {
    let first = window.lines[0] + window.from;
    let mut best = [T::default(); N];
    best.copy_from_slice(&x[first + c..][..N]);
    let mut place = [first as u32; N];
    window.each(|at| {
        let here = &x[at + c..][..N];
        for i in 0..N {
            let larger = larger(here[i], best[i]);
            best[i] = if larger { here[i] } else { best[i] };
            if KEEP {
                place[i] = if larger { at as u32 } else { place[i] };
            }
        }
    });
    out.copy_from_slice(&best);
    if KEEP {
        for (i, (to, at)) in places.iter_mut().zip(place).enumerate() {
            *to = at + (c + i) as u32;
        }
    }
}

/// `a > b`, where NaN is above every number.
#[inline(always)]
#[allow(clippy::eq_op)]
fn larger<T: Real>(a: T, b: T) -> bool {
    (a > b) | ((a != a) & (b == b))
}

/// The means of the windows.
pub fn average<T: Real>(g: &Geometry, x: &[T]) -> Vec<T> {
    let len = g.batch * g.output_image();
    if len == 0 || g.image() == 0 {
        return vec![T::default(); len];
    }
    // SAFETY: each window writes all channels of its output.
    let mut out = unsafe { unwritten(len) };
    g.each_line(&mut out, &mut [] as &mut [()], |line, out, _, lines| {
        let (x, line) = g.place(x, line);
        vectorize(
            #[inline(always)]
            || {
                g.each(line, 0..g.lines(), lines, |to, window| {
                    let count = T::of(window.pixels() as f64);
                    let out = &mut out[to..to + g.channels];
                    let whole = g.channels / LANES * LANES;
                    for c in (0..whole).step_by(LANES) {
                        mean::<T, LANES>(x, window, c, count, &mut out[c..c + LANES]);
                    }
                    for c in whole..g.channels {
                        mean::<T, 1>(x, window, c, count, &mut out[c..=c]);
                    }
                })
            },
        )
    });
    out
}

#[inline(always)]
fn mean<T: Real, const N: usize>(x: &[T], window: Window<'_>, c: usize, count: T, out: &mut [T]) {
    let mut sums = [T::default(); N];
    window.each(|at| {
        let here = &x[at + c..][..N];
        for i in 0..N {
            sums[i] += here[i];
        }
    });
    out.iter_mut().zip(sums).for_each(|(o, s)| *o = s / count);
}

/// Calls `f(image, first line of it, lines of the input gradient)` for parts of `dx`, several at once.
fn each_band<T: Real>(g: &Geometry, dx: &mut [T], f: impl Fn(usize, Range<usize>, &mut [T]) + Sync) {
    let (line, lines) = (g.line(), g.lines());
    if !simd::parallel(dx.len()) {
        let images = dx.chunks_mut(g.image()).enumerate();
        return images.for_each(|(image, dx)| f(image, 0..lines, dx));
    }
    // Windows over the borders of a band are gone through twice, so bands are few.
    let bands = lines.min(16usize.div_ceil(g.batch)).max(1);
    let size = lines.div_ceil(bands);
    let parts: Vec<(usize, usize, &mut [T])> = dx
        .chunks_mut(g.image())
        .enumerate()
        .flat_map(|(image, dx)| {
            let parts = dx.chunks_mut(size * line).enumerate();
            parts.map(move |(band, dx)| (image, band * size, dx))
        })
        .collect();
    parts
        .into_par_iter()
        .for_each(|(image, first, dx)| f(image, first..first + dx.len() / line, dx));
}

/// The gradient by the input of [`max`]: that of each maximum, added where the maximum was.
pub fn max_backward<T: Real>(g: &Geometry, grad: &[T], places: &[u32]) -> Vec<T> {
    backward(g, grad, |image, among, dx| {
        let size = g.output_image();
        let places = &places[image * size..][..size];
        let few = g.channels < MIN_CHANNELS || windows_of(g) > COMPARED;
        if few && among == (0..g.lines()) {
            dx.fill(T::default());
            let each = places.iter().zip(&grad[image * size..][..size]);
            return each.for_each(|(at, grad)| dx[*at as usize] += *grad);
        }
        let offset = (among.start * g.line()) as u32;
        let zero = T::default();
        spread(g, image, grad, among, dx, |dx, at, grad, from| {
            let here = dx.iter_mut().zip(at as u32 + offset..);
            let places = &places[from..from + g.channels];
            here.zip(grad.iter().zip(places))
                .for_each(|((dx, at), (grad, place))| *dx += if *place == at { *grad } else { zero });
        });
    })
}

// Comparing every place of a window vectorises over channels; above this many places, or for few channels,
// going to each maximum is faster.
const COMPARED: usize = 9;
const MIN_CHANNELS: usize = 8;

/// The pixels of the largest window.
fn windows_of(g: &Geometry) -> usize {
    let largest = |axis: &Vec<Range<usize>>| axis.iter().map(Range::len).max().unwrap_or(0);
    g.windows.iter().map(largest).product()
}

/// The gradient by the input of [`average`].
pub fn average_backward<T: Real>(g: &Geometry, grad: &[T]) -> Vec<T> {
    backward(g, grad, |image, among, dx| {
        let sizes = |axis: usize| g.windows[axis].iter().map(Range::len);
        let counts: Vec<T> = sizes(0)
            .flat_map(|z| sizes(1).flat_map(move |y| sizes(2).map(move |x| T::of((z * y * x) as f64))))
            .collect();
        spread(g, image, grad, among, dx, |dx, _, grad, from| {
            let count = counts[from / g.channels];
            dx.iter_mut()
                .zip(grad)
                .for_each(|(dx, grad)| *dx += *grad / count);
        });
    })
}

fn backward<T: Real>(
    g: &Geometry,
    grad: &[T],
    part: impl Fn(usize, Range<usize>, &mut [T]) + Sync,
) -> Vec<T> {
    let len = g.batch * g.image();
    if grad.is_empty() || len == 0 {
        return vec![T::default(); len];
    }
    // SAFETY: each part is filled before anything is added to it.
    let mut dx = unsafe { unwritten(len) };
    each_band(g, &mut dx, part);
    dx
}

/// Calls `f(pixel of dx, its place, pixel of the gradient, its place)` for every pixel of every window of one
/// image, after filling `dx` with zeros.
#[inline(always)]
fn spread<T: Real>(
    g: &Geometry,
    image: usize,
    grad: &[T],
    among: Range<usize>,
    dx: &mut [T],
    f: impl Fn(&mut [T], usize, &[T], usize),
) {
    let size = g.output_image();
    let grad = &grad[image * size..][..size];
    let mut lines = Vec::new();
    vectorize(
        #[inline(always)]
        || {
            dx.fill(T::default());
            for line in 0..g.windows[0].len() * g.windows[1].len() {
                let start = line * g.output_line();
                g.each(line, among.clone(), &mut lines, |to, window| {
                    let from = start + to;
                    let grad = &grad[from..from + g.channels];
                    window.each(|at| f(&mut dx[at..at + g.channels], at, grad, from));
                });
            }
        },
    )
}
