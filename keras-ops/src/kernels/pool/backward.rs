//! The gradients by the input.

use std::ops::Range;

use pulp::Simd;

use super::{Geometry, Window};
use crate::kernels::buffer::unwritten;
use crate::kernels::simd;
use crate::kernels::team::{IntoParts as _, Parts as _};
use crate::kernels::vector::{Lane, read, write};

/// The gradient by the input of [`max`](super::max()): that of each maximum, added where the maximum was.
pub fn max_backward<T: Lane>(g: &Geometry, grad: &[T], places: &[u32]) -> Vec<T> {
    backward(g, grad, Some(places))
}

/// The gradient by the input of [`average`](super::average()).
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

/// Writes a register of gradients with `tiles`, else adds it.
///
/// # Safety
/// As many elements must be there.
#[inline(always)]
unsafe fn put<T: Lane, S: Simd>(simd: S, to: *mut T, grad: T::Vector<S>, tiles: bool) {
    // SAFETY: the caller's promise.
    unsafe {
        let sum = if tiles {
            grad
        } else {
            T::plus(simd, read::<T, S>(to), grad)
        };
        write::<T, S>(to, sum);
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
                put::<T, S>(simd, dx.as_mut_ptr().add(at + c), grad, tiles);
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
            window.each(|at| put::<T, S>(simd, dx.as_mut_ptr().add(at + c), grad, tiles));
        }
    }
    for c in whole..g.channels {
        let grad = grad[c] / count;
        window.each(|at| dx[at + c] = if tiles { grad } else { dx[at + c] + grad });
    }
}
