//! Element-wise passes that make a new vector, one allocation each.

use std::mem::MaybeUninit;

use crate::kernels::team::{Parts as _, Slice as _};

use super::simd::{self, CHUNK};

/// A fresh vector of `len` elements written by `fill`, which must write every slot it is given. `fill` gets
/// the start of each chunk; chunk bounds depend on `len` alone.
fn build<B: Copy + Send>(len: usize, fill: &(dyn Fn(usize, &mut [MaybeUninit<B>]) + Sync)) -> Vec<B> {
    let mut out = Vec::with_capacity(len);
    let slots = &mut out.spare_capacity_mut()[..len];
    if simd::parallel(len) {
        slots
            .par_chunks_mut(CHUNK)
            .enumerate()
            .for_each(|(i, chunk)| fill(i * CHUNK, chunk));
    } else {
        fill(0, slots);
    }
    // SAFETY: the chunks cover the first `len` slots and each private caller below zips the whole chunk with
    // inputs that it has sliced to the chunk's length, so all of them are initialised.
    unsafe { out.set_len(len) };
    out
}

/// `f(a)`, element by element. `f` should be `#[inline(always)]`, so that it is compiled for the best
/// instruction set.
#[inline(always)]
pub fn map1<A: Copy + Sync, B: Copy + Send>(a: &[A], f: impl Fn(A) -> B + Sync) -> Vec<B> {
    build(a.len(), &|start, slots| {
        let a = &a[start..start + slots.len()];
        simd::vectorize_for::<A, _>(
            #[inline(always)]
            || {
                for (slot, a) in slots.iter_mut().zip(a) {
                    slot.write(f(*a));
                }
            },
        )
    })
}

/// `f(a, b)`, element by element, of slices of one length.
#[inline(always)]
pub fn map2<A, B, C>(a: &[A], b: &[B], f: impl Fn(A, B) -> C + Sync) -> Vec<C>
where
    A: Copy + Sync,
    B: Copy + Sync,
    C: Copy + Send,
{
    build(a.len(), &|start, slots| {
        let end = start + slots.len();
        let (a, b) = (&a[start..end], &b[start..end]);
        simd::vectorize_for::<A, _>(
            #[inline(always)]
            || {
                for ((slot, a), b) in slots.iter_mut().zip(a).zip(b) {
                    slot.write(f(*a, *b));
                }
            },
        )
    })
}

/// `f(a, b, c)`, element by element, of slices of one length.
#[inline(always)]
pub fn map3<A, B, C, D>(a: &[A], b: &[B], c: &[C], f: impl Fn(A, B, C) -> D + Sync) -> Vec<D>
where
    A: Copy + Sync,
    B: Copy + Sync,
    C: Copy + Sync,
    D: Copy + Send,
{
    build(a.len(), &|start, slots| {
        let end = start + slots.len();
        let (a, b, c) = (&a[start..end], &b[start..end], &c[start..end]);
        simd::vectorize_for::<A, _>(
            #[inline(always)]
            || {
                for (((slot, a), b), c) in slots.iter_mut().zip(a).zip(b).zip(c) {
                    slot.write(f(*a, *b, *c));
                }
            },
        )
    })
}
