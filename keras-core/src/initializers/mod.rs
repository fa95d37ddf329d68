//! The initializers of Keras.

use crate::{Entry, Initializer};

/// All initializers of this crate.
pub static ENTRIES: &[Entry<dyn Initializer>] = &[];
