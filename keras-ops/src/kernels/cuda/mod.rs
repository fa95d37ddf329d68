//! Kernels for CUDA: their sources, compiled when first used, and with the feature `cuda` their launches.
//!
//! All compute in `f32`, without fused multiply-adds, in an order that depends on sizes only: an update rule gives
//! the same bits as on the CPU (Ftrl's powers apart), sums and exponentials differ by rounding. Results never
//! depend on timing: there are no atomic operations.

mod sources;

#[cfg(feature = "cuda")]
pub(crate) mod cross_entropy;
#[cfg(feature = "cuda")]
pub(crate) mod dropout;
#[cfg(feature = "cuda")]
mod launch;
#[cfg(feature = "cuda")]
pub(crate) mod norm;
#[cfg(feature = "cuda")]
pub(crate) mod step;

#[cfg(feature = "cuda")]
pub(crate) use launch::{fits, tensor};
pub use sources::{Source, StepKernel, sources};
