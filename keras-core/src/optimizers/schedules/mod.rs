//! The learning-rate schedules of Keras.

use crate::{Entry, Schedule};

/// All schedules of this crate.
pub static ENTRIES: &[Entry<dyn Schedule>] = &[];
