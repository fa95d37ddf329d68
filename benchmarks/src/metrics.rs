//! The metrics that are timed: the same rows as `peers/metrics.py`.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use keras::ops::random::{Seed, randint, uniform};
use keras::{Config, DType, Device, Tensor, ops};

/// What a metric takes in.
#[derive(Clone, Copy, Debug)]
pub enum Data {
    /// Numbers `[n]`, without targets.
    Values,
    /// Numbers from 0 to 1 `[n, 1]`, twice.
    Numbers,
    /// 0 or 1, and probabilities, `[n, 1]`.
    Binary,
    /// One-hot targets and probabilities, `[n, 10]`.
    OneHot,
    /// Class numbers `[n]` and probabilities `[n, 10]`.
    Sparse,
    /// Class numbers `[n]`, twice.
    Ids,
}

/// A metric to time.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Keras's class name, or ours.
    pub class: &'static str,
    config: &'static str,
    data: Data,
}

const fn row(class: &'static str, config: &'static str, data: Data) -> Row {
    Row { class, config, data }
}

/// The rows: every metric of the registry once.
pub const ROWS: &[Row] = &[
    row("Mean", "{}", Data::Values),
    row("Sum", "{}", Data::Values),
    row("Accuracy", "{}", Data::Ids),
    row("BinaryAccuracy", "{}", Data::Binary),
    row("CategoricalAccuracy", "{}", Data::OneHot),
    row("SparseCategoricalAccuracy", "{}", Data::Sparse),
    row("TopKCategoricalAccuracy", "{}", Data::OneHot),
    row("SparseTopKCategoricalAccuracy", "{}", Data::Sparse),
    row("BalancedAccuracy", "{}", Data::Sparse),
    row("MeanSquaredError", "{}", Data::Numbers),
    row("RootMeanSquaredError", "{}", Data::Numbers),
    row("MeanAbsoluteError", "{}", Data::Numbers),
    row("MeanAbsolutePercentageError", "{}", Data::Numbers),
    row("MeanSquaredLogarithmicError", "{}", Data::Numbers),
    row("CosineSimilarity", "{}", Data::OneHot),
    row("LogCoshError", "{}", Data::Numbers),
    row("Huber", "{}", Data::Numbers),
    row("Poisson", "{}", Data::Numbers),
    row("KLDivergence", "{}", Data::OneHot),
    row("Hinge", "{}", Data::Binary),
    row("SquaredHinge", "{}", Data::Binary),
    row("CategoricalHinge", "{}", Data::OneHot),
    row("BinaryCrossentropy", "{}", Data::Binary),
    row("BinaryFocalCrossentropy", "{}", Data::Binary),
    row("CategoricalCrossentropy", "{}", Data::OneHot),
    row("CategoricalFocalCrossentropy", "{}", Data::OneHot),
    row("SparseCategoricalCrossentropy", "{}", Data::Sparse),
    row("Perplexity", "{}", Data::Sparse),
    row("AUC", "{}", Data::Binary),
    row("AveragePrecision", "{}", Data::Binary),
    row("TruePositives", "{}", Data::Binary),
    row("FalsePositives", "{}", Data::Binary),
    row("TrueNegatives", "{}", Data::Binary),
    row("FalseNegatives", "{}", Data::Binary),
    row("Precision", "{}", Data::Binary),
    row("Recall", "{}", Data::Binary),
    row("Specificity", "{}", Data::Binary),
    row(
        "SensitivityAtSpecificity",
        r#"{"specificity": 0.5}"#,
        Data::Binary,
    ),
    row(
        "SpecificityAtSensitivity",
        r#"{"sensitivity": 0.5}"#,
        Data::Binary,
    ),
    row("PrecisionAtRecall", r#"{"recall": 0.5}"#, Data::Binary),
    row("RecallAtPrecision", r#"{"precision": 0.5}"#, Data::Binary),
    row("F1Score", r#"{"average": "macro"}"#, Data::OneHot),
    row("FBetaScore", r#"{"average": "macro", "beta": 2.0}"#, Data::OneHot),
    row("ConfusionMatrix", r#"{"num_classes": 10}"#, Data::Sparse),
    row("ClassificationReport", r#"{"num_classes": 10}"#, Data::Sparse),
    row("MatthewsCorrelation", "{}", Data::Sparse),
    row("CohenKappa", "{}", Data::Sparse),
    row("CalibrationError", "{}", Data::Sparse),
    row(
        "IoU",
        r#"{"num_classes": 10, "target_class_ids": [0, 3]}"#,
        Data::Ids,
    ),
    row("BinaryIoU", r#"{"target_class_ids": [0, 1]}"#, Data::Binary),
    row("MeanIoU", r#"{"num_classes": 10}"#, Data::Ids),
    row(
        "OneHotIoU",
        r#"{"num_classes": 10, "target_class_ids": [0, 3]}"#,
        Data::OneHot,
    ),
    row("OneHotMeanIoU", r#"{"num_classes": 10}"#, Data::OneHot),
    row("PearsonCorrelation", r#"{"axis": 0}"#, Data::Numbers),
    row("ConcordanceCorrelation", r#"{"axis": 0}"#, Data::Numbers),
    row("R2Score", "{}", Data::Numbers),
];

/// Metrics that are made from a function, not by name alone.
const FROM_FUNCTIONS: &[&str] = &["MeanMetricWrapper"];

/// # Errors
/// When a metric of the registry has no row.
pub fn check_all_have_rows() -> Result<()> {
    let has = |class: &&str| ROWS.iter().any(|row| row.class == *class) || FROM_FUNCTIONS.contains(class);
    let classes = keras::registry().metrics.iter().map(|entry| entry.class_name);
    let missing: Vec<&str> = classes.filter(|class| !has(class)).collect();
    if !missing.is_empty() {
        bail!(
            "metrics without a row in benchmarks/src/metrics.rs: {}",
            missing.join(", ")
        );
    }
    Ok(())
}

impl Row {
    /// Updates of this metric a second, on batches of `n` samples.
    ///
    /// # Errors
    /// When the metric does not take the data.
    pub fn updates_a_second(&self, n: usize) -> Result<f64> {
        let registry = keras::registry();
        let config: serde_json::Map<_, _> = serde_json::from_str(self.config)?;
        let entry = registry.metrics.find(self.class)?;
        let mut metric = (entry.build)(&Config::from(config), registry)?;
        let (y, p) = self.data.tensors(n)?;
        let mut update = || match self.data {
            Data::Values => metric.update_values(&p, None),
            _ => metric.update_state(&y, &p, None),
        };
        update().with_context(|| format!("{} on batches of {n}", self.class))?;
        rate(update)
    }
}

impl Data {
    fn tensors(self, n: usize) -> Result<(Tensor, Tensor)> {
        let floats =
            |shape: &[usize], seed| uniform(shape, 0., 1., DType::F32, &Device::Cpu, Seed::new(seed, 0));
        let whole = |shape: &[usize], classes, dtype, seed| {
            randint(shape, 0, classes, dtype, &Device::Cpu, Seed::new(seed, 0))
        };
        let softmax = || ops::softmax(&floats(&[n, 10], 2)?, &[-1]);
        Ok(match self {
            Self::Values => (floats(&[n], 0)?, floats(&[n], 1)?),
            Self::Numbers => (floats(&[n, 1], 0)?, floats(&[n, 1], 1)?),
            Self::Binary => (whole(&[n, 1], 2, DType::F32, 0)?, floats(&[n, 1], 1)?),
            Self::OneHot => (
                ops::one_hot(&whole(&[n], 10, DType::I64, 0)?, 10, -1, DType::F32)?,
                softmax()?,
            ),
            Self::Sparse => (whole(&[n], 10, DType::I64, 0)?, softmax()?),
            Self::Ids => (whole(&[n], 10, DType::I64, 0)?, whole(&[n], 10, DType::I64, 1)?),
        })
    }
}

/// How often `f` runs a second, in the fastest stretch of at least 2 ms.
fn rate(mut f: impl FnMut() -> keras::Result<()>) -> Result<f64> {
    let mut stretch = |count: usize| -> Result<f64> {
        let start = Instant::now();
        for _ in 0..count {
            f()?;
        }
        Ok(start.elapsed().as_secs_f64())
    };
    let mut count = 1;
    while stretch(count)? < 2e-3 {
        count *= 2;
    }
    let (mut times, start) = (Vec::new(), Instant::now());
    while times.len() < 5 || start.elapsed().as_secs_f64() < 0.16 {
        times.push(stretch(count)?);
    }
    Ok(count as f64 / times.into_iter().fold(f64::INFINITY, f64::min))
}
