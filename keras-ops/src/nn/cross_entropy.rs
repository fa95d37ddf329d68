//! Cross-entropies, from probabilities and from logits, with Keras's clipping.
//!
//! Probabilities are divided by their sum over the class axis and limited to `[1e-7, 1 - 1e-7]`; what is cut
//! there gets no gradient.

use candle_core::{DType, Result, Shape, Tensor};

use crate::axes;
use crate::dtype::EPSILON;
use crate::host;
use crate::kernels::cross_entropy as kernel;
use crate::kernels::map::map2;
use crate::kernels::math::Math;
use crate::kernels::reduce::Extent;
use crate::tape::record;

/// `x` with the class axis last, and the number of classes.
fn class_last(op: &str, x: &Tensor, axis: i64) -> Result<(Tensor, Extent)> {
    host::compute_dtype(op, x.dtype())?;
    if x.rank() == 0 {
        candle_core::bail!("{op}: expected at least one axis, the classes; got a scalar");
    }
    let axis = axes::axis(op, axis, x.rank())?;
    let x = if axis + 1 == x.rank() {
        x.clone()
    } else {
        crate::move_axis_last(x, axis)?
    };
    let len = x.dims()[x.rank() - 1];
    if len == 0 {
        candle_core::bail!("{op}: there are no classes in output of shape {:?}", x.dims());
    }
    let outer = x.elem_count() / len;
    Ok((x, Extent { outer, len, inner: 1 }))
}

