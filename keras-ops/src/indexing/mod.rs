//! Reading, writing and ordering elements by number.

mod embedding;

pub use embedding::embedding;
