//! Update rules that also look at the variable as a whole.

use candle_core::{DType, Result, Tensor};
use half::{bf16, f16};

use super::rules::{Rule, power, step};
use super::{axpy_in_place, checked, global_norm, mix_in_place, plain, through_host};
use crate::host;
use crate::kernels::elements::sum_of_squares_of;
use crate::kernels::math::Math;
use crate::kernels::optimizers::Element;
use crate::tape::no_grad;

/// The arguments of [`lamb_step`].
#[derive(Clone, Copy, Debug)]
pub struct LambRule {
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

impl LambRule {
    /// Adam's direction.
    fn update<T: Math>(&self) -> impl Fn(T, T) -> T + Copy + Sync {
        let rest = T::ONE - power(self.beta_1, self.step);
        let rest_2 = T::ONE - power(self.beta_2, self.step);
        let epsilon = T::of(self.epsilon);
        #[inline(always)]
        move |m, v| m / rest / ((v / rest_2).sqrt() + epsilon)
    }
}

/// The moments, `[m, v]`.
struct Moments<'a>(&'a LambRule);

impl Rule<2> for Moments<'_> {
    const NAME: &'static str = "lamb_step";
    fn formula<T: Math>(&self) -> impl Fn([T; 2], T) -> [T; 2] + Copy + Sync {
        let (first, second) = (T::of(1. - self.0.beta_1), T::of(1. - self.0.beta_2));
        #[inline(always)]
        move |[m, v], g| [m + (g - m) * first, v + (g * g - v) * second]
    }
}

/// The step of `[w, m]` where the gradient is in `v`'s place.
struct Apply<'a>(&'a LambRule, f64);

impl Rule<2> for Apply<'_> {
    const NAME: &'static str = "lamb_step";
    fn formula<T: Math>(&self) -> impl Fn([T; 2], T) -> [T; 2] + Copy + Sync {
        let update = self.0.update();
        let rate = T::of(self.1) * T::of(self.0.learning_rate);
        #[inline(always)]
        move |[w, m], v| [w - rate * update(m, v), m]
    }
}

/// Adam's direction `u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)`, as long as the variable:
/// `w -= lr |w| / |u| u`, or `w -= lr u` where either norm is 0.
///
/// # Errors
/// When shapes differ or a slot's dtype is not the variable's.
pub fn lamb_step(rule: &LambRule, var: &Tensor, grad: &Tensor, m: &Tensor, v: &Tensor) -> Result<()> {
    checked("lamb_step", &[var, m, v], grad)?;
    step(&Moments(rule), [m, v], grad)?;
    let (norm, update) = (global_norm(&[var])?, norm_of_update(rule, m, v)?);
    let ratio = if norm > 0. && update > 0. {
        norm / update
    } else {
        1.
    };
    step(&Apply(rule, ratio), [var, m], v)
}

fn norm_of_update(rule: &LambRule, m: &Tensor, v: &Tensor) -> Result<f64> {
    fn squares<E: Element<Wide: Math>>(rule: &LambRule, m: &Tensor, v: &Tensor) -> Result<f64> {
        host::read(m, |m: &[E]| {
            host::read(v, |v: &[E]| Ok(sum_of_squares_of(m, v, rule.update())))
        })
    }
    Ok(by_dtype!("lamb_step", m.dtype(), squares(rule, m, v))?.sqrt())
}

/// The arguments of [`muon_step`].
#[derive(Clone, Copy, Debug)]
pub struct MuonRule {
    /// The learning rate.
    pub learning_rate: f64,
    /// Decay of the momentum.
    pub momentum: f64,
    /// Whether the gradient is taken as if the momentum step were done.
    pub nesterov: bool,
    /// The coefficients of the iteration's polynomial.
    pub coefficients: [f64; 3],
    /// How often the polynomial is applied.
    pub iterations: usize,
    /// The root mean square of the step for `Some`, by the greater of the first two axes.
    pub rms_rate: Option<f64>,
}

/// `m = momentum m + g`, then `w -= lr U`, where `U` is `m` (or `g + momentum m`) with all singular values
/// brought near 1 by Newton and Schulz's iteration `X = a X + (b X Xᵀ + c (X Xᵀ)²) X`.
///
/// # Errors
/// When shapes differ, the variable has less than two axes, or a slot's dtype is not the variable's.
pub fn muon_step(rule: &MuonRule, var: &Tensor, grad: &Tensor, momentum: &Tensor) -> Result<()> {
    let written = [var, momentum];
    let grad = checked("muon_step", &written, grad)?;
    let [rows, columns, ..] = *var.dims() else {
        candle_core::bail!(
            "muon_step: expected a variable of at least two axes, got {:?}; use `adam_step` for it",
            var.dims()
        );
    };
    if !var.device().is_cpu() {
        return through_host(&written, &grad, |written, grad| {
            muon_step(rule, written[0], grad, written[1])
        });
    }
    mix_in_place(momentum, rule.momentum, &grad, 1.)?;
    no_grad(|| {
        let direction = if rule.nesterov {
            let ahead = plain(momentum).copy()?;
            mix_in_place(&ahead, rule.momentum, &grad, 1.)?;
            ahead
        } else {
            plain(momentum)
        };
        let update = orthogonal(rule, &direction)?;
        let scale = rule
            .rms_rate
            .map_or(1., |rate| (rows.max(columns) as f64).sqrt() * rate);
        axpy_in_place(var, -rule.learning_rate * scale, &update)
    })
}

/// Newton and Schulz's iteration on the last two axes.
fn orthogonal(rule: &MuonRule, x: &Tensor) -> Result<Tensor> {
    let [a, b, c] = rule.coefficients;
    let turned = x.dim(candle_core::D::Minus2)? > x.dim(candle_core::D::Minus1)?;
    let x = if turned { turn(x)? } else { x.clone() };
    let squares = crate::sum(&crate::square(&x)?, Some(&[-2, -1]), true)?;
    let mut x = crate::divide(&x, &crate::add_scalar(&crate::sqrt(&squares)?, 1e-7)?)?;
    for _ in 0..rule.iterations {
        let gram = crate::matmul(&x, &turn(&x)?)?;
        let square = crate::matmul(&crate::mul_scalar(&gram, c)?, &gram)?;
        let factor = crate::add(&crate::mul_scalar(&gram, b)?, &square)?;
        x = crate::add(&crate::mul_scalar(&x, a)?, &crate::matmul(&factor, &x)?)?;
    }
    if turned { turn(&x) } else { Ok(x) }
}

fn turn(x: &Tensor) -> Result<Tensor> {
    let mut order: Vec<usize> = (0..x.rank()).collect();
    let last = order.len();
    order.swap(last - 2, last - 1);
    crate::transpose(x, &order)
}
