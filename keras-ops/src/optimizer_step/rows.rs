//! Steps by gradients of few rows: the numbers of the dense step, in one pass over the table. A row without a
//! gradient still decays its moments, as in Keras; plain gradient descent touches only the others.

use candle_core::{DType, Result, Tensor};
use half::{bf16, f16};

use super::{
    AdamRule, RmspropRule, SgdRule, Source, adam_cpu, adam_step, rmsprop_cpu, rmsprop_step, sgd_cpu,
    sgd_step, written,
};
use crate::row_gradient::RowGradient;

/// [`sgd_step`] by a gradient of few rows.
///
/// # Errors
/// As there.
pub fn sgd_step_rows(
    rule: &SgdRule,
    var: &Tensor,
    grad: &RowGradient,
    velocity: Option<&Tensor>,
) -> Result<()> {
    let written = written(var, [velocity]);
    if !check("sgd_step_rows", &written, grad)? {
        return sgd_step(rule, var, &grad.dense()?, velocity);
    }
    by_dtype!(
        "sgd_step_rows",
        var.dtype(),
        sgd_cpu(rule, &written, Source::Rows(grad))
    )
}

/// [`adam_step`] by a gradient of few rows.
///
/// # Errors
/// As there.
///
/// ```
/// use keras_ops::{Device, DType, RowGradient, Tensor, Var, optimizer_step::{AdamRule, adam_step_rows}};
/// let zeros = || Var::zeros((3, 2), DType::F32, &Device::Cpu);
/// let (w, m, v) = (zeros()?, zeros()?, zeros()?);
/// let g = RowGradient::new(vec![1], Tensor::new(&[[5f32, -5.]], &Device::Cpu)?, (3, 2))?;
/// let rule = AdamRule { learning_rate: 0.5, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, step: 1 };
/// adam_step_rows(&rule, &w, &g, &m, &v, None)?;
/// let w = w.to_vec2::<f32>()?;
/// assert!(w[0] == [0., 0.] && (w[1][0] + 0.5).abs() < 1e-4 && (w[1][1] - 0.5).abs() < 1e-4);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn adam_step_rows(
    rule: &AdamRule,
    var: &Tensor,
    grad: &RowGradient,
    m: &Tensor,
    v: &Tensor,
    v_hat: Option<&Tensor>,
) -> Result<()> {
    let written = written(var, [Some(m), Some(v), v_hat]);
    if !check("adam_step_rows", &written, grad)? {
        return adam_step(rule, var, &grad.dense()?, m, v, v_hat);
    }
    by_dtype!(
        "adam_step_rows",
        var.dtype(),
        adam_cpu(rule, &written, Source::Rows(grad))
    )
}

/// [`rmsprop_step`] by a gradient of few rows.
///
/// # Errors
/// As there.
pub fn rmsprop_step_rows(
    rule: &RmspropRule,
    var: &Tensor,
    grad: &RowGradient,
    velocity: &Tensor,
    momentum: Option<&Tensor>,
    average: Option<&Tensor>,
) -> Result<()> {
    let written = written(var, [Some(velocity), momentum, average]);
    if !check("rmsprop_step_rows", &written, grad)? {
        return rmsprop_step(rule, var, &grad.dense()?, velocity, momentum, average);
    }
    by_dtype!(
        "rmsprop_step_rows",
        var.dtype(),
        rmsprop_cpu(rule, &written, Source::Rows(grad), momentum.is_some())
    )
}

/// Whether the step can be made here; elsewhere the gradient is made dense.
fn check(op: &str, written: &[&Tensor], grad: &RowGradient) -> Result<bool> {
    for tensor in written {
        if tensor.shape() != grad.shape() {
            candle_core::bail!(
                "{op}: expected shape {:?}, got {:?}",
                grad.shape().dims(),
                tensor.dims()
            );
        }
    }
    Ok(written[0].device().is_cpu())
}
