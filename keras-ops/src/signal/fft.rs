//! Fourier transforms of the last axes.

use candle_core::{DType, Result, Shape, Tensor};
use rustfft::FftDirection;

use crate::host;
use crate::kernels::fft::{self as kernel, RealRows, Spectral};
use crate::tape::{record, record_many};

/// A pair as real and imaginary parts.
type Pair = (Tensor, Tensor);

/// Checks a complex pair and gives the dtype to compute in.
pub(super) fn checked(op: &str, real: &Tensor, imag: &Tensor, rank: usize) -> Result<DType> {
    let dtype = host::compute_dtype(op, real.dtype())?;
    if real.dims() != imag.dims() || real.dtype() != imag.dtype() {
        candle_core::bail!(
            "{op}: expected real and imaginary parts alike, got {:?} {:?} and {:?} {:?}",
            real.dims(),
            real.dtype(),
            imag.dims(),
            imag.dtype()
        );
    }
    if real.rank() < rank || real.dims()[real.rank() - rank..].contains(&0) {
        candle_core::bail!(
            "{op}: expected at least {rank} axes, the last of size 1 or more; got {:?}",
            real.dims()
        );
    }
    Ok(dtype)
}

pub(super) fn pair(op: &str, tensors: Vec<Tensor>) -> Result<Pair> {
    match <[Tensor; 2]>::try_from(tensors) {
        Ok([real, imag]) => Ok((real, imag)),
        Err(_) => candle_core::bail!("{op}: expected two outputs"),
    }
}

fn zeros_or(
    grad: Option<Tensor>,
    like: &Shape,
    dtype: DType,
    device: &candle_core::Device,
) -> Result<Tensor> {
    match grad {
        Some(grad) => Ok(grad),
        None => Tensor::zeros(like, dtype, device),
    }
}

/// The transform of the last axis without a gradient; the inverse is not divided by its length.
fn transformed(real: &Tensor, imag: &Tensor, direction: FftDirection) -> Result<[candle_core::Storage; 2]> {
    fn run<T: Spectral>(
        real: &Tensor,
        imag: &Tensor,
        direction: FftDirection,
    ) -> Result<[candle_core::Storage; 2]> {
        let n = real.dims().last().copied().unwrap_or(1);
        let [re, im] = host::read(real, |re: &[T]| {
            host::read(imag, |im: &[T]| Ok(kernel::complex(re, im, n, direction)))
        })?;
        let store = |values| host::storage_as::<T>(values, real.dtype(), real.device());
        Ok([store(re)?, store(im)?])
    }
    match real.dtype() {
        DType::F64 => run::<f64>(real, imag, direction),
        _ => run::<f32>(real, imag, direction),
    }
}

/// The recorded transform of the last axis, not divided by its length.
fn along_last(op: &'static str, real: &Tensor, imag: &Tensor, direction: FftDirection) -> Result<Pair> {
    checked(op, real, imag, 1)?;
    let outputs = transformed(real, imag, direction)?;
    let shape = real.shape().clone();
    let (dtype, device) = (real.dtype(), real.device().clone());
    let outputs = outputs.into_iter().map(|s| (s, shape.clone())).collect();
    let backward = move |grads: crate::tape::OutputGrads, _: &crate::tape::Needs| {
        let mut grads = grads.into_iter();
        let mut next = || zeros_or(grads.next().flatten(), &shape, dtype, &device);
        let (re, im) = (next()?, next()?);
        // The adjoint of a transform is the one in the other direction.
        let (re, im) = along_last(op, &re, &im, direction.opposite_direction())?;
        Ok([Some(re), Some(im)].into_iter().collect())
    };
    pair(op, record_many(&[real, imag], outputs, backward))
}

/// The discrete Fourier transform of the last axis: `y[k] = sum over t of x[t] e^(-2 pi i k t / n)`.
///
/// # Errors
/// When the parts differ in shape or dtype, are not floats, or have no elements along the axis.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let re = Tensor::new(&[1f32, 0., 0., 0.], &Device::Cpu)?;
/// let (re, im) = ops::fft(&re, &re.zeros_like()?)?;
/// assert_eq!(re.to_vec1::<f32>()?, [1.; 4]);
/// assert_eq!(im.to_vec1::<f32>()?, [0.; 4]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn fft(real: &Tensor, imag: &Tensor) -> Result<(Tensor, Tensor)> {
    along_last("fft", real, imag, FftDirection::Forward)
}

