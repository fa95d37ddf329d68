//! Neural network operations.

mod dropout;

pub use dropout::dropout;
