//! Layers that join several inputs.

mod concatenate;
mod dot;
mod functions;
mod merge;

pub use concatenate::Concatenate;
pub use dot::{Dot, DotAxes};
pub use functions::{add, average, concatenate, dot, maximum, minimum, multiply, subtract};
pub use merge::{Add, Average, Maximum, Minimum, Multiply, Subtract};

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[
    merge::add::ENTRY,
    merge::average::ENTRY,
    concatenate::ENTRY,
    dot::ENTRY,
    merge::maximum::ENTRY,
    merge::minimum::ENTRY,
    merge::multiply::ENTRY,
    merge::subtract::ENTRY,
];
