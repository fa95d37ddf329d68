//! Data: tensors from what users have, and batches from tensors, iterators and datasets.

mod arrays;
mod batch;
mod batches;
mod class_weight;
mod dataset;
mod indexed;
mod names;
#[cfg(feature = "ndarray")]
mod ndarray;
mod position;
mod prefetch;
mod samples;
mod stream;

pub use arrays::{Arrays, IntoArrays, Nested};
pub use batch::Batch;
pub use batches::Batches;
pub(crate) use class_weight::ClassWeight;
pub use class_weight::class_weights;
pub use dataset::{Dataset, IntoDataset, IntoInputs};
pub use indexed::{Indexed, IndexedDataset};
pub(crate) use names::Names;
pub use position::Position;
pub(crate) use prefetch::described;
pub(crate) use samples::Samples;
pub use stream::Shuffle;
pub(crate) use stream::Stream;
