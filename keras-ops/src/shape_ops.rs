//! Shapes and indices.

use candle_core::{Result, Tensor};

use crate::tape::record_view;

/// The axes in another order: axis `i` of the result is axis `order[i]` of `x`. A view.
///
/// # Errors
/// When `order` is not a permutation of the axes.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::zeros((2, 3, 4), ops::DType::F32, &Device::Cpu)?;
/// assert_eq!(ops::transpose(&x, &[2, 0, 1])?.dims(), [4, 2, 3]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn transpose(x: &Tensor, order: &[usize]) -> Result<Tensor> {
    let mut inverse = vec![usize::MAX; x.rank()];
    for (to, &from) in order.iter().enumerate() {
        if let Some(slot) = inverse.get_mut(from) {
            *slot = to;
        }
    }
    if order.len() != x.rank() || inverse.contains(&usize::MAX) {
        candle_core::bail!(
            "transpose: {order:?} is not an order of the {} axes of {:?}",
            x.rank(),
            x.dims()
        );
    }
    let out = x.permute(order)?;
    Ok(record_view(x, out, move |grad| grad.permute(inverse)))
}
