//! Short-time Fourier transforms.

use candle_core::{DType, Result, Shape, Tensor};

use super::fft::{checked, pair};
use super::{irfft, overlap_add};
use crate::host;
use crate::kernels::fft::{RealRows, Spectral, each_row};
use crate::tape::record_many;

/// The weights of a frame.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Window {
    /// `(1 - cos(2 pi t / n)) / 2`.
    #[default]
    Hann,
    /// `0.54 - 0.46 cos(2 pi t / n)`.
    Hamming,
    /// 1.
    None,
    /// One weight for each element of a frame.
    Weights(Vec<f64>),
}

/// Options of [`stft`] and [`istft`].
#[derive(Clone, Debug)]
pub struct StftOptions {
    /// Elements of a frame.
    pub sequence_length: usize,
    /// Elements from one frame to the next.
    pub sequence_stride: usize,
    /// Length of a transform, no less than `sequence_length`; the frame lies in its middle.
    pub fft_length: usize,
    /// The weights of a frame.
    pub window: Window,
    /// Whether frame `t` is centred at `t * sequence_stride`, the signal being mirrored at its ends.
    pub center: bool,
}

impl StftOptions {
    /// Keras's defaults: a Hann window, centred frames.
    pub fn new(sequence_length: usize, sequence_stride: usize, fft_length: usize) -> Self {
        Self {
            sequence_length,
            sequence_stride,
            fft_length,
            window: Window::Hann,
            center: true,
        }
    }

    /// The weights over the length of a transform.
    fn weights(&self, op: &str) -> Result<Vec<f64>> {
        let n = self.sequence_length;
        if n == 0 || self.sequence_stride == 0 || self.fft_length < n {
            candle_core::bail!(
                "{op}: expected a sequence_length and a sequence_stride of at least 1 and an fft_length no less than \
                 the sequence_length; got {n}, {} and {}",
                self.sequence_stride,
                self.fft_length
            );
        }
        let raised =
            |a: f64| move |t: usize| a - (1. - a) * (std::f64::consts::TAU * t as f64 / n as f64).cos();
        let window: Vec<f64> = match &self.window {
            Window::Hann => (0..n).map(raised(0.5)).collect(),
            Window::Hamming => (0..n).map(raised(0.54)).collect(),
            Window::None => return Ok(vec![1.; self.fft_length]),
            Window::Weights(weights) if weights.len() == n => weights.clone(),
            Window::Weights(weights) => candle_core::bail!(
                "{op}: expected a window of sequence_length = {n} weights, got {}",
                weights.len()
            ),
        };
        let mut weights = vec![0.; self.fft_length];
        let before = (self.fft_length - n) / 2;
        weights[before..before + n].copy_from_slice(&window);
        Ok(weights)
    }
}

/// The place in a signal of `len` elements that stands for place `i`, mirrored at the ends.
fn mirrored(i: isize, len: usize) -> usize {
    let period = 2 * (len as isize - 1).max(1);
    let at = i.rem_euclid(period);
    at.min(period - at) as usize
}

/// The short-time Fourier transform of the last axis: [`rfft`](super::rfft) of weighted frames.
///
/// # Shapes
/// (.., n) to a pair (.., frames, fft_length / 2 + 1).
///
/// # Errors
/// When `x` is a scalar or not a float tensor, the signal is shorter than a frame, or an option is out of range.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, StftOptions, Tensor};
/// let x = Tensor::ones(16, ops::DType::F32, &Device::Cpu)?;
/// let (re, im) = ops::stft(&x, &StftOptions::new(8, 4, 8))?;
/// assert_eq!(re.dims(), [5, 5]);
/// assert!((re.to_vec2::<f32>()?[2][0] - 4.).abs() < 1e-6); // the sum of the window
/// assert!(im.to_vec2::<f32>()?[2][0].abs() < 1e-6);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn stft(x: &Tensor, options: &StftOptions) -> Result<(Tensor, Tensor)> {
    const OP: &str = "stft";
    let dtype = host::compute_dtype(OP, x.dtype())?;
    let weights = options.weights(OP)?;
    let n = options.fft_length;
    let Some(&size) = x.dims().last() else {
        candle_core::bail!("{OP}: expected at least one axis, got a scalar");
    };
    let edge = if options.center { n / 2 } else { 0 };
    if size == 0 || size + 2 * edge < n || (edge > 0 && edge >= size) {
        candle_core::bail!(
            "{OP}: a signal of {size} elements is too short for transforms of {n}{}",
            if options.center {
                ", mirrored at its ends"
            } else {
                ""
            }
        );
    }
    let frames = Frames {
        size,
        edge,
        stride: options.sequence_stride,
        count: (size + 2 * edge - n) / options.sequence_stride + 1,
    };
    match dtype {
        DType::F64 => forward::<f64>(x, frames, weights),
        _ => forward::<f32>(x, frames, weights),
    }
}

