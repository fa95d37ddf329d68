//! Pooling.

mod max_pooling2d;

pub use max_pooling2d::MaxPooling2D;

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[max_pooling2d::ENTRY];
