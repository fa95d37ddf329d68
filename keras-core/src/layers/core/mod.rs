//! Inputs, products and what has no other place.

mod dense;
mod einsum_dense;
mod embedding;
mod equation;
mod identity;
mod input;
mod masking;
mod reversible_embedding;
mod wrapper;

pub use dense::Dense;
pub use einsum_dense::{EinsumDense, OutputShape};
pub use embedding::Embedding;
pub use identity::Identity;
pub use input::InputLayer;
pub use masking::Masking;
pub use reversible_embedding::ReversibleEmbedding;
pub use wrapper::Wrapper;

use crate::config::Reader;
use crate::{Entry, Layer, Result, bail};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[
    dense::ENTRY,
    einsum_dense::ENTRY,
    embedding::ENTRY,
    identity::ENTRY,
    input::ENTRY,
    masking::ENTRY,
    reversible_embedding::ENTRY,
    wrapper::ENTRY,
];

/// Keras's low-rank adapters (LoRA) are not there: an error instead of other numbers.
fn refuse_adapters<'a>(class_name: &str, reader: &mut Reader<'a>) -> Result<()> {
    let rank: Option<usize> = reader.opt("lora_rank")?;
    let alpha: Option<f64> = reader.opt("lora_alpha")?;
    if rank.is_some() || alpha.is_some() {
        bail!(
            "{class_name}: low-rank adapters (`lora_rank`, `lora_alpha`) are not supported; Keras saves a kernel with its \
             adapters merged in, so its files can be used without these arguments: set them to null"
        );
    }
    Ok(())
}