/// Where frames lie in a signal of `size` elements with `edge` mirrored ones at each end.
#[derive(Clone, Copy)]
struct Frames {
    size: usize,
    edge: usize,
    stride: usize,
    count: usize,
}

impl Frames {
    /// The first element of a frame.
    fn start(&self, frame: usize) -> isize {
        (frame * self.stride) as isize - self.edge as isize
    }

    fn fill<T: Spectral>(&self, to: &mut [T], signal: &[T], weights: &[T], frame: usize) {
        let start = self.start(frame);
        if start >= 0 && start as usize + to.len() <= self.size {
            let terms = signal[start as usize..].iter().zip(weights);
            to.iter_mut().zip(terms).for_each(|(to, (x, w))| *to = *x * *w);
            return;
        }
        for (t, (to, w)) in to.iter_mut().zip(weights).enumerate() {
            *to = signal[mirrored(start + t as isize, self.size)] * *w;
        }
    }
}

fn forward<T: Spectral>(x: &Tensor, frames: Frames, weights: Vec<f64>) -> Result<(Tensor, Tensor)> {
    let (n, bins) = (weights.len(), weights.len() / 2 + 1);
    let window: Vec<T> = weights.iter().map(|w| T::of(*w)).collect();
    let [re, im] = host::read(x, |x: &[T]| {
        let len = x.len() / frames.size * frames.count * bins;
        let mut out = [vec![T::ZERO; len], vec![T::ZERO; len]];
        let [re, im] = &mut out;
        each_row([re, im], bins, &RealRows::<T>::new(n), |row, re, im, rows| {
            let signal = &x[row / frames.count * frames.size..][..frames.size];
            frames.fill(rows.row(), signal, &window, row % frames.count);
            rows.forward(re, im);
        });
        Ok(out)
    })?;
    let shape = [&x.dims()[..x.rank() - 1], &[frames.count, bins]].concat();
    let shape = Shape::from(shape);
    let store = |values| host::storage_as::<T>(values, x.dtype(), x.device());
    let outputs = vec![(store(re)?, shape.clone()), (store(im)?, shape.clone())];
    let (from, dtype, device) = (x.shape().clone(), x.dtype(), x.device().clone());
    let backward = move |grads: crate::tape::OutputGrads, _: &crate::tape::Needs| {
        let part = |i: usize, f: &mut dyn FnMut(&[T]) -> Result<()>| match grads.get(i).cloned().flatten() {
            Some(grad) => host::read(&grad, |g: &[T]| f(g)),
            None => f(&vec![T::ZERO; shape.elem_count()]),
        };
        let mut dx = Vec::new();
        part(0, &mut |re| {
            part(1, &mut |im| {
                dx = adjoint(re, im, frames, &weights);
                Ok(())
            })
        })?;
        Ok([Some(host::tensor(dx, dtype, &from, &device)?)]
            .into_iter()
            .collect())
    };
    pair("stft", record_many(&[x], outputs, backward))
}

