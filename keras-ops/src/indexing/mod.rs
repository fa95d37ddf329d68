//! Reading, writing and ordering elements by number.

mod combine;
mod embedding;
mod get_item;
mod order;
mod scatter;
mod search;
mod segment;

pub use embedding::embedding;
pub use get_item::{Index, get_item};
pub use order::{argpartition, argsort, in_top_k, sort, top_k};
pub use scatter::{Reduction, scatter, scatter_update, slice_update};
pub use search::{Unique, digitize, isin, nonzero, searchsorted, unique, unravel_index};
pub use segment::{bincount, multi_hot, segment_max, segment_min, segment_prod, segment_sum};
