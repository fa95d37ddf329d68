//! Layers that act in training alone.

mod activity_regularization;
mod alpha_dropout;
mod dropout;
mod gaussian;
mod noise;
mod spatial_dropout;

pub use activity_regularization::ActivityRegularization;
pub use alpha_dropout::AlphaDropout;
pub use dropout::Dropout;
pub use gaussian::{GaussianDropout, GaussianNoise};
pub use spatial_dropout::{SpatialDropout1D, SpatialDropout2D, SpatialDropout3D};

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[
    activity_regularization::ENTRY,
    alpha_dropout::ENTRY,
    dropout::ENTRY,
    gaussian::gaussian_dropout::ENTRY,
    gaussian::gaussian_noise::ENTRY,
    spatial_dropout::one_d::ENTRY,
    spatial_dropout::two_d::ENTRY,
    spatial_dropout::three_d::ENTRY,
];
