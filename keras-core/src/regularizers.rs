//! The regularizers of Keras.

use crate::{Entry, Regularizer};

/// All regularizers of this crate.
pub static ENTRIES: &[Entry<dyn Regularizer>] = &[];
