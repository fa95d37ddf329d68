//! Maximum and mean over windows of up to three spatial axes, channels last.

use std::ops::Range;

use crate::kernels::team::{IntoParts as _, Parts as _, Slice as _};
use pulp::Simd;

use super::buffer::unwritten;
use super::simd;
use super::vector::{Lane, read, write};

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
    /// Panics where a window is empty or reaches over the image.
    fn check(&self) {
        for (windows, size) in self.windows.iter().zip(self.input) {
            let inside = |w: &Range<usize>| w.start < w.end && w.end <= size;
            assert!(
                windows.iter().all(inside),
                "pooling: a window reaches over the image"
            );
        }
    }
    /// Whether every pixel of the input is in exactly one window.
    fn tiles(&self) -> bool {
        self.windows.iter().zip(self.input).all(|(windows, size)| {
            let joined = windows.windows(2).all(|pair| pair[0].end == pair[1].start);
            let ends = (windows.first().map(|w| w.start), windows.last().map(|w| w.end));
            joined && ends == (Some(0), Some(size))
        })
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

/// The maxima and, with `keep`, where in its image the pixel of each one is. The first maximum of a window counts; NaN
/// is the largest.
pub fn max<T: Lane>(g: &Geometry, x: &[T], keep: bool) -> (Vec<T>, Vec<u32>) {
    let len = g.batch * g.output_image();
    if len == 0 || g.image() == 0 {
        return (vec![T::ZERO; len], vec![0; if keep { len } else { 0 }]);
    }
    g.check();
    // SAFETY: each window writes all channels of its output and, with `keep`, of its places.
    let (mut out, mut places) = unsafe { (unwritten(len), unwritten_places(if keep { len } else { 0 })) };
    g.each_line(&mut out, &mut places, |line, out, places, lines| {
        let (x, line) = g.place(x, line);
        simd::dispatch(MaxLine {
            g,
            x,
            line,
            out,
            places,
            lines,
        });
    });
    (out, places)
}

/// # Safety
/// Every element must be written before any is read.
#[allow(clippy::uninit_vec, reason = "the caller's promise")]
unsafe fn unwritten_places(len: usize) -> Vec<u32> {
    let mut places = Vec::with_capacity(len);
    // SAFETY: the capacity is there, and the caller promises to write before reading.
    unsafe { places.set_len(len) };
    places
}

/// One line of the output; `places` may be empty.
struct MaxLine<'a, T> {
    g: &'a Geometry,
    x: &'a [T],
    line: usize,
    out: &'a mut [T],
    places: &'a mut [u32],
    lines: &'a mut Vec<usize>,
}

impl<T: Lane> pulp::WithSimd for MaxLine<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            g,
            x,
            line,
            out,
            places,
            lines,
        } = self;
        let lanes = T::lanes::<S>();
        let whole = g.channels / lanes * lanes;
        let mut pixels = Vec::new();
        g.each(line, 0..g.lines(), lines, |to, window| {
            let first = window.lines[0] + window.from;
            pixels.clear();
            window.each(|at| pixels.push(at));
            let out = &mut out[to..to + g.channels];
            let (from, kept) = if places.is_empty() {
                (0, 0)
            } else {
                (to, g.channels)
            };
            let places = &mut places[from..from + kept];
            // SAFETY: windows lie in the image, as was checked, and hold all of its channels.
            unsafe {
                // Windows of four pixels are common, and a number that is known saves the loop over them.
                match (kept > 0, <&[usize; 4]>::try_from(&pixels[..])) {
                    (false, Ok(four)) => largest::<T, S, false>(simd, x, four, whole, out, places),
                    (false, Err(_)) => largest::<T, S, false>(simd, x, &pixels, whole, out, places),
                    (true, Ok(four)) => largest::<T, S, true>(simd, x, four, whole, out, places),
                    (true, Err(_)) => largest::<T, S, true>(simd, x, &pixels, whole, out, places),
                }
            }
            for c in whole..g.channels {
                let (mut best, mut place) = (x[first + c], first);
                window.each(|at| {
                    if above(x[at + c], best) {
                        (best, place) = (x[at + c], at);
                    }
                });
                out[c] = best;
                if let Some(to) = places.get_mut(c) {
                    *to = place as u32;
                }
            }
        });
    }
}

