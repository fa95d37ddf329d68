//! Layers that act in training alone.

mod dropout;

pub use dropout::Dropout;

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[dropout::ENTRY];
