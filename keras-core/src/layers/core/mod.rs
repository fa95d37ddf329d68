//! Inputs, products and what has no other place.

mod dense;
mod input;

pub use dense::Dense;
pub use input::InputLayer;

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[dense::ENTRY, input::ENTRY];
