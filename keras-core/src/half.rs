//! Half types: numbers are rounded to them, and what is computed between is float32.

use keras_ops::{self as ops, DType, Tensor, host};

use crate::{Result, bail};

pub(crate) fn is_half(dtype: DType) -> bool {
    matches!(dtype, DType::F16 | DType::BF16)
}

/// `x` with the precision of `dtype`, to compute with: a half type's numbers are in float32.
///
/// # Errors
/// As [`narrowed`].
pub(crate) fn rounded(what: &str, x: &Tensor, dtype: DType) -> Result<Tensor> {
    if is_half(dtype) {
        return Ok(ops::cast(&narrowed(what, x, dtype)?, DType::F32)?);
    }
    Ok(ops::cast(x, dtype)?)
}

/// `x` in `dtype`.
///
/// # Errors
/// On the host, when a finite number is beyond what a half type holds.
pub(crate) fn narrowed(what: &str, x: &Tensor, dtype: DType) -> Result<Tensor> {
    let out = ops::cast(x, dtype)?;
    if x.dtype() == dtype || !is_half(dtype) || !x.device().is_cpu() {
        return Ok(out);
    }
    let lost = host::read(&out, |rounded: &[f32]| {
        if rounded.iter().all(|r| r.is_finite()) {
            return Ok(None);
        }
        host::read(x, |x: &[f64]| {
            let lost = |(x, r): (&f64, &f32)| (x.is_finite() && r.is_infinite()).then_some(*x);
            Ok(x.iter().zip(rounded).find_map(lost))
        })
    })?;
    match lost {
        None => Ok(out),
        Some(number) => bail!(
            "{what}: {number} is too large for {}; compute the loss in float32 (leave out its `dtype`) or scale the \
             data down",
            ops::dtype_name(dtype)
        ),
    }
}
