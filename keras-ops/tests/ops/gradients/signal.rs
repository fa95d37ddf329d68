//! Fourier transforms and frames.

use keras_ops as ops;
use ops::{StftOptions, Tensor, Window};

use super::case::{CUBE, Case, Input, X, case};

const PLANES: &[Input] = &[(&[2, 3, 5], -2., 2.3), (&[2, 3, 5], -1.4, 1.9)];
const EVEN: &[Input] = &[(&[3, 6], -2., 2.3), (&[3, 6], -1.4, 1.9)];
const SIGNAL: Input = (&[2, 19], -2., 2.3);
const BINS: &[Input] = &[(&[2, 4, 5], -2., 2.3), (&[2, 4, 5], -1.4, 1.9)];

/// Both parts, weighted apart.
fn both(pair: ops::Result<(Tensor, Tensor)>) -> ops::Result<Tensor> {
    let (re, im) = pair?;
    ops::stack(&[&re, &im], 0)
}

fn options(window: Window, center: bool) -> StftOptions {
    StftOptions {
        window,
        center,
        ..StftOptions::new(6, 2, 8)
    }
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("fft", PLANES, |x| both(ops::fft(&x[0], &x[1]))),
    case("fft real part", EVEN, |x| Ok(ops::fft(&x[0], &x[1])?.0)),
    case("fft2", PLANES, |x| both(ops::fft2(&x[0], &x[1]))),
    case("ifft2", PLANES, |x| both(ops::ifft2(&x[0], &x[1]))),
    case("rfft odd", &[X], |x| both(ops::rfft(&x[0], None))),
    case("rfft even", &[CUBE], |x| both(ops::rfft(&x[0], Some(4)))),
    case("rfft longer", &[X], |x| both(ops::rfft(&x[0], Some(8)))),
    case("rfft imaginary part", &[X], |x| Ok(ops::rfft(&x[0], None)?.1)),
    case("irfft", PLANES, |x| ops::irfft(&x[0], &x[1], None)),
    case("irfft odd", PLANES, |x| ops::irfft(&x[0], &x[1], Some(7))),
    case("irfft longer", PLANES, |x| ops::irfft(&x[0], &x[1], Some(12))),
    case("stft", &[SIGNAL], |x| both(ops::stft(&x[0], &options(Window::Hann, true)))),
    case("stft plain", &[SIGNAL], |x| both(ops::stft(&x[0], &options(Window::None, false)))),
    case("stft odd", &[SIGNAL], |x| both(ops::stft(&x[0], &StftOptions::new(5, 3, 7)))),
    case("istft", BINS, |x| ops::istft(&x[0], &x[1], &options(Window::Hann, true), None)),
    case("istft length", BINS, |x| ops::istft(&x[0], &x[1], &options(Window::Hamming, false), Some(11))),
    case("extract_sequences", &[SIGNAL], |x| ops::extract_sequences(&x[0], 5, 3)),
    case("overlap_add", &[CUBE], |x| ops::overlap_add(&x[0], 2)),
    case("overlap_add apart", &[CUBE], |x| ops::overlap_add(&x[0], 7)),
];
