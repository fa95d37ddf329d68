//! Parts of images, with padding around where windows reach over the border.

use std::ops::Range;

use crate::kernels::fused::{self, FusedActivation};
use crate::kernels::math::Math;

/// Images (batch, depth, height, width, channels), perhaps to be multiplied by the derivative of the activation
/// that made `out`.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a, T> {
    data: &'a [T],
    out: Option<(&'a [T], FusedActivation)>,
}

impl<'a, T: Math> Source<'a, T> {
    /// The values as they are.
    pub fn plain(data: &'a [T]) -> Self {
        Self { data, out: None }
    }

    /// `grad` times the derivative of `act` where it gave `out`.
    pub fn masked(grad: &'a [T], out: &'a [T], act: FusedActivation) -> Self {
        let out = (act != FusedActivation::Linear).then_some((out, act));
        Self { data: grad, out }
    }

    /// The values, where they are there as they are.
    pub(super) fn values(&self) -> Option<&'a [T]> {
        self.out.is_none().then_some(self.data)
    }

    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    pub(super) fn copy(&self, dst: &mut [T], at: usize) {
        let range = at..at + dst.len();
        match self.out {
            None => dst.copy_from_slice(&self.data[range]),
            Some((out, act)) => fused::mask(dst, &self.data[range.clone()], &out[range], act),
        }
    }

    /// The values from `at` on, with `slack` readable elements behind: in place, or copied.
    pub(super) fn run<'b>(&self, at: usize, len: usize, slack: usize, scratch: &'b mut Vec<T>) -> &'b [T]
    where
        'a: 'b,
    {
        if self.out.is_none() && at + len + slack <= self.data.len() {
            return &self.data[at..at + len + slack];
        }
        reserve(scratch, len + slack);
        self.copy(&mut scratch[..len], at);
        scratch[len..len + slack].fill(T::ZERO);
        &scratch[..len + slack]
    }
}

fn reserve<T: Math>(scratch: &mut Vec<T>, len: usize) {
    if scratch.len() < len {
        scratch.resize(len, T::ZERO);
    }
}

/// A box of one image. Its corner is the first element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile<'a, T> {
    pub(super) data: &'a [T],
    /// Elements from one pixel to the next along each axis.
    pub(super) strides: [usize; 3],
}

/// Where a box of an image lies; outside of the image there are zeros.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) image: usize,
    pub(super) from: [isize; 3],
    pub(super) size: [usize; 3],
}

impl Place {
    /// The box, with `slack` readable elements behind.
    pub(super) fn cut<'b, T: Math>(
        &self,
        source: Source<'b, T>,
        image_size: [usize; 3],
        channels: usize,
        slack: usize,
        scratch: &'b mut Vec<T>,
    ) -> Tile<'b, T> {
        let whole = image_size.iter().product::<usize>() * channels;
        let strides = [
            image_size[1] * image_size[2] * channels,
            image_size[2] * channels,
            channels,
        ];
        let inside = (0..3).all(|i| {
            self.from[i] >= 0 && self.from[i] as usize + self.size[i] <= image_size[i] && self.size[i] > 0
        });
        if inside && source.out.is_none() {
            let at = (0..3).map(|i| self.from[i] as usize * strides[i]).sum::<usize>() + self.image * whole;
            let len = (0..3).map(|i| (self.size[i] - 1) * strides[i]).sum::<usize>() + channels + slack;
            if at + len <= source.data.len() {
                return Tile {
                    data: &source.data[at..at + len],
                    strides,
                };
            }
        }
        let line = self.size[2] * channels;
        let len = self.size[0] * self.size[1] * line;
        reserve(scratch, len + slack);
        scratch[len..len + slack].fill(T::ZERO);
        for z in 0..self.size[0] {
            for y in 0..self.size[1] {
                let dst = &mut scratch[(z * self.size[1] + y) * line..][..line];
                let at = within(self.from[0], z, image_size[0]).zip(within(self.from[1], y, image_size[1]));
                let line = at.map(|(z, y)| self.image * whole + z * strides[0] + y * strides[1]);
                self.line(source, line, image_size[2], channels, dst);
            }
        }
        Tile {
            data: &scratch[..len + slack],
            strides: [self.size[1] * line, line, channels],
        }
    }

    fn line<T: Math>(
        &self,
        source: Source<'_, T>,
        line: Option<usize>,
        width: usize,
        channels: usize,
        dst: &mut [T],
    ) {
        let from = self.from[2];
        let start = from.clamp(0, width as isize) as usize;
        let end = (from + self.size[2] as isize).clamp(start as isize, width as isize) as usize;
        let Some(line) = line.filter(|_| end > start) else {
            return dst.fill(T::ZERO);
        };
        let left = (start as isize - from) as usize * channels;
        let right = left + (end - start) * channels;
        dst[..left].fill(T::ZERO);
        source.copy(&mut dst[left..right], line + start * channels);
        dst[right..].fill(T::ZERO);
    }
}

fn within(from: isize, offset: usize, size: usize) -> Option<usize> {
    usize::try_from(from + offset as isize)
        .ok()
        .filter(|at| *at < size)
}

/// A task's share of the pixels of an image: whole lines, or part of one.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) image: usize,
    /// Lines, counted through all planes; of one plane, or whole planes.
    pub(super) lines: Range<usize>,
    pub(super) columns: Range<usize>,
}

impl Part {
    pub(super) fn pixels(&self) -> usize {
        self.lines.len() * self.columns.len()
    }

    /// The planes and the lines of each.
    pub(super) fn span(&self, size: [usize; 3]) -> [Range<usize>; 3] {
        let (z, y) = (self.lines.start / size[1], self.lines.start % size[1]);
        let planes = self.lines.len().div_ceil(size[1]);
        let y = if planes > 1 {
            0..size[1]
        } else {
            y..y + self.lines.len()
        };
        [z..z + planes, y, self.columns.clone()]
    }
}

/// Cuts images into parts of about `pixels` pixels.
pub(super) fn parts(batch: usize, size: [usize; 3], pixels: usize) -> Vec<Part> {
    let [planes, height, width] = size;
    let mut parts = Vec::new();
    if width == 0 || height == 0 {
        return parts;
    }
    for image in 0..batch {
        let mut push = |lines: Range<usize>, columns: Range<usize>| {
            parts.push(Part {
                image,
                lines,
                columns,
            })
        };
        if width >= 2 * pixels {
            for line in 0..planes * height {
                even(width, width.div_ceil(pixels)).for_each(|columns| push(line..line + 1, columns));
            }
        } else if height * width <= pixels {
            let each = even(planes, (planes * height * width).div_ceil(pixels).max(1));
            each.for_each(|z| push(z.start * height..z.end * height, 0..width));
        } else {
            for z in 0..planes {
                even(height, (height * width).div_ceil(pixels))
                    .for_each(|y| push(z * height + y.start..z * height + y.end, 0..width));
            }
        }
    }
    parts
}

/// `0..len` in at most `count` ranges of about one size, none empty.
fn even(len: usize, count: usize) -> impl Iterator<Item = Range<usize>> {
    let count = count.clamp(1, len.max(1));
    (0..count)
        .map(move |i| i * len / count..(i + 1) * len / count)
        .filter(|range| !range.is_empty())
}
