//! Memory between steps.
//!
//! A training step frees what the step before allocated, block for block. An allocator that hands large blocks
//! back to the system has them mapped, cleared and faulted in again, page by page, at every step; on a virtual
//! machine that can take ten times as long as the computation. Gradients are dropped as soon as they are used,
//! so a step's peak is small, and keeping its blocks costs no more than that peak.

use std::sync::Once;

/// Tells the C library's allocator to keep freed blocks for the next allocation, once for the process.
///
/// [`GradientTape::start`](crate::GradientTape::start) and `fit` call this. It changes nothing for a program with a global allocator of its own, where the C library
/// is not glibc, or when the environment variable `KERAS_KEEP_FREED` is 0.
///
/// ```
/// keras_ops::memory::keep_freed();
/// keras_ops::memory::keep_freed(); // a second call is nothing
/// ```
pub fn keep_freed() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        if std::env::var_os("KERAS_KEEP_FREED").is_none_or(|value| value != "0") {
            crate::kernels::malloc::keep_freed();
        }
    });
}
