//! Laws that every loss obeys, and tables of values.

#![allow(clippy::unwrap_used)]

mod dtypes;
mod embeddings;
mod functions;
mod laws;
mod shapes;
mod values;
