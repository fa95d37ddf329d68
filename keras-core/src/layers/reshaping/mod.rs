//! Layers that change the shape.

mod cropping;
mod flatten;
mod permute;
mod repeat_vector;
mod reshape;
mod up_sampling;
mod zero_padding;

pub use cropping::{Cropping, Cropping1D, Cropping2D, Cropping3D};
pub use flatten::Flatten;
pub use permute::Permute;
pub use repeat_vector::RepeatVector;
pub use reshape::Reshape;
pub use up_sampling::{UpSampling, UpSampling1D, UpSampling2D, UpSampling3D};
pub use zero_padding::{ZeroPadding, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D};

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[
    Cropping1D::ENTRY,
    Cropping2D::ENTRY,
    Cropping3D::ENTRY,
    flatten::ENTRY,
    permute::ENTRY,
    repeat_vector::ENTRY,
    reshape::ENTRY,
    UpSampling1D::ENTRY,
    UpSampling2D::ENTRY,
    UpSampling3D::ENTRY,
    ZeroPadding1D::ENTRY,
    ZeroPadding2D::ENTRY,
    ZeroPadding3D::ENTRY,
];
