//! Tests of every operation.

mod dropout;
mod optimizer_step;
mod random;
