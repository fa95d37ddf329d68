//! Random words to normal numbers by the inverse distribution function, in plain `f32` arithmetic that gives
//! the same bits on every processor.

/// `ln x` for positive normal `x`, to about one unit in the last place.
#[inline(always)]
fn ln(x: f32) -> f32 {
    // x = m 2^e with m in [sqrt(1/2), sqrt(2))
    let bits = x.to_bits().wrapping_sub(0x3f35_04f3);
    let e = ((bits as i32) >> 23) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff) + 0x3f35_04f3);
    // ln m = 2 atanh(s), s = (m - 1) / (m + 1)
    let s = (m - 1.) / (m + 1.);
    let z = s * s;
    let series = 1. + z * (1. / 3. + z * (0.2 + z * (1. / 7. + z * (1. / 9.))));
    e * std::f32::consts::LN_2 + 2. * s * series
}

/// `erfinv(x)`, given `w = -ln(1 - x²)` (Giles, "Approximating the erfinv function", single precision).
#[inline(always)]
fn erfinv(x: f32, w: f32) -> f32 {
    const CENTRE: [f32; 9] = [
        2.810_226_4e-8,
        3.432_739_4e-7,
        -3.523_388e-6,
        -4.391_506_4e-6,
        2.185_808_7e-4,
        -1.253_725e-3,
        -4.177_681_6e-3,
        2.466_407_3e-1,
        1.501_409_4,
    ];
    const TAIL: [f32; 9] = [
        -2.002_142_6e-4,
        1.009_505_6e-4,
        1.349_343_2e-3,
        -3.673_428_4e-3,
        5.739_507_7e-3,
        -7.622_461_3e-3,
        9.438_870_5e-3,
        1.001_674,
        2.832_976_8,
    ];
    // One polynomial with coefficients chosen by lane: of two behind a branch LLVM makes no vector code.
    let near = w < 5.;
    let t = if near { w - 2.5 } else { w.sqrt() - 3. };
    let mut sum = 0.;
    for (centre, tail) in CENTRE.into_iter().zip(TAIL) {
        sum = sum * t + if near { centre } else { tail };
    }
    x * sum
}

/// A word as the middle of one of 2³² equal steps of (-1, 1).
#[inline(always)]
fn signed(word: u32) -> f32 {
    ((word ^ 0x8000_0000) as i32 as f32 + 0.5) * (1. / 2_147_483_648.)
}

/// A standard normal number, up to 6.3 from 0.
#[inline(always)]
pub fn normal(word: u32) -> f32 {
    // The smaller tail, kept exact where 1 - |x| would cancel: 1 - x² = 4 p (1 - p).
    let p = (word.min(!word) as f32 + 0.5) * (1. / 4_294_967_296.);
    std::f32::consts::SQRT_2 * erfinv(signed(word), -ln(4. * p * (1. - p)))
}

/// A standard normal number given that it lies within 2 of 0.
#[inline(always)]
pub fn truncated_normal(word: u32) -> f32 {
    const INSIDE: f32 = 0.954_499_7; // erf(2 / sqrt 2)
    let x = signed(word) * INSIDE;
    (std::f32::consts::SQRT_2 * erfinv(x, -ln((1. - x) * (1. + x)))).clamp(-2., 2.)
}
