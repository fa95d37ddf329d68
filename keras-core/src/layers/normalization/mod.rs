//! Normalisation.

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[];
