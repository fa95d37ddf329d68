//! Layers that prepare data.

mod category_encoding;
mod discretization;
mod encoding;
mod hash;
mod hashed_crossing;
mod hashing;
mod integer_lookup;
mod lookup;
mod normalization;
mod quantiles;
mod rescaling;
mod string_lookup;
pub mod text;
mod text_vectorization;

pub use category_encoding::CategoryEncoding;
pub use discretization::Discretization;
pub use encoding::OutputMode;
pub use hash::Salt;
pub use hashed_crossing::{Feature, HashedCrossing};
pub use hashing::{Hashing, TextOrNumber};
pub use integer_lookup::IntegerLookup;
pub use lookup::OovMethod;
pub use normalization::{Moments, Normalization};
pub use rescaling::{Factor, Rescaling};
pub use string_lookup::StringLookup;
pub use text::{Split, Standardize};
pub use text_vectorization::{Ngrams, TextVectorization};

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[
    category_encoding::ENTRY,
    discretization::ENTRY,
    hashed_crossing::ENTRY,
    hashing::ENTRY,
    integer_lookup::ENTRY,
    normalization::ENTRY,
    rescaling::ENTRY,
    string_lookup::ENTRY,
    text_vectorization::ENTRY,
];
