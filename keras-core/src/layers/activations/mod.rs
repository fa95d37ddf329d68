//! Activations as layers.

mod activation;

pub use activation::Activation;

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[activation::ENTRY];
