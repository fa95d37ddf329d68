//! Tests of every operation: gradients in `gradients.rs`, values in the other modules.

#![allow(clippy::unwrap_used)]
#![allow(
    clippy::print_stdout,
    reason = "the tables say how many operations and cases ran"
)]

mod attention;
mod control;
mod conv;
mod conv_channels;
mod conv_pool;
mod conv_threads;
mod cross_entropy;
mod cuda_sources;
mod dropout;
mod elementwise;
mod embedding;
mod gradients;
mod image;
mod indexing;
mod linalg;
mod linear;
mod losses;
mod math;
mod memory;
mod misuse;
mod names;
mod norm;
mod numpy;
mod optimizer_step;
mod random;
mod reduce;
mod rnn;
mod shape_ops;
mod signal;
mod table;
mod tape;
mod threads;
mod threads_layers;
