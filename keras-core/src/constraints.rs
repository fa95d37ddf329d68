//! The constraints of Keras.

use crate::{Constraint, Entry};

/// All constraints of this crate.
pub static ENTRIES: &[Entry<dyn Constraint>] = &[];
