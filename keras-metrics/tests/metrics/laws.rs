//! What holds for every class in the list: a new one is covered by being listed.

use keras_core::{Config, Entry, Metric, Registry, Result};
use keras_metrics::ENTRIES;
use keras_ops::{DType, Device, Tensor};
use proptest::prelude::*;
use serde_json::{Value, json};

const CLASSES: usize = 3;

/// The arguments that a class cannot do without.
fn required(class: &str) -> Config {
    let config = Config::new();
    match class {
        "MeanMetricWrapper" => config.with("fn", "mean_squared_error"),
        "SensitivityAtSpecificity" => config.with("specificity", 0.4),
        "SpecificityAtSensitivity" => config.with("sensitivity", 0.4),
        "PrecisionAtRecall" => config.with("recall", 0.4),
        "RecallAtPrecision" => config.with("precision", 0.4),
        "IoU" | "OneHotIoU" => config
            .with("num_classes", CLASSES)
            .with("target_class_ids", [0usize, 2]),
        "MeanIoU" | "OneHotMeanIoU" => config.with("num_classes", CLASSES),
        _ => config,
    }
}

/// Every argument of a class, none of them as it is without.
fn all_arguments(class: &str) -> Value {
    match class {
        "MeanMetricWrapper" => {
            json!({"fn": {"module": "builtins", "class_name": "function", "config": "huber",
            "registered_name": "function"}, "delta": 0.3})
        }
        "BinaryAccuracy" => json!({"threshold": 0.3}),
        "TopKCategoricalAccuracy" => json!({"k": 2}),
        "SparseTopKCategoricalAccuracy" => json!({"k": 2, "from_sorted_ids": true}),
        "CosineSimilarity" | "PearsonCorrelation" | "ConcordanceCorrelation" => json!({"axis": 0}),
        "Huber" => json!({"delta": 0.3}),
        "BinaryCrossentropy" => json!({"from_logits": true, "label_smoothing": 0.1}),
        "CategoricalCrossentropy" => json!({"from_logits": true, "label_smoothing": 0.1, "axis": 0}),
        "BinaryFocalCrossentropy" => json!({"apply_class_balancing": true, "alpha": 0.3, "gamma": 1.5,
            "from_logits": true, "label_smoothing": 0.1, "axis": 0}),
        "CategoricalFocalCrossentropy" => {
            json!({"alpha": 0.3, "gamma": 1.5, "from_logits": true, "label_smoothing": 0.1, "axis": 0})
        }
        "SparseCategoricalCrossentropy" | "Perplexity" => {
            json!({"from_logits": true, "ignore_class": -1, "axis": 0})
        }
        "AUC" => {
            json!({"num_thresholds": 7, "curve": "PRGAIN", "summation_method": "majoring", "thresholds": [0.2, 0.5],
            "multi_label": true, "num_labels": 3, "label_weights": [1.0, 2.0, 0.5], "from_logits": true, "exact": true})
        }
        "AveragePrecision" => json!({"average": "weighted"}),
        "TruePositives" | "FalsePositives" | "TrueNegatives" | "FalseNegatives" => {
            json!({"thresholds": [0.2, 0.5]})
        }
        "Precision" | "Recall" | "Specificity" => {
            json!({"thresholds": [0.2, 0.5], "top_k": 2, "class_id": 1})
        }
        "SensitivityAtSpecificity" => json!({"specificity": 0.3, "num_thresholds": 7, "class_id": 1}),
        "SpecificityAtSensitivity" => json!({"sensitivity": 0.3, "num_thresholds": 7, "class_id": 1}),
        "PrecisionAtRecall" => json!({"recall": 0.3, "num_thresholds": 7, "class_id": 1}),
        "RecallAtPrecision" => json!({"precision": 0.3, "num_thresholds": 7, "class_id": 1}),
        "F1Score" => json!({"average": "weighted", "threshold": 0.3}),
        "FBetaScore" => json!({"average": "weighted", "threshold": 0.3, "beta": 2.0}),
        "IoU" => json!({"num_classes": 4, "target_class_ids": [1], "ignore_class": 0, "sparse_y_true": false,
            "sparse_y_pred": false, "axis": 0}),
        "MeanIoU" => {
            json!({"num_classes": 4, "ignore_class": 0, "sparse_y_true": false, "sparse_y_pred": false,
            "axis": 0})
        }
        "BinaryIoU" => json!({"target_class_ids": [1], "threshold": 0.3}),
        "OneHotIoU" => {
            json!({"num_classes": 4, "target_class_ids": [1], "ignore_class": 0, "sparse_y_pred": true,
            "axis": 0})
        }
        "OneHotMeanIoU" => json!({"num_classes": 4, "ignore_class": 0, "sparse_y_pred": true, "axis": 0}),
        "R2Score" => json!({"class_aggregation": null, "num_regressors": 2}),
        "CalibrationError" => json!({"num_bins": 7, "norm": "max"}),
        "MatthewsCorrelation" => decisions(json!({})),
        "CohenKappa" => decisions(json!({"weights": "quadratic"})),
        "BalancedAccuracy" => decisions(json!({"adjusted": true})),
        "ConfusionMatrix" => decisions(json!({"normalize": "pred", "target_names": ["a", "b", "c"]})),
        "ClassificationReport" => {
            decisions(json!({"labels": [2, 0], "target_names": ["c", "a"], "digits": 4}))
        }
        _ => json!({}),
    }
}

