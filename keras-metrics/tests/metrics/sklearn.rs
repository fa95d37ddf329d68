//! Against scikit-learn on real tables: `tests/sklearn/figures.json`, made by `make.py` beside it.

use keras_core::Metric;
use keras_metrics::*;
use keras_ops::{DType, Device, Tensor};
use serde_json::Value;

fn cases() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/sklearn/figures.json");
    let text = std::fs::read_to_string(path).unwrap();
    let mut figures: Value = serde_json::from_str(&text).unwrap();
    figures["cases"].take().as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        one => vec![one.as_f64().unwrap()],
    }
}

/// Targets, predictions and weights of a table.
struct Table<'a> {
    case: &'a Value,
    y: Tensor,
    p: Tensor,
    w: Tensor,
}

impl<'a> Table<'a> {
    fn new(case: &'a Value) -> Self {
        let samples = case["targets"].as_array().unwrap().len();
        let tensor = |key: &str| {
            let values = numbers(&case[key]);
            let shape = match values.len() / samples {
                1 => vec![samples],
                width => vec![samples, width],
            };
            Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
        };
        Self {
            case,
            y: tensor("targets"),
            p: tensor("predictions").to_dtype(DType::F32).unwrap(),
            w: tensor("weights"),
        }
    }

    /// Compares the metric without and with weights, taken in by two batches, with the figure called `name`.
    fn check(&self, name: &str, make: impl Fn() -> Box<dyn Metric>) {
        self.check_with(&self.y, &self.p, |figures| figures[name].clone(), make);
    }

    fn check_with(
        &self,
        y: &Tensor,
        p: &Tensor,
        figure: impl Fn(&Value) -> Value,
        make: impl Fn() -> Box<dyn Metric>,
    ) {
        for (key, weighted) in [("plain", false), ("weighted", true)] {
            let expected = figure(&self.case[key]);
            if expected.is_null() {
                continue;
            }
            let mut metric = make();
            let n = y.dims()[0];
            for (start, len) in [(0, n / 3), (n / 3, n - n / 3)] {
                let part = |x: &Tensor| x.narrow(0, start, len).unwrap();
                let w = weighted.then(|| part(&self.w));
                metric.update_state(&part(y), &part(p), w.as_ref()).unwrap();
            }
            let found = metric.result().unwrap().to_dtype(DType::F64).unwrap();
            let found: Vec<f64> = found.flatten_all().unwrap().to_vec1().unwrap();
            let expected = numbers(&expected);
            let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-6 + 1e-5 * b.abs();
            assert!(
                found.len() == expected.len() && found.iter().zip(&expected).all(near),
                "{} of {} ({key}): {found:?}, scikit-learn {expected:?}",
                metric.name(),
                self.case["table"]
            );
        }
    }

    fn report(&self, figure: &str, metric: ClassificationReport) {
        let mut metric = metric;
        for (key, w) in [("plain", None), ("weighted", Some(&self.w))] {
            metric.reset_state().unwrap();
            metric.update_state(&self.y, &self.p, w).unwrap();
            let expected = self.case[key][figure].as_str().unwrap();
            assert_eq!(
                metric.report().unwrap().to_string(),
                expected,
                "{}",
                self.case["table"]
            );
        }
    }

    /// What depends on decisions alone.
    fn decisions(&self) {
        self.check("mcc", || Box::new(MatthewsCorrelation::new()));
        self.check("kappa", || Box::new(CohenKappa::new()));
        for weights in ["linear", "quadratic"] {
            self.check(&format!("kappa_{weights}"), || {
                Box::new(CohenKappa::new().weights(Some(weights.to_owned())))
            });
        }
        self.check("balanced_accuracy", || Box::new(BalancedAccuracy::new()));
        self.check("balanced_accuracy_adjusted", || {
            Box::new(BalancedAccuracy::new().adjusted(true))
        });
        self.check("confusion_matrix", || Box::new(ConfusionMatrix::new()));
        for by in ["true", "pred", "all"] {
            self.check(&format!("confusion_matrix_{by}"), || {
                Box::new(ConfusionMatrix::new().normalize(Some(by.to_owned())))
            });
        }
        self.report("report", ClassificationReport::new());
        self.report("report_4_digits", ClassificationReport::new().digits(4));
    }
}

