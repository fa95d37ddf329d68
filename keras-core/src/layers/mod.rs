//! The layers of Keras.

mod activation;
mod base;
mod concatenate;
mod conv2d;
mod dense;
mod dropout;
mod flatten;
mod input;
mod kernel;
mod max_pooling2d;
mod merge;
mod rescaling;
mod window;

pub use activation::Activation;
pub use base::DataFormat;
pub use concatenate::Concatenate;
pub use conv2d::Conv2D;
pub use dense::Dense;
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use input::InputLayer;
pub use keras_ops::Padding;
pub use max_pooling2d::MaxPooling2D;
pub use merge::{Add, Average, Maximum, Minimum, Multiply, Subtract};
pub use rescaling::{Factor, Rescaling};
pub use window::Pair;

use crate::{Entry, Layer};

/// All layers of this crate.
pub static ENTRIES: &[Entry<dyn Layer>] = &[
    activation::ENTRY,
    merge::add::ENTRY,
    merge::average::ENTRY,
    concatenate::ENTRY,
    conv2d::ENTRY,
    dense::ENTRY,
    dropout::ENTRY,
    flatten::ENTRY,
    input::ENTRY,
    max_pooling2d::ENTRY,
    merge::maximum::ENTRY,
    merge::minimum::ENTRY,
    merge::multiply::ENTRY,
    rescaling::ENTRY,
    merge::subtract::ENTRY,
];
