//! The settings of the C library's allocator.

/// Makes it keep blocks of every size when they are freed. Nothing where the C library is not glibc.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` takes the allocator's own lock and only sets numbers; a value that it does not take
    // changes nothing.
    unsafe {
        // No block is mapped apart, so none goes back to the system when it is freed, and neither does the
        // heap's top.
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
}
