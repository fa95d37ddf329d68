//! Tests of the whole system, and the runner that compares it with what Keras computed.

pub mod conformance;
pub mod fuzz;
pub mod misuse;
