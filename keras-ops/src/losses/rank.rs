//! Keras's adjustment of ranks that differ by one.

use candle_core::{Result, Tensor};

/// Where the ranks differ by one and the last axis of the higher one has size 1: gives a rank-1 tensor a last
/// axis, or else takes that axis from the higher one. Everything else is left as it is.
///
/// ```
/// use keras_ops::{DType, Device, Tensor, losses};
/// let a = Tensor::zeros((5, 1), DType::F32, &Device::Cpu)?;
/// let b = Tensor::zeros(5, DType::F32, &Device::Cpu)?;
/// let (a, b) = losses::squeeze_or_expand_to_same_rank(&a, &b)?;
/// assert_eq!((a.dims(), b.dims()), (&[5, 1][..], &[5, 1][..]));
/// # Ok::<(), keras_ops::Error>(())
/// ```
///
/// # Errors
/// Never for tensors on the host.
pub fn squeeze_or_expand_to_same_rank(a: &Tensor, b: &Tensor) -> Result<(Tensor, Tensor)> {
    if a.rank() == b.rank() + 1 {
        let (a, b) = adjust(a, b)?;
        Ok((a, b))
    } else if b.rank() == a.rank() + 1 {
        let (b, a) = adjust(b, a)?;
        Ok((a, b))
    } else {
        Ok((a.clone(), b.clone()))
    }
}

fn adjust(higher: &Tensor, lower: &Tensor) -> Result<(Tensor, Tensor)> {
    match (higher.dims().last(), lower.rank()) {
        (Some(1), 1) => Ok((higher.clone(), lower.unsqueeze(1)?)),
        (Some(1), rank) => Ok((higher.squeeze(rank)?, lower.clone())),
        _ => Ok((higher.clone(), lower.clone())),
    }
}
