//! The layers of Keras.

mod activation;
mod base;
mod dense;
mod flatten;
mod input;
mod kernel;

pub use activation::Activation;
pub use base::{DataFormat, Padding};
pub use dense::Dense;
pub use flatten::Flatten;
pub use input::InputLayer;

use crate::{Entry, Layer};

/// All layers of this crate.
pub static ENTRIES: &[Entry<dyn Layer>] = &[activation::ENTRY, dense::ENTRY, flatten::ENTRY, input::ENTRY];
