//! The settings of the C library's allocator, one around it, and the system's pages below.

use std::alloc::{GlobalAlloc, Layout, System};

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

/// Asks the system for large pages behind a block that nobody has touched yet: it is then faulted in 2 MB at a time.
/// Nothing where there are none.
pub fn large_pages<T>(block: &mut [T]) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 2 << 20;
        let (from, bytes) = (block.as_mut_ptr() as usize, size_of_val(block));
        let start = from.next_multiple_of(PAGE);
        let end = (from + bytes) / PAGE * PAGE;
        if start < end {
            let skipped = start - from;
            // SAFETY: the range is inside the block, and the advice changes no byte of it.
            unsafe {
                let first = block.as_mut_ptr().cast::<u8>().add(skipped);
                libc::madvise(first.cast(), end - start, libc::MADV_HUGEPAGE);
            }
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = block;
}

/// The system's allocator, which gives blocks that hold vectors at the start of a cache line.
///
/// See [`memory`](crate::memory).
#[derive(Clone, Copy, Debug, Default)]
pub struct Aligned;

// Blocks of fewer bytes are left as they are, and what a cache line has.
const LARGE: usize = 1 << 12;
const LINE: usize = 64;

/// What is asked of the system for a large block: a line more, so that a line begins in it with the block behind.
///
/// Asked for the alignment instead, the C library does not take freed blocks of the same size again.
fn asked(layout: Layout) -> Option<Layout> {
    let large = layout.size() >= LARGE && layout.align() <= size_of::<usize>();
    let wider = large.then(|| Layout::from_size_align(layout.size() + LINE, align_of::<usize>()));
    wider.and_then(Result::ok)
}

/// The first line that begins in a block of the system, behind a note of where the block is.
///
/// # Safety
/// The block must be null or have been had for a layout of [`asked`].
unsafe fn line_in(block: *mut u8) -> *mut u8 {
    if block.is_null() {
        return block;
    }
    // The block is aligned for a `usize` at least, so there is room for one in front of the line.
    let skip = LINE - block.addr() % LINE;
    // SAFETY: the block has a line more than is used of it.
    unsafe {
        let line = block.add(skip);
        line.cast::<usize>().sub(1).write(skip);
        line
    }
}

/// The block of the system that a line is in.
///
/// # Safety
/// The line must be one of [`line_in`].
unsafe fn block_of(line: *mut u8) -> *mut u8 {
    // SAFETY: `line_in` has noted it there.
    unsafe { line.sub(line.cast::<usize>().sub(1).read()) }
}

// SAFETY: every block comes from the system's allocator, for a layout that is a function of the one given, and goes back
// to it for the same; what is given of it is no smaller than asked for, and aligned as asked for or to a line.
unsafe impl GlobalAlloc for Aligned {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe {
            match asked(layout) {
                Some(wider) => line_in(System.alloc(wider)),
                None => System.alloc(layout),
            }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe {
            match asked(layout) {
                Some(wider) => line_in(System.alloc_zeroed(wider)),
                None => System.alloc_zeroed(layout),
            }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, and `alloc` took the same way.
        unsafe {
            match asked(layout) {
                Some(wider) => System.dealloc(block_of(block), wider),
                None => System.dealloc(block, layout),
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `size` is not too large for this alignment; a block that is or becomes large
        // is had anew, filled with what both hold, and the old one freed.
        unsafe {
            let wanted = Layout::from_size_align_unchecked(size, layout.align());
            if asked(layout).is_none() && asked(wanted).is_none() {
                return System.realloc(block, layout, size);
            }
            let moved = self.alloc(wanted);
            if !moved.is_null() {
                std::ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}
