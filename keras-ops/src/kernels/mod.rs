//! CPU kernels: the only place of the workspace with `unsafe`. Plain slices in, plain slices out; no tape.

pub mod dropout;
pub mod elementwise;
pub mod gaussian;
pub mod optimizers;
pub mod philox;
pub mod simd;
