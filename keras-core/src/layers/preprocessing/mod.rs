//! Layers that prepare data.

mod rescaling;

pub use rescaling::{Factor, Rescaling};

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[rescaling::ENTRY];
