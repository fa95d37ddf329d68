//! The mean of each window.

use pulp::Simd;

use super::Geometry;
use crate::kernels::buffer::unwritten;
use crate::kernels::simd;
use crate::kernels::vector::{Lane, read, write};

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
