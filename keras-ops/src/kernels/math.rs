//! Transcendental functions that LLVM turns into vector code inside [`simd::vectorize`](super::simd::vectorize).
//!
//! `f32` uses polynomials without fused multiply-adds, so results are the same bits on every instruction set.
//! Largest errors against `f64`, in units in the last place: `exp` 2, `ln` 2, `tanh` 2, `sigmoid` 3, `ln_1p` 3,
//! `exp_m1` 3, `erf` 7, `sin`, `cos` and `pow` 2. `f64` uses the standard library.

use super::wide;
use crate::host::Real;

/// Floats with the functions that kernels need.
pub trait Math: Real {
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Not a number.
    const NAN: Self;
    /// `e^x`.
    fn exp(self) -> Self;
    /// `e^x - 1`, accurate near 0.
    fn exp_m1(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// `ln(1 + x)`, accurate near 0.
    fn ln_1p(self) -> Self;
    /// The hyperbolic tangent.
    fn tanh(self) -> Self;
    /// `1 / (1 + e^-x)`.
    fn sigmoid(self) -> Self;
    /// The error function.
    fn erf(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// The absolute value.
    fn abs(self) -> Self;
    /// The sine.
    fn sin(self) -> Self;
    /// The cosine.
    fn cos(self) -> Self;
    /// `self` to the power `y`.
    fn pow(self, y: Self) -> Self;
    /// The largest integer not above this.
    fn floor(self) -> Self;
    /// The smallest integer not below this.
    fn ceil(self) -> Self;
    /// This without its fraction.
    fn trunc(self) -> Self;
    /// The nearest integer, of two the even one.
    fn round_even(self) -> Self;
    /// `ln(1 + e^x)`, finite for every finite `x`.
    #[inline(always)]
    fn softplus(self) -> Self {
        self.relu() + (-self.abs()).exp().ln_1p()
    }
    /// `max(x, 0)`; NaN stays NaN.
    #[inline(always)]
    fn relu(self) -> Self {
        if self <= Self::ZERO { Self::ZERO } else { self }
    }
    /// The larger; NaN wins.
    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        if (other > self) | other.is_nan() {
            other
        } else {
            self
        }
    }
    /// The smaller; NaN wins.
    #[inline(always)]
    fn smaller(self, other: Self) -> Self {
        if (other < self) | other.is_nan() {
            other
        } else {
            self
        }
    }
    /// Whether this is not a number.
    #[inline(always)]
    #[allow(clippy::eq_op)]
    fn is_nan(self) -> bool {
        self != self
    }
}

// Adding and subtracting this rounds to the nearest integer, which is then in the low mantissa bits.
const ROUND: f32 = 12_582_912.;

// ln 2 in two parts, the first with so few bits that its product with a power is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// `(n, r)` with `x = n ln 2 + r`, `|r| <= ln 2 / 2`.
#[inline(always)]
fn reduce(x: f32) -> (i32, f32) {
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    ((shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32), r)
}

#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// `e^r - 1` for `|r| <= ln 2 / 2`.
#[inline(always)]
fn small_exp_m1(r: f32) -> f32 {
    // Two terms at a time: one after another each would wait for the last.
    let z = r * r;
    let low = 0.166_665_78 * r + 0.5;
    let high = 8.363_099e-3 * r + 4.166_733_4e-2;
    r + z * ((1.386_152_8e-3 * z + high) * z + low)
}

/// `(scale, m)` with `e^-x = scale (1 + m)`, where `scale` is a power of two, for `x` from -89 to 87.
#[inline(always)]
fn decay(x: f32) -> (f32, f32) {
    // The low bits of what is rounded are the scale's exponent.
    const ROUND: f32 = self::ROUND + 127.;
    let shifted = x * -std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (n * -LN_2_HIGH - x) - n * LN_2_LOW;
    (f32::from_bits(shifted.to_bits() << 23), small_exp_m1(r))
}

/// A value between bounds; NaN stays NaN.
#[inline(always)]
fn bound(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

impl Math for f32 {
    const ZERO: f32 = 0.;
    const ONE: f32 = 1.;
    const NAN: f32 = f32::NAN;

    #[inline(always)]
    fn exp(self) -> f32 {
        let (n, r) = reduce(bound(self, -110., 90.));
        // In two factors: 2^n itself may overflow or be subnormal while the result is not.
        let half = n >> 1;
        (1. + small_exp_m1(r)) * power_of_two(half) * power_of_two(n.wrapping_sub(half))
    }

    #[inline(always)]
    fn exp_m1(self) -> f32 {
        let (n, r) = reduce(bound(self, -80., 2.));
        let scale = power_of_two(n);
        let near = scale * small_exp_m1(r) + (scale - 1.);
        if self > 1. { Math::exp(self) - 1. } else { near }
    }

    #[inline(always)]
    fn ln(self) -> f32 {
        let subnormal = self < f32::MIN_POSITIVE;
        let x = if subnormal { self * 8_388_608. } else { self };
        let offset = if subnormal { -23. } else { 0. };
        // x = 2^e (1 + f) with 1 + f between sqrt(1/2) and sqrt(2).
        let bits = x.to_bits().wrapping_sub(0x3f35_04f3);
        let e = ((bits as i32) >> 23) as f32 + offset;
        let f = f32::from_bits((bits & 0x007f_ffff).wrapping_add(0x3f35_04f3)) - 1.;
        let p = 6.764_794e-2;
        let p = p * f - 0.113_727_69;
        let p = p * f + 0.117_131_5;
        let p = p * f - 0.124_430_74;
        let p = p * f + 0.142_481_16;
        let p = p * f - 0.166_669_88;
        let p = p * f + 0.200_007_2;
        let p = p * f - 0.250_000_07;
        let p = p * f + 0.333_333_3;
        let z = f * f;
        let tail = f * z * p + e * LN_2_LOW - 0.5 * z;
        let y = (f + tail) + e * LN_2_HIGH;
        let y = if self == f32::INFINITY { self } else { y };
        let y = if self < 0. || Math::is_nan(self) {
            f32::NAN
        } else {
            y
        };
        if self == 0. { f32::NEG_INFINITY } else { y }
    }

    #[inline(always)]
    fn ln_1p(self) -> f32 {
        let u = 1. + self;
        let log = Math::ln(u);
        // What rounding 1 + x lost comes back through the derivative.
        let y = log - ((u - 1.) - self) / u;
        let plain = u == f32::INFINITY || u <= 0.;
        if plain { log } else { y }
    }

    #[inline(always)]
    fn tanh(self) -> f32 {
        let z = self * self;
        let p = -6.028_621e-3;
        let p = p * z + 2.094_793_9e-2;
        let p = p * z - 5.383_986e-2;
        let p = p * z + 0.133_326_9;
        let p = p * z - 0.333_333_28;
        let near = self + self * z * p;
        // From 10 on the result is 1.
        let (scale, m) = decay(bound(-2. * Math::abs(self), -20., 0.));
        let far = 1. - 2. / ((1. + m) * scale + 1.);
        if Math::abs(self) < 0.625 {
            near
        } else {
            far.copysign(self)
        }
    }

    #[inline(always)]
    fn sigmoid(self) -> f32 {
        // From 2^128 on the scale is infinite, so the result is 0 where it would be subnormal.
        let (scale, m) = decay(bound(self, -89., 87.));
        1. / ((1. + m) * scale + 1.)
    }

    #[inline(always)]
    fn erf(self) -> f32 {
        // x p(x²) / q(x²), fitted on |x| < 3.93 for the least relative error; beyond, f32 has only 1.
        const LIMIT: f32 = 3.93;
        let x = bound(self, -LIMIT, LIMIT);
        let z = x * x;
        let square = z * z;
        let p = (2.042_051_6e-6 * z + 2.847_980_6e-4) * square + (3.779_145_7e-3 * z + 5.278_885_4e-2);
        let p = p * square + (0.190_773_04 * z + std::f32::consts::FRAC_2_SQRT_PI);
        let q = (3.800_436_4e-5 * z + 1.165_100_1e-3) * square + (1.499_650_9e-2 * z + 0.114_253_06);
        let q = q * square + (0.502_400_93 * z + 1.);
        bound(x * p / q, -1., 1.)
    }

    #[inline(always)]
    fn sqrt(self) -> f32 {
        f32::sqrt(self)
    }
    #[inline(always)]
    fn abs(self) -> f32 {
        f32::abs(self)
    }
    #[inline(always)]
    fn sin(self) -> f32 {
        wide::sin(self)
    }
    #[inline(always)]
    fn cos(self) -> f32 {
        wide::cos(self)
    }
    #[inline(always)]
    fn pow(self, y: f32) -> f32 {
        wide::pow(self, y)
    }
    #[inline(always)]
    fn floor(self) -> f32 {
        f32::floor(self)
    }
    #[inline(always)]
    fn ceil(self) -> f32 {
        f32::ceil(self)
    }
    #[inline(always)]
    fn trunc(self) -> f32 {
        f32::trunc(self)
    }
    #[inline(always)]
    fn round_even(self) -> f32 {
        f32::round_ties_even(self)
    }
}

impl Math for f64 {
    const ZERO: f64 = 0.;
    const ONE: f64 = 1.;
    const NAN: f64 = f64::NAN;

    #[inline(always)]
    fn exp(self) -> f64 {
        f64::exp(self)
    }
    #[inline(always)]
    fn exp_m1(self) -> f64 {
        f64::exp_m1(self)
    }
    #[inline(always)]
    fn ln(self) -> f64 {
        f64::ln(self)
    }
    #[inline(always)]
    fn ln_1p(self) -> f64 {
        f64::ln_1p(self)
    }
    #[inline(always)]
    fn tanh(self) -> f64 {
        f64::tanh(self)
    }
    #[inline(always)]
    fn sigmoid(self) -> f64 {
        1. / (1. + f64::exp(-self))
    }
    #[inline(always)]
    fn erf(self) -> f64 {
        candle_core::cpu::erf::erf_f64(self)
    }
    #[inline(always)]
    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn abs(self) -> f64 {
        f64::abs(self)
    }
    #[inline(always)]
    fn sin(self) -> f64 {
        f64::sin(self)
    }
    #[inline(always)]
    fn cos(self) -> f64 {
        f64::cos(self)
    }
    #[inline(always)]
    fn pow(self, y: f64) -> f64 {
        f64::powf(self, y)
    }
    #[inline(always)]
    fn floor(self) -> f64 {
        f64::floor(self)
    }
    #[inline(always)]
    fn ceil(self) -> f64 {
        f64::ceil(self)
    }
    #[inline(always)]
    fn trunc(self) -> f64 {
        f64::trunc(self)
    }
    #[inline(always)]
    fn round_even(self) -> f64 {
        f64::round_ties_even(self)
    }
}
