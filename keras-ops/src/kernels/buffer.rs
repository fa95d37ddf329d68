//! Buffers for results, and how the allocator keeps them.

use super::team::{Parts as _, Slice as _};
use super::{malloc, simd};

/// Elements of which a thread copies at once.
const PIECE: usize = 1 << 18;

/// A buffer that is not zeroed first: for results that a kernel writes as a whole.
///
/// # Safety
/// Every element must be written before any is read.
#[allow(clippy::uninit_vec, reason = "the caller's promise")]
pub unsafe fn unwritten<T: Copy>(len: usize) -> Vec<T> {
    let mut buffer = Vec::with_capacity(len);
    // SAFETY: the capacity is there, and the caller promises to write before reading.
    unsafe { buffer.set_len(len) };
    buffer
}

/// A copy, made by all threads where it is large.
pub fn copied<T: Copy + Send + Sync>(values: &[T]) -> Vec<T> {
    if !simd::parallel(values.len()) {
        return values.to_vec();
    }
    // SAFETY: the loop below writes every element.
    let mut copy = unsafe { unwritten(values.len()) };
    malloc::large_pages(&mut copy);
    copy.par_chunks_mut(PIECE)
        .zip(values.par_chunks(PIECE))
        .for_each(|(to, from)| to.copy_from_slice(from));
    copy
}
