//! The largest value of each window.

use pulp::Simd;

use super::Geometry;
use crate::kernels::buffer::unwritten;
use crate::kernels::simd;
use crate::kernels::vector::{Lane, read, write};

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
pub(in crate::kernels) unsafe fn unwritten_places(len: usize) -> Vec<u32> {
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
        let (mut pixels, mut numbers) = (Vec::new(), Vec::new());
        g.each(line, 0..g.lines(), lines, |to, window| {
            pixels.clear();
            window.each(|at| pixels.push(at));
            numbers.clear();
            numbers.extend(pixels.iter().map(|at| *at as u32));
            let out = &mut out[to..to + g.channels];
            let kept = if places.is_empty() {
                0..0
            } else {
                to..to + g.channels
            };
            // SAFETY: windows lie in the image, as was checked, and hold all of its channels.
            unsafe { largest(simd, x, &pixels, &numbers, out, &mut places[kept]) };
        });
    }
}

/// The largest of the pixels that begin at `pixels`, for as many channels as `out` holds, and which of the `numbers` it
/// has, unless `places` is empty.
///
/// # Safety
/// As many channels must follow each pixel; there must be a number for each, and as many places as channels, or none.
#[inline(always)]
pub(in crate::kernels) unsafe fn largest<T: Lane, S: Simd>(
    simd: S,
    x: &[T],
    pixels: &[usize],
    numbers: &[u32],
    out: &mut [T],
    places: &mut [u32],
) {
    // SAFETY: the caller's promise.
    unsafe {
        // Windows of four pixels are common, and a number that is known saves the loop over them.
        match (
            places.is_empty(),
            <&[usize; 4]>::try_from(pixels),
            <&[u32; 4]>::try_from(numbers),
        ) {
            (true, Ok(four), Ok(numbers)) => registers::<T, S, false>(simd, x, four, numbers, out, places),
            (true, ..) => registers::<T, S, false>(simd, x, pixels, numbers, out, places),
            (false, Ok(four), Ok(numbers)) => registers::<T, S, true>(simd, x, four, numbers, out, places),
            (false, ..) => registers::<T, S, true>(simd, x, pixels, numbers, out, places),
        }
    }
    let whole = out.len() / T::lanes::<S>() * T::lanes::<S>();
    for c in whole..out.len() {
        let mut best: Option<(T, u32)> = None;
        for (at, number) in pixels.iter().zip(numbers) {
            let here = x[at + c];
            if best.is_none_or(|(best, _)| above(here, best)) {
                best = Some((here, *number));
            }
        }
        if let Some((best, number)) = best {
            out[c] = best;
            if let Some(to) = places.get_mut(c) {
                *to = number;
            }
        }
    }
}

/// [`largest`] for the channels that fill registers.
///
/// # Safety
/// As there; with `KEEP` there must be places.
#[inline(always)]
unsafe fn registers<T: Lane, S: Simd, const KEEP: bool>(
    simd: S,
    x: &[T],
    pixels: &[usize],
    numbers: &[u32],
    out: &mut [T],
    places: &mut [u32],
) {
    let lanes = T::lanes::<S>();
    let whole = out.len() / lanes * lanes;
    let (Some((first, others)), Some((number, numbers))) = (pixels.split_first(), numbers.split_first())
    else {
        return;
    };
    let x = x.as_ptr();
    for c in (0..whole).step_by(lanes) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut best = read::<T, S>(x.add(first + c));
            let mut place = T::splat_number(simd, *number);
            for (at, number) in others.iter().zip(numbers) {
                let here = read::<T, S>(x.add(at + c));
                let above = T::above(simd, here, best);
                best = T::pick(simd, above, here, best);
                if KEEP {
                    place = T::pick_number(simd, above, T::splat_number(simd, *number), place);
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
