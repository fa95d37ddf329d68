//! The regularizers of Keras.

use crate::{Regularizer, Entry};

/// All regularizers of this crate.
pub static ENTRIES: &[Entry<dyn Regularizer>] = &[];
