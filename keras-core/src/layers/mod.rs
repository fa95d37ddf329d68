//! The layers of Keras.

mod input;

pub use input::InputLayer;

use crate::{Entry, Layer};

/// All layers of this crate.
pub static ENTRIES: &[Entry<dyn Layer>] = &[];
