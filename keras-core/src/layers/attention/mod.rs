//! Layers that weigh positions by what they hold.

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[];
