//! Models and their weights in files: `keras summary`, `keras inspect`, `keras convert`.

mod convert;
mod inspect;
mod npz;
mod source;
mod stats;
mod summary;

pub(crate) use convert::run as convert;
pub(crate) use inspect::run as inspect;
pub(crate) use summary::run as summary;
