//! Normalisation.

mod affine;
mod axes;
mod batch_normalization;
mod group_normalization;
mod layer_normalization;
mod renorm;
mod rms_normalization;
mod spectral_normalization;
mod unit_normalization;

pub use batch_normalization::BatchNormalization;
pub use group_normalization::GroupNormalization;
pub use layer_normalization::LayerNormalization;
pub use renorm::RenormClipping;
pub use rms_normalization::RMSNormalization;
pub use spectral_normalization::SpectralNormalization;
pub use unit_normalization::UnitNormalization;

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[
    batch_normalization::ENTRY,
    group_normalization::ENTRY,
    layer_normalization::ENTRY,
    rms_normalization::ENTRY,
    spectral_normalization::ENTRY,
    unit_normalization::ENTRY,
];
