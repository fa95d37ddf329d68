//! Convolutions.

mod conv;
mod conv_transpose;
mod depthwise_conv;
mod separable_conv;

pub use conv::{Conv, Conv1D, Conv2D, Conv3D};
pub use conv_transpose::{Conv1DTranspose, Conv2DTranspose, Conv3DTranspose, ConvTranspose};
pub use depthwise_conv::{DepthwiseConv, DepthwiseConv1D, DepthwiseConv2D};
pub use separable_conv::{SeparableConv, SeparableConv1D, SeparableConv2D};

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[
    Conv1D::ENTRY,
    Conv2D::ENTRY,
    Conv3D::ENTRY,
    Conv1DTranspose::ENTRY,
    Conv2DTranspose::ENTRY,
    Conv3DTranspose::ENTRY,
    DepthwiseConv1D::ENTRY,
    DepthwiseConv2D::ENTRY,
    SeparableConv1D::ENTRY,
    SeparableConv2D::ENTRY,
];
