//! The initializers of Keras.

use crate::{Initializer, Entry};

/// All initializers of this crate.
pub static ENTRIES: &[Entry<dyn Initializer>] = &[];
