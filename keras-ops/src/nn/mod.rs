//! Neural network operations.

mod dropout;
pub mod softmax;

pub use dropout::dropout;