/// The largest of the pixels that begin at `pixels`, for the first `whole` channels, and with `KEEP` which it is.
///
/// # Safety
/// As many channels must follow each pixel; `whole` must be a number of whole registers.
#[inline(always)]
unsafe fn largest<T: Lane, S: Simd, const KEEP: bool>(
    simd: S,
    x: &[T],
    pixels: &[usize],
    whole: usize,
    out: &mut [T],
    places: &mut [u32],
) {
    let lanes = T::lanes::<S>();
    let (Some((first, others)), x) = (pixels.split_first(), x.as_ptr()) else {
        return;
    };
    for c in (0..whole).step_by(lanes) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut best = read::<T, S>(x.add(first + c));
            let mut place = T::splat_number(simd, *first as u32);
            for at in others {
                let here = read::<T, S>(x.add(at + c));
                let above = T::above(simd, here, best);
                best = T::pick(simd, above, here, best);
                if KEEP {
                    place = T::pick_number(simd, above, T::splat_number(simd, *at as u32), place);
                }
            }
            write::<T, S>(out[c..c + lanes].as_mut_ptr(), best);
            if KEEP {
                T::write_numbers(simd, places[c..c + lanes].as_mut_ptr(), place);
            }
        }
    }
}

/// `a > b`, where NaN is above every number.
#[inline(always)]
fn above<T: Lane>(a: T, b: T) -> bool {
    a > b || (a.is_nan() && !b.is_nan())
}

/// The means of the windows.
pub fn average<T: Lane>(g: &Geometry, x: &[T]) -> Vec<T> {
    let len = g.batch * g.output_image();
    if len == 0 || g.image() == 0 {
        return vec![T::ZERO; len];
    }
    g.check();
    // SAFETY: each window writes all channels of its output.
    let mut out = unsafe { unwritten(len) };
    g.each_line(&mut out, &mut [] as &mut [()], |line, out, _, lines| {
        let (x, line) = g.place(x, line);
        simd::dispatch(MeanLine {
            g,
            x,
            line,
            out,
            lines,
        });
    });
    out
}

/// One line of the output.
struct MeanLine<'a, T> {
    g: &'a Geometry,
    x: &'a [T],
    line: usize,
    out: &'a mut [T],
    lines: &'a mut Vec<usize>,
}

impl<T: Lane> pulp::WithSimd for MeanLine<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            g,
            x,
            line,
            out,
            lines,
        } = self;
        let lanes = T::lanes::<S>();
        let whole = g.channels / lanes * lanes;
        let mut pixels = Vec::new();
        g.each(line, 0..g.lines(), lines, |to, window| {
            let count = T::of(window.pixels() as f64);
            pixels.clear();
            window.each(|at| pixels.push(at));
            // SAFETY: windows lie in the image, as was checked, and hold all of its channels.
            unsafe {
                let out = &mut out[to..to + whole];
                match <&[usize; 4]>::try_from(&pixels[..]) {
                    Ok(four) => mean::<T, S>(simd, x, four, count, out),
                    Err(_) => mean::<T, S>(simd, x, &pixels, count, out),
                }
            }
            for c in whole..g.channels {
                let mut sum = T::ZERO;
                window.each(|at| sum += x[at + c]);
                out[to + c] = sum / count;
            }
        });
    }
}

/// The mean of the pixels that begin at `pixels`, as many channels as `out` holds: whole registers.
///
/// # Safety
/// As many channels must follow each pixel.
#[inline(always)]
unsafe fn mean<T: Lane, S: Simd>(simd: S, x: &[T], pixels: &[usize], count: T, out: &mut [T]) {
    let lanes = T::lanes::<S>();
    let (fours, rest) = pixels.as_chunks::<4>();
    let x = x.as_ptr();
    for (out, c) in out.chunks_exact_mut(lanes).zip((0..).step_by(lanes)) {
        // SAFETY: the caller's promise.
        unsafe {
            // Four sums, so that none waits for the last.
            let mut sums = [T::splat(simd, T::ZERO); 4];
            for four in fours {
                for (sum, at) in sums.iter_mut().zip(four) {
                    *sum = T::plus(simd, *sum, read::<T, S>(x.add(at + c)));
                }
            }
            for (sum, at) in sums.iter_mut().zip(rest) {
                *sum = T::plus(simd, *sum, read::<T, S>(x.add(at + c)));
            }
            let [a, b, c, d] = sums;
            let sum = T::plus(simd, T::plus(simd, a, b), T::plus(simd, c, d));
            write::<T, S>(out.as_mut_ptr(), T::over(simd, sum, T::splat(simd, count)));
        }
    }
}

/// The gradient by the input of [`max`]: that of each maximum, added where the maximum was.
pub fn max_backward<T: Lane>(g: &Geometry, grad: &[T], places: &[u32]) -> Vec<T> {
    backward(g, grad, Some(places))
}

/// The gradient by the input of [`average`].
pub fn average_backward<T: Lane>(g: &Geometry, grad: &[T]) -> Vec<T> {
    backward(g, grad, None)
}

