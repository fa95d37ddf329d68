//! The activations of Keras.

use crate::{Activation, Entry};

/// All activations of this crate.
pub static ENTRIES: &[Entry<dyn Activation>] = &[];
