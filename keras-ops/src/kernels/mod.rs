//! CPU kernels: the only place of the workspace with `unsafe`. Plain slices in, plain slices out; no tape.

pub mod elementwise;
pub mod simd;
