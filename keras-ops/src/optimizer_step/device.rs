//! The rules as kernels for CUDA, in `f32`: the arithmetic of the CPU's, operation by operation.

use candle_core::{Result, Tensor};

use crate::kernels::cuda::StepKernel;

pub(super) const SGD: StepKernel = StepKernel {
    name: "sgd_step",
    written: &["w"],
    factors: SGD_FACTORS,
    body: "w = w - g * lr;",
};

pub(super) const SGD_MOMENTUM: StepKernel = StepKernel {
    name: "sgd_momentum_step",
    written: &["w", "m"],
    factors: SGD_FACTORS,
    body: "m = m * momentum - g * lr; w = w + m;",
};

pub(super) const SGD_NESTEROV: StepKernel = StepKernel {
    name: "sgd_nesterov_step",
    written: &["w", "m"],
    factors: SGD_FACTORS,
    body: "float step = g * lr; m = m * momentum - step; w = w + (m * momentum - step);",
};

const SGD_FACTORS: &[&str] = &["lr", "momentum"];

pub(super) const ADAM: StepKernel = StepKernel {
    name: "adam_step",
    written: &["w", "m", "v"],
    factors: ADAM_FACTORS,
    body: "m = m + (g - m) * first; v = v + (g * g - v) * second; w = w - m * alpha / (sqrtf(v) + epsilon);",
};

pub(super) const AMSGRAD: StepKernel = StepKernel {
    name: "amsgrad_step",
    written: &["w", "m", "v", "top"],
    factors: ADAM_FACTORS,
    body: "m = m + (g - m) * first; v = v + (g * g - v) * second; top = v > top ? v : top; \
           w = w - m * alpha / (sqrtf(top) + epsilon);",
};

const ADAM_FACTORS: &[&str] = &["alpha", "first", "second", "epsilon"];

pub(super) const RMSPROP: StepKernel = StepKernel {
    name: "rmsprop_step",
    written: &["w", "v"],
    factors: RMSPROP_FACTORS,
    body: "v = rho * v + rest * (g * g); w = w - lr * g / sqrtf(v + epsilon);",
};

pub(super) const RMSPROP_MOMENTUM: StepKernel = StepKernel {
    name: "rmsprop_momentum_step",
    written: &["w", "v", "m"],
    factors: RMSPROP_FACTORS,
    body: "v = rho * v + rest * (g * g); m = momentum * m + lr * g / sqrtf(v + epsilon); w = w - m;",
};

pub(super) const RMSPROP_CENTRED: StepKernel = StepKernel {
    name: "rmsprop_centred_step",
    written: &["w", "v", "a"],
    factors: RMSPROP_FACTORS,
    body: "v = rho * v + rest * (g * g); a = rho * a + rest * g; w = w - lr * g / sqrtf(v - a * a + epsilon);",
};

pub(super) const RMSPROP_CENTRED_MOMENTUM: StepKernel = StepKernel {
    name: "rmsprop_centred_momentum_step",
    written: &["w", "v", "m", "a"],
    factors: RMSPROP_FACTORS,
    body: "v = rho * v + rest * (g * g); a = rho * a + rest * g; \
           m = momentum * m + lr * g / sqrtf(v - a * a + epsilon); w = w - m;",
};

const RMSPROP_FACTORS: &[&str] = &["lr", "rho", "rest", "momentum", "epsilon"];

/// Every rule that is a kernel.
pub(crate) fn step_kernels() -> impl Iterator<Item = StepKernel> {
    let own = [
        SGD,
        SGD_MOMENTUM,
        SGD_NESTEROV,
        ADAM,
        AMSGRAD,
        RMSPROP,
        RMSPROP_MOMENTUM,
        RMSPROP_CENTRED,
        RMSPROP_CENTRED_MOMENTUM,
    ];
    own.into_iter().chain(super::rules::KERNELS.iter().copied())
}

/// Runs a kernel over `written` in place; false when it does not take such tensors.
pub(super) fn run(
    kernel: &StepKernel,
    written: &[&Tensor],
    grad: &Tensor,
    factors: impl FnOnce() -> Vec<f32>,
) -> Result<bool> {
    #[cfg(feature = "cuda")]
    if crate::kernels::cuda::fits(&[grad]) {
        return crate::kernels::cuda::step::run(kernel, written, grad, &factors());
    }
    let _ = (kernel, written, grad, factors);
    Ok(false)
}
