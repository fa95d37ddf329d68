//! Optimizer steps, written into the variables and slots. No gradient is recorded.
//!
//! On the CPU a step is one pass, and so it is on CUDA in `f32`; elsewhere the same formula is composed of candle's
//! operations or computed on the host.

use candle_core::{DType, Device, Result, Tensor};
use half::{bf16, f16};
use smallvec::SmallVec;

use crate::host::Real;
use crate::kernels::optimizers::{
    self as kernel, AdamFactors, Element, Float, RmspropFactors, TableGradient,
};
use crate::row_gradient::RowGradient;
use crate::{host, inplace};

pub(crate) use device::step_kernels;

pub use adafactor::{AdafactorRule, adafactor_step};
pub use layerwise::{LambRule, MuonRule, lamb_step, muon_step};
pub use passes::{axpy_in_place, fill_in_place, global_norm, mix_in_place, scale_and_clip, scale_in_place};
pub use rows::{adam_step_rows, rmsprop_step_rows, sgd_step_rows};
pub use rules::*;

macro_rules! by_dtype {
    ($op:literal, $dtype:expr, $f:ident($($arg:expr),*)) => {
        match $dtype {
            DType::F32 => $f::<f32>($($arg),*),
            DType::F64 => $f::<f64>($($arg),*),
            DType::F16 => $f::<f16>($($arg),*),
            DType::BF16 => $f::<bf16>($($arg),*),
            other => candle_core::bail!(
                "{}: expected float variables, got {}",
                $op,
                crate::dtype_name(other)
            ),
        }
    };
}

mod adafactor;
mod device;
mod layerwise;
mod passes;
mod rows;
mod rules;

/// The arguments of a stochastic gradient descent step.
#[derive(Clone, Copy, Debug)]
pub struct SgdRule {
    /// The learning rate.
    pub learning_rate: f64,
    /// How much of the last step is repeated; unused without a velocity.
    pub momentum: f64,
    /// Whether the gradient is taken as if the momentum step were done.
    pub nesterov: bool,
}

/// `w -= lr g`; with a velocity `m = momentum m - lr g`, then `w += m`, or with Nesterov's momentum
/// `w += momentum m - lr g`.
///
/// # Errors
/// When shapes differ or a slot's dtype is not the variable's.
///
/// ```
/// use keras_ops::{Device, Tensor, Var, optimizer_step::{SgdRule, sgd_step}};
/// let w = Var::new(&[1f32, 2.], &Device::Cpu)?;
/// let g = Tensor::new(&[10f32, -10.], &Device::Cpu)?;
/// let rule = SgdRule { learning_rate: 0.1, momentum: 0., nesterov: false };
/// sgd_step(&rule, &w, &g, None)?;
/// assert_eq!(w.to_vec1::<f32>()?, [0., 3.]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn sgd_step(rule: &SgdRule, var: &Tensor, grad: &Tensor, velocity: Option<&Tensor>) -> Result<()> {
    let written = written(var, [velocity]);
    let grad = &checked("sgd_step", &written, grad)?;
    if !var.device().is_cpu() {
        let kernel = match (velocity, rule.nesterov) {
            (None, _) => &device::SGD,
            (Some(_), false) => &device::SGD_MOMENTUM,
            (Some(_), true) => &device::SGD_NESTEROV,
        };
        let factors = || vec![rule.learning_rate as f32, rule.momentum as f32];
        if device::run(kernel, &written, grad, factors)? {
            return Ok(());
        }
        return sgd_composed(rule, var, grad, velocity);
    }
    by_dtype!(
        "sgd_step",
        var.dtype(),
        sgd_cpu(rule, &written, Source::Dense(grad))
    )
}

fn sgd_cpu<E: Element>(rule: &SgdRule, written: &[&Tensor], grad: Source<'_>) -> Result<()> {
    let (lr, momentum) = (E::Wide::of(rule.learning_rate), E::Wide::of(rule.momentum));
    match (written.len(), rule.nesterov) {
        (1, _) => run_either::<E>(
            "sgd_step",
            written,
            grad,
            #[inline(always)]
            |w, g| kernel::sgd(w, g, lr),
        ),
        (_, false) => run_either::<E>(
            "sgd_step",
            written,
            grad,
            #[inline(always)]
            |w, g| kernel::sgd_momentum::<E, false>(w, g, lr, momentum),
        ),
        (_, true) => run_either::<E>(
            "sgd_step",
            written,
            grad,
            #[inline(always)]
            |w, g| kernel::sgd_momentum::<E, true>(w, g, lr, momentum),
        ),
    }
}

