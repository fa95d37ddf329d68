//! Keras 3 for Rust.

pub mod datasets;
