//! Layers that change the shape.

mod flatten;

pub use flatten::Flatten;

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[flatten::ENTRY];