fn sgd_composed(rule: &SgdRule, var: &Tensor, grad: &Tensor, velocity: Option<&Tensor>) -> Result<()> {
    let step = (grad * rule.learning_rate)?;
    let Some(m) = velocity else {
        return set(var, &(plain(var) - step)?);
    };
    let next = ((plain(m) * rule.momentum)? - &step)?;
    set(m, &next)?;
    let change = if rule.nesterov {
        ((next * rule.momentum)? - step)?
    } else {
        next
    };
    set(var, &(plain(var) + change)?)
}

/// The arguments of an Adam step.
#[derive(Clone, Copy, Debug)]
pub struct AdamRule {
    /// The learning rate.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta_1: f64,
    /// Decay of the second moment.
    pub beta_2: f64,
    /// Keeps the divisor from 0.
    pub epsilon: f64,
    /// The number of this step, from 1.
    pub step: u64,
}

impl AdamRule {
    /// `alpha` is computed in the variable's precision, as Keras does.
    fn factors<T: Float>(&self) -> AdamFactors<T> {
        let rest = |beta: f64| T::of(1.) - T::of(T::of(beta).f64().powf(self.step as f64));
        AdamFactors {
            alpha: T::of(self.learning_rate) * rest(self.beta_2).root() / rest(self.beta_1),
            first: T::of(1. - self.beta_1),
            second: T::of(1. - self.beta_2),
            epsilon: T::of(self.epsilon),
        }
    }
}

/// `m += (g - m) (1 - beta_1)`, `v += (g² - v) (1 - beta_2)`, then
/// `w -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)`; with `v_hat` (AMSGrad), the
/// greatest `v` so far divides.
///
/// # Errors
/// When shapes differ or a slot's dtype is not the variable's.
///
/// ```
/// use keras_ops::{Device, Tensor, Var, optimizer_step::{AdamRule, adam_step}};
/// let w = Var::new(&[1f64, 2.], &Device::Cpu)?;
/// let g = Tensor::new(&[10f64, -10.], &Device::Cpu)?;
/// let (m, v) = (w.zeros_like()?, w.zeros_like()?);
/// let rule = AdamRule { learning_rate: 0.1, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, step: 1 };
/// adam_step(&rule, &w, &g, &m, &v, None)?;
/// let w = w.to_vec1::<f64>()?; // the first step is the learning rate, whatever the gradient's size
/// assert!((w[0] - 0.9).abs() < 1e-6 && (w[1] - 2.1).abs() < 1e-6);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn adam_step(
    rule: &AdamRule,
    var: &Tensor,
    grad: &Tensor,
    m: &Tensor,
    v: &Tensor,
    v_hat: Option<&Tensor>,
) -> Result<()> {
    let written = written(var, [Some(m), Some(v), v_hat]);
    let grad = &checked("adam_step", &written, grad)?;
    if !var.device().is_cpu() {
        let kernel = if v_hat.is_some() {
            &device::AMSGRAD
        } else {
            &device::ADAM
        };
        let factors = || {
            let f = rule.factors::<f32>();
            vec![f.alpha, f.first, f.second, f.epsilon]
        };
        if device::run(kernel, &written, grad, factors)? {
            return Ok(());
        }
        return adam_composed(rule, var, grad, m, v, v_hat);
    }
    by_dtype!(
        "adam_step",
        var.dtype(),
        adam_cpu(rule, &written, Source::Dense(grad))
    )
}

fn adam_cpu<E: Element>(rule: &AdamRule, written: &[&Tensor], grad: Source<'_>) -> Result<()> {
    let factors = rule.factors();
    run_either::<E>(
        "adam_step",
        written,
        grad,
        #[inline(always)]
        |w, g| kernel::adam(w, g, factors),
    )
}

fn adam_composed(
    rule: &AdamRule,
    var: &Tensor,
    grad: &Tensor,
    m: &Tensor,
    v: &Tensor,
    v_hat: Option<&Tensor>,
) -> Result<()> {
    let AdamFactors {
        alpha,
        first,
        second,
        epsilon,
    } = rule.factors::<f64>();
    let new_m = (plain(m) + ((grad - plain(m))? * first)?)?;
    let new_v = (plain(v) + ((grad.sqr()? - plain(v))? * second)?)?;
    set(m, &new_m)?;
    set(v, &new_v)?;
    let top = match v_hat {
        Some(v_hat) => {
            let top = plain(v_hat).maximum(&new_v)?;
            set(v_hat, &top)?;
            top
        }
        None => new_v,
    };
    set(
        var,
        &(plain(var) - ((new_m * alpha)? / (top.sqrt()? + epsilon)?)?)?,
    )
}

