//! The allocator that begins large blocks at a cache line.

use std::alloc::{GlobalAlloc as _, Layout};

use keras_ops::memory::Aligned;

#[test]
fn blocks_keep_what_they_hold_and_large_ones_begin_at_a_line() {
    let sizes = [1, 4_095, 4_096, 4_097, 100_000, 50, 8_192];
    for align in [1, 4, 8, 128] {
        let mut layout = Layout::from_size_align(300, align).unwrap();
        // SAFETY: layouts have a size; every block is used within it, and freed with the layout that it has.
        unsafe {
            let mut block = Aligned.alloc(layout);
            for i in 0..layout.size() {
                block.add(i).write(i as u8);
            }
            let mut kept = layout.size();
            for size in sizes {
                block = Aligned.realloc(block, layout, size);
                layout = Layout::from_size_align(size, align).unwrap();
                kept = kept.min(size);
                assert!(block.addr().is_multiple_of(align));
                assert!(
                    size < 4_096 || block.addr().is_multiple_of(64),
                    "{size} at {align}"
                );
                assert!(
                    (0..kept).all(|i| block.add(i).read() == i as u8),
                    "{size} at {align}"
                );
            }
            Aligned.dealloc(block, layout);
            let zeros = Aligned.alloc_zeroed(layout);
            assert!((0..layout.size()).all(|i| zeros.add(i).read() == 0));
            Aligned.dealloc(zeros, layout);
        }
    }
}
