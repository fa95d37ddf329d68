//! Maximum over windows of up to three spatial axes, channels last.

use rayon::prelude::*;

use super::simd::{self, vectorize};
use crate::host::Real;

/// The sizes of a pooling. Arrays are (depth, height, width), 1 where there are fewer axes.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Spatial size of the input.
    pub input: [usize; 3],
    /// Channels.
    pub channels: usize,
    /// Size of a window.
    pub pool: [usize; 3],
    /// Steps between windows.
    pub stride: [usize; 3],
    /// Padding in front.
    pub before: [usize; 3],
    /// Spatial size of the output.
    pub output: [usize; 3],
}

impl Geometry {
    /// Elements of one input image.
    pub fn image(&self) -> usize {
        self.input.iter().product::<usize>() * self.channels
    }
    /// Elements of one output image.
    pub fn output_image(&self) -> usize {
        self.output.iter().product::<usize>() * self.channels
    }

    /// The part of the input that a window covers.
    #[inline(always)]
    fn window(&self, axis: usize, output: usize) -> std::ops::Range<usize> {
        let start = output * self.stride[axis];
        let end = (start + self.pool[axis]).saturating_sub(self.before[axis]);
        start.saturating_sub(self.before[axis])..end.min(self.input[axis])
    }

    /// Calls `f(offset in the output, offset in the input, whether it is the first of its window)` for each
    /// pixel of each window of one image.
    #[inline(always)]
    fn each(&self, mut f: impl FnMut(usize, usize, bool)) {
        let mut out = 0;
        for oz in 0..self.output[0] {
            for oy in 0..self.output[1] {
                for ox in 0..self.output[2] {
                    let mut first = true;
                    for z in self.window(0, oz) {
                        for y in self.window(1, oy) {
                            for x in self.window(2, ox) {
                                let pixel = (z * self.input[1] + y) * self.input[2] + x;
                                f(out, pixel * self.channels, first);
                                first = false;
                            }
                        }
                    }
                    out += self.channels;
                }
            }
        }
    }
}

/// The maxima and where in its image each one is. The first maximum of a window counts; NaN is the largest.
pub fn forward<T: Real>(g: &Geometry, x: &[T]) -> (Vec<T>, Vec<u32>) {
    let len = g.batch * g.output_image();
    let (mut out, mut places) = (vec![T::default(); len], vec![0; len]);
    if len == 0 {
        return (out, places);
    }
    let (image, size) = (g.image(), g.output_image());
    if simd::parallel(x.len()) {
        let dst = out.par_chunks_mut(size).zip(places.par_chunks_mut(size));
        dst.zip(x.par_chunks(image))
            .for_each(|((out, places), x)| forward_image(g, x, out, places));
    } else {
        let dst = out.chunks_mut(size).zip(places.chunks_mut(size));
        dst.zip(x.chunks(image))
            .for_each(|((out, places), x)| forward_image(g, x, out, places));
    }
    (out, places)
}

fn forward_image<T: Real>(g: &Geometry, x: &[T], out: &mut [T], places: &mut [u32]) {
    vectorize(
        #[inline(always)]
        || {
            g.each(|to, at, first| {
                let best = out[to..to + g.channels]
                    .iter_mut()
                    .zip(&mut places[to..to + g.channels]);
                let here = best.zip(&x[at..at + g.channels]).zip(at as u32..);
                if first {
                    here.for_each(|(((best, place), v), at)| (*best, *place) = (*v, at));
                } else {
                    here.for_each(|(((best, place), v), at)| {
                        let larger = larger(*v, *best);
                        *best = if larger { *v } else { *best };
                        *place = if larger { at } else { *place };
                    });
                }
            })
        },
    )
}

/// `a > b`, where NaN is above every number.
#[inline(always)]
#[allow(clippy::eq_op)]
fn larger<T: Real>(a: T, b: T) -> bool {
    (a > b) | ((a != a) & (b == b))
}

/// The gradient by the input: that of each maximum, added where the maximum was.
pub fn backward<T: Real>(g: &Geometry, grad: &[T], places: &[u32]) -> Vec<T> {
    let mut dx = vec![T::default(); g.batch * g.image()];
    if grad.is_empty() {
        return dx;
    }
    let (image, size) = (g.image(), g.output_image());
    if simd::parallel(dx.len()) {
        let parts = grad.par_chunks(size).zip(places.par_chunks(size));
        dx.par_chunks_mut(image)
            .zip(parts)
            .for_each(|(dx, (grad, at))| backward_image(g, grad, at, dx));
    } else {
        let parts = grad.chunks(size).zip(places.chunks(size));
        dx.chunks_mut(image)
            .zip(parts)
            .for_each(|(dx, (grad, at))| backward_image(g, grad, at, dx));
    }
    dx
}

// Comparing every place of a window vectorises over channels; above this many places, or for few channels,
// going to each maximum is faster.
const COMPARED: usize = 9;
const MIN_CHANNELS: usize = 8;

fn backward_image<T: Real>(g: &Geometry, grad: &[T], places: &[u32], dx: &mut [T]) {
    if g.channels < MIN_CHANNELS || g.pool.iter().product::<usize>() > COMPARED {
        places
            .iter()
            .zip(grad)
            .for_each(|(at, grad)| dx[*at as usize] += *grad);
        return;
    }
    let zero = T::default();
    vectorize(
        #[inline(always)]
        || {
            g.each(|from, at, _| {
                let grads = grad[from..from + g.channels]
                    .iter()
                    .zip(&places[from..from + g.channels]);
                let here = dx[at..at + g.channels].iter_mut().zip(grads).zip(at as u32..);
                here.for_each(|((dx, (grad, place)), at)| *dx += if *place == at { *grad } else { zero });
            })
        },
    )
}
