//! The optimizers of Keras.

mod adafactor;
mod adam;
pub(crate) mod base;
mod define;
mod gradients;
mod loss_scale_optimizer;
mod multi_optimizer;
mod muon;
mod optimizer_map;
mod patterns;
mod rmsprop;
mod rule;
pub mod schedules;
mod sgd;
mod simple;

pub use adafactor::Adafactor;
pub use adam::{Adam, AdamW};
pub use base::OptimizerBase;
pub use loss_scale_optimizer::LossScaleOptimizer;
pub use multi_optimizer::MultiOptimizer;
pub use muon::Muon;
pub use optimizer_map::OptimizerMap;
pub use patterns::Patterns;
pub use rmsprop::RMSprop;
pub use sgd::SGD;
pub use simple::{Adadelta, Adagrad, Adamax, Ftrl, Lamb, Lion, Nadam, ScheduleFreeAdamW};

use crate::{Entry, Optimizer, Registry};

/// All optimizers of this crate.
pub static ENTRIES: &[Entry<dyn Optimizer>] = &[
    Adadelta::ENTRY,
    Adafactor::ENTRY,
    Adagrad::ENTRY,
    Adam::ENTRY,
    AdamW::ENTRY,
    Adamax::ENTRY,
    Ftrl::ENTRY,
    Lamb::ENTRY,
    Lion::ENTRY,
    loss_scale_optimizer::ENTRY,
    multi_optimizer::ENTRY,
    Muon::ENTRY,
    Nadam::ENTRY,
    RMSprop::ENTRY,
    ScheduleFreeAdamW::ENTRY,
    SGD::ENTRY,
];

/// An optimizer as Keras saves it; a class that is not listed is the user's own.
pub(crate) fn envelope(optimizer: &dyn Optimizer, registry: &Registry) -> serde_json::Value {
    registry
        .optimizers
        .envelope(optimizer.class_name(), optimizer.full_config())
}
