//! The optimizers of Keras.

mod adam;
mod arguments;
mod base;
mod gradients;
mod rmsprop;
pub mod schedules;
mod sgd;

pub use adam::Adam;
pub use base::OptimizerBase;
pub use rmsprop::RMSprop;
pub use sgd::SGD;

use crate::{Entry, Optimizer};

/// All optimizers of this crate.
pub static ENTRIES: &[Entry<dyn Optimizer>] = &[adam::ENTRY, rmsprop::ENTRY, sgd::ENTRY];