fn both_axes(op: &'static str, real: &Tensor, imag: &Tensor, direction: FftDirection) -> Result<Pair> {
    checked(op, real, imag, 2)?;
    let rank = real.rank();
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 2, rank - 1);
    let (re, im) = along_last(op, real, imag, direction)?;
    let (re, im) = (crate::transpose(&re, &order)?, crate::transpose(&im, &order)?);
    let (re, im) = along_last(op, &re, &im, direction)?;
    Ok((crate::transpose(&re, &order)?, crate::transpose(&im, &order)?))
}

/// [`fft`] along the last two axes.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let re = Tensor::new(&[[1f32, 1.], [1., 1.]], &Device::Cpu)?;
/// let (re, _) = ops::fft2(&re, &re.zeros_like()?)?;
/// assert_eq!(re.to_vec2::<f32>()?, [[4., 0.], [0., 0.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn fft2(real: &Tensor, imag: &Tensor) -> Result<(Tensor, Tensor)> {
    both_axes("fft2", real, imag, FftDirection::Forward)
}

/// The inverse of [`fft2`].
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let re = Tensor::new(&[[4f32, 0.], [0., 0.]], &Device::Cpu)?;
/// let (re, _) = ops::ifft2(&re, &re.zeros_like()?)?;
/// assert_eq!(re.to_vec2::<f32>()?, [[1., 1.], [1., 1.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn ifft2(real: &Tensor, imag: &Tensor) -> Result<(Tensor, Tensor)> {
    let (re, im) = both_axes("ifft2", real, imag, FftDirection::Inverse)?;
    let size: usize = re.dims()[re.rank() - 2..].iter().product();
    let scale = 1. / size as f64;
    Ok((crate::mul_scalar(&re, scale)?, crate::mul_scalar(&im, scale)?))
}

/// The last axis with exactly `n` elements: cut, or filled up with zeros.
fn with_length(x: &Tensor, n: usize) -> Result<Tensor> {
    let last = x.rank() - 1;
    let has = x.dims()[last];
    if has >= n {
        return crate::narrow(x, -1, 0, n);
    }
    let mut padding = vec![(0, 0); x.rank()];
    padding[last].1 = n - has;
    crate::pad(x, &padding, 0.)
}

fn sized(op: &str, x: &Tensor, n: Option<usize>, default: usize) -> Result<usize> {
    let n = n.unwrap_or(default);
    if n == 0 {
        candle_core::bail!(
            "{op}: expected a length of at least 1, got 0 for shape {:?}",
            x.dims()
        );
    }
    Ok(n)
}

/// The first `n / 2 + 1` bins of [`fft`] of real numbers; the others are their conjugates.
///
/// `fft_length` cuts the last axis, or fills it up with zeros.
///
/// # Errors
/// When `x` is a scalar or not a float tensor, or the length is 0.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let (re, im) = ops::rfft(&Tensor::new(&[0f32, 1., 0., -1.], &Device::Cpu)?, None)?;
/// assert_eq!(re.to_vec1::<f32>()?, [0., 0., 0.]);
/// assert_eq!(im.to_vec1::<f32>()?, [0., -2., 0.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn rfft(x: &Tensor, fft_length: Option<usize>) -> Result<(Tensor, Tensor)> {
    const OP: &str = "rfft";
    let dtype = host::compute_dtype(OP, x.dtype())?;
    let Some(&last) = x.dims().last() else {
        candle_core::bail!("{OP}: expected at least one axis, got a scalar");
    };
    let n = sized(OP, x, fft_length, last)?;
    let x = with_length(x, n)?;
    match dtype {
        DType::F64 => real_forward::<f64>(&x, n),
        _ => real_forward::<f32>(&x, n),
    }
}

fn bins_of(dims: &[usize], n: usize) -> Shape {
    let mut dims = dims.to_vec();
    if let Some(last) = dims.last_mut() {
        *last = n;
    }
    Shape::from(dims)
}

fn real_forward<T: Spectral>(x: &Tensor, n: usize) -> Result<Pair> {
    let shape = bins_of(x.dims(), n / 2 + 1);
    let (dtype, device, from) = (x.dtype(), x.device().clone(), x.shape().clone());
    let [re, im] = spectrum::<T>(x, n)?;
    let store = |values| host::storage_as(values, dtype, &device);
    let outputs = vec![(store(re)?, shape.clone()), (store(im)?, shape.clone())];
    let device = device.clone();
    let backward = move |grads: crate::tape::OutputGrads, _: &crate::tape::Needs| {
        let mut grads = grads.into_iter();
        let mut next = || zeros_or(grads.next().flatten(), &shape, dtype, &device);
        let (re, im) = (next()?, next()?);
        // Bins that the inverse counts twice are halved.
        let dx = signal::<T>(&re, &im, n, |k| if paired(k, n) { 0.5 } else { 1. })?;
        Ok([Some(host::tensor(dx, dtype, &from, &device)?)]
            .into_iter()
            .collect())
    };
    pair("rfft", record_many(&[x], outputs, backward))
}

