//! Registers of elements, for kernels whose speed depends on what is kept in them.

use pulp::Simd;

use super::math::Math;

/// Elements that fill vector registers.
pub trait Lane: Math {
    /// A register full of them.
    type Vector<S: Simd>: Copy;
    /// A truth value for each.
    type Mask<S: Simd>: Copy;
    /// A whole number below 2^32 for each.
    type Numbers<S: Simd>: Copy;

    /// The same in all places.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    /// `a b + c`, rounded once where the processor can.
    fn fma<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// `max(v, 0)`; NaN stays NaN.
    fn relu_all<S: Simd>(simd: S, v: Self::Vector<S>) -> Self::Vector<S>;
    /// `a + b`
    fn plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a / b`
    fn over<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a > b`, where NaN is above every number.
    fn above<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Mask<S>;
    /// `a` where the mask is set, else `b`.
    fn pick<S: Simd>(simd: S, mask: Self::Mask<S>, a: Self::Vector<S>, b: Self::Vector<S>)
    -> Self::Vector<S>;
    /// The same number in all places.
    fn splat_number<S: Simd>(simd: S, number: u32) -> Self::Numbers<S>;
    /// `a` where the mask is set, else `b`.
    fn pick_number<S: Simd>(
        simd: S,
        mask: Self::Mask<S>,
        a: Self::Numbers<S>,
        b: Self::Numbers<S>,
    ) -> Self::Numbers<S>;
    /// `a == b`
    fn same_number<S: Simd>(simd: S, a: Self::Numbers<S>, b: Self::Numbers<S>) -> Self::Mask<S>;
    /// # Safety
    /// As many numbers as there are lanes must be readable.
    unsafe fn read_numbers<S: Simd>(simd: S, at: *const u32) -> Self::Numbers<S>;
    /// # Safety
    /// As many numbers as there are lanes must be writable.
    unsafe fn write_numbers<S: Simd>(simd: S, at: *mut u32, numbers: Self::Numbers<S>);
    /// How many there are in a register.
    fn lanes<S: Simd>() -> usize {
        size_of::<Self::Vector<S>>() / size_of::<Self>()
    }
}

impl Lane for f32 {
    type Vector<S: Simd> = S::f32s;
    type Mask<S: Simd> = S::m32s;
    type Numbers<S: Simd> = S::u32s;

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
    #[inline(always)]
    fn plus<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::f32s {
        simd.add_f32s(a, b)
    }
    #[inline(always)]
    fn over<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::f32s {
        simd.div_f32s(a, b)
    }
    #[inline(always)]
    fn above<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::m32s {
        let above = simd.not_m32s(simd.less_than_or_equal_f32s(a, b));
        simd.and_m32s(above, simd.equal_f32s(b, b))
    }
    #[inline(always)]
    fn pick<S: Simd>(simd: S, mask: S::m32s, a: S::f32s, b: S::f32s) -> S::f32s {
        simd.select_f32s(mask, a, b)
    }
    #[inline(always)]
    fn splat_number<S: Simd>(simd: S, number: u32) -> S::u32s {
        simd.splat_u32s(number)
    }
    #[inline(always)]
    fn pick_number<S: Simd>(simd: S, mask: S::m32s, a: S::u32s, b: S::u32s) -> S::u32s {
        simd.select_u32s(mask, a, b)
    }
    #[inline(always)]
    fn same_number<S: Simd>(simd: S, a: S::u32s, b: S::u32s) -> S::m32s {
        simd.equal_u32s(a, b)
    }
    #[inline(always)]
    unsafe fn read_numbers<S: Simd>(_: S, at: *const u32) -> S::u32s {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<S::u32s>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn write_numbers<S: Simd>(_: S, at: *mut u32, numbers: S::u32s) {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<S::u32s>().write_unaligned(numbers) }
    }
}

impl Lane for f64 {
    type Vector<S: Simd> = S::f64s;
    type Mask<S: Simd> = S::m64s;
    type Numbers<S: Simd> = S::u64s;

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
    #[inline(always)]
    fn plus<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s {
        simd.add_f64s(a, b)
    }
    #[inline(always)]
    fn over<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s {
        simd.div_f64s(a, b)
    }
    #[inline(always)]
    fn above<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::m64s {
        let above = simd.not_m64s(simd.less_than_or_equal_f64s(a, b));
        simd.and_m64s(above, simd.equal_f64s(b, b))
    }
    #[inline(always)]
    fn pick<S: Simd>(simd: S, mask: S::m64s, a: S::f64s, b: S::f64s) -> S::f64s {
        simd.select_f64s(mask, a, b)
    }
    #[inline(always)]
    fn splat_number<S: Simd>(simd: S, number: u32) -> S::u64s {
        simd.splat_u64s(number as u64)
    }
    #[inline(always)]
    fn pick_number<S: Simd>(simd: S, mask: S::m64s, a: S::u64s, b: S::u64s) -> S::u64s {
        simd.select_u64s(mask, a, b)
    }
    #[inline(always)]
    fn same_number<S: Simd>(simd: S, a: S::u64s, b: S::u64s) -> S::m64s {
        simd.equal_u64s(a, b)
    }
    #[inline(always)]
    unsafe fn read_numbers<S: Simd>(simd: S, at: *const u32) -> S::u64s {
        let mut numbers = simd.splat_u64s(0);
        let to = (&raw mut numbers).cast::<u64>();
        for lane in 0..Self::lanes::<S>() {
            // SAFETY: the caller's promise; the register has as many lanes.
            unsafe { to.add(lane).write(at.add(lane).read_unaligned() as u64) }
        }
        numbers
    }
    #[inline(always)]
    unsafe fn write_numbers<S: Simd>(_: S, at: *mut u32, numbers: S::u64s) {
        let from = (&raw const numbers).cast::<u64>();
        for lane in 0..Self::lanes::<S>() {
            // SAFETY: the caller's promise; the register has as many lanes, all below 2^32.
            unsafe { at.add(lane).write_unaligned(from.add(lane).read() as u32) }
        }
    }
}

/// # Safety
/// A register's elements must be readable.
#[inline(always)]
pub(super) unsafe fn read<T: Lane, S: Simd>(at: *const T) -> T::Vector<S> {
    // SAFETY: the caller's promise; any bits are valid elements.
    unsafe { at.cast::<T::Vector<S>>().read_unaligned() }
}

/// # Safety
/// A register's elements must be writable.
#[inline(always)]
pub(super) unsafe fn write<T: Lane, S: Simd>(at: *mut T, value: T::Vector<S>) {
    // SAFETY: the caller's promise.
    unsafe { at.cast::<T::Vector<S>>().write_unaligned(value) }
}
