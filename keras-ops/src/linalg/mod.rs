//! `keras.ops.linalg`: matrices and batches of them, in the last two axes.
//!
//! Factorisations that move data by blocks run in the tensor's own precision; eigenvalues, singular values and QR
//! are computed in `f64`.

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