/// Whether bin `k` has a conjugate partner among the `n`.
fn paired(k: usize, n: usize) -> bool {
    k != 0 && 2 * k != n
}

fn spectrum<T: Spectral>(x: &Tensor, n: usize) -> Result<[Vec<T>; 2]> {
    let bins = n / 2 + 1;
    host::read(x, |x: &[T]| {
        let len = x.len() / n * bins;
        let mut out = [vec![T::ZERO; len], vec![T::ZERO; len]];
        let [re, im] = &mut out;
        kernel::each_row([re, im], bins, &RealRows::<T>::new(n), |row, re, im, rows| {
            rows.forward_of(&x[row * n..(row + 1) * n], re, im);
        });
        Ok(out)
    })
}

/// Real rows from spectra whose bins are scaled; not divided by `n`.
fn signal<T: Spectral>(
    re: &Tensor,
    im: &Tensor,
    n: usize,
    scale: impl Fn(usize) -> f64 + Sync,
) -> Result<Vec<T>> {
    let bins = n / 2 + 1;
    let scale: Vec<T> = (0..bins).map(|k| T::of(scale(k))).collect();
    host::read(re, |re: &[T]| {
        host::read(im, |im: &[T]| {
            let len = re.len() / bins * n;
            let (mut out, mut unused) = (vec![T::ZERO; len], vec![T::ZERO; len]);
            let state = (RealRows::<T>::new(n), [vec![T::ZERO; bins], vec![T::ZERO; bins]]);
            kernel::each_row(
                [&mut out, &mut unused],
                n,
                &state,
                |row, out, _, (rows, [a, b])| {
                    let scaled = |to: &mut [T], from: &[T]| {
                        let terms = from[row * bins..].iter().zip(&scale);
                        to.iter_mut().zip(terms).for_each(|(to, (x, s))| *to = *x * *s);
                    };
                    scaled(a, re);
                    scaled(b, im);
                    out.copy_from_slice(rows.inverse(a, b));
                },
            );
            Ok(out)
        })
    })
}

/// The inverse of [`rfft`]: real numbers from the first `n / 2 + 1` bins.
///
/// `fft_length` is `n`; `None` for `2 (bins - 1)`. Bins are cut, or filled up with zeros, to fit.
///
/// # Errors
/// When the parts differ in shape or dtype, are not floats, or the length is 0.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let (re, im) = ops::rfft(&Tensor::new(&[1f32, 2., 3., 5.], &Device::Cpu)?, None)?;
/// assert_eq!(ops::irfft(&re, &im, None)?.to_vec1::<f32>()?, [1., 2., 3., 5.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn irfft(real: &Tensor, imag: &Tensor, fft_length: Option<usize>) -> Result<Tensor> {
    const OP: &str = "irfft";
    let dtype = checked(OP, real, imag, 1)?;
    let last = real.dims()[real.rank() - 1];
    let n = sized(OP, real, fft_length, 2 * (last - 1))?;
    let (re, im) = (with_length(real, n / 2 + 1)?, with_length(imag, n / 2 + 1)?);
    match dtype {
        DType::F64 => real_inverse::<f64>(&re, &im, n),
        _ => real_inverse::<f32>(&re, &im, n),
    }
}

fn real_inverse<T: Spectral>(re: &Tensor, im: &Tensor, n: usize) -> Result<Tensor> {
    let out = signal::<T>(re, im, n, |_| 1. / n as f64)?;
    let storage = host::storage_as(out, re.dtype(), re.device())?;
    let shape = bins_of(re.dims(), n);
    let from = re.shape().clone();
    Ok(record(&[re, im], storage, &shape, move |grad, _| {
        let [mut dr, mut di] = spectrum::<T>(&grad, n)?;
        let scale = |k: usize| T::of(if paired(k, n) { 2. } else { 1. } / n as f64);
        let real = |k: usize| if paired(k, n) { scale(k) } else { T::ZERO };
        let bins = n / 2 + 1;
        dr.chunks_exact_mut(bins)
            .for_each(|row| row.iter_mut().enumerate().for_each(|(k, x)| *x *= scale(k)));
        di.chunks_exact_mut(bins)
            .for_each(|row| row.iter_mut().enumerate().for_each(|(k, x)| *x *= real(k)));
        let tensor = |values| host::tensor(values, grad.dtype(), &from, grad.device());
        Ok([Some(tensor(dr)?), Some(tensor(di)?)].into_iter().collect())
    }))
}