/// The gradient by the signals: each frame's adjoint transform, weighted, laid over the signal.
fn adjoint<T: Spectral>(re: &[T], im: &[T], frames: Frames, weights: &[f64]) -> Vec<T> {
    use crate::kernels::team::{Parts as _, Slice as _};
    let (n, bins) = (weights.len(), weights.len() / 2 + 1);
    let window: Vec<T> = weights.iter().map(|w| T::of(*w)).collect();
    let per = frames.count * bins;
    let mut dx = vec![T::ZERO; re.len() / per * frames.size];
    let plan = RealRows::<T>::new(n);
    dx.par_chunks_mut(frames.size).enumerate().for_each(|(row, dx)| {
        let mut rows = plan.clone();
        let mut halved = [vec![T::ZERO; bins], vec![T::ZERO; bins]];
        for frame in 0..frames.count {
            let from = row * per + frame * bins;
            for (to, from) in halved
                .iter_mut()
                .zip([&re[from..from + bins], &im[from..from + bins]])
            {
                // The inverse counts bins with a conjugate partner twice.
                to.iter_mut().zip(from).for_each(|(to, x)| *to = *x * T::of(0.5));
                to[0] = from[0];
                if n % 2 == 0 {
                    to[n / 2] = from[n / 2];
                }
            }
            let values = rows.inverse(&halved[0], &halved[1]).iter().zip(&window);
            let start = frames.start(frame);
            if start >= 0 && start as usize + n <= frames.size {
                let dx = &mut dx[start as usize..];
                dx.iter_mut().zip(values).for_each(|(dx, (x, w))| *dx += *x * *w);
            } else {
                for (t, (x, w)) in values.enumerate() {
                    dx[mirrored(start + t as isize, frames.size)] += *x * *w;
                }
            }
        }
    });
    dx
}

/// The inverse of [`stft`]: frames transformed back, weighted, laid over each other, and divided by the sum of the
/// squared weights where that is not 0.
///
/// `length` is that of the result, if it is known.
///
/// # Shapes
/// A pair (.., frames, fft_length / 2 + 1) to (.., n).
///
/// # Errors
/// When the parts differ or have less than two axes, are not floats, or an option is out of range.
///
/// ```
/// use keras_ops::{self as ops, Device, StftOptions, Tensor};
/// let x = Tensor::rand(0f32, 1., 16, &Device::Cpu)?;
/// let options = StftOptions::new(8, 4, 8);
/// let (re, im) = ops::stft(&x, &options)?;
/// let back = ops::istft(&re, &im, &options, None)?;
/// let error = (back - x)?.abs()?.max(0)?.to_scalar::<f32>()?;
/// assert!(error < 1e-5);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn istft(real: &Tensor, imag: &Tensor, options: &StftOptions, length: Option<usize>) -> Result<Tensor> {
    const OP: &str = "istft";
    checked(OP, real, imag, 2)?;
    let weights = options.weights(OP)?;
    host::within(OP, || {
        let (n, stride) = (options.fft_length, options.sequence_stride);
        let frames = irfft(real, imag, Some(n))?;
        let count = frames.dims()[frames.rank() - 2];
        let total = n + stride * (count - 1);
        let constant = |values: &[f64]| {
            let shape = Shape::from(values.len());
            host::tensor(values.to_vec(), real.dtype(), &shape, real.device())
        };
        let mut norm = vec![0f64; total];
        for f in 0..count {
            let norm = norm[f * stride..].iter_mut();
            norm.zip(&weights).for_each(|(norm, w)| *norm += w * w);
        }
        norm.iter_mut()
            .for_each(|norm| *norm = if *norm > 1e-10 { 1. / *norm } else { 1. });
        let weighted = crate::multiply(&frames, &constant(&weights)?)?;
        let signal = crate::multiply(&overlap_add(&weighted, stride)?, &constant(&norm)?)?;
        let edge = if options.center { n / 2 } else { 0 };
        let start = edge.min(total);
        let end = match length {
            Some(length) => (edge + length).min(total),
            None => total.saturating_sub(edge).max(start),
        };
        crate::narrow(&signal, -1, start, end - start)
    })
}
