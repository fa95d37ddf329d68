//! In-place passes around the steps: norms, clipping, averages.

use candle_core::{DType, Result, Tensor};
use half::{bf16, f16};

use super::{checked, plain, run, set};
use crate::host::Real;
use crate::kernels::optimizers::{self as kernel, Element};
use crate::{host, inplace};

/// `sqrt(sum of the squares of all elements)`, summed in `f64`.
///
/// ```
/// use keras_ops::{Device, Tensor, optimizer_step::global_norm};
/// let (a, b) = (Tensor::new(&[3f32], &Device::Cpu)?, Tensor::new(&[0f32, 4.], &Device::Cpu)?);
/// assert_eq!(global_norm(&[&a, &b])?, 5.);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// When a tensor is not a float tensor.
pub fn global_norm(tensors: &[&Tensor]) -> Result<f64> {
    fn squares<E: Element>(x: &Tensor) -> Result<f64> {
        host::read(x, |x: &[E]| Ok(kernel::sum_of_squares(x)))
    }
    let mut sum = 0.;
    for x in tensors {
        sum += by_dtype!("global_norm", x.dtype(), squares(x))?;
    }
    Ok(sum.sqrt())
}

/// `x *= factor`.
///
/// # Errors
/// When `x` is not a float tensor or not contiguous.
pub fn scale_in_place(x: &Tensor, factor: f64) -> Result<()> {
    fn cpu<E: Element>(x: &Tensor, factor: f64) -> Result<()> {
        let factor = E::Wide::of(factor);
        each::<E>("scale_in_place", x, move |x| E::narrow(x.wide() * factor))
    }
    if !x.device().is_cpu() {
        return set(x, &(plain(x) * factor)?);
    }
    by_dtype!("scale_in_place", x.dtype(), cpu(x, factor))
}

/// Every element of `x` becomes `value`.
///
/// # Errors
/// When `x` is not a float tensor or not contiguous.
pub fn fill_in_place(x: &Tensor, value: f64) -> Result<()> {
    fn cpu<E: Element>(x: &Tensor, value: f64) -> Result<()> {
        let value = E::narrow(E::Wide::of(value));
        each::<E>("fill_in_place", x, move |_| value)
    }
    if !x.device().is_cpu() {
        return set(x, &plain(x).zeros_like()?.affine(0., value)?);
    }
    by_dtype!("fill_in_place", x.dtype(), cpu(x, value))
}

/// `y += factor x`.
///
/// # Errors
/// When shapes differ, or `y` is not a contiguous float tensor.
pub fn axpy_in_place(y: &Tensor, factor: f64, x: &Tensor) -> Result<()> {
    mix_in_place(y, 1., x, factor)
}

/// `y = keep y + factor x`: moving averages are `mix_in_place(average, momentum, x, 1 - momentum)`.
///
/// # Errors
/// When shapes differ, or `y` is not a contiguous float tensor.
///
/// ```
/// use keras_ops::{Device, Tensor, optimizer_step::mix_in_place};
/// let (y, x) = (Tensor::new(&[2f32], &Device::Cpu)?, Tensor::new(&[10f32], &Device::Cpu)?);
/// mix_in_place(&y, 0.5, &x, 0.25)?;
/// assert_eq!(y.to_vec1::<f32>()?, [3.5]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn mix_in_place(y: &Tensor, keep: f64, x: &Tensor, factor: f64) -> Result<()> {
    fn cpu<E: Element>(y: &Tensor, keep: f64, x: &Tensor, factor: f64) -> Result<()> {
        let (keep, factor) = (E::Wide::of(keep), E::Wide::of(factor));
        run::<E>(
            "mix_in_place",
            &[y],
            x,
            #[inline(always)]
            |y, x| {
                let [y] = y else { return };
                y.iter_mut()
                    .zip(x)
                    .for_each(|(y, x)| *y = E::narrow(keep * y.wide() + factor * x.wide()));
            },
        )
    }
    let x = &checked("mix_in_place", &[y], x)?;
    if !y.device().is_cpu() {
        return set(y, &((plain(y) * keep)? + (x * factor)?)?);
    }
    by_dtype!("mix_in_place", y.dtype(), cpu(y, keep, x, factor))
}

/// `to = from * factor`, each element then brought into `[-limit, limit]`; `to` itself without `from`.
///
/// # Errors
/// When shapes differ, or `to` is not a contiguous float tensor.
///
/// ```
/// use keras_ops::{Device, Tensor, optimizer_step::scale_and_clip};
/// let (to, from) = (Tensor::new(&[0f32, 0.], &Device::Cpu)?, Tensor::new(&[1f32, 10.], &Device::Cpu)?);
/// scale_and_clip(&to, Some(&from), 0.5, 2.)?;
/// assert_eq!(to.to_vec1::<f32>()?, [0.5, 2.]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn scale_and_clip(to: &Tensor, from: Option<&Tensor>, factor: f64, limit: f64) -> Result<()> {
    fn cpu<E: Element>(to: &Tensor, from: Option<&Tensor>, factor: f64, limit: f64) -> Result<()> {
        let (factor, limit) = (E::Wide::of(factor), E::Wide::of(limit));
        let one = move |x: E| kernel::scaled_within(x, factor, limit);
        match from {
            None => each::<E>("scale_and_clip", to, one),
            Some(from) => run::<E>(
                "scale_and_clip",
                &[to],
                from,
                #[inline(always)]
                |to, from| {
                    let [to] = to else { return };
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = one(*from));
                },
            ),
        }
    }
    let from = from
        .map(|from| checked("scale_and_clip", &[to], from))
        .transpose()?;
    if !to.device().is_cpu() {
        let scaled = (from.as_ref().map_or_else(|| plain(to), Tensor::clone) * factor)?;
        return set(
            to,
            &if limit.is_finite() {
                scaled.clamp(-limit, limit)?
            } else {
                scaled
            },
        );
    }
    by_dtype!(
        "scale_and_clip",
        to.dtype(),
        cpu(to, from.as_ref(), factor, limit)
    )
}

fn each<E: Element>(op: &'static str, x: &Tensor, f: impl Fn(E) -> E + Sync + Send) -> Result<()> {
    inplace::write(op, x, |x: &mut [E]| {
        kernel::each(x, &f);
        Ok(())
    })
}
