//! `keras.ops.linalg`: matrices and batches of them, in the last two axes.
//!
//! They are computed in the tensor's own precision, half types in `f32`, by the faer crate; gradients are ours.

pub(crate) mod dense;
mod eigen;
mod factors;
mod matrices;
mod norm;
mod singular;
mod solve;

pub use eigen::{eig, eigh};
pub use factors::{cholesky, cholesky_inverse, lu_factor, qr};
pub use norm::{Norm, norm};
pub use singular::{lstsq, matrix_rank, pinv, svd, svdvals};
pub use solve::{det, inv, logdet, slogdet, solve, solve_triangular};
