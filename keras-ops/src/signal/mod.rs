//! Fourier transforms and frames of signals. A complex tensor is a pair of real ones: real and imaginary parts.

mod complex;
mod fft;
mod frames;
mod stft;

pub use complex::{cdist, polar, psnr, view_as_complex, view_as_real};
pub use fft::{fft, fft2, ifft2, irfft, rfft};
pub use frames::{extract_sequences, overlap_add};
pub use stft::{StftOptions, Window, istft, stft};
