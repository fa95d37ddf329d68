//! Maximum and mean over windows of up to three spatial axes, channels last.

mod average;
mod backward;
mod max;

use std::ops::Range;

use crate::kernels::simd;
use crate::kernels::team::{Parts as _, Slice as _};

pub use average::average;
pub use backward::{average_backward, max_backward};
pub use max::max;
pub(in crate::kernels) use max::{largest, unwritten_places};

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
