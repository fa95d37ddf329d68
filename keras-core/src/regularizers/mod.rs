//! The regularizers of Keras.

mod l1l2;
mod orthogonal;

pub use l1l2::{L1, L1L2, L2};
pub use orthogonal::{OrthogonalMode, OrthogonalRegularizer};

use crate::{Entry, Regularizer, Result, bail};

/// All regularizers of this crate.
pub static ENTRIES: &[Entry<dyn Regularizer>] = &[
    l1l2::ENTRY_L1,
    l1l2::ENTRY_L2,
    l1l2::ENTRY_L1L2,
    orthogonal::ENTRY,
];

pub(crate) fn check_factor(class_name: &str, name: &str, value: f64) -> Result<f64> {
    if !value.is_finite() || value < 0. {
        bail!("{class_name}: `{name}` must be a finite number, 0 or more, got {value}");
    }
    Ok(value)
}
