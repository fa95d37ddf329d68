//! Comparing an operation's recorded gradient with finite differences.

use candle_core::{DType, Device, Result, Tensor, Var};

use crate::tape::{GradientTape, no_grad};

const STEP: f64 = 1e-5;
const ABSOLUTE: f64 = 1e-7;
const RELATIVE: f64 = 1e-6;

/// Checks the gradient of `f` by each float input against central differences.
///
/// `f` is run in `f64` and its output weighted with a fixed pseudo-random cotangent, so that wrong signs or
/// orders do not cancel. Every input is given twice: contiguous, and as a view with the same values whose
/// memory is transposed and offset. Inputs of other dtypes are passed on as they are. Keep inputs away from
/// kinks: a step is 1e-5.
///
/// # Errors
/// When a gradient differs by more than 1e-7 + 1e-6 times its value, or is missing: names the input, the
/// index, and both numbers. Any error of `f`.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor, gradcheck};
///
/// let x = Tensor::new(&[[0.5f64, -1.], [2., 3.], [0.1, -0.7]], &Device::Cpu)?;
/// gradcheck::check("square", &[x.clone()], |x| ops::square(&x[0]))?;
///
/// // A gradient that is lost is found.
/// let wrong = gradcheck::check("lost", &[x], |x| ops::square(&x[0].detach()));
/// assert!(wrong.unwrap_err().to_string().starts_with("lost:"));
/// # Ok::<(), ops::Error>(())
/// ```
pub fn check(name: &str, inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) -> Result<()> {
    let inputs: Vec<Tensor> = inputs
        .iter()
        .map(|t| {
            if t.dtype().is_float() {
                t.to_dtype(DType::F64)
            } else {
                Ok(t.clone())
            }
        })
        .collect::<Result<_>>()?;
    let expected: Vec<Option<Vec<f64>>> = (0..inputs.len())
        .map(|i| differences(&inputs, i, &f))
        .collect::<Result<_>>()?;
    for strided in [false, true] {
        let memory = if strided { "strided" } else { "contiguous" };
        let found = recorded(name, &inputs, strided, &f)?;
        for (i, (expected, found)) in expected.iter().zip(&found).enumerate() {
            let Some(expected) = expected else { continue };
            compare(name, i, memory, &inputs[i], expected, found.as_deref())?;
        }
    }
    Ok(())
}

fn compare(
    name: &str,
    input: usize,
    memory: &str,
    x: &Tensor,
    expected: &[f64],
    found: Option<&[f64]>,
) -> Result<()> {
    let shape = x.dims();
    let Some(found) = found else {
        if expected.iter().all(|e| e.abs() <= ABSOLUTE) {
            return Ok(());
        }
        candle_core::bail!("{name}: no gradient by input {input} {shape:?} ({memory})");
    };
    for (at, (&expected, &got)) in expected.iter().zip(found).enumerate() {
        // NaN must fail too.
        if (expected - got).abs() <= ABSOLUTE + RELATIVE * expected.abs() {
            continue;
        }
        let index = unravel(at, shape);
        candle_core::bail!(
            "{name}: gradient by input {input} {shape:?} ({memory}) at {index:?}: expected {expected:.9e}, \
             got {got:.9e}"
        );
    }
    Ok(())
}

fn unravel(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (slot, size) in index.iter_mut().zip(shape).rev() {
        *slot = at % size;
        at /= size;
    }
    index
}

/// A reproducible number in -1..1 for each position.
fn cotangent(at: usize) -> f64 {
    let mut z = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^= z >> 27;
    (z >> 11) as f64 / (1u64 << 52) as f64 - 1.
}

fn cotangent_like(y: &Tensor) -> Result<Tensor> {
    let values: Vec<f64> = (0..y.elem_count()).map(cotangent).collect();
    Tensor::from_vec(values, y.shape(), &Device::Cpu)?
        .to_dtype(y.dtype())?
        .to_device(y.device())
}

fn weighted(f: &impl Fn(&[Tensor]) -> Result<Tensor>, inputs: &[Tensor]) -> Result<f64> {
    let y = no_grad(|| f(inputs))?
        .detach()
        .to_dtype(DType::F64)?
        .flatten_all()?
        .to_vec1::<f64>()?;
    Ok(y.iter().enumerate().map(|(i, y)| y * cotangent(i)).sum())
}

fn differences(
    inputs: &[Tensor],
    which: usize,
    f: &impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<Option<Vec<f64>>> {
    let x = &inputs[which];
    if !x.dtype().is_float() {
        return Ok(None);
    }
    let values = x.flatten_all()?.to_vec1::<f64>()?;
    let mut inputs = inputs.to_vec();
    let mut at = |i: usize, step: f64| {
        let mut moved = values.clone();
        moved[i] += step;
        inputs[which] = Tensor::from_vec(moved, x.shape(), x.device())?;
        weighted(f, &inputs)
    };
    let slope = |i| Ok((at(i, STEP)? - at(i, -STEP)?) / (2. * STEP));
    (0..values.len()).map(slope).collect::<Result<_>>().map(Some)
}

/// The values of `x` behind other strides and a start offset.
fn strided(x: &Tensor) -> Result<Tensor> {
    let rank = x.rank();
    if rank == 0 {
        return Ok(x.clone());
    }
    let longer = x.pad_with_zeros(rank - 1, 1, 1)?;
    let turned = if rank > 1 {
        longer.transpose(0, rank - 1)?.contiguous()?
    } else {
        longer
    };
    let view = if rank > 1 {
        turned.transpose(0, rank - 1)?
    } else {
        turned
    };
    view.narrow(rank - 1, 1, x.dim(rank - 1)?)
}

fn recorded(
    name: &str,
    inputs: &[Tensor],
    strides: bool,
    f: &impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<Vec<Option<Vec<f64>>>> {
    let vars: Vec<Option<Var>> = inputs
        .iter()
        .map(|x| {
            if x.dtype().is_float() {
                Var::from_tensor(x).map(Some)
            } else {
                Ok(None)
            }
        })
        .collect::<Result<_>>()?;
    let tape = GradientTape::start();
    let given: Vec<Tensor> = vars
        .iter()
        .zip(inputs)
        .map(|(var, x)| {
            let x = var.as_ref().map_or(x, |v| v.as_tensor());
            if strides { strided(x) } else { Ok(x.clone()) }
        })
        .collect::<Result<_>>()?;
    let y = f(&given)?;
    if !y.track_op() {
        candle_core::bail!("{name}: the output depends on no input for the tape");
    }
    let seed = cotangent_like(&y)?;
    let mut grads = tape.gradients_with(&[(&y, seed)])?;
    vars.iter()
        .map(|var| {
            let Some(grad) = var.as_ref().and_then(|v| grads.remove(v)) else {
                return Ok(None);
            };
            grad.flatten_all()?.to_vec1::<f64>().map(Some)
        })
        .collect()
}
