//! Update rules that are one formula of an element, its slots and its gradient: in Rust, and in C for devices.

use candle_core::{DType, Result, Tensor};
use half::{bf16, f16};

use super::{checked, device, through_host};
use crate::kernels::cuda::StepKernel;
use crate::kernels::elements::elements;
use crate::kernels::math::Math;
use crate::kernels::optimizers::Element;
use crate::{host, inplace};

/// A rule for a variable and `N - 1` slots.
pub(super) trait Rule<const N: usize> {
    const NAME: &'static str;
    /// The new values, in the same order. What does not depend on the element is computed once, in the
    /// variable's precision, as Keras does.
    fn formula<T: Math>(&self) -> impl Fn([T; N], T) -> [T; N] + Copy + Sync;
    /// The formula on a device, and what it is computed with.
    fn kernel(&self) -> Option<(&'static StepKernel, Vec<f32>)> {
        None
    }
}

pub(super) fn step<const N: usize, R: Rule<N>>(rule: &R, written: [&Tensor; N], grad: &Tensor) -> Result<()> {
    let grad = &checked(R::NAME, &written, grad)?;
    if written[0].device().is_cpu() {
        return on_cpu(rule, &written, grad);
    }
    if let Some((kernel, factors)) = rule.kernel()
        && device::run(kernel, &written, grad, || factors)?
    {
        return Ok(());
    }
    through_host(&written, grad, |written, grad| on_cpu(rule, written, grad))
}

fn on_cpu<const N: usize, R: Rule<N>>(rule: &R, written: &[&Tensor], grad: &Tensor) -> Result<()> {
    match written[0].dtype() {
        DType::F32 => typed::<N, R, f32>(rule, written, grad),
        DType::F64 => typed::<N, R, f64>(rule, written, grad),
        DType::F16 => typed::<N, R, f16>(rule, written, grad),
        DType::BF16 => typed::<N, R, bf16>(rule, written, grad),
        other => candle_core::bail!(
            "{}: expected float variables, got {}",
            R::NAME,
            crate::dtype_name(other)
        ),
    }
}

fn typed<const N: usize, R: Rule<N>, E: Element<Wide: Math>>(
    rule: &R,
    written: &[&Tensor],
    grad: &Tensor,
) -> Result<()> {
    host::read(grad, |grad: &[E]| {
        inplace::write_many(R::NAME, written, |slices: &mut [&mut [E]]| {
            let slices = slices.iter_mut().map(|slice| &mut **slice).collect();
            elements(slices, grad, rule.formula());
            Ok(())
        })
    })
}

/// `beta^step`, rounded as the variable's type rounds.
pub(super) fn power<T: Math>(beta: f64, step: u64) -> T {
    T::of(T::of(beta).f64().powf(step as f64))
}

impl NadamRule {
    /// The momentum of a step, `beta_1 (1 - 0.96^step / 2)`: `u_product` is the product of those of all steps.
    pub fn u(beta_1: f64, step: u64) -> f64 {
        beta_1 * (1. - 0.5 * 0.96f64.powf(step as f64))
    }

    /// [`u`](Self::u) in the variable's precision.
    fn rounded<T: Math>(&self, step: u64) -> T {
        T::of(self.beta_1) * (T::ONE - T::of(0.5) * power(0.96, step))
    }
}

