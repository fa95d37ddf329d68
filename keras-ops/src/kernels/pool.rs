//! Maximum over windows of up to three spatial axes, channels last.

use rayon::prelude::*;

use super::buffer::unwritten;
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

    /// Calls `f(offset in the output, offsets in the input)` for each window of one image.
    #[inline(always)]
    fn each(&self, mut f: impl FnMut(usize, &[u32])) {
        let (mut out, mut places) = (0, Vec::with_capacity(self.pool.iter().product()));
        for oz in 0..self.output[0] {
            for oy in 0..self.output[1] {
                for ox in 0..self.output[2] {
                    places.clear();
                    for z in self.window(0, oz) {
                        for y in self.window(1, oy) {
                            let line = (z * self.input[1] + y) * self.input[2];
                            places.extend(self.window(2, ox).map(|x| ((line + x) * self.channels) as u32));
                        }
                    }
                    f(out, &places);
                    out += self.channels;
                }
            }
        }
    }

    /// Whether every pixel of the input is in exactly one window.
    fn tiles(&self) -> bool {
        (0..3).all(|i| {
            self.before[i] == 0
                && self.stride[i] == self.pool[i]
                && self.output[i] * self.pool[i] == self.input[i]
        })
    }
}

/// The maxima and where in its image each one is. The first maximum of a window counts; NaN is the largest.
pub fn forward<T: Real>(g: &Geometry, x: &[T]) -> (Vec<T>, Vec<u32>) {
    let len = g.batch * g.output_image();
    if len == 0 || g.image() == 0 {
        return (vec![T::default(); len], vec![0; len]);
    }
    // SAFETY: each window writes all channels of its output.
    let mut out = unsafe { unwritten(len) };
    let mut places = vec![0; len];
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

// Channels that stay in registers while a window is gone through.
const LANES: usize = 16;

fn forward_image<T: Real>(g: &Geometry, x: &[T], out: &mut [T], places: &mut [u32]) {
    vectorize(
        #[inline(always)]
        || {
            g.each(|to, window| {
                let (out, places) = (&mut out[to..to + g.channels], &mut places[to..to + g.channels]);
                let whole = g.channels / LANES * LANES;
                for c in (0..whole).step_by(LANES) {
                    lanes::<T, LANES>(x, window, c, &mut out[c..c + LANES], &mut places[c..c + LANES]);
                }
                for c in whole..g.channels {
                    lanes::<T, 1>(x, window, c, &mut out[c..=c], &mut places[c..=c]);
                }
            })
        },
    )
}

/// The maxima of `N` channels from `c` on over a window.
#[inline(always)]
fn lanes<T: Real, const N: usize>(x: &[T], window: &[u32], c: usize, out: &mut [T], places: &mut [u32]) {
    let Some((first, rest)) = window.split_first() else {
        out.fill(T::default());
        return;
    };
    let mut best = [T::default(); N];
    best.copy_from_slice(&x[*first as usize + c..][..N]);
    let mut place = [*first; N];
    for at in rest {
        let here = &x[*at as usize + c..][..N];
        for i in 0..N {
            let larger = larger(here[i], best[i]);
            best[i] = if larger { here[i] } else { best[i] };
            place[i] = if larger { *at } else { place[i] };
        }
    }
    out.copy_from_slice(&best);
    for (i, (to, at)) in places.iter_mut().zip(place).enumerate() {
        *to = at + (c + i) as u32;
    }
}

/// `a > b`, where NaN is above every number.
#[inline(always)]
#[allow(clippy::eq_op)]
fn larger<T: Real>(a: T, b: T) -> bool {
    (a > b) | ((a != a) & (b == b))
}

/// The gradient by the input: that of each maximum, added where the maximum was.
pub fn backward<T: Real>(g: &Geometry, grad: &[T], places: &[u32]) -> Vec<T> {
    let len = g.batch * g.image();
    if grad.is_empty() {
        return vec![T::default(); len];
    }
    // SAFETY: each image is filled before anything is added to it.
    let mut dx = unsafe { unwritten(len) };
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
    let zero = T::default();
    if g.tiles() {
        return vectorize(
            #[inline(always)]
            || each_place(g, grad, places, dx, |dx, grad| *dx = grad),
        );
    }
    dx.fill(zero);
    if g.channels < MIN_CHANNELS || g.pool.iter().product::<usize>() > COMPARED {
        let each = places.iter().zip(grad);
        return each.for_each(|(at, grad)| dx[*at as usize] += *grad);
    }
    vectorize(
        #[inline(always)]
        || each_place(g, grad, places, dx, |dx, grad| *dx += grad),
    )
}

/// Calls `f` for every pixel and channel of every window, with the gradient where the maximum is, 0 elsewhere.
#[inline(always)]
fn each_place<T: Real>(g: &Geometry, grad: &[T], places: &[u32], dx: &mut [T], f: impl Fn(&mut T, T)) {
    let zero = T::default();
    g.each(|from, window| {
        let range = from..from + g.channels;
        for at in window {
            let here = dx[*at as usize..][..g.channels].iter_mut().zip(*at..);
            let grads = grad[range.clone()].iter().zip(&places[range.clone()]);
            here.zip(grads)
                .for_each(|((dx, at), (grad, place))| f(dx, if *place == at { *grad } else { zero }));
        }
    })
}
