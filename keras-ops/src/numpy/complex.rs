//! What the functions of complex numbers are for real ones: candle has no others.

use candle_core::{DType, Result, Tensor};

use super::plain::plain_fns;

plain_fns! {
    /// The angle of `x` in the complex plane: 0, π for negative numbers and -0.
    angle: f64 saves both, |x| 0f64.atan2(x), |x, y| 0.;
}

/// `x`: real numbers are their own conjugates.
pub fn conj(x: &Tensor) -> Result<Tensor> {
    Ok(x.clone())
}

/// `x`: all its elements are real.
pub fn real(x: &Tensor) -> Result<Tensor> {
    Ok(x.clone())
}

/// 0 everywhere.
pub fn imag(x: &Tensor) -> Result<Tensor> {
    x.detach().zeros_like()
}

pub use conj as conjugate;

/// `x` in another dtype, its values limited to those of `dtype`.
///
/// ```
/// use keras_ops::{self as ops, DType, Device, Tensor};
/// let x = Tensor::new(&[-1f32, 3., 256.], &Device::Cpu)?;
/// assert_eq!(ops::saturate_cast(&x, DType::U8)?.to_vec1::<u8>()?, [0, 3, 255]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn saturate_cast(x: &Tensor, dtype: DType) -> Result<Tensor> {
    let (min, max) = match dtype {
        DType::U8 => (0., u8::MAX as f64),
        DType::U32 => (0., u32::MAX as f64),
        DType::I16 => (i16::MIN as f64, i16::MAX as f64),
        DType::I32 => (i32::MIN as f64, i32::MAX as f64),
        DType::F16 => (half::f16::MIN.to_f64(), half::f16::MAX.to_f64()),
        DType::BF16 => (half::bf16::MIN.to_f64(), half::bf16::MAX.to_f64()),
        // A conversion of floats to i64 is limited by itself.
        _ => return crate::cast(x, dtype),
    };
    crate::host::within("saturate_cast", || match x.dtype() {
        from if from.is_float() && dtype.is_float() => crate::cast(&crate::clip(x, min, max)?, dtype),
        // Float to integer: limited by itself, and exactly.
        from if from.is_float() => crate::cast(x, dtype),
        _ => crate::cast(&crate::clip(&crate::cast(x, DType::I64)?, min, max)?, dtype),
    })
}

/// `x` as a constant: no gradient flows through it.
pub fn stop_gradient(x: &Tensor) -> Result<Tensor> {
    Ok(x.detach())
}