#[test]
fn two_classes() {
    for case in cases().iter().filter(|case| case["plain"].get("brier").is_some()) {
        let table = Table::new(case);
        table.check("roc_auc", || Box::new(AUC::new().exact(true)));
        table.check("average_precision", || Box::new(AveragePrecision::new()));
        table.check("precision", || Box::new(Precision::new()));
        table.check("recall", || Box::new(Recall::new()));
        table.check("specificity", || Box::new(Specificity::new()));
        table.check("iou", || {
            Box::new(BinaryIoU::new().target_class_ids(vec![1]).of_dtype(DType::F32))
        });
        table.check("calibration_error", || {
            Box::new(CalibrationError::new().num_bins(10))
        });
        table.decisions();
        // These average the elements of a sample: one each.
        let (y, p) = (table.y.unsqueeze(1).unwrap(), table.p.unsqueeze(1).unwrap());
        let check = |name: &str, make: &dyn Fn() -> Box<dyn Metric>| {
            table.check_with(&y, &p, |figures| figures[name].clone(), make);
        };
        check("accuracy", &|| Box::new(BinaryAccuracy::new()));
        check("log_loss", &|| Box::new(BinaryCrossentropy::new()));
        check("brier", &|| Box::new(MeanSquaredError::new()));
        check("f1", &|| {
            Box::new(F1Score::new().threshold(Some(0.5)).average(Some("micro".into())))
        });
        check("f2", &|| {
            Box::new(
                FBetaScore::new()
                    .beta(2.)
                    .threshold(Some(0.5))
                    .average(Some("micro".into())),
            )
        });
    }
}

/// With thresholds the area is near the exact one.
#[test]
fn thresholds_come_near() {
    let cases = cases();
    let table = Table::new(&cases[0]);
    let exact = cases[0]["plain"]["roc_auc"].as_f64().unwrap();
    let mut auc = AUC::new().num_thresholds(2000);
    auc.update_state(&table.y, &table.p, None).unwrap();
    let found = f64::from(auc.result().unwrap().to_scalar::<f32>().unwrap());
    assert!((found - exact).abs() < 1e-3, "{found} {exact}");
}

#[test]
fn several_classes() {
    for case in cases().iter().filter(|case| case.get("names").is_some()) {
        let table = Table::new(case);
        let classes = table.p.dims()[1];
        table.check("accuracy", || Box::new(SparseCategoricalAccuracy::new()));
        table.check("top_2_accuracy", || {
            Box::new(SparseTopKCategoricalAccuracy::new().k(2))
        });
        table.check("log_loss", || Box::new(SparseCategoricalCrossentropy::new()));
        table.check_with(
            &table.y,
            &table.p,
            |figures| Value::from(figures["log_loss"].as_f64().unwrap().exp()),
            || Box::new(Perplexity::new()),
        );
        table.check("iou", || {
            let iou = MeanIoU::new().num_classes(classes).sparse_y_pred(false);
            Box::new(iou.of_dtype(DType::F32))
        });
        table.decisions();
        let names: Vec<String> = serde_json::from_value(case["names"].clone()).unwrap();
        table.report(
            "report_names",
            ClassificationReport::new().target_names(Some(names)),
        );
        table.report(
            "report_labels",
            ClassificationReport::new().labels(Some(vec![2, 0])),
        );
        // One-hot targets.
        let one_hot =
            keras_ops::one_hot(&table.y.to_dtype(DType::I64).unwrap(), classes, -1, DType::F32).unwrap();
        let check = |figure: &str, average: &str, make: &dyn Fn(Option<String>) -> Box<dyn Metric>| {
            let by = Some(average.to_owned()).filter(|average| average != "None");
            table.check_with(
                &one_hot,
                &table.p,
                |figures| figures[figure][average].clone(),
                || make(by.clone()),
            );
        };
        for average in ["None", "micro", "macro", "weighted"] {
            check("f1", average, &|by| Box::new(F1Score::new().average(by)));
            check("average_precision", average, &|by| {
                Box::new(AveragePrecision::new().average(by))
            });
        }
        table.check_with(
            &one_hot,
            &table.p,
            |figures| figures["roc_auc"].clone(),
            || Box::new(AUC::new().exact(true).multi_label(true)),
        );
    }
}

#[test]
fn regression() {
    for case in cases().iter().filter(|case| case["plain"].get("r2").is_some()) {
        let table = Table::new(case);
        let (y, p) = (table.y.unsqueeze(1).unwrap(), table.p.unsqueeze(1).unwrap());
        let check = |name: &str, make: &dyn Fn() -> Box<dyn Metric>| {
            table.check_with(&y, &p, |figures| figures[name].clone(), make);
        };
        check("r2", &|| Box::new(R2Score::new().of_dtype(DType::F64)));
        check("mse", &|| Box::new(MeanSquaredError::new()));
        check("rmse", &|| Box::new(RootMeanSquaredError::new()));
        check("mae", &|| Box::new(MeanAbsoluteError::new()));
        check("mape", &|| Box::new(MeanAbsolutePercentageError::new()));
        check("msle", &|| Box::new(MeanSquaredLogarithmicError::new()));
        let mut pearson = PearsonCorrelation::new().axis(0);
        pearson.update_state(&table.y, &table.p, None).unwrap();
        let found = f64::from(pearson.result().unwrap().to_scalar::<f32>().unwrap());
        assert!((found - case["plain"]["pearson"].as_f64().unwrap()).abs() < 1e-6);
    }
}