fn same_shape(op: &str, target: &Tensor, output: &Tensor) -> Result<()> {
    if target.dims() != output.dims() {
        candle_core::bail!(
            "{op}: expected target and output of one shape, got target {:?} and output {:?}",
            target.dims(),
            output.dims()
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
    const OP: &str = "categorical_crossentropy";
    same_shape(OP, target, output)?;
    same_dtype(OP, target, output)?;
    let (target, _) = class_last(OP, target, axis)?;
    let (output, extent) = class_last(OP, output, axis)?;
    match output.dtype() {
        DType::F64 => categorical::<f64>(&target, &output, from_logits, extent),
        _ => categorical::<f32>(&target, &output, from_logits, extent),
    }
}

fn same_dtype(op: &str, target: &Tensor, output: &Tensor) -> Result<()> {
    if target.dtype() != output.dtype() {
        candle_core::bail!(
            "{op}: target is {:?} and output {:?}; use `cast`",
            target.dtype(),
            output.dtype()
        );
    }
    Ok(())
}

fn categorical<T: Math>(
    target: &Tensor,
    output: &Tensor,
    from_logits: bool,
    extent: Extent,
) -> Result<Tensor> {
    let logs = kernel::log_probabilities::<T>(from_logits);
    let losses = host::read(target, |t: &[T]| {
        host::read(output, |x: &[T]| {
            Ok(kernel::losses(t, &logs(x, extent.len), extent.len))
        })
    })?;
    let storage = host::storage_as(losses, output.dtype(), output.device())?;
    let dims = output.dims();
    let shape = Shape::from(&dims[..dims.len() - 1]);
    let (saved_target, saved) = (target.detach(), output.detach());
    Ok(record(&[target, output], storage, &shape, move |grad, needs| {
        let (dt, dx) = host::read(&grad, |g: &[T]| {
            host::read(&saved_target, |t: &[T]| {
                host::read(&saved, |x: &[T]| {
                    let dt = needs[0].then(|| kernel::by_target(g, &logs(x, extent.len), extent.len));
                    let dx = needs[1].then(|| kernel::by_output(g, t, x, extent.len, from_logits));
                    Ok((dt, dx))
                })
            })
        })?;
        let make = |values: Option<Vec<T>>| {
            values
                .map(|v| host::tensor(v, grad.dtype(), saved.shape(), grad.device()))
                .transpose()
        };
        Ok([make(dt)?, make(dx)?].into_iter().collect())
    }))
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
    const OP: &str = "sparse_categorical_crossentropy";
    let (output, extent) = class_last(OP, output, axis)?;
    let outer_dims = &output.dims()[..output.rank() - 1];
    let dims = target.dims();
    let squeezed = if dims.len() == output.rank() && dims.last() == Some(&1) {
        &dims[..dims.len() - 1]
    } else {
        dims
    };
    if squeezed != outer_dims {
        candle_core::bail!(
            "{OP}: expected target of the output's shape without the class axis, {outer_dims:?}, got {dims:?}"
        );
    }
    let labels = labels(OP, target, extent.len)?;
    match output.dtype() {
        DType::F64 => sparse::<f64>(labels, &output, from_logits, extent),
        _ => sparse::<f32>(labels, &output, from_logits, extent),
    }
}

/// The labels as checked class numbers.
fn labels(op: &str, target: &Tensor, classes: usize) -> Result<Vec<u32>> {
    let wrong = |at: usize, label: f64| {
        candle_core::Error::Msg(format!(
            "{op}: label {label} at position {at} of the target is not one of the {classes} classes 0 to {}",
            classes - 1
        ))
    };
    match target.dtype() {
        DType::U32 => host::read(target, |t: &[u32]| {
            match t.iter().position(|l| *l as usize >= classes) {
                Some(at) => Err(wrong(at, t[at] as f64)),
                None => Ok(t.to_vec()),
            }
        }),
        dtype if dtype.is_float() => host::read(target, |t: &[f64]| {
            let valid = |l: f64| l >= 0. && l < classes as f64 && l.fract() == 0.;
            t.iter()
                .enumerate()
                .map(|(at, l)| {
                    if valid(*l) {
                        Ok(*l as u32)
                    } else {
                        Err(wrong(at, *l))
                    }
                })
                .collect()
        }),
        _ => host::read(target, |t: &[i64]| {
            let valid = |l: i64| (0..classes as i64).contains(&l);
            t.iter()
                .enumerate()
                .map(|(at, l)| {
                    if valid(*l) {
                        Ok(*l as u32)
                    } else {
                        Err(wrong(at, *l as f64))
                    }
                })
                .collect()
        }),
    }
}

fn sparse<T: Math>(labels: Vec<u32>, output: &Tensor, from_logits: bool, extent: Extent) -> Result<Tensor> {
    let losses = host::read(output, |x: &[T]| {
        Ok(kernel::sparse_losses(&labels, x, extent.len, from_logits))
    })?;
    let storage = host::storage_as(losses, output.dtype(), output.device())?;
    let dims = output.dims();
    let shape = Shape::from(&dims[..dims.len() - 1]);
    let saved = output.detach();
    Ok(record(&[output], storage, &shape, move |grad, _| {
        let dx = host::read(&grad, |g: &[T]| {
            host::read(&saved, |x: &[T]| {
                Ok(kernel::sparse_gradient(g, &labels, x, extent.len, from_logits))
            })
        })?;
        Ok([Some(host::tensor(
            dx,
            grad.dtype(),
            saved.shape(),
            grad.device(),
        )?)]
        .into_iter()
        .collect())
    }))
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
    const OP: &str = "binary_crossentropy";
    same_shape(OP, target, output)?;
    same_dtype(OP, target, output)?;
    host::compute_dtype(OP, output.dtype())?;
    match (output.dtype(), from_logits) {
        (DType::F64, true) => binary::<f64, Logits>(target, output),
        (DType::F64, false) => binary::<f64, Probabilities>(target, output),
        (_, true) => binary::<f32, Logits>(target, output),
        (_, false) => binary::<f32, Probabilities>(target, output),
    }
}

/// One form of binary cross-entropy.
trait Binary: 'static {
    fn loss<T: Math>(t: T, x: T) -> T;
    fn by_target<T: Math>(x: T) -> T;
    fn by_output<T: Math>(t: T, x: T) -> T;
}

struct Logits;
impl Binary for Logits {
    #[inline(always)]
    fn loss<T: Math>(t: T, x: T) -> T {
        t * (-x).softplus() + (T::ONE - t) * x.softplus()
    }
    #[inline(always)]
    fn by_target<T: Math>(x: T) -> T {
        -x
    }
    #[inline(always)]
    fn by_output<T: Math>(t: T, x: T) -> T {
        x.sigmoid() - t
    }
}

struct Probabilities;
impl Binary for Probabilities {
    #[inline(always)]
    fn loss<T: Math>(t: T, x: T) -> T {
        let p = crate::elementwise::clamp(x, EPSILON, 1. - EPSILON);
        -(t * p.ln() + (T::ONE - t) * (T::ONE - p).ln())
    }
    #[inline(always)]
    fn by_target<T: Math>(x: T) -> T {
        let p = crate::elementwise::clamp(x, EPSILON, 1. - EPSILON);
        (T::ONE - p).ln() - p.ln()
    }
    #[inline(always)]
    fn by_output<T: Math>(t: T, x: T) -> T {
        let p = crate::elementwise::clamp(x, EPSILON, 1. - EPSILON);
        let slope = (T::ONE - t) / (T::ONE - p) - t / p;
        slope * crate::elementwise::inside(x, EPSILON, 1. - EPSILON)
    }
}

fn binary<T: Math, B: Binary>(target: &Tensor, output: &Tensor) -> Result<Tensor> {
    let losses = host::read(target, |t: &[T]| {
        host::read(output, |x: &[T]| {
            Ok(map2(
                t,
                x,
                #[inline(always)]
                |t, x| B::loss(t, x),
            ))
        })
    })?;
    let storage = host::storage_as(losses, output.dtype(), output.device())?;
    let (saved_target, saved) = (target.detach(), output.detach());
    Ok(record(
        &[target, output],
        storage,
        output.shape(),
        move |grad, needs| {
            let make = |values: Vec<T>| host::tensor(values, grad.dtype(), grad.shape(), grad.device());
            host::read(&grad, |g: &[T]| {
                host::read(&saved, |x: &[T]| {
                    let dt = needs[0].then(|| {
                        make(map2(
                            g,
                            x,
                            #[inline(always)]
                            |g, x| g * B::by_target(x),
                        ))
                    });
                    let dx = needs[1].then(|| {
                        make(host::read(&saved_target, |t: &[T]| {
                            Ok(crate::kernels::map::map3(
                                g,
                                t,
                                x,
                                #[inline(always)]
                                |g, t, x| g * B::by_output(t, x),
                            ))
                        })?)
                    });
                    Ok([dt.transpose()?, dx.transpose()?].into_iter().collect())
                })
            })
        },
    ))
}
