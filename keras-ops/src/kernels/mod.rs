//! CPU kernels: the only place of the workspace with `unsafe`. Plain slices in, plain slices out; no tape.

pub mod batch_norm;
pub mod broadcast;
pub mod buffer;
pub mod conv;
pub mod cross_entropy;
pub mod dropout;
pub mod elements;
pub mod elementwise;
pub mod fused;
pub mod gather;
pub mod gaussian;
pub mod gemm;
pub mod malloc;
pub mod map;
pub mod math;
pub mod norm;
pub mod optimizers;
pub mod packed;
pub mod patches;
pub mod philox;
pub mod pool;
pub mod qr;
pub mod recurrent;
pub mod reduce;
pub mod simd;
pub mod softmax;
