//! Memory between steps.
//!
//! A training step frees what the step before allocated, block for block. An allocator that hands large blocks
//! back to the system has them mapped, cleared and faulted in again, page by page, at every step; on a virtual
//! machine that can take ten times as long as the computation. Gradients are dropped as soon as they are used,
//! so a step's peak is small, and keeping its blocks costs no more than that peak.
//!
//! Blocks of an allocator begin where they happen to, so that most vectors of 64 bytes lie across two cache lines, which
//! takes a processor twice as long. A program that names [`Aligned`] its allocator has them begin at a line. Kernels that
//! read much for little arithmetic gain most: depthwise convolution takes two thirds of the time, products nothing.
//!
//! ```
//! use keras_ops::memory::Aligned;
//! #[global_allocator]
//! static ALLOCATOR: Aligned = Aligned;
//!
//! let values = vec![1f32; 5_000];
//! assert_eq!(values.as_ptr().addr() % 64, 0);
//! ```

use std::sync::Once;

pub use crate::kernels::malloc::Aligned;

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
