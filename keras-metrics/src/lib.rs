//! The metrics of Keras: numbers about predictions, gathered over the batches of an epoch.
//!
//! State is on the host, in float32 as in Keras; sums within a batch are made in float64.
//!
//! ```
//! use keras_core::Metric;
//! use keras_metrics::{BinaryAccuracy, metric_fn};
//! use keras_ops::{self as ops, Device, Tensor};
//! let (y, p) = (Tensor::new(&[1f32, 0.], &Device::Cpu)?, Tensor::new(&[0.8f32, 0.6], &Device::Cpu)?);
//! let mut accuracy = BinaryAccuracy::new().threshold(0.7);
//! accuracy.update_state(&y, &p, None)?;
//! assert_eq!(accuracy.result()?.to_scalar::<f32>()?, 1.);
//! let mut bias = metric_fn("bias", |y: &Tensor, p: &Tensor| ops::subtract(p, y));
//! bias.update_state(&y, &p, None)?;
//! assert!((bias.result()?.to_scalar::<f32>()? - 0.2).abs() < 1e-6);
//! # Ok::<(), keras_core::Error>(())
//! ```

mod accuracy;
mod at;
mod auc;
mod class;
mod confusion;
mod correlation;
mod counts;
mod f_score;
mod iou;
mod labels;
mod losses;
mod mean;
mod state;
mod wrapper;

use keras_core::{Entry, Metric};

pub use accuracy::{
    Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
};
pub use at::{PrecisionAtRecall, RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity};
pub use auc::{AUC, Curve, Summation};
pub use correlation::{ConcordanceCorrelation, PearsonCorrelation, R2Score};
pub use counts::{FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives};
pub use f_score::{F1Score, FBetaScore};
pub use iou::{BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU};
pub use losses::{
    BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge, CosineSimilarity, Hinge, KLDivergence,
    LogCoshError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
    MeanSquaredLogarithmicError, Poisson, RootMeanSquaredError, SparseCategoricalCrossentropy, SquaredHinge,
};
pub use mean::{Mean, Sum};
pub use wrapper::{MeanMetricWrapper, metric_fn};

/// Every metric of this crate, for a [`Registry`](keras_core::Registry).
pub static ENTRIES: &[Entry<dyn Metric>] = &[
    Mean::ENTRY,
    Sum::ENTRY,
    Accuracy::ENTRY,
    BinaryAccuracy::ENTRY,
    CategoricalAccuracy::ENTRY,
    SparseCategoricalAccuracy::ENTRY,
    TopKCategoricalAccuracy::ENTRY,
    SparseTopKCategoricalAccuracy::ENTRY,
    MeanSquaredError::ENTRY,
    RootMeanSquaredError::ENTRY,
    MeanAbsoluteError::ENTRY,
    MeanAbsolutePercentageError::ENTRY,
    MeanSquaredLogarithmicError::ENTRY,
    CosineSimilarity::ENTRY,
    LogCoshError::ENTRY,
    Poisson::ENTRY,
    KLDivergence::ENTRY,
    Hinge::ENTRY,
    SquaredHinge::ENTRY,
    CategoricalHinge::ENTRY,
    BinaryCrossentropy::ENTRY,
    CategoricalCrossentropy::ENTRY,
    SparseCategoricalCrossentropy::ENTRY,
    AUC::ENTRY,
    TruePositives::ENTRY,
    FalsePositives::ENTRY,
    TrueNegatives::ENTRY,
    FalseNegatives::ENTRY,
    Precision::ENTRY,
    Recall::ENTRY,
    SensitivityAtSpecificity::ENTRY,
    SpecificityAtSensitivity::ENTRY,
    PrecisionAtRecall::ENTRY,
    RecallAtPrecision::ENTRY,
    F1Score::ENTRY,
    FBetaScore::ENTRY,
    IoU::ENTRY,
    BinaryIoU::ENTRY,
    MeanIoU::ENTRY,
    OneHotIoU::ENTRY,
    OneHotMeanIoU::ENTRY,
    PearsonCorrelation::ENTRY,
    ConcordanceCorrelation::ENTRY,
    R2Score::ENTRY,
];
