//! Cross-entropies with the arguments of `keras.ops`: the functions of [`losses`] without smoothing and ignored
//! classes, the binary one element by element.

use candle_core::{Result, Tensor};

use crate::losses;

/// # Errors
/// When shapes or dtypes differ.
fn alike(op: &str, target: &Tensor, output: &Tensor) -> Result<()> {
    if target.dims() != output.dims() {
        candle_core::bail!(
            "{op}: expected target and output of one shape, got target {:?} and output {:?}",
            target.dims(),
            output.dims()
        );
    }
    if target.dtype() != output.dtype() {
        candle_core::bail!(
            "{op}: target is {} and output {}; use `cast`",
            crate::dtype_name(target.dtype()),
            crate::dtype_name(output.dtype())
        );
    }
    Ok(())
}

/// `-sum(target * log(output))` over the class axis; for one-hot or soft targets.
///
/// `from_logits`: `output` is unnormalised, its log-softmax is taken; else probabilities, normalised and
/// clipped.
///
/// # Shapes
/// `target` and `output` alike; the result lacks the class axis.
///
/// # Errors
/// When shapes or dtypes differ, `axis` is out of range, or the tensors are not float.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let target = Tensor::new(&[[0f64, 1.], [0.5, 0.5]], &Device::Cpu)?;
/// let output = Tensor::new(&[[0.75f64, 0.25], [0.5, 0.5]], &Device::Cpu)?;
/// let loss = ops::categorical_crossentropy(&target, &output, false, -1)?.to_vec1::<f64>()?;
/// assert!((loss[0] - 4f64.ln()).abs() < 1e-9 && (loss[1] - 2f64.ln()).abs() < 1e-9);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn categorical_crossentropy(
    target: &Tensor,
    output: &Tensor,
    from_logits: bool,
    axis: i64,
) -> Result<Tensor> {
    alike("categorical_crossentropy", target, output)?;
    losses::categorical_crossentropy(target, output, from_logits, 0., axis)
}

/// `-log(output[target])`: the loss of integer labels.
///
/// `from_logits` as in [`categorical_crossentropy`].
///
/// # Shapes
/// `output` any with a class axis; `target` lacks it, or has a last axis of size 1 more. The result has the
/// shape of `output` without the class axis.
///
/// # Errors
/// When the shapes do not fit, `output` is not float, or a label is not an integer from 0 to the number of
/// classes - 1 (Keras: no error, a loss of 0): the message names the label and its position.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let output = Tensor::new(&[[0f32, 0.], [3., 3.]], &Device::Cpu)?;
/// let labels = Tensor::new(&[1u32, 0], &Device::Cpu)?;
/// let loss = ops::sparse_categorical_crossentropy(&labels, &output, true, -1)?.to_vec1::<f32>()?;
/// assert!(loss.iter().all(|l| (l - 2f32.ln()).abs() < 1e-6));
/// let wrong = Tensor::new(&[1u32, 2], &Device::Cpu)?;
/// assert!(ops::sparse_categorical_crossentropy(&wrong, &output, true, -1).is_err());
/// # Ok::<(), ops::Error>(())
/// ```
pub fn sparse_categorical_crossentropy(
    target: &Tensor,
    output: &Tensor,
    from_logits: bool,
    axis: i64,
) -> Result<Tensor> {
    losses::sparse_categorical_crossentropy(target, output, from_logits, None, axis)
}

/// `-target * log(output) - (1 - target) * log(1 - output)`, element by element.
///
/// `from_logits`: `output` is taken through a sigmoid, without rounding at large values; else probabilities,
/// clipped.
///
/// # Shapes
/// `target`, `output` and the result alike.
///
/// # Errors
/// When shapes or dtypes differ, or the tensors are not float.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let target = Tensor::new(&[1f32, 0.], &Device::Cpu)?;
/// let logits = Tensor::new(&[-1e4f32, -1e4], &Device::Cpu)?;
/// let loss = ops::binary_crossentropy(&target, &logits, true)?;
/// assert_eq!(loss.to_vec1::<f32>()?, [1e4, 0.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn binary_crossentropy(target: &Tensor, output: &Tensor, from_logits: bool) -> Result<Tensor> {
    alike("binary_crossentropy", target, output)?;
    losses::binary_each(target, output, from_logits)
}