macro_rules! rules {
    ($(
        $(#[$doc:meta])*
        $fun:ident($($slot:ident),*) $rule:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }
        $n:literal, |$self:ident| [$($factor:ident: $value:expr),* $(,)?]
        |[$($written:ident),*], $g:ident| $formula:block
        device $body:literal;
    )*) => {
        /// The rules of this file on a device.
        pub(super) const KERNELS: &[StepKernel] = &[$($rule::KERNEL),*];
    $(
        #[doc = concat!("The arguments of [`", stringify!($fun), "`].")]
        #[derive(Clone, Copy, Debug)]
        pub struct $rule { $($(#[$field_doc])* pub $field: $type,)* }

        impl $rule {
            const KERNEL: StepKernel = StepKernel {
                name: stringify!($fun),
                written: &[$(stringify!($written)),*],
                factors: &[$(stringify!($factor)),*],
                body: $body,
            };

            fn factors<T: Math>(&self) -> [T; Self::KERNEL.factors.len()] {
                let $self = self;
                [$($value),*]
            }
        }

        impl Rule<$n> for $rule {
            const NAME: &'static str = stringify!($fun);
            fn formula<T: Math>(&self) -> impl Fn([T; $n], T) -> [T; $n] + Copy + Sync {
                let [$($factor),*] = self.factors::<T>();
                #[inline(always)]
                move |[$($written),*], $g| $formula
            }
            fn kernel(&self) -> Option<(&'static StepKernel, Vec<f32>)> {
                Some((&Self::KERNEL, self.factors::<f32>().to_vec()))
            }
        }

        $(#[$doc])*
        ///
        /// # Errors
        /// When shapes differ or a slot's dtype is not the variable's.
        pub fn $fun(rule: &$rule, var: &Tensor, grad: &Tensor, $($slot: &Tensor),*) -> Result<()> {
            step(rule, [var, $($slot),*], grad)
        }
    )*};
}

rules! {
    /// `a = rho a + (1 - rho) g²`, `d = -sqrt(b + epsilon) / sqrt(a + epsilon) g`,
    /// `b = rho b + (1 - rho) d²`, `w += lr d`.
    adadelta_step(accumulated_grad, accumulated_delta) AdadeltaRule {
        /// The learning rate.
        learning_rate: f64,
        /// Decay of the averages.
        rho: f64,
        /// Keeps the divisor from 0.
        epsilon: f64,
    }
    3, |rule| [
        lr: T::of(rule.learning_rate),
        epsilon: T::of(rule.epsilon),
        rho: T::of(rule.rho),
        rest: T::of(1. - rule.rho),
    ]
    |[w, a, b], g| {
        let a = rho * a + rest * (g * g);
        let delta = -((b + epsilon).sqrt() * g / (a + epsilon).sqrt());
        [w + lr * delta, a, rho * b + rest * (delta * delta)]
    }
    device "a = rho * a + rest * (g * g); float delta = -(sqrtf(b + epsilon) * g / sqrtf(a + epsilon)); \
            w = w + lr * delta; b = rho * b + rest * (delta * delta);";

    /// `a += g²`, `w -= lr g / sqrt(a + epsilon)`.
    ///
    /// ```
    /// use keras_ops::{Device, Tensor, Var, optimizer_step::{AdagradRule, adagrad_step}};
    /// let w = Var::new(&[1f64], &Device::Cpu)?;
    /// let a = w.zeros_like()?;
    /// let g = Tensor::new(&[3f64], &Device::Cpu)?;
    /// adagrad_step(&AdagradRule { learning_rate: 0.1, epsilon: 0. }, &w, &g, &a)?;
    /// assert!((w.to_vec1::<f64>()?[0] - 0.9).abs() < 1e-12);
    /// assert_eq!(a.to_vec1::<f64>()?, [9.]);
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    adagrad_step(accumulator) AdagradRule {
        /// The learning rate.
        learning_rate: f64,
        /// Keeps the divisor from 0.
        epsilon: f64,
    }
    2, |rule| [lr: T::of(rule.learning_rate), epsilon: T::of(rule.epsilon)]
    |[w, a], g| {
        let a = a + g * g;
        [w - lr * g / (a + epsilon).sqrt(), a]
    }
    device "a = a + g * g; w = w - lr * g / sqrtf(a + epsilon);";

    /// `m += (g - m) (1 - beta_1)`, `u = max(beta_2 u, |g|)`,
    /// `w -= lr m / ((1 - beta_1^t) (u + epsilon))`.
    adamax_step(m, u) AdamaxRule {
        /// The learning rate.
        learning_rate: f64,
        /// Decay of the first moment.
        beta_1: f64,
        /// Decay of the norm.
        beta_2: f64,
        /// Keeps the divisor from 0.
        epsilon: f64,
        /// The number of this step, from 1.
        step: u64,
    }
    3, |rule| [
        lr: T::of(rule.learning_rate),
        epsilon: T::of(rule.epsilon),
        first: T::of(1. - rule.beta_1),
        beta_2: T::of(rule.beta_2),
        rest: T::ONE - power(rule.beta_1, rule.step),
    ]
    |[w, m, u], g| {
        let m = m + (g - m) * first;
        let u = (beta_2 * u).larger(g.abs());
        [w - lr * m / (rest * (u + epsilon)), m, u]
    }
    device "m = m + (g - m) * first; u = beta_2 * u; float size = fabsf(g); \
            u = size > u || size != size ? size : u; w = w - lr * m / (rest * (u + epsilon));";

    /// Adam with Nesterov's momentum: `m += (g - m) (1 - beta_1)`, `v += (g² - v) (1 - beta_2)`,
    /// `m̂ = u' m / (1 - p u') + (1 - u) g / (1 - p)`, `w -= lr m̂ / (sqrt(v / (1 - beta_2^t)) + epsilon)`,
    /// where `u = beta_1 (1 - 0.96^t / 2)`, `u'` the same for `t + 1` and `p` the product of all `u` so far.
    nadam_step(m, v) NadamRule {
        /// The learning rate.
        learning_rate: f64,
        /// Decay of the first moment.
        beta_1: f64,
        /// Decay of the second moment.
        beta_2: f64,
        /// Keeps the divisor from 0.
        epsilon: f64,
        /// The number of this step, from 1.
        step: u64,
        /// The product of `u` over all steps, this one included.
        u_product: f64,
    }
    3, |rule| [
        lr: T::of(rule.learning_rate),
        epsilon: T::of(rule.epsilon),
        first: T::ONE - T::of(rule.beta_1),
        second: T::ONE - T::of(rule.beta_2),
        by_m: rule.rounded::<T>(rule.step + 1) / (T::ONE - T::of(rule.u_product) * rule.rounded(rule.step + 1)),
        by_g: (T::ONE - rule.rounded(rule.step)) / (T::ONE - T::of(rule.u_product)),
        rest: T::ONE - power(rule.beta_2, rule.step),
    ]
    |[w, m, v], g| {
        let m = m + (g - m) * first;
        let v = v + (g * g - v) * second;
        [w - (by_m * m + by_g * g) * lr / ((v / rest).sqrt() + epsilon), m, v]
    }
    device "m = m + (g - m) * first; v = v + (g * g - v) * second; \
            w = w - (by_m * m + by_g * g) * lr / (sqrtf(v / rest) + epsilon);";

    /// Follow the regularised leader: with `n' = n + g²` and `p = -learning_rate_power`,
    /// `z += g + 2 shrinkage w - (n'^p - n^p) / lr w`,
    /// `w = (clip(z, -l1, l1) - z) / (n'^p / lr + 2 l2 + beta / lr)`, `n = n'`.
    ftrl_step(accumulator, linear) FtrlRule {
        /// The learning rate.
        learning_rate: f64,
        /// How the learning rate falls with the accumulated squares; 0 or less.
        learning_rate_power: f64,
        /// Strength of the L1 penalty.
        l1: f64,
        /// Strength of the L2 penalty.
        l2: f64,
        /// Strength of the L2 penalty on the gradient's side.
        shrinkage: f64,
        /// The divisor at the start.
        beta: f64,
    }
    3, |rule| [
        lr: T::of(rule.learning_rate),
        power: T::of(-rule.learning_rate_power),
        l1: T::of(rule.l1),
        shrink: T::of(2. * rule.shrinkage),
        twice_l2: T::of(2.) * (T::of(rule.l2) + T::of(rule.beta) / (T::of(2.) * T::of(rule.learning_rate))),
    ]
    |[w, n, z], g| {
        let sum = n + g * g;
        let (new, old) = (sum.pow(power), n.pow(power));
        let z = z + (g + shrink * w - (new - old) / lr * w);
        let clipped = if z < -l1 { -l1 } else { z };
        let clipped = if clipped > l1 { l1 } else { clipped };
        [(clipped - z) / (new / lr + twice_l2), sum, z]
    }
    device "float sum = n + g * g, risen = powf(sum, power); \
            z = z + (g + shrink * w - (risen - powf(n, power)) / lr * w); n = sum; \
            float clipped = z < -l1 ? -l1 : z; clipped = clipped > l1 ? l1 : clipped; \
            w = (clipped - z) / (risen / lr + twice_l2);";

    /// `w -= lr sign(beta_1 m + (1 - beta_1) g)`, `m = beta_2 m + (1 - beta_2) g`.
    lion_step(m) LionRule {
        /// The learning rate.
        learning_rate: f64,
        /// The momentum's part in this step.
        beta_1: f64,
        /// Decay of the momentum.
        beta_2: f64,
    }
    2, |rule| [
        lr: T::of(rule.learning_rate),
        now: T::of(rule.beta_1),
        later: T::of(rule.beta_2),
        by_now: T::ONE - T::of(rule.beta_1),
        by_later: T::ONE - T::of(rule.beta_2),
    ]
    |[w, m], g| {
        let sign = crate::elementwise::sign_of(m * now + g * by_now);
        [w - lr * sign, m * later + g * by_later]
    }
    device "float c = m * now + g * by_now; w = w - lr * (c > 0.f ? 1.f : c < 0.f ? -1.f : c - c); \
            m = m * later + g * by_later;";

    /// `v += (g² - v) (1 - beta_2)`, `z' = z - lr g / (sqrt(v / (1 - beta_2^t)) + epsilon)`; the average
    /// `x = (w - (1 - beta_1) z) / beta_1` becomes `x + (z' - x) / t`, and `w = (1 - beta_1) z' + beta_1 x`.
    schedule_free_adamw_step(momentum, velocity) ScheduleFreeAdamwRule {
        /// The learning rate, warm-up included.
        learning_rate: f64,
        /// The average's part in the variable.
        beta_1: f64,
        /// Decay of the second moment.
        beta_2: f64,
        /// Keeps the divisor from 0.
        epsilon: f64,
        /// The number of this step, from 1.
        step: u64,
    }
    3, |rule| [
        lr: T::of(rule.learning_rate),
        epsilon: T::of(rule.epsilon),
        beta_1: T::of(rule.beta_1),
        second: T::ONE - T::of(rule.beta_2),
        rest: T::ONE - power(rule.beta_2, rule.step),
        away: T::ONE - T::of(rule.beta_1),
        weight: T::ONE / T::of(rule.step as f64),
    ]
    |[y, z, v], g| {
        let v = v + (g * g - v) * second;
        let new_z = z - lr * g / ((v / rest).sqrt() + epsilon);
        let x = (y - away * z) / beta_1;
        let x = (T::ONE - weight) * x + weight * new_z;
        [away * new_z + beta_1 * x, new_z, v]
    }
    device "v = v + (g * g - v) * second; float x = (y - away * z) / beta_1; \
            z = z - lr * g / (sqrtf(v / rest) + epsilon); x = (1.f - weight) * x + weight * z; \
            y = away * z + beta_1 * x;";
}
