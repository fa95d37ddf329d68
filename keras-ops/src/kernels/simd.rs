//! Runtime choice of instruction set (AVX-512, AVX2, plain) and of threads.
//!
//! Loops are written in plain Rust and compiled once per instruction set by running them inside
//! [`vectorize`]. Work is split into chunks whose bounds depend on the size alone, never on the number of
//! threads, so results are the same bits for any thread count.

use std::sync::OnceLock;

use super::team::{self, Parts as _, Slice as _};

/// Elements below which a pass over memory stays on the calling thread.
pub const PARALLEL_MIN: usize = 1 << 16;
/// Elements of one chunk of a parallel pass.
pub const CHUNK: usize = 1 << 14;

static ARCH: OnceLock<pulp::Arch> = OnceLock::new();

/// Runs `f` compiled for the best instruction set of this processor. `f` and all it calls must inline.
#[inline(always)]
pub fn vectorize<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    match level() {
        // SAFETY: the processor has the instructions, `level` has asked it.
        Level::V4 => return unsafe { v4(f) },
        // SAFETY: as above.
        Level::V3 => return unsafe { v3(f) },
        Level::Plain => {}
    }
    f()
}

/// The levels of x86-64 that loops are compiled for.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
enum Level {
    Plain,
    V3,
    V4,
}

#[cfg(target_arch = "x86_64")]
fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        if pulp::x86::V4::try_new().is_some() {
            Level::V4
        } else if pulp::x86::V3::try_new().is_some() {
            Level::V3
        } else {
            Level::Plain
        }
    })
}

/// Whether the processor has AVX.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn wide() -> bool {
    !matches!(level(), Level::Plain)
}

// Marked to be inlined, so that a loop is compiled with the operation that it belongs to and not anew with all
// others when one of them changes.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,fma,avx2,bmi1,bmi2,lzcnt,popcnt")]
fn v4<R>(f: impl FnOnce() -> R) -> R {
    f()
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "fma,avx2,bmi1,bmi2,lzcnt,popcnt")]
fn v3<R>(f: impl FnOnce() -> R) -> R {
    f()
}

/// Runs an operation written in vectors of the best instruction set of this processor.
#[inline(always)]
pub(crate) fn dispatch<F: pulp::WithSimd>(f: F) -> F::Output {
    ARCH.get_or_init(pulp::Arch::new).dispatch(f)
}

/// [`vectorize`] for elements of type `T`; plainly for eight-byte ones, whose functions are calls anyway and
/// whose loops are not worth compiling once per instruction set.
#[inline(always)]
pub fn vectorize_for<T, R>(f: impl FnOnce() -> R) -> R {
    if const { size_of::<T>() == 8 } {
        f()
    } else {
        vectorize(f)
    }
}

/// Whether a pass over `len` elements is worth waking other threads.
pub fn parallel(len: usize) -> bool {
    len >= PARALLEL_MIN && team::threads() > 1
}

/// `f(index, chunk)` for each chunk of `size` elements, in parallel if `many`. One copy of the machinery for
/// each element type, whatever `f` is.
pub fn chunks_mut<T: Send>(out: &mut [T], size: usize, many: bool, f: &(dyn Fn(usize, &mut [T]) + Sync)) {
    if many {
        out.par_chunks_mut(size)
            .enumerate()
            .for_each(|(i, chunk)| f(i, chunk));
    } else {
        out.chunks_mut(size)
            .enumerate()
            .for_each(|(i, chunk)| f(i, chunk));
    }
}

/// `f(&mut dst[i..], &a[i..])` over matching chunks, in parallel when large.
pub fn zip2<A: Send, B: Sync>(dst: &mut [A], a: &[B], f: impl Fn(&mut [A], &[B]) + Sync + Send) {
    if parallel(dst.len()) {
        dst.par_chunks_mut(CHUNK)
            .zip(a.par_chunks(CHUNK))
            .for_each(|(d, a)| f(d, a));
    } else {
        f(dst, a);
    }
}
