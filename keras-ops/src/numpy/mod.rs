//! NumPy's functions as `keras.ops` has them.

mod bitwise;
mod complex;
mod creation;
mod cumulative;
mod diagonals;
mod einsum;
mod exponents;
pub(crate) mod integer;
mod logic;
mod nan;
mod order;
mod plain;
mod products;
mod quantile;
mod rounding;
mod stacking;
mod statistics;
mod trigonometry;
mod windows;

pub use bitwise::*;
pub use complex::*;
pub use creation::*;
pub use cumulative::*;
pub use diagonals::*;
pub use einsum::einsum;
pub use exponents::*;
pub use logic::*;
pub use nan::*;
pub use order::*;
pub use products::*;
pub use quantile::*;
pub use rounding::*;
pub(crate) use stacking::even;
pub use stacking::*;
pub use statistics::*;
pub use trigonometry::*;
pub use windows::*;

use candle_core::{DType, Tensor};

pub use crate::elementwise::{abs as absolute, abs as fabs, neg as negative};
pub use crate::pairwise::divide as true_divide;
pub use crate::reduce::{max as amax, min as amin, variance as var};

/// The number of elements.
pub fn size(x: &Tensor) -> usize {
    x.elem_count()
}

/// The sizes of the axes.
pub fn shape(x: &Tensor) -> &[usize] {
    x.dims()
}

/// The number of axes.
pub fn ndim(x: &Tensor) -> usize {
    x.rank()
}

/// The element type.
pub fn dtype(x: &Tensor) -> DType {
    x.dtype()
}
