//! Cross-entropies of logits over rows of classes.

use candle_core::cuda_backend::CudaDType;
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{DType, Result, Storage, Tensor, WithDType};

use super::launch::{by_row, device, function, launch, plain, read, stored, unwritten, view};
use super::sources::CROSS_ENTROPY;

/// Rows and classes of logits with the classes last.
fn sizes(logits: &Tensor) -> (usize, u32) {
    let classes = logits.dims().last().copied().unwrap_or(1);
    (logits.elem_count() / classes.max(1), classes as u32)
}

/// Labels on the device in a type that the kernels take: `i64`, or `f64` for floats.
pub(crate) fn labels(target: &Tensor) -> Result<Tensor> {
    if target.dtype().is_float() {
        plain::<f64>(target)
    } else {
        plain::<i64>(target)
    }
}

/// `-log(softmax(logits)[label])` by row; NaN where the label is no class.
pub(crate) fn sparse_losses(labels: &Tensor, logits: &Tensor) -> Result<Storage> {
    match labels.dtype() {
        DType::F64 => sparse::<f64>("sparse_losses_f64", labels, logits, None),
        _ => sparse::<i64>("sparse_losses_i64", labels, logits, None),
    }
}

/// The gradient of [`sparse_losses`] by the logits.
pub(crate) fn sparse_gradient(labels: &Tensor, logits: &Tensor, grad: &Tensor) -> Result<Storage> {
    match labels.dtype() {
        DType::F64 => sparse::<f64>("sparse_gradient_f64", labels, logits, Some(grad)),
        _ => sparse::<i64>("sparse_gradient_i64", labels, logits, Some(grad)),
    }
}

fn sparse<L: WithDType + CudaDType + DeviceRepr>(
    name: &str,
    labels: &Tensor,
    logits: &Tensor,
    grad: Option<&Tensor>,
) -> Result<Storage> {
    let (device, (rows, classes)) = (device(logits)?, sizes(logits));
    let function = function(&device, &CROSS_ENTROPY, name)?;
    let len = if grad.is_some() { logits.elem_count() } else { rows };
    // SAFETY: the kernels write a loss a row, or a gradient an element.
    let mut out = unsafe { unwritten::<f32>(&device, len)? };
    let (labels, logits) = (plain::<L>(labels)?, plain::<f32>(logits)?);
    let (storage, layout) = labels.storage_and_layout();
    let labels = view::<L>(&storage, layout)?;
    let config = by_row(rows, classes as usize);
    let rows = rows as u64;
    match grad {
        None => read(&[&logits], |x| {
            // SAFETY: the parameters of `sparse_losses_*` in `cross_entropy.cu`: `rows` labels and losses,
            // `rows * classes` logits; a label is compared with `classes` before it is an index.
            unsafe { launch!(&function, config, &rows, &classes, &labels, &x[0], &mut out) }
        }),
        Some(grad) => read(&[&logits, &plain::<f32>(grad)?], |x| {
            // SAFETY: the parameters of `sparse_gradient_*`: `rows` labels and gradients of losses,
            // `rows * classes` logits and results; a label is compared, no index.
            unsafe {
                launch!(
                    &function, config, &rows, &classes, &labels, &x[0], &x[1], &mut out
                )
            }
        }),
    }?;
    Ok(stored(out, &device))
}

/// `-sum(target * log(softmax(logits)))` by row.
pub(crate) fn dense_losses(target: &Tensor, logits: &Tensor) -> Result<Storage> {
    let rows = sizes(logits).0;
    dense("dense_losses", &[target, logits], rows)
}

/// The gradient of [`dense_losses`] by the logits.
pub(crate) fn dense_gradient(target: &Tensor, logits: &Tensor, grad: &Tensor) -> Result<Storage> {
    dense("dense_gradient", &[target, logits, grad], logits.elem_count())
}

/// The gradient of [`dense_losses`] by the targets.
pub(crate) fn dense_gradient_by_target(logits: &Tensor, grad: &Tensor) -> Result<Storage> {
    dense("dense_gradient_by_target", &[logits, grad], logits.elem_count())
}

/// Launches a kernel that takes rows, classes, `inputs` and a result of `len` elements.
fn dense(name: &str, inputs: &[&Tensor], len: usize) -> Result<Storage> {
    // The first input has an element a class in each of the kernels.
    let (device, (rows, classes)) = (device(inputs[0])?, sizes(inputs[0]));
    let function = function(&device, &CROSS_ENTROPY, name)?;
    // SAFETY: the kernels write a loss a row, or a gradient an element.
    let mut out = unsafe { unwritten::<f32>(&device, len)? };
    let config = by_row(rows, classes as usize);
    let rows = rows as u64;
    let inputs = inputs
        .iter()
        .map(|x| plain::<f32>(x))
        .collect::<Result<Vec<_>>>()?;
    read(&inputs.iter().collect::<Vec<_>>(), |x| match x {
        // SAFETY: the parameters of `dense_*` in `cross_entropy.cu`: targets, logits and gradients by them have
        // `rows * classes` elements, losses and gradients of losses `rows`; the callers give them in order.
        [a, b] => unsafe { launch!(&function, config, &rows, &classes, a, b, &mut out) },
        // SAFETY: as above.
        [a, b, c] => unsafe { launch!(&function, config, &rows, &classes, a, b, c, &mut out) },
        _ => candle_core::bail!("{name}: expected two or three inputs, got {}", x.len()),
    })?;
    Ok(stored(out, &device))
}
