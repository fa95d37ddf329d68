//! The optimizers of Keras.

mod base;
pub mod schedules;

pub use base::OptimizerBase;

use crate::{Entry, Optimizer};

/// All optimizers of this crate.
pub static ENTRIES: &[Entry<dyn Optimizer>] = &[];
