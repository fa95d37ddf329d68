//! The windows of a convolution as rows of a matrix, and back.

use std::ops::Range;

use super::conv::Geometry;
use super::gemm::Mat;
use super::simd::vectorize;
use crate::host::Real;

/// The input position of a kernel element, if it is not padding.
#[inline(always)]
fn place(g: &Geometry, axis: usize, output: usize, element: usize) -> Option<usize> {
    let at = output * g.stride[axis] + element * g.dilation[axis];
    at.checked_sub(g.before[axis]).filter(|at| *at < g.input[axis])
}

/// The image and the input line (or padding) that a kernel line reads for an output row.
#[inline(always)]
fn line(g: &Geometry, row: usize, kz: usize, ky: usize) -> (usize, Option<usize>) {
    let (image, within) = (row / g.rows(), row % g.rows());
    let (oz, oy) = (within / g.output[1], within % g.output[1]);
    let at = place(g, 0, oz, kz).zip(place(g, 1, oy, ky));
    (
        image,
        at.map(|(z, y)| (z * g.input[1] + y) * g.input[2] * g.channels),
    )
}

/// The windows of some output rows, a row each, of the channels of one group.
pub fn patches<'a, T: Real>(
    g: &Geometry,
    x: &[T],
    group: usize,
    rows: Range<usize>,
    scratch: &'a mut Vec<T>,
) -> Mat<'a, T> {
    let (pixels, patch) = (rows.len() * g.output[2], g.patch());
    if scratch.len() < pixels * patch {
        scratch.resize(pixels * patch, T::default());
    }
    if g.channels == 1 {
        vectorize(
            #[inline(always)]
            || fill_single(g, x, rows, scratch),
        );
        return Mat {
            data: scratch,
            rows: pixels,
            cols: patch,
            row_stride: 1,
            col_stride: pixels,
        };
    }
    let dst = &mut scratch[..pixels * patch];
    vectorize(
        #[inline(always)]
        || {
            each_run(g, rows, group, |image, at, to, len| match at {
                Some(at) => copy(&mut dst[to..to + len], &x[image * g.image() + at..][..len]),
                None => dst[to..to + len].fill(T::default()),
            })
        },
    );
    Mat {
        data: scratch,
        rows: pixels,
        cols: patch,
        row_stride: patch,
        col_stride: 1,
    }
}

/// Adds what [`patches`] took back to where it came from; `dx` begins at image `first`.
pub fn add_patches<T: Real>(
    g: &Geometry,
    patches: &[T],
    group: usize,
    rows: Range<usize>,
    first: usize,
    dx: &mut [T],
) {
    vectorize(
        #[inline(always)]
        || {
            each_run(g, rows, group, |image, at, from, len| {
                if let Some(at) = at {
                    let dst = &mut dx[(image - first) * g.image() + at..][..len];
                    dst.iter_mut()
                        .zip(&patches[from..from + len])
                        .for_each(|(d, p)| *d += *p);
                }
            })
        },
    )
}

/// Calls `f(image, input offset or padding, offset in the patches, length)` for each contiguous run.
#[inline(always)]
fn each_run(
    g: &Geometry,
    rows: Range<usize>,
    group: usize,
    mut f: impl FnMut(usize, Option<usize>, usize, usize),
) {
    let (channels, patch, width) = (g.group_channels(), g.patch(), g.output[2]);
    let (channel, run) = (group * channels, g.kernel[2] * channels);
    let joined = g.dilation[2] == 1 && g.groups == 1;
    for (r, row) in rows.enumerate() {
        for kz in 0..g.kernel[0] {
            for ky in 0..g.kernel[1] {
                let (image, line) = line(g, row, kz, ky);
                let first = (kz * g.kernel[1] + ky) * run;
                for ox in 0..width {
                    let to = (r * width + ox) * patch + first;
                    let Some(line) = line else {
                        f(image, None, to, run);
                        continue;
                    };
                    let left = (ox * g.stride[2]).checked_sub(g.before[2]);
                    match left.filter(|left| joined && left + g.kernel[2] <= g.input[2]) {
                        Some(left) => f(image, Some(line + left * channels), to, run),
                        None => {
                            for kx in 0..g.kernel[2] {
                                let at = place(g, 2, ox, kx).map(|x| line + x * g.channels + channel);
                                f(image, at, to + kx * channels, channels);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// For one channel the patches are laid out a column after the other: the runs are as long as the lines.
#[inline(always)]
fn fill_single<T: Real>(g: &Geometry, x: &[T], rows: Range<usize>, dst: &mut [T]) {
    let (width, pixels) = (g.output[2], rows.len() * g.output[2]);
    let mut column = 0;
    for kz in 0..g.kernel[0] {
        for ky in 0..g.kernel[1] {
            for kx in 0..g.kernel[2] {
                let dst = &mut dst[column * pixels..(column + 1) * pixels];
                column += 1;
                for (dst, row) in dst.chunks_exact_mut(width).zip(rows.clone()) {
                    let (image, line) = line(g, row, kz, ky);
                    let Some(line) = line else {
                        dst.fill(T::default());
                        continue;
                    };
                    let line = &x[image * g.image() + line..][..g.input[2]];
                    let left = kx * g.dilation[2];
                    if g.stride[2] == 1 && left >= g.before[2] && left - g.before[2] + width <= line.len() {
                        dst.copy_from_slice(&line[left - g.before[2]..][..width]);
                    } else {
                        for (ox, dst) in dst.iter_mut().enumerate() {
                            *dst = place(g, 2, ox, kx).map_or(T::default(), |x| line[x]);
                        }
                    }
                }
            }
        }
    }
}

// Short runs are common, and a call of memcpy costs more than they do.
#[inline(always)]
fn copy<T: Real>(dst: &mut [T], src: &[T]) {
    if dst.len() < 16 {
        dst.iter_mut().zip(src).for_each(|(d, s)| *d = *s);
    } else {
        dst.copy_from_slice(src);
    }
}
