//! The constraints of Keras.

mod min_max_norm;
mod non_neg;

pub use min_max_norm::{MaxNorm, MinMaxNorm, UnitNorm};
pub use non_neg::NonNeg;

use crate::{Constraint, Entry};

/// All constraints of this crate.
pub static ENTRIES: &[Entry<dyn Constraint>] = &[
    min_max_norm::MAX_NORM,
    min_max_norm::MIN_MAX_NORM,
    non_neg::ENTRY,
    min_max_norm::UNIT_NORM,
];