/// The arguments of an RMSprop step.
#[derive(Clone, Copy, Debug)]
pub struct RmspropRule {
    /// The learning rate.
    pub learning_rate: f64,
    /// Decay of the averages.
    pub rho: f64,
    /// How much of the last step is repeated; unused without a momentum slot.
    pub momentum: f64,
    /// Keeps the divisor from 0.
    pub epsilon: f64,
}

impl RmspropRule {
    fn factors<T: Float>(&self) -> RmspropFactors<T> {
        RmspropFactors {
            lr: T::of(self.learning_rate),
            rho: T::of(self.rho),
            rest: T::of(1. - self.rho),
            momentum: T::of(self.momentum),
            epsilon: T::of(self.epsilon),
        }
    }
}

/// `v = rho v + (1 - rho) g²`, `w -= lr g / sqrt(v + epsilon)`.
///
/// With a slot for the average gradient (centred), `a = rho a + (1 - rho) g` and `v - a²` takes the place of
/// `v`; with a momentum slot, `m = momentum m + step` and `w -= m`.
///
/// # Errors
/// When shapes differ or a slot's dtype is not the variable's.
///
/// ```
/// use keras_ops::{Device, Tensor, Var, optimizer_step::{RmspropRule, rmsprop_step}};
/// let w = Var::new(&[10f64], &Device::Cpu)?;
/// let v = w.zeros_like()?;
/// let rule = RmspropRule { learning_rate: 0.1, rho: 0.9, momentum: 0., epsilon: 1e-7 };
/// rmsprop_step(&rule, &w, &w.as_detached_tensor(), &v, None, None)?; // the gradient of w² / 2
/// assert!((w.to_vec1::<f64>()?[0] - 9.683772).abs() < 1e-6);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn rmsprop_step(
    rule: &RmspropRule,
    var: &Tensor,
    grad: &Tensor,
    velocity: &Tensor,
    momentum: Option<&Tensor>,
    average: Option<&Tensor>,
) -> Result<()> {
    let written = written(var, [Some(velocity), momentum, average]);
    let grad = &checked("rmsprop_step", &written, grad)?;
    if !var.device().is_cpu() {
        let kernel = match (momentum, average) {
            (None, None) => &device::RMSPROP,
            (Some(_), None) => &device::RMSPROP_MOMENTUM,
            (None, Some(_)) => &device::RMSPROP_CENTRED,
            (Some(_), Some(_)) => &device::RMSPROP_CENTRED_MOMENTUM,
        };
        let factors = || {
            let f = rule.factors::<f32>();
            vec![f.lr, f.rho, f.rest, f.momentum, f.epsilon]
        };
        if device::run(kernel, &written, grad, factors)? {
            return Ok(());
        }
        return rmsprop_composed(rule, var, grad, velocity, momentum, average);
    }
    by_dtype!(
        "rmsprop_step",
        var.dtype(),
        rmsprop_cpu(rule, &written, Source::Dense(grad), momentum.is_some())
    )
}

fn rmsprop_cpu<E: Element>(
    rule: &RmspropRule,
    written: &[&Tensor],
    grad: Source<'_>,
    momentum: bool,
) -> Result<()> {
    let factors = rule.factors();
    if momentum {
        run_either::<E>(
            "rmsprop_step",
            written,
            grad,
            #[inline(always)]
            |w, g| kernel::rmsprop::<E, true>(w, g, factors),
        )
    } else {
        run_either::<E>(
            "rmsprop_step",
            written,
            grad,
            #[inline(always)]
            |w, g| kernel::rmsprop::<E, false>(w, g, factors),
        )
    }
}

