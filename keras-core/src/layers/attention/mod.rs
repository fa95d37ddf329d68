//! Layers that weigh positions by what they hold.

mod additive_attention;
mod attend;
#[expect(clippy::module_inception, reason = "files are named like their types")]
mod attention;
mod grouped_query_attention;
mod heads;
mod multi_head_attention;
mod scores;

pub use additive_attention::AdditiveAttention;
pub use attention::{Attention, ScoreMode};
pub use grouped_query_attention::{GroupQueryAttention, GroupedQueryAttention};
pub use multi_head_attention::MultiHeadAttention;

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[
    additive_attention::ENTRY,
    attention::ENTRY,
    grouped_query_attention::ENTRY,
    multi_head_attention::ENTRY,
];
