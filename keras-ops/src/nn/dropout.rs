//! Dropout.

use candle_core::{DType, Result, Tensor};

use crate::host::{self, Real};
#[cfg(feature = "cuda")]
use crate::kernels::cuda;
#[cfg(feature = "cuda")]
use crate::kernels::dropout::threshold;
use crate::kernels::dropout::{drop_again, drop_broadcast, drop_random};
use crate::kernels::philox;
use crate::random::Seed;
use crate::tape::record;

/// Sets elements to 0 with probability `rate` and multiplies the others by `1 / (1 - rate)`, which keeps the
/// expected sum.
///
/// With `noise_shape`, elements that share a place in it are dropped or kept together: it has one entry an
/// axis of `x`, that axis's size or 1.
///
/// # Shapes
/// `x` any, the result the same.
///
/// # Errors
/// When `rate` is outside `[0, 1]`, `x` is not a float tensor, or `noise_shape` does not broadcast to `x`.
///
/// # Examples
/// ```
/// use keras_ops::{DType, Device, Tensor, nn, random::Seed};
/// let x = Tensor::ones((4, 8), DType::F32, &Device::Cpu)?;
/// let y = nn::dropout(&x, 0.5, None, Seed::new(1, 0))?;
/// assert!(y.flatten_all()?.to_vec1::<f32>()?.iter().all(|v| *v == 0. || *v == 2.));
/// // whole columns
/// let y = nn::dropout(&x, 0.5, Some(&[1, 8]), Seed::new(1, 0))?.to_vec2::<f32>()?;
/// assert!(y.iter().all(|row| *row == y[0]));
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn dropout(x: &Tensor, rate: f64, noise_shape: Option<&[usize]>, seed: Seed) -> Result<Tensor> {
    if !(0. ..=1.).contains(&rate) {
        candle_core::bail!("dropout: expected a rate in [0, 1], got {rate}");
    }
    if let Some(noise) = noise_shape {
        let fits = noise.len() == x.rank() && noise.iter().zip(x.dims()).all(|(n, d)| *n == 1 || n == d);
        if !fits {
            candle_core::bail!(
                "dropout: expected a noise_shape with one entry an axis of the input {:?}, its size or 1; got \
                 {noise:?}",
                x.dims()
            );
        }
    }
    let noise = noise_shape.filter(|noise| *noise != x.dims());
    match host::compute_dtype("dropout", x.dtype())? {
        _ if rate == 0. => Ok(x.clone()),
        #[cfg(feature = "cuda")]
        DType::F32 if noise.is_none() && cuda::fits(&[x]) => {
            host::within("dropout", || on_cuda(x, rate, seed))
        }
        DType::F64 => fused::<f64>(x, rate, noise, seed),
        _ => fused::<f32>(x, rate, noise, seed),
    }
}

#[cfg(feature = "cuda")]
fn on_cuda(x: &Tensor, rate: f64, seed: Seed) -> Result<Tensor> {
    let keep = 1. - rate;
    let (threshold, scale) = (threshold(keep), if keep > 0. { (1. / keep) as f32 } else { 0. });
    let drop = move |x: &Tensor| cuda::dropout::drop_random(x, threshold, scale, seed.seed, seed.counter);
    // The mask is made again on the way back.
    Ok(record(&[x], drop(x)?, x.shape(), move |grad, _| {
        Ok([Some(cuda::tensor(drop(&grad)?, grad.shape()))]
            .into_iter()
            .collect())
    }))
}

/// Drops the same elements of another slice.
type Again<T> = Box<dyn Fn(&[T], &mut [T])>;

fn fused<T: Real>(x: &Tensor, rate: f64, noise: Option<&[usize]>, seed: Seed) -> Result<Tensor> {
    let keep = 1. - rate;
    let scale = if keep > 0. { T::of(1. / keep) } else { T::default() };
    let mut out = vec![T::default(); x.elem_count()];
    let again: Again<T> = match noise {
        None => {
            let draw = |x: &[T]| Ok(drop_random(x, &mut out, keep, scale, seed.seed, seed.counter));
            let kept = host::read(x, draw)?;
            Box::new(move |g, out| drop_again(g, out, &kept, scale))
        }
        Some(noise) => {
            let below = (keep * 4_294_967_296.) as u64;
            let mut kept = vec![0u8; noise.iter().product()];
            philox::fill(seed.seed, seed.counter, &mut kept, |word| {
                u8::from((word as u64) < below)
            });
            let (dims, noise) = (x.dims().to_vec(), noise.to_vec());
            let apply = move |x: &[T], out: &mut [T]| drop_broadcast(x, out, &dims, &kept, &noise, scale);
            host::read(x, |x: &[T]| {
                apply(x, &mut out);
                Ok(())
            })?;
            Box::new(apply)
        }
    };
    let (dtype, device) = (x.dtype(), x.device().clone());
    let out = host::storage_as(out, dtype, &device)?;
    Ok(record(&[x], out, x.shape(), move |grad, _| {
        let mut out = vec![T::default(); grad.elem_count()];
        host::read(&grad, |g: &[T]| {
            again(g, &mut out);
            Ok(())
        })?;
        let grad = host::tensor(out, dtype, grad.shape(), &device)?;
        Ok([Some(grad)].into_iter().collect())
    }))
}
