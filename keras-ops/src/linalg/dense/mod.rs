//! One matrix in a plain slice, taken apart by faer.
//!
//! Everything runs on the calling thread, so that the bits do not depend on the number of threads; batches are shared
//! out above. faer reads matrices column by column: the rows of a row-major matrix are the columns of the transposed
//! one, which often serves as well. Sizes are checked here, since faer panics on those that do not fit.

mod factors;
mod lu;
mod spectral;

use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::{MatMut, MatRef, Par};

use crate::kernels::math::Math;
use crate::kernels::strided;

pub(crate) use factors::qr;
pub(super) use factors::{cholesky, solve_triangular};
pub(super) use lu::{Lu, lu_rows};
pub(super) use spectral::{Complex, Svd, Vectors, eigen, svd, symmetric};

/// The float types that matrices are taken apart in.
pub(crate) trait Field: Math + faer::traits::RealField {}

impl Field for f32 {}
impl Field for f64 {}

/// faer on the calling thread.
const PAR: Par = Par::Seq;

/// What `f` gives with memory of the size that it needs.
fn with_memory<R>(size: StackReq, f: impl FnOnce(&mut MemStack) -> R) -> R {
    f(MemStack::new(&mut MemBuffer::new(size)))
}

/// A matrix given by its columns.
fn columns<T>(x: &[T], rows: usize, columns: usize) -> MatRef<'_, T> {
    MatRef::from_column_major_slice(x, rows, columns)
}

fn columns_mut<T>(x: &mut [T], rows: usize, columns: usize) -> MatMut<'_, T> {
    MatMut::from_column_major_slice_mut(x, rows, columns)
}

/// The rows of a matrix given by its columns.
pub(super) fn rows_of<T: Copy + Send + Sync>(columns: &[T], rows: usize, count: usize) -> Vec<T> {
    strided::gather(columns, &[rows, count], &[1, rows])
}

/// The identity.
fn identity<T: Math>(n: usize) -> Vec<T> {
    let mut one = vec![T::ZERO; n * n];
    one.iter_mut().step_by(n + 1).for_each(|x| *x = T::ONE);
    one
}

/// The elements divided by a power of two near the largest, which changes no digit, so that no square of one overflows;
/// and that power. `None` when an element is not finite.
fn scaled<T: Math>(x: &[T]) -> Option<(Vec<T>, T)> {
    let largest = size(x)?;
    const EXPONENT: u64 = 0x7ff << 52;
    let power = f64::from_bits(largest.to_bits() & EXPONENT);
    let power = if power > 0. { T::of(power) } else { T::ONE };
    Some((x.iter().map(|x| *x / power).collect(), power))
}

/// The largest absolute value; `None` when an element is not finite.
fn size<T: Math>(x: &[T]) -> Option<f64> {
    const LANES: usize = 16;
    let (mut largest, mut poison) = ([T::ZERO; LANES], [T::ZERO; LANES]);
    let note = |largest: &mut T, poison: &mut T, x: T| {
        let size = x.abs();
        *largest = if size > *largest { size } else { *largest };
        // 0 times what is not finite is NaN.
        *poison += x * T::ZERO;
    };
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            note(&mut largest[i], &mut poison[i], chunk[i]);
        }
    }
    for (i, x) in rest.iter().enumerate() {
        note(&mut largest[i], &mut poison[i], *x);
    }
    let finite = !poison.iter().any(|p| p.is_nan());
    finite.then(|| largest.iter().fold(0f64, |m, x| m.max(x.f64())))
}
