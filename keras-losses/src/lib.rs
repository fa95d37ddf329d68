//! The losses of Keras: classes with Keras's arguments, and the functions behind them.
//!
//! A class weighs and reduces what its function computes: [`apply`](trait.Loss.html#method.apply) takes targets,
//! predictions, sample weights and a mask, and gives one number a batch, or one a sample with
//! [`Reduction::None`](keras_core::Reduction::None). Models do this when they are trained.
//!
//! ```
//! use keras_core::Loss;
//! use keras_losses::{Huber, mean_squared_error};
//! use keras_ops::{Device, Tensor};
//! let (y, p) = (Tensor::new(&[[0f32, 1.]], &Device::Cpu)?, Tensor::new(&[[1f32, 3.]], &Device::Cpu)?);
//! assert_eq!(mean_squared_error(&y, &p)?.to_vec1::<f32>()?, [2.5]);
//! let huber: &dyn Loss = &Huber { delta: 0.5, ..Huber::default() };
//! assert_eq!(huber.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 0.625);
//! # Ok::<(), keras_core::Error>(())
//! ```
//!
//! # What holds for all
//! - Ranks of targets and predictions that differ by one are adjusted as in Keras. Nothing else is broadcast: shapes
//!   that differ are an error.
//! - Weights are one number, or numbers along the first axes: `[batch]`, `[batch, 1]`, `[batch, time]`. Weights
//!   `[batch]` count for every position of values `[batch, time]`, where Keras fails.
//! - The maths is in float32; in float64 for float64 predictions or a `dtype` of float64. A `dtype` of float16 or
//!   bfloat16 rounds targets, predictions and result, and a number beyond its range is an error, not infinity.
//! - Losses of yours are a closure or named function by [`loss_fn`](keras_core::loss_fn), or a type that implements
//!   [`Loss`].

mod binary_crossentropy;
mod categorical_crossentropy;
mod categorical_generalized_cross_entropy;
mod class;
mod ctc;
mod embeddings;
mod focal;
mod functions;
mod labels;
mod mean_squared_error;
mod mining;
mod names;
mod overlap;
mod per_class;
mod pointwise;
mod rowwise;
mod sparse_categorical_crossentropy;

use keras_core::{Entry, Loss};

pub use binary_crossentropy::BinaryCrossentropy;
pub use categorical_crossentropy::CategoricalCrossentropy;
pub use categorical_generalized_cross_entropy::CategoricalGeneralizedCrossEntropy;
pub use ctc::CTC;
pub use embeddings::{Circle, Contrastive, InfoNCE, SupervisedContrastive, Triplet};
pub use focal::{BinaryFocalCrossentropy, CategoricalFocalCrossentropy};
pub use functions::*;
// Keras's short forms.
pub use functions::{
    binary_crossentropy as BCE, binary_crossentropy as bce, kl_divergence as KLD, kl_divergence as kld,
    kl_divergence as kullback_leibler_divergence, log_cosh as logcosh, mean_absolute_error as MAE,
    mean_absolute_error as mae, mean_absolute_percentage_error as MAPE,
    mean_absolute_percentage_error as mape, mean_squared_error as MSE, mean_squared_error as mse,
    mean_squared_logarithmic_error as MSLE, mean_squared_logarithmic_error as msle, quantile as pinball,
};
pub use mean_squared_error::MeanSquaredError;
pub use mining::Mining;
pub use names::{deserialize, get, serialize};
pub use overlap::{Dice, Tversky};
pub use per_class::PerClass;
pub use pointwise::{
    Hinge, Huber, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError,
    Poisson, Quantile, SquaredHinge,
};
pub use rowwise::{CategoricalHinge, CosineSimilarity, KLDivergence};
pub use sparse_categorical_crossentropy::SparseCategoricalCrossentropy;

/// Every loss of this crate, for a [`Registry`](keras_core::Registry).
pub static ENTRIES: &[Entry<dyn Loss>] = &[
    MeanSquaredError::ENTRY,
    BinaryCrossentropy::ENTRY,
    CategoricalCrossentropy::ENTRY,
    SparseCategoricalCrossentropy::ENTRY,
    MeanAbsoluteError::ENTRY,
    MeanAbsolutePercentageError::ENTRY,
    MeanSquaredLogarithmicError::ENTRY,
    Huber::ENTRY,
    LogCosh::ENTRY,
    Poisson::ENTRY,
    KLDivergence::ENTRY,
    Hinge::ENTRY,
    SquaredHinge::ENTRY,
    CategoricalHinge::ENTRY,
    CosineSimilarity::ENTRY,
    BinaryFocalCrossentropy::ENTRY,
    CategoricalFocalCrossentropy::ENTRY,
    CategoricalGeneralizedCrossEntropy::ENTRY,
    Dice::ENTRY,
    Tversky::ENTRY,
    Circle::ENTRY,
    CTC::ENTRY,
    Quantile::ENTRY,
    Contrastive::ENTRY,
    SupervisedContrastive::ENTRY,
    Triplet::ENTRY,
    InfoNCE::ENTRY,
];
