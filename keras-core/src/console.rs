//! Whether a person sees what is written to standard output.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};

static COPIED: AtomicBool = AtomicBool::new(false);

/// Whether standard output leads to a terminal, directly or through something that [keeps a copy](set_copied) of it.
///
/// ```
/// use keras_core::console;
/// let direct = std::io::IsTerminal::is_terminal(&std::io::stdout());
/// assert_eq!(console::is_terminal(), direct);
/// console::set_copied(true);
/// assert!(console::is_terminal());
/// ```
pub fn is_terminal() -> bool {
    COPIED.load(Ordering::Relaxed) || std::io::stdout().is_terminal()
}

/// Says that standard output is copied on its way to a terminal, or not any more: for whoever puts a pipe there.
pub fn set_copied(copied: bool) {
    COPIED.store(copied, Ordering::Relaxed);
}
