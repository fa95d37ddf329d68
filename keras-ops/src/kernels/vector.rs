//! Registers of elements, for kernels whose speed depends on what is kept in them.

use pulp::Simd;

use super::math::Math;

/// Elements that fill vector registers.
pub trait Lane: Math {
    /// A register full of them.
    type Vector<S: Simd>: Copy;

    /// The same in all places.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    /// `a b + c`, rounded once where the processor can.
    fn fma<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// `max(v, 0)`; NaN stays NaN.
    fn relu_all<S: Simd>(simd: S, v: Self::Vector<S>) -> Self::Vector<S>;
    /// How many there are in a register.
    fn lanes<S: Simd>() -> usize {
        size_of::<Self::Vector<S>>() / size_of::<Self>()
    }
}

impl Lane for f32 {
    type Vector<S: Simd> = S::f32s;

    #[inline(always)]
    fn splat<S: Simd>(simd: S, value: f32) -> S::f32s {
        simd.splat_f32s(value)
    }
    #[inline(always)]
    fn fma<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        simd.mul_add_e_f32s(a, b, c)
    }
    #[inline(always)]
    fn relu_all<S: Simd>(simd: S, v: S::f32s) -> S::f32s {
        let zero = simd.splat_f32s(0.);
        simd.select_f32s(simd.less_than_or_equal_f32s(v, zero), zero, v)
    }
}

impl Lane for f64 {
    type Vector<S: Simd> = S::f64s;

    #[inline(always)]
    fn splat<S: Simd>(simd: S, value: f64) -> S::f64s {
        simd.splat_f64s(value)
    }
    #[inline(always)]
    fn fma<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        simd.mul_add_e_f64s(a, b, c)
    }
    #[inline(always)]
    fn relu_all<S: Simd>(simd: S, v: S::f64s) -> S::f64s {
        let zero = simd.splat_f64s(0.);
        simd.select_f64s(simd.less_than_or_equal_f64s(v, zero), zero, v)
    }
}