fn backward<T: Lane>(g: &Geometry, grad: &[T], places: Option<&[u32]>) -> Vec<T> {
    let len = g.batch * g.image();
    if grad.is_empty() || len == 0 {
        return vec![T::ZERO; len];
    }
    g.check();
    let size = g.output_image();
    let tiles = g.tiles();
    // SAFETY: each part is filled before anything is added to it, or every pixel of it written by its window.
    let mut dx = unsafe { unwritten(len) };
    each_band(g, &mut dx, |image, among, dx| {
        simd::dispatch(Band {
            g,
            grad: &grad[image * size..][..size],
            places: places.map(|p| &p[image * size..][..size]),
            tiles,
            among,
            dx,
        })
    });
    dx
}

/// Calls `f(image, its lines, their gradient)` for parts of `dx`, several at once.
fn each_band<T: Lane>(g: &Geometry, dx: &mut [T], f: impl Fn(usize, Range<usize>, &mut [T]) + Sync) {
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

/// Some lines of the input gradient of one image, with all windows that reach them.
struct Band<'a, T> {
    g: &'a Geometry,
    grad: &'a [T],
    /// Of maxima; without them, means.
    places: Option<&'a [u32]>,
    tiles: bool,
    among: Range<usize>,
    dx: &'a mut [T],
}

impl<T: Lane> pulp::WithSimd for Band<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { g, tiles, dx, .. } = self;
        if !tiles {
            dx.fill(T::ZERO);
        }
        let mut lines = Vec::new();
        let (width, height) = (g.windows[2].len(), g.windows[1].len());
        for line in 0..g.windows[0].len() * height {
            let planes = g.windows[0][line / height].len() * g.windows[1][line % height].len();
            let start = line * g.output_line();
            let among = self.among.clone();
            let from = (among.start * g.line()) as u32;
            let count = |to: usize| planes * g.windows[2][to / g.channels % width].len();
            match self.places {
                Some(places) => g.each(line, among, &mut lines, |to, window| {
                    let to = start + to;
                    max_window::<T, S>(
                        simd,
                        g,
                        window,
                        &self.grad[to..],
                        &places[to..],
                        (from, tiles),
                        dx,
                    );
                }),
                None => g.each(line, among, &mut lines, |to, window| {
                    let count = T::of(count(to) as f64);
                    mean_window::<T, S>(simd, g, window, &self.grad[start + to..], count, tiles, dx);
                }),
            }
        }
    }
}

/// Adds the gradients of the maxima of one window, or writes them with `tiles`; places are `from` further.
#[inline(always)]
fn max_window<T: Lane, S: Simd>(
    simd: S,
    g: &Geometry,
    window: Window<'_>,
    grad: &[T],
    places: &[u32],
    (from, tiles): (u32, bool),
    dx: &mut [T],
) {
    let lanes = T::lanes::<S>();
    let whole = g.channels / lanes * lanes;
    let (grad, places) = (&grad[..g.channels], &places[..g.channels]);
    let zero = T::splat(simd, T::ZERO);
    for c in (0..whole).step_by(lanes) {
        // SAFETY: windows lie in the image, as was checked, those lines of them that are in `dx`; `c` is followed by a
        // register of channels.
        unsafe {
            let here = read::<T, S>(grad.as_ptr().add(c));
            let place = T::read_numbers(simd, places.as_ptr().add(c));
            window.each(|at| {
                let maximum = T::same_number(simd, place, T::splat_number(simd, at as u32 + from));
                let grad = T::pick(simd, maximum, here, zero);
                let dx = dx.as_mut_ptr().add(at + c);
                let sum = if tiles {
                    grad
                } else {
                    T::plus(simd, read::<T, S>(dx), grad)
                };
                write::<T, S>(dx, sum);
            });
        }
    }
    for c in whole..g.channels {
        window.each(|at| {
            let grad = if places[c] == at as u32 + from {
                grad[c]
            } else {
                T::ZERO
            };
            dx[at + c] = if tiles { grad } else { dx[at + c] + grad };
        });
    }
}

/// Adds the gradient of the mean of one window, or writes it with `tiles`.
#[inline(always)]
fn mean_window<T: Lane, S: Simd>(
    simd: S,
    g: &Geometry,
    window: Window<'_>,
    grad: &[T],
    count: T,
    tiles: bool,
    dx: &mut [T],
) {
    let lanes = T::lanes::<S>();
    let whole = g.channels / lanes * lanes;
    let grad = &grad[..g.channels];
    for c in (0..whole).step_by(lanes) {
        // SAFETY: as in `max_window`.
        unsafe {
            let grad = T::over(simd, read::<T, S>(grad.as_ptr().add(c)), T::splat(simd, count));
            window.each(|at| {
                let dx = dx.as_mut_ptr().add(at + c);
                let sum = if tiles {
                    grad
                } else {
                    T::plus(simd, read::<T, S>(dx), grad)
                };
                write::<T, S>(dx, sum);
            });
        }
    }
    for c in whole..g.channels {
        let grad = grad[c] / count;
        window.each(|at| dx[at + c] = if tiles { grad } else { dx[at + c] + grad });
    }
}
