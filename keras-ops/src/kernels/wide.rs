//! Functions of `f32` computed in `f64`, in code that LLVM turns into vectors.

use std::f64::consts::{FRAC_2_PI, LN_2, LOG2_E};

/// Adding and subtracting this rounds to the nearest integer, which is then in the low mantissa bits.
const ROUND: f64 = 6_755_399_441_055_744.;

/// `e^x` to 33 bits; the bounds are beyond what `f32` holds. NaN stays NaN.
#[inline(always)]
fn exp(x: f64) -> f64 {
    let x = if x < -200. { -200. } else { x };
    let x = if x > 200. { 200. } else { x };
    let shifted = x * LOG2_E + ROUND;
    let r = x - (shifted - ROUND) * LN_2;
    let p = 1. / 40320.;
    let p = p * r + 1. / 5040.;
    let p = p * r + 1. / 720.;
    let p = p * r + 1. / 120.;
    let p = p * r + 1. / 24.;
    let p = p * r + 1. / 6.;
    let p = p * r + 0.5;
    let p = p * r + 1.;
    let p = p * r + 1.;
    p * f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52)
}

/// The natural logarithm of a positive normal number to 36 bits; minus infinity of 0, infinity of infinity.
#[inline(always)]
fn ln(x: f64) -> f64 {
    // x = 2^e m with m between sqrt(1/2) and sqrt(2).
    let bits = x.to_bits().wrapping_sub(0x3fe6_a09e_667f_3bcd);
    let m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff).wrapping_add(0x3fe6_a09e_667f_3bcd));
    // The exponent as a float by way of its bits: few processors convert 64-bit integers in vectors.
    let biased = (bits.wrapping_add(1023 << 52)) >> 52;
    let e = f64::from_bits(biased | 0x4330_0000_0000_0000) - 4_503_599_627_371_519.;
    let s = (m - 1.) / (m + 1.);
    let z = s * s;
    let p = 1. / 15.;
    let p = p * z + 1. / 13.;
    let p = p * z + 1. / 11.;
    let p = p * z + 1. / 9.;
    let p = p * z + 1. / 7.;
    let p = p * z + 1. / 5.;
    let p = p * z + 1. / 3.;
    let y = 2. * s * (p * z + 1.) + e * LN_2;
    let y = if x == 0. { f64::NEG_INFINITY } else { y };
    if x == f64::INFINITY { x } else { y }
}

/// `x^y` with C's rules for zeros, infinities and NaN.
#[inline(always)]
#[expect(clippy::eq_op, reason = "NaN alone differs from itself")]
pub fn pow(x: f32, y: f32) -> f32 {
    let size = x.abs();
    let log = ln(size as f64);
    // 1 to an infinite power is 1.
    let exponent = if size == 1. && y == y { 0. } else { y as f64 * log };
    let magnitude = exp(exponent) as f32;
    let whole = y == y.floor();
    let half = y * 0.5;
    let odd = whole && half != half.floor();
    let negative = x.to_bits() >> 31 == 1;
    let signed = if negative && odd { -magnitude } else { magnitude };
    let undefined = x < 0. && !whole && size != f32::INFINITY;
    let result = if undefined || x != x { f32::NAN } else { signed };
    if y == 0. || x == 1. { 1. } else { result }
}

/// Arguments of [`sin`] and [`cos`] beyond this lose precision.
pub const FAR: f64 = 1e8;

/// The quarter turn that `x` lies in, as bits, and the rest, at most an eighth of a turn.
#[inline(always)]
fn quarter(x: f32) -> (u64, f32) {
    // A quarter turn in two parts, the first with so few bits that its product with a quarter is exact.
    const HIGH: f64 = 1.570_796_326_734_125_6;
    const LOW: f64 = 6.077_100_506_506_192e-11;
    let x = x as f64;
    let shifted = x * FRAC_2_PI + ROUND;
    let n = shifted - ROUND;
    (shifted.to_bits(), ((x - n * HIGH) - n * LOW) as f32)
}

#[inline(always)]
fn sin_near(r: f32) -> f32 {
    let z = r * r;
    let p = 2.718_311_5e-6;
    let p = p * z - 1.983_931_2e-4;
    let p = p * z + 8.333_329e-3;
    let p = p * z - 0.166_666_67;
    r + r * z * p
}

#[inline(always)]
fn cos_near(r: f32) -> f32 {
    let z = r * r;
    let p = 2.439_045e-5;
    let p = p * z - 1.388_676_5e-3;
    let p = p * z + 4.166_664_6e-2;
    1. - 0.5 * z + z * z * p
}

#[inline(always)]
fn turned(turns: u64, r: f32) -> f32 {
    let even = if turns & 1 == 0 { sin_near(r) } else { cos_near(r) };
    if turns & 2 == 0 { even } else { -even }
}

/// The sine, for arguments up to [`FAR`].
#[inline(always)]
pub fn sin(x: f32) -> f32 {
    let (turns, r) = quarter(x);
    turned(turns, r)
}

/// The cosine, for arguments up to [`FAR`].
#[inline(always)]
pub fn cos(x: f32) -> f32 {
    let (turns, r) = quarter(x);
    turned(turns.wrapping_add(1), r)
}
