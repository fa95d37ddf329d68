//! Inputs, products and what has no other place.

mod dense;
mod einsum_dense;
mod embedding;
mod equation;
mod identity;
mod input;
mod lambda;
mod masking;
mod reversible_embedding;
mod wrapper;

pub use dense::Dense;
pub use einsum_dense::{EinsumDense, OutputShape};
pub use embedding::Embedding;
pub use identity::Identity;
pub use input::InputLayer;
pub use lambda::Lambda;
pub use masking::Masking;
pub use reversible_embedding::ReversibleEmbedding;
pub use wrapper::Wrapper;

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[
    dense::ENTRY,
    einsum_dense::ENTRY,
    embedding::ENTRY,
    identity::ENTRY,
    input::ENTRY,
    lambda::ENTRY,
    masking::ENTRY,
    reversible_embedding::ENTRY,
    wrapper::ENTRY,
];
