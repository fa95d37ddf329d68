//! Loss functions: the maths that losses and metrics share, one value for each row.
//!
//! Each is one pass forward and one back, computed on slices. Both arguments are differentiable. Shapes must be the
//! same: ranks that differ by one are adjusted by [`squeeze_or_expand_to_same_rank`], which callers apply first.

mod circle;
mod contrastive;
mod crossentropy;
pub(crate) mod ctc;
#[cfg(feature = "cuda")]
mod device;
mod focal;
mod neighbours;
mod overlap;
mod pointwise;
mod rank;
mod rows;
mod short_rows;
mod similarity;
mod sparse;

pub use circle::circle;
pub use contrastive::{contrastive, info_nce, supervised_contrastive, triplet};
pub(crate) use crossentropy::binary_each;
pub use crossentropy::{binary_crossentropy, categorical_crossentropy};
pub use ctc::ctc;
pub use focal::{binary_focal_crossentropy, categorical_focal_crossentropy};
pub use neighbours::has_peers;
pub use overlap::{dice, tversky};
pub use pointwise::{
    hinge, huber, log_cosh, mean_absolute_error, mean_absolute_percentage_error, mean_squared_error,
    mean_squared_logarithmic_error, pinball, poisson, squared_hinge,
};
pub use rank::squeeze_or_expand_to_same_rank;
pub use similarity::{categorical_hinge, cosine_similarity, kl_divergence};
pub use sparse::{categorical_generalized_cross_entropy, not_ignored, sparse_categorical_crossentropy};