fn rmsprop_composed(
    rule: &RmspropRule,
    var: &Tensor,
    grad: &Tensor,
    velocity: &Tensor,
    momentum: Option<&Tensor>,
    average: Option<&Tensor>,
) -> Result<()> {
    let mix = |old: &Tensor, new: &Tensor| -> Result<Tensor> {
        (plain(old) * rule.rho)? + (new * (1. - rule.rho))?
    };
    let mut divisor = mix(velocity, &grad.sqr()?)?;
    set(velocity, &divisor)?;
    if let Some(average) = average {
        let mean = mix(average, grad)?;
        set(average, &mean)?;
        divisor = (divisor - mean.sqr()?)?;
    }
    let mut step = ((grad * rule.learning_rate)? / (divisor + rule.epsilon)?.sqrt()?)?;
    if let Some(momentum) = momentum {
        step = ((plain(momentum) * rule.momentum)? + step)?;
        set(momentum, &step)?;
    }
    set(var, &(plain(var) - step)?)
}

type Tensors<'a> = SmallVec<[&'a Tensor; 4]>;

fn written<'a, const N: usize>(var: &'a Tensor, slots: [Option<&'a Tensor>; N]) -> Tensors<'a> {
    std::iter::once(var).chain(slots.into_iter().flatten()).collect()
}

fn plain(x: &Tensor) -> Tensor {
    x.detach()
}

fn set(to: &Tensor, from: &Tensor) -> Result<()> {
    to.detach()
        .flatten_all()?
        .slice_set(&from.flatten_all()?.contiguous()?, 0, 0)
}

/// Runs a step of another device on the host: copies there, and back what was written.
fn through_host(
    written: &[&Tensor],
    grad: &Tensor,
    step: impl FnOnce(&[&Tensor], &Tensor) -> Result<()>,
) -> Result<()> {
    let there = |x: &Tensor| x.detach().to_device(&Device::Cpu)?.contiguous();
    let copies: Vec<Tensor> = written.iter().map(|x| there(x)).collect::<Result<_>>()?;
    step(&copies.iter().collect::<Vec<_>>(), &there(grad)?)?;
    let back = written.iter().zip(&copies);
    back.into_iter()
        .try_for_each(|(to, from)| set(to, &from.to_device(to.device())?))
}

/// The gradient, detached and safe to read while `written` are open for writing.
fn checked(op: &str, written: &[&Tensor], grad: &Tensor) -> Result<Tensor> {
    let var = written[0];
    for other in written.iter().chain([&grad]) {
        if other.shape() != var.shape() {
            candle_core::bail!("{op}: expected shape {:?}, got {:?}", var.dims(), other.dims());
        }
    }
    if written.iter().any(|t| share_storage(t, grad)) {
        return Ok(grad.copy()?.detach());
    }
    let grad = grad.detach();
    if var.device().is_cpu() {
        Ok(grad)
    } else {
        grad.to_dtype(var.dtype())?.to_device(var.device())
    }
}

fn share_storage(a: &Tensor, b: &Tensor) -> bool {
    let ((a, _), (b, _)) = (a.storage_and_layout(), b.storage_and_layout());
    std::ptr::eq(&*a, &*b)
}

/// Where a step reads its gradient.
#[derive(Clone, Copy)]
enum Source<'a> {
    Dense(&'a Tensor),
    Rows(&'a RowGradient),
}

/// [`run`]; rows without a gradient are stepped by one of 0, or not at all where that changes nothing: when
/// only the variable is written.
fn run_either<E: Element>(
    op: &'static str,
    written: &[&Tensor],
    grad: Source<'_>,
    f: impl Fn(&mut [&mut [E]], &[E]) + Sync,
) -> Result<()> {
    let rows = match grad {
        Source::Dense(grad) => return run::<E>(op, written, grad, f),
        Source::Rows(rows) => rows,
    };
    host::read(rows.values(), |values: &[E]| {
        inplace::write_many(op, written, |slices: &mut [&mut [E]]| {
            let slices = slices.iter_mut().map(|slice| &mut **slice).collect();
            let grad = TableGradient {
                rows: rows.rows(),
                values,
                width: rows.shape().dims()[1..].iter().product(),
            };
            kernel::pass_rows(slices, grad, written.len() > 1, &f);
            Ok(())
        })
    })
}

fn run<E: Element>(
    op: &'static str,
    written: &[&Tensor],
    grad: &Tensor,
    f: impl Fn(&mut [&mut [E]], &[E]) + Sync,
) -> Result<()> {
    host::read(grad, |grad: &[E]| {
        inplace::write_many(op, written, |slices: &mut [&mut [E]]| {
            let slices = slices.iter_mut().map(|slice| &mut **slice).collect();
            kernel::pass(slices, grad, &f);
            Ok(())
        })
    })
}
