//! Convolutions.

mod conv2d;

pub use conv2d::Conv2D;

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[conv2d::ENTRY];
