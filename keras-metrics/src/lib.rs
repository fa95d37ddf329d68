//! The metrics of Keras: numbers about predictions, gathered over the batches of an epoch.
//!
//! State is small tensors on the device of the predictions, in float32 as in Keras or in float64 for metrics of that
//! dtype; it is read when a result is asked for. Sums within a batch are made in float64. What a metric costs in memory
//! does not grow with the samples, except for exact curves.
//!
//! Each class of `keras.metrics` is a struct of the same name, and each function a function. `keras.metrics.get` and
//! `deserialize` are the registry's `by_name` and `from_value`; `serialize` is its `envelope`.
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
mod agreement;
mod at;
mod auc;
mod average_precision;
mod calibration;
mod class;
mod classification_report;
mod confusion;
mod confusion_matrix;
mod correlation;
mod counts;
mod f_score;
mod functions;
mod iou;
mod labels;
mod losses;
mod matrix;
mod mean;
mod perplexity;
mod r2;
mod ranking;
mod report;
mod rmse;
mod sparse_crossentropy;
mod state;
mod thresholds;
mod weights;
mod wrapper;

use keras_core::{Entry, Metric};

pub use accuracy::{
    Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy, binary_accuracy, categorical_accuracy, sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy, top_k_categorical_accuracy,
};
pub use agreement::{BalancedAccuracy, CohenKappa, MatthewsCorrelation};
pub use at::{PrecisionAtRecall, RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity};
pub use auc::{AUC, Curve, Summation};
pub use average_precision::AveragePrecision;
pub use calibration::CalibrationError;
pub use classification_report::ClassificationReport;
pub use confusion_matrix::ConfusionMatrix;
pub use correlation::{
    ConcordanceCorrelation, PearsonCorrelation, concordance_correlation, pearson_correlation,
};
pub use counts::{
    FalseNegatives, FalsePositives, Precision, Recall, Specificity, TrueNegatives, TruePositives,
};
pub use f_score::{F1Score, FBetaScore};
pub use functions::{
    binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy, categorical_focal_crossentropy,
    categorical_hinge, cosine_similarity, hinge, huber, kl_divergence, log_cosh, mean_absolute_error,
    mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error, poisson,
    sparse_categorical_crossentropy, squared_hinge,
};
pub use iou::{BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU};
pub use losses::{
    BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy, CategoricalFocalCrossentropy,
    CategoricalHinge, CosineSimilarity, Hinge, Huber, KLDivergence, LogCoshError, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson, SquaredHinge,
};
pub use mean::{Mean, Sum};
pub use perplexity::Perplexity;
pub use r2::R2Score;
pub use report::{Report, ReportRow};
pub use rmse::RootMeanSquaredError;
pub use sparse_crossentropy::SparseCategoricalCrossentropy;
pub use wrapper::{MeanMetricWrapper, metric_fn};

/// Every metric of this crate, for a [`Registry`](keras_core::Registry).
pub static ENTRIES: &[Entry<dyn Metric>] = &[
    Mean::ENTRY,
    Sum::ENTRY,
    wrapper::NamedFunction::ENTRY,
    Accuracy::ENTRY,
    BinaryAccuracy::ENTRY,
    CategoricalAccuracy::ENTRY,
    SparseCategoricalAccuracy::ENTRY,
    TopKCategoricalAccuracy::ENTRY,
    SparseTopKCategoricalAccuracy::ENTRY,
    BalancedAccuracy::ENTRY,
    MeanSquaredError::ENTRY,
    RootMeanSquaredError::ENTRY,
    MeanAbsoluteError::ENTRY,
    MeanAbsolutePercentageError::ENTRY,
    MeanSquaredLogarithmicError::ENTRY,
    CosineSimilarity::ENTRY,
    LogCoshError::ENTRY,
    Huber::ENTRY,
    Poisson::ENTRY,
    KLDivergence::ENTRY,
    Hinge::ENTRY,
    SquaredHinge::ENTRY,
    CategoricalHinge::ENTRY,
    BinaryCrossentropy::ENTRY,
    BinaryFocalCrossentropy::ENTRY,
    CategoricalCrossentropy::ENTRY,
    CategoricalFocalCrossentropy::ENTRY,
    SparseCategoricalCrossentropy::ENTRY,
    Perplexity::ENTRY,
    AUC::ENTRY,
    AveragePrecision::ENTRY,
    TruePositives::ENTRY,
    FalsePositives::ENTRY,
    TrueNegatives::ENTRY,
    FalseNegatives::ENTRY,
    Precision::ENTRY,
    Recall::ENTRY,
    Specificity::ENTRY,
    SensitivityAtSpecificity::ENTRY,
    SpecificityAtSensitivity::ENTRY,
    PrecisionAtRecall::ENTRY,
    RecallAtPrecision::ENTRY,
    F1Score::ENTRY,
    FBetaScore::ENTRY,
    ConfusionMatrix::ENTRY,
    ClassificationReport::ENTRY,
    MatthewsCorrelation::ENTRY,
    CohenKappa::ENTRY,
    CalibrationError::ENTRY,
    IoU::ENTRY,
    BinaryIoU::ENTRY,
    MeanIoU::ENTRY,
    OneHotIoU::ENTRY,
    OneHotMeanIoU::ENTRY,
    PearsonCorrelation::ENTRY,
    ConcordanceCorrelation::ENTRY,
    R2Score::ENTRY,
];
