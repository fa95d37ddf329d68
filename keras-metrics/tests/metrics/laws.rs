//! What holds for every class in the list: a new one is covered by being listed.

use keras_core::{Config, Entry, Metric, Registry, Result};
use keras_metrics::ENTRIES;
use keras_ops::{Device, Tensor};

const CLASSES: usize = 3;

/// The arguments that a class cannot do without.
fn required(class: &str) -> Config {
    let config = Config::new();
    match class {
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

fn build(entry: &Entry<dyn Metric>) -> Box<dyn Metric> {
    (entry.build)(&required(entry.class_name), &Registry::empty()).unwrap()
}

fn tensor(f: impl Fn(usize) -> f32, shape: &[usize]) -> Tensor {
    let values: Vec<f32> = (0..shape.iter().product()).map(f).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Targets and predictions that a class takes; `Mean` and `Sum` take the predictions.
fn inputs(class: &str, samples: usize) -> (Tensor, Tensor) {
    let p = tensor(|i| (i * 7 % 11) as f32 / 11. + 0.01, &[samples, CLASSES]);
    let numbers = |n: usize| tensor(move |i| (i * 5 % CLASSES) as f32, &[n]);
    match class {
        "SparseCategoricalAccuracy" | "SparseTopKCategoricalAccuracy" | "SparseCategoricalCrossentropy" => {
            (numbers(samples), p)
        }
        "IoU" | "MeanIoU" => (numbers(samples), tensor(|i| (i * 2 % CLASSES) as f32, &[samples])),
        "R2Score" | "PearsonCorrelation" | "ConcordanceCorrelation" => {
            (tensor(|i| (i * 3 % 7) as f32, &[samples, CLASSES]), p)
        }
        _ => (
            tensor(
                |i| ((i % CLASSES) == (i / CLASSES) % CLASSES) as u8 as f32,
                &[samples, CLASSES],
            ),
            p,
        ),
    }
}

fn take_in(metric: &mut dyn Metric, y: &Tensor, p: &Tensor, w: Option<&Tensor>) -> Result<()> {
    if matches!(metric.class_name(), "Mean" | "Sum") {
        metric.update_values(p, w)
    } else {
        metric.update_state(y, p, w)
    }
}

fn result(metric: &dyn Metric) -> Vec<f32> {
    metric.result().unwrap().flatten_all().unwrap().to_vec1().unwrap()
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
        let again = (entry.build)(&metric.config(), &Registry::empty()).unwrap();
        assert_eq!(again.config(), metric.config(), "{}", entry.class_name);
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

#[test]
fn two_batches_are_one() {
    for entry in ENTRIES {
        let (y, p) = inputs(entry.class_name, 6);
        let (mut whole, mut parts) = (build(entry), build(entry));
        take_in(&mut *whole, &y, &p, None).unwrap();
        for (start, len) in [(0, 4), (4, 2)] {
            let (y, p) = (y.narrow(0, start, len).unwrap(), p.narrow(0, start, len).unwrap());
            take_in(&mut *parts, &y, &p, None).unwrap();
        }
        near(entry.class_name, &result(&*parts), &result(&*whole));
    }
}

#[test]
fn weight_one_is_no_weight() {
    for entry in ENTRIES {
        let (y, p) = inputs(entry.class_name, 6);
        let (mut with, mut without) = (build(entry), build(entry));
        take_in(&mut *with, &y, &p, Some(&tensor(|_| 1., &[6])))
            .unwrap_or_else(|e| panic!("{}: {e}", entry.class_name));
        take_in(&mut *without, &y, &p, None).unwrap();
        near(entry.class_name, &result(&*with), &result(&*without));
    }
}

#[test]
fn weight_zero_leaves_samples_out() {
    for entry in ENTRIES {
        // Counts whole samples whatever their weight.
        if entry.class_name == "R2Score" {
            continue;
        }
        let (y, p) = inputs(entry.class_name, 6);
        let (mut weighted, mut part) = (build(entry), build(entry));
        take_in(
            &mut *weighted,
            &y,
            &p,
            Some(&tensor(|i| (i < 4) as u8 as f32, &[6])),
        )
        .unwrap();
        take_in(
            &mut *part,
            &y.narrow(0, 0, 4).unwrap(),
            &p.narrow(0, 0, 4).unwrap(),
            None,
        )
        .unwrap();
        near(entry.class_name, &result(&*weighted), &result(&*part));
    }
}

#[test]
fn reset_is_new() {
    for entry in ENTRIES {
        let (y, p) = inputs(entry.class_name, 6);
        let (mut used, mut new) = (build(entry), build(entry));
        take_in(&mut *used, &y, &p, None).unwrap();
        used.reset_state().unwrap();
        take_in(&mut *used, &y, &p, None).unwrap();
        take_in(&mut *new, &y, &p, None).unwrap();
        near(entry.class_name, &result(&*used), &result(&*new));
        used.reset_state().unwrap();
        assert!(
            used.variables()
                .iter()
                .all(|v| v.value().sum_all().unwrap().to_scalar::<f32>().unwrap() == 0.)
        );
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
        let mut metric = build(entry);
        let weights = tensor(|_| 1., &[5]);
        assert!(
            take_in(&mut *metric, &y, &p, Some(&weights)).is_err(),
            "{}",
            entry.class_name
        );
    }
}
