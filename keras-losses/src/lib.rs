//! The losses of Keras: classes with Keras's arguments, and the plain functions behind them.
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

mod binary_crossentropy;
mod categorical_crossentropy;
mod class;
mod labels;
mod mean_squared_error;
mod pointwise;
mod rowwise;
mod sparse_categorical_crossentropy;
mod structured;

use keras_core::{Entry, Loss};

pub use binary_crossentropy::BinaryCrossentropy;
pub use categorical_crossentropy::CategoricalCrossentropy;
pub use keras_core::ops::losses::{
    binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy, categorical_focal_crossentropy,
    categorical_generalized_cross_entropy, categorical_hinge, circle, cosine_similarity, ctc, dice, hinge,
    huber, kl_divergence, log_cosh, mean_absolute_error, mean_absolute_percentage_error, mean_squared_error,
    mean_squared_logarithmic_error, poisson, sparse_categorical_crossentropy, squared_hinge, tversky,
};
pub use mean_squared_error::MeanSquaredError;
pub use pointwise::{
    Hinge, Huber, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError,
    Poisson, SquaredHinge,
};
pub use rowwise::{
    BinaryFocalCrossentropy, CategoricalFocalCrossentropy, CategoricalHinge, CosineSimilarity, KLDivergence,
};
pub use sparse_categorical_crossentropy::SparseCategoricalCrossentropy;
pub use structured::{CTC, CategoricalGeneralizedCrossEntropy, Circle, Dice, Tversky};

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
];
