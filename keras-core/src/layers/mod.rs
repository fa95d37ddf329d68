//! The layers of Keras, in rooms as Keras has them.

mod activations;
mod attention;
mod base;
mod convolutional;
mod core;
mod kernel;
mod lora;
mod merging;
mod normalization;
mod pooling;
mod preprocessing;
mod regularization;
mod reshaping;
mod rnn;
mod size;
mod weight;
mod window;

pub use self::core::*;
pub use activations::*;
pub use attention::*;
pub use base::DataFormat;
pub use convolutional::*;
pub use keras_ops::Padding;
pub use keras_ops::image::Interpolation;
pub use merging::*;
pub use normalization::*;
pub use pooling::*;
pub use preprocessing::*;
pub use regularization::*;
pub use reshaping::*;
pub use rnn::*;
pub use size::{Sides, Size};

use crate::{Entry, Layer};

/// All layers of this crate, a list a room.
pub static LISTS: &[&[Entry<dyn Layer>]] = &[
    activations::ENTRIES,
    attention::ENTRIES,
    convolutional::ENTRIES,
    core::ENTRIES,
    merging::ENTRIES,
    normalization::ENTRIES,
    pooling::ENTRIES,
    preprocessing::ENTRIES,
    preprocessing::IMAGES,
    regularization::ENTRIES,
    reshaping::ENTRIES,
    rnn::ENTRIES,
];
