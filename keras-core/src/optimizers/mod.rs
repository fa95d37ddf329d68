//! The optimizers of Keras.

mod adafactor;
mod adam;
mod arguments;
mod base;
mod gradients;
mod muon;
mod rmsprop;
pub mod schedules;
mod sgd;
mod simple;

pub use adafactor::Adafactor;
pub use adam::{Adam, AdamW};
pub use base::OptimizerBase;
pub use muon::Muon;
pub use rmsprop::RMSprop;
pub use sgd::SGD;
pub use simple::{Adadelta, Adagrad, Adamax, Ftrl, Lamb, Lion, Nadam, ScheduleFreeAdamW};

use crate::{Entry, Optimizer};

/// All optimizers of this crate.
pub static ENTRIES: &[Entry<dyn Optimizer>] = &[
    Adadelta::ENTRY,
    adafactor::ENTRY,
    Adagrad::ENTRY,
    adam::ENTRY,
    adam::ADAMW_ENTRY,
    Adamax::ENTRY,
    Ftrl::ENTRY,
    Lamb::ENTRY,
    Lion::ENTRY,
    Nadam::ENTRY,
    muon::ENTRY,
    rmsprop::ENTRY,
    ScheduleFreeAdamW::ENTRY,
    sgd::ENTRY,
];
