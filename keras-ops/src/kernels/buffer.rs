//! Buffers for results, and how the allocator keeps them.

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