fn decisions(mut own: Value) -> Value {
    for (key, value) in [
        ("num_classes", json!(3)),
        ("ignore_class", json!(-1)),
        ("sparse_y_pred", json!(true)),
        ("threshold", json!(0.3)),
    ] {
        own[key] = value;
    }
    own
}

fn build(entry: &Entry<dyn Metric>) -> Box<dyn Metric> {
    build_with(entry, required(entry.class_name))
}

fn build_with(entry: &Entry<dyn Metric>, config: Config) -> Box<dyn Metric> {
    (entry.build)(&config, &Registry::empty()).unwrap_or_else(|e| panic!("{}: {e}", entry.class_name))
}

fn tensor(f: impl Fn(usize) -> f32, shape: &[usize]) -> Tensor {
    let values: Vec<f32> = (0..shape.iter().product()).map(f).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Targets and predictions that a class takes; `Mean` and `Sum` take the predictions. `noise` gives numbers within 0
/// and 1.
fn inputs_of(class: &str, samples: usize, noise: impl Fn(usize) -> f32) -> (Tensor, Tensor) {
    let p = tensor(&noise, &[samples, CLASSES]);
    let class_of = |i: usize| ((noise(i + 1000) * CLASSES as f32) as usize).min(CLASSES - 1);
    let numbers = |from: usize| tensor(|i| class_of(i + from) as f32, &[samples]);
    match class {
        "SparseCategoricalAccuracy"
        | "SparseTopKCategoricalAccuracy"
        | "SparseCategoricalCrossentropy"
        | "Perplexity" => (numbers(0), p),
        "IoU" | "MeanIoU" => (numbers(0), numbers(samples)),
        "R2Score" | "PearsonCorrelation" | "ConcordanceCorrelation" => {
            (tensor(|i| 7. * noise(i + 500), &[samples, CLASSES]), p)
        }
        _ => (
            tensor(
                |i| f32::from(u8::from(i % CLASSES == class_of(i / CLASSES))),
                &[samples, CLASSES],
            ),
            p,
        ),
    }
}

fn inputs(class: &str, samples: usize) -> (Tensor, Tensor) {
    inputs_of(class, samples, |i| (i * 7 % 11) as f32 / 12. + 0.01)
}

fn take_in(metric: &mut dyn Metric, y: &Tensor, p: &Tensor, w: Option<&Tensor>) -> Result<()> {
    if matches!(metric.class_name(), "Mean" | "Sum") {
        metric.update_values(p, w)
    } else {
        metric.update_state(y, p, w)
    }
}

/// Takes in and expects no error.
fn take(metric: &mut dyn Metric, (y, p): (&Tensor, &Tensor), w: Option<&Tensor>) {
    take_in(metric, y, p, w).unwrap_or_else(|e| panic!("{}: {e}", metric.class_name()));
}

fn part(of: &(Tensor, Tensor), start: usize, len: usize) -> (Tensor, Tensor) {
    (
        of.0.narrow(0, start, len).unwrap(),
        of.1.narrow(0, start, len).unwrap(),
    )
}

fn result(metric: &dyn Metric) -> Vec<f32> {
    metric
        .result()
        .unwrap()
        .to_dtype(DType::F32)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap()
}

fn near(class: &str, a: &[f32], b: &[f32]) {
    let same = |(a, b): (&f32, &f32)| (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-5 + 1e-4 * b.abs();
    assert!(
        a.len() == b.len() && a.iter().zip(b).all(same),
        "{class}: {a:?} is not {b:?}"
    );
}

#[test]
fn config_round_trip() {
    for entry in ENTRIES {
        let mut metric = build(entry);
        metric.set_name("mine");
        assert_eq!(
            (metric.name().as_str(), metric.class_name()),
            ("mine", entry.class_name)
        );
        let again = build_with(entry, metric.config());
        assert_eq!(again.config(), metric.config(), "{}", entry.class_name);
    }
}

/// Nothing that was given is lost, whether Keras keeps it or not.
#[test]
fn every_argument_is_in_the_configuration() {
    for entry in ENTRIES {
        let Value::Object(mut given) = all_arguments(entry.class_name) else {
            panic!("arguments are an object");
        };
        given.insert("name".into(), "mine".into());
        given.insert("dtype".into(), "float64".into());
        let config = build_with(entry, Config(given.clone())).config();
        assert_eq!(config.0.len(), given.len(), "{}: {config:?}", entry.class_name);
        for (key, value) in &given {
            assert_eq!(config.get(key), Some(value), "{}: {key}", entry.class_name);
        }
        let without = build(entry).config();
        for (key, value) in without.0.iter().filter(|(key, _)| *key != "fn") {
            let other = config.get(key);
            assert_ne!(other, Some(value), "{}: `{key}` was to differ", entry.class_name);
        }
    }
}

#[test]
fn unknown_arguments_are_errors() {
    for entry in ENTRIES {
        let config = required(entry.class_name).with("nmae", "x");
        assert!(
            (entry.build)(&config, &Registry::empty()).is_err(),
            "{}",
            entry.class_name
        );
    }
}

#[test]
fn aliases_are_unique() {
    let mut seen = std::collections::HashSet::new();
    for name in ENTRIES
        .iter()
        .flat_map(|e| e.aliases.iter().chain([&e.class_name]))
    {
        assert!(seen.insert(*name), "{name} is listed twice");
    }
}

/// Classes and functions of `keras.metrics` 3.15, and the short names.
#[test]
fn every_name_of_keras_is_found() {
    let classes = "AUC Accuracy BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy CategoricalCrossentropy \
        CategoricalHinge ConcordanceCorrelation CosineSimilarity F1Score FBetaScore FalseNegatives FalsePositives Hinge \
        IoU KLDivergence LogCoshError Mean MeanAbsoluteError MeanAbsolutePercentageError MeanIoU MeanMetricWrapper \
        MeanSquaredError MeanSquaredLogarithmicError OneHotIoU OneHotMeanIoU PearsonCorrelation Poisson Precision \
        PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError SensitivityAtSpecificity \
        SparseCategoricalAccuracy SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy \
        SpecificityAtSensitivity SquaredHinge Sum TopKCategoricalAccuracy TrueNegatives TruePositives";
    let functions = "binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy \
        categorical_crossentropy categorical_focal_crossentropy categorical_hinge concordance_correlation hinge huber \
        kl_divergence log_cosh mean_absolute_error mean_absolute_percentage_error mean_squared_error \
        mean_squared_logarithmic_error pearson_correlation poisson sparse_categorical_accuracy \
        sparse_categorical_crossentropy sparse_top_k_categorical_accuracy squared_hinge top_k_categorical_accuracy";
    let short =
        "bce BCE mse MSE mae MAE mape MAPE msle MSLE auc io_u mean_io_u f1_score f_beta_score log_cosh_error";
    let found = |name: &str| {
        ENTRIES
            .iter()
            .any(|e| e.class_name == name || e.aliases.contains(&name))
    };
    for name in [classes, functions, short]
        .iter()
        .flat_map(|names| names.split_whitespace())
    {
        assert!(found(name), "{name}");
    }
    // A class name in snake case, as Keras finds it too.
    for name in classes.split_whitespace() {
        let snake = keras_core::config::snake_case(name);
        assert!(found(&snake), "{snake}");
    }
}

#[test]
fn two_batches_are_one() {
    for entry in ENTRIES {
        let all = inputs(entry.class_name, 6);
        let (mut whole, mut parts) = (build(entry), build(entry));
        take(&mut *whole, (&all.0, &all.1), None);
        for (start, len) in [(0, 4), (4, 2)] {
            let (y, p) = part(&all, start, len);
            take(&mut *parts, (&y, &p), None);
        }
        near(entry.class_name, &result(&*parts), &result(&*whole));
    }
}

#[test]
fn weight_one_is_no_weight() {
    for entry in ENTRIES {
        let (y, p) = inputs(entry.class_name, 6);
        for ones in [tensor(|_| 1., &[6]), tensor(|_| 1., &[]), tensor(|_| 1., &[6, 1])] {
            let (mut with, mut without) = (build(entry), build(entry));
            take(&mut *with, (&y, &p), Some(&ones));
            take(&mut *without, (&y, &p), None);
            near(entry.class_name, &result(&*with), &result(&*without));
        }
    }
}

#[test]
fn weight_zero_leaves_samples_out() {
    for entry in ENTRIES {
        // Counts whole samples whatever their weight.
        if entry.class_name == "R2Score" {
            continue;
        }
        let all = inputs(entry.class_name, 6);
        let (mut weighted, mut some) = (build(entry), build(entry));
        let weights = tensor(|i| f32::from(u8::from(i < 4)), &[6]);
        take(&mut *weighted, (&all.0, &all.1), Some(&weights));
        let (y, p) = part(&all, 0, 4);
        take(&mut *some, (&y, &p), None);
        near(entry.class_name, &result(&*weighted), &result(&*some));
    }
}

#[test]
fn reset_is_new() {
    for entry in ENTRIES {
        let (y, p) = inputs(entry.class_name, 6);
        let (mut used, mut new) = (build(entry), build(entry));
        take(&mut *used, (&y, &p), None);
        used.reset_state().unwrap();
        take(&mut *used, (&y, &p), None);
        take(&mut *new, (&y, &p), None);
        near(entry.class_name, &result(&*used), &result(&*new));
        used.reset_state().unwrap();
        for variable in used.variables() {
            let sum: f32 = variable.value().sum_all().unwrap().to_scalar().unwrap();
            assert_eq!(sum, 0., "{}", entry.class_name);
        }
    }
}

#[test]
fn a_restored_state_goes_on() {
    for entry in ENTRIES {
        let all = inputs(entry.class_name, 7);
        let (mut straight, mut restored) = (build(entry), build(entry));
        let (first, second) = (part(&all, 0, 4), part(&all, 4, 3));
        take(&mut *straight, (&first.0, &first.1), None);
        restored.load_state(&straight.state().unwrap()).unwrap();
        near(entry.class_name, &result(&*restored), &result(&*straight));
        for metric in [&mut straight, &mut restored] {
            take(&mut **metric, (&second.0, &second.1), None);
        }
        near(entry.class_name, &result(&*restored), &result(&*straight));
        let shapes = |metric: &dyn Metric| metric.variables().len();
        assert_eq!(shapes(&*restored), shapes(&*straight));
        let error = restored
            .load_state(&[tensor(|_| 0., &[1, 2, 3])])
            .unwrap_err()
            .to_string();
        let named = entry.class_name == "MeanMetricWrapper" || error.contains(entry.class_name);
        assert!(named && error.contains("[1, 2, 3]"), "{error}");
    }
}

#[test]
fn stateless_is_the_same_without_a_trace() {
    for entry in ENTRIES.iter().filter(|e| !matches!(e.class_name, "Mean" | "Sum")) {
        let (y, p) = inputs(entry.class_name, 6);
        let (mut metric, mut with_state) = (build(entry), build(entry));
        let before = result(&*metric);
        let start = metric.stateless_reset_state().unwrap();
        let once = metric.stateless_update_state(&start, &y, &p, None).unwrap();
        let twice = metric.stateless_update_state(&once, &y, &p, None).unwrap();
        take(&mut *with_state, (&y, &p), None);
        take(&mut *with_state, (&y, &p), None);
        let found = metric.stateless_result(&twice).unwrap();
        let found: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
        near(entry.class_name, &found, &result(&*with_state));
        near(entry.class_name, &result(&*metric), &before);
        assert!(metric.stateless_result(&[]).is_err(), "{}", entry.class_name);
    }
}

#[test]
fn merged_states_are_one() {
    for entry in ENTRIES {
        let all = inputs(entry.class_name, 7);
        let mut whole = build(entry);
        take(&mut *whole, (&all.0, &all.1), None);
        let mut parts: Vec<_> = (0..3).map(|_| build(entry)).collect();
        for (metric, (start, len)) in parts.iter_mut().zip([(0, 4), (4, 3)]) {
            let (y, p) = part(&all, start, len);
            take(&mut **metric, (&y, &p), None);
        }
        // The third has seen nothing: it changes nothing, and takes over all.
        let [first, second, third] = parts.as_mut_slice() else {
            panic!("three parts");
        };
        first.merge_state(&third.state().unwrap()).unwrap();
        first.merge_state(&second.state().unwrap()).unwrap();
        third.merge_state(&first.state().unwrap()).unwrap();
        near(entry.class_name, &result(&**first), &result(&*whole));
        near(entry.class_name, &result(&**third), &result(&*whole));
        assert!(first.merge_state(&[]).is_err(), "{}", entry.class_name);
    }
}

#[test]
fn shapes_that_differ_are_errors() {
    for entry in ENTRIES.iter().filter(|e| !matches!(e.class_name, "Mean" | "Sum")) {
        let (y, p) = inputs(entry.class_name, 6);
        let mut metric = build(entry);
        let few = y.narrow(0, 0, 5).unwrap();
        assert!(
            metric.update_state(&few, &p, None).is_err(),
            "{}",
            entry.class_name
        );
    }
}

#[test]
fn weights_that_do_not_fit_are_errors() {
    for entry in ENTRIES {
        let (y, p) = inputs(entry.class_name, 6);
        for shape in [&[5][..], &[5, 1], &[2, 6, 3]] {
            let mut metric = build(entry);
            let weights = tensor(|_| 1., shape);
            assert!(
                take_in(&mut *metric, &y, &p, Some(&weights)).is_err(),
                "{} {shape:?}",
                entry.class_name
            );
        }
    }
}

/// Half precision is taken in as what it holds; float64 metrics keep and give float64.
#[test]
fn dtypes() {
    for entry in ENTRIES {
        let (y, p) = inputs(entry.class_name, 6);
        for dtype in [DType::F16, DType::BF16, DType::F64] {
            let rounded = p.to_dtype(dtype).unwrap();
            let (mut narrow, mut plain) = (build(entry), build(entry));
            take(&mut *narrow, (&y, &rounded), None);
            take(&mut *plain, (&y, &rounded.to_dtype(DType::F32).unwrap()), None);
            near(entry.class_name, &result(&*narrow), &result(&*plain));
        }
        for dtype in ["float16", "bfloat16", "float64"] {
            let mut metric = build_with(entry, required(entry.class_name).with("dtype", dtype));
            take(&mut *metric, (&y, &p), None);
            let state = if dtype == "float64" {
                DType::F64
            } else {
                DType::F32
            };
            assert!(
                metric.variables().iter().all(|v| v.dtype() == state),
                "{}",
                entry.class_name
            );
            assert_eq!(keras_ops::dtype_name(metric.dtype()), dtype);
            let mut plain = build(entry);
            take(&mut *plain, (&y, &p), None);
            let (found, expected) = (result(&*metric), result(&*plain));
            // A percentage of a target of 0 is more than float16 holds: infinite, not wrong.
            let held = |b: f32| {
                if dtype == "float16" && b.abs() > 65504. {
                    b.signum() * f32::INFINITY
                } else {
                    b
                }
            };
            let far = |(a, b): (&f32, &f32)| *a != held(*b) && (a - b).abs() > 1e-2 * (1. + b.abs());
            assert!(
                !found.iter().zip(&expected).any(far),
                "{} {dtype}: {found:?} {expected:?}",
                entry.class_name
            );
        }
    }
}

/// Targets of whole numbers mean the same.
#[test]
fn targets_of_whole_numbers() {
    for entry in ENTRIES {
        let (y, p) = inputs(entry.class_name, 6);
        if y.flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap()
            .iter()
            .any(|t| t.fract() != 0.)
        {
            continue;
        }
        let mut plain = build(entry);
        take(&mut *plain, (&y, &p), None);
        for dtype in [DType::U8, DType::U32, DType::I64] {
            let mut whole = build(entry);
            take(&mut *whole, (&y.to_dtype(dtype).unwrap(), &p), None);
            near(entry.class_name, &result(&*whole), &result(&*plain));
        }
    }
}

#[test]
fn an_empty_batch_changes_nothing() {
    for entry in ENTRIES {
        let all = inputs(entry.class_name, 6);
        let empty = part(&all, 0, 0);
        let mut metric = build(entry);
        take(&mut *metric, (&empty.0, &empty.1), None);
        let _ = result(&*metric);
        take(&mut *metric, (&all.0, &all.1), None);
        let before = result(&*metric);
        take(&mut *metric, (&empty.0, &empty.1), None);
        near(entry.class_name, &result(&*metric), &before);
    }
}

/// Before any batch: the number that Keras gives, NaN where nothing can be said; and names for logs that stay.
#[test]
fn before_any_batch() {
    for entry in ENTRIES {
        let mut metric = build(entry);
        let unknown = matches!(entry.class_name, "R2Score" | "BalancedAccuracy" | "CohenKappa");
        let found = result(&*metric);
        assert!(
            found.iter().all(|v| v.is_nan() == unknown),
            "{}: {found:?}",
            entry.class_name
        );
        let (y, p) = inputs(entry.class_name, 6);
        let shape = |x: &Tensor| -> Vec<Option<usize>> {
            let rest = x.dims()[1..].iter().copied().map(Some);
            std::iter::once(None).chain(rest).collect()
        };
        metric.build(&shape(&y), &shape(&p)).unwrap();
        let names = |metric: &dyn Metric| -> Vec<String> {
            metric
                .log_entries()
                .unwrap()
                .into_iter()
                .map(|(name, _)| name)
                .collect()
        };
        let before = names(&*metric);
        take(&mut *metric, (&y, &p), None);
        assert_eq!(names(&*metric), before, "{}", entry.class_name);
        assert!(!before.is_empty());
    }
}

/// Called on the predictions of a step that is recorded, a metric leaves the tape alone.
#[test]
fn predictions_with_history() {
    for entry in ENTRIES {
        let (y, p) = inputs(entry.class_name, 6);
        let mut plain = build(entry);
        take(&mut *plain, (&y, &p), None);
        let p = keras_core::Variable::new("p", &p, true).unwrap();
        let tape = keras_ops::GradientTape::start();
        let recorded = keras_ops::mul_scalar(&p.value(), 1.).unwrap();
        let mut metric = build(entry);
        take(&mut *metric, (&y, &recorded), None);
        near(entry.class_name, &result(&*metric), &result(&*plain));
        drop(tape);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any sizes, any weights: batches and processes are one, and weights count once.
    #[test]
    fn any_batches_and_weights(
        numbers in prop::collection::vec(0.01f32..0.99, 40..90),
        weights in prop::collection::vec(0f32..3., 40),
        first in 1usize..7,
        rest in 1usize..7,
    ) {
        let noise = |i: usize| numbers[i * 31 % numbers.len()];
        for entry in ENTRIES {
            let samples = first + rest;
            let all = inputs_of(entry.class_name, samples, noise);
            // They take whole weights.
            let whole = entry.class_name.contains("IoU");
            let w = tensor(|i| if whole { weights[i].trunc() } else { weights[i] }, &[samples]);
            let (mut once, mut parts, mut other) = (build(entry), build(entry), build(entry));
            take(&mut *once, (&all.0, &all.1), Some(&w));
            let (y, p) = part(&all, 0, first);
            take(&mut *parts, (&y, &p), Some(&w.narrow(0, 0, first).unwrap()));
            take(&mut *other, (&y, &p), Some(&w.narrow(0, 0, first).unwrap()));
            let (y, p) = part(&all, first, rest);
            let mut last = build(entry);
            take(&mut *parts, (&y, &p), Some(&w.narrow(0, first, rest).unwrap()));
            take(&mut *last, (&y, &p), Some(&w.narrow(0, first, rest).unwrap()));
            other.merge_state(&last.state().unwrap()).unwrap();
            let expected = result(&*once);
            close(entry.class_name, &result(&*parts), &expected);
            close(entry.class_name, &result(&*other), &expected);
        }
    }
}

/// [`near`] for sums of small differences, which lose some digits in float32.
fn close(class: &str, a: &[f32], b: &[f32]) {
    let tolerance = if class == "R2Score" { 5e-3 } else { 2e-4 };
    let same = |(a, b): (&f32, &f32)| {
        (!a.is_finite() && !b.is_finite()) || (a - b).abs() <= tolerance * (1. + b.abs())
    };
    assert!(
        a.len() == b.len() && a.iter().zip(b).all(same),
        "{class}: {a:?} is not {b:?}"
    );
}
