//! Data: tensors from what users have, and batches from tensors.

mod arrays;
mod batches;
mod dataset;
#[cfg(feature = "ndarray")]
mod ndarray;

pub use arrays::{Arrays, IntoArrays, Nested};
pub use batches::{Batch, Batches};
pub(crate) use batches::{Stream, in_order};
pub(crate) use dataset::Samples;
pub use dataset::{Dataset, IntoDataset};
