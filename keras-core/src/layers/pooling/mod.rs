//! Pooling.

mod adaptive_pooling;
mod global_pooling;
mod kind;
#[expect(clippy::module_inception, reason = "the room is called like Keras's")]
mod pooling;

pub use adaptive_pooling::{
    AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D, AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D, AdaptiveMaxPooling3D, AdaptivePooling,
};
pub use global_pooling::{
    GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D, GlobalMaxPooling1D,
    GlobalMaxPooling2D, GlobalMaxPooling3D, GlobalPooling,
};
pub use kind::{AveragePool, MaxPool, PoolKind};
pub use pooling::{
    AveragePooling1D, AveragePooling2D, AveragePooling3D, MaxPooling1D, MaxPooling2D, MaxPooling3D, Pooling,
};

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[
    AdaptiveAveragePooling1D::ENTRY,
    AdaptiveAveragePooling2D::ENTRY,
    AdaptiveAveragePooling3D::ENTRY,
    AdaptiveMaxPooling1D::ENTRY,
    AdaptiveMaxPooling2D::ENTRY,
    AdaptiveMaxPooling3D::ENTRY,
    AveragePooling1D::ENTRY,
    AveragePooling2D::ENTRY,
    AveragePooling3D::ENTRY,
    GlobalAveragePooling1D::ENTRY,
    GlobalAveragePooling2D::ENTRY,
    GlobalAveragePooling3D::ENTRY,
    GlobalMaxPooling1D::ENTRY,
    GlobalMaxPooling2D::ENTRY,
    GlobalMaxPooling3D::ENTRY,
    MaxPooling1D::ENTRY,
    MaxPooling2D::ENTRY,
    MaxPooling3D::ENTRY,
];
