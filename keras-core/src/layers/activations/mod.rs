//! Activations as layers.

mod activation;
mod prelu;
mod rectified;
mod softmax;

pub use activation::Activation;
pub use prelu::PReLU;
pub use rectified::{ELU, LeakyReLU, ReLU};
pub(super) use softmax::masked_softmax;
pub use softmax::{Axes, Softmax};

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[
    activation::ENTRY,
    rectified::elu::ENTRY,
    rectified::leaky_relu::ENTRY,
    prelu::ENTRY,
    rectified::relu::ENTRY,
    softmax::ENTRY,
];
