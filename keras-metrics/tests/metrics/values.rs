//! Values from the definitions.

use keras_core::{Metric, Result, Variable};
use keras_metrics::*;
use keras_ops::{DType, Device, Tensor};

fn vector(values: &[f32]) -> Tensor {
    Tensor::new(values, &Device::Cpu).unwrap()
}

fn matrix<const N: usize>(rows: &[[f32; N]]) -> Tensor {
    Tensor::from_vec(rows.concat(), (rows.len(), N), &Device::Cpu).unwrap()
}

fn after(metric: &mut dyn Metric, y: &Tensor, p: &Tensor, w: Option<&Tensor>) -> f32 {
    metric.update_state(y, p, w).unwrap();
    metric.result().unwrap().to_scalar().unwrap()
}

fn near(found: f32, expected: f32) {
    assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
}

#[test]
fn means_of_values() -> Result<()> {
    let values = matrix(&[[1., 3.], [5., 7.]]);
    let table = [
        (None, 4.),
        (Some(vector(&[1., 0.])), 2.),
        (Some(matrix(&[[1., 1.], [0., 1.]])), 11. / 3.),
    ];
    for (weights, expected) in table {
        let mut mean = Mean::new();
        mean.update_values(&values, weights.as_ref())?;
        near(mean.result()?.to_scalar()?, expected);
    }
    let mut mean = Mean::new();
    assert!(
        mean.update_state(&values, &values, None)
            .unwrap_err()
            .to_string()
            .contains("update_values")
    );
    assert_eq!(Mean::new().result()?.to_scalar::<f32>()?, 0.);
    Ok(())
}

#[test]
fn state_is_in_variables() -> Result<()> {
    let mut mean = Mean::new();
    mean.update_values(&vector(&[1., 2., 3.]), None)?;
    let names: Vec<String> = mean
        .variables()
        .iter()
        .map(|v: &Variable| v.name().to_owned())
        .collect();
    assert_eq!(names, ["total", "count"]);
    mean.variables()[0].assign(&Tensor::new(30f32, &Device::Cpu)?)?;
    assert_eq!(mean.result()?.to_scalar::<f32>()?, 10.);
    Ok(())
}

#[test]
fn float64_state() -> Result<()> {
    let mut mean = Mean::new().of_dtype(DType::F64);
    mean.update_values(&Tensor::new(&[1f64, 1. + 1e-12], &Device::Cpu)?, None)?;
    assert!(mean.result()?.to_scalar::<f64>()? > 1.);
    Ok(())
}

#[test]
fn accuracies() {
    let p = matrix(&[[0.1, 0.9, 0.], [0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.4, 0.3, 0.3]]);
    let one_hot = matrix(&[[0., 1., 0.], [0., 1., 0.], [0., 0., 1.], [0., 0., 1.]]);
    let labels = vector(&[1., 1., 2., 2.]);
    let column = labels.unsqueeze(1).unwrap();
    near(after(&mut CategoricalAccuracy::new(), &one_hot, &p, None), 0.5);
    near(
        after(&mut SparseCategoricalAccuracy::new(), &labels, &p, None),
        0.5,
    );
    near(
        after(&mut SparseCategoricalAccuracy::new(), &column, &p, None),
        0.5,
    );
    near(
        after(
            &mut SparseCategoricalAccuracy::new(),
            &labels,
            &p,
            Some(&vector(&[0., 1., 3., 0.])),
        ),
        0.75,
    );
    near(
        after(&mut TopKCategoricalAccuracy::new().k(2), &one_hot, &p, None),
        1.,
    );
    near(
        after(&mut SparseTopKCategoricalAccuracy::new().k(1), &labels, &p, None),
        0.5,
    );
    let (y, p) = (matrix(&[[1., 0.], [1., 1.]]), matrix(&[[0.6, 0.6], [0.4, 0.5]]));
    near(after(&mut BinaryAccuracy::new(), &y, &p, None), 0.25);
    near(
        after(&mut BinaryAccuracy::new().threshold(0.3), &y, &p, None),
        0.75,
    );
}

#[test]
fn ranks_that_differ_by_one_are_adjusted() {
    let (flat, column) = (vector(&[1., 0., 1.]), matrix(&[[0.9], [0.2], [0.3]]));
    near(after(&mut BinaryAccuracy::new(), &flat, &column, None), 2. / 3.);
    near(
        after(&mut MeanAbsoluteError::new(), &flat, &column, None),
        1. / 3.,
    );
    near(after(&mut AUC::new(), &flat, &column, None), 1.);
}

#[test]
fn decisions() {
    let (y, p) = (vector(&[0., 1., 1., 1., 0.]), vector(&[0.9, 0.2, 0.8, 0.6, 0.1]));
    near(after(&mut TruePositives::new(), &y, &p, None), 2.);
    near(after(&mut FalsePositives::new(), &y, &p, None), 1.);
    near(after(&mut TrueNegatives::new(), &y, &p, None), 1.);
    near(after(&mut FalseNegatives::new(), &y, &p, None), 1.);
    near(after(&mut Precision::new(), &y, &p, None), 2. / 3.);
    near(
        after(&mut Recall::new(), &y, &p, Some(&vector(&[1., 3., 1., 1., 1.]))),
        2. / 5.,
    );
}

#[test]
fn several_thresholds() -> Result<()> {
    let (y, p) = (vector(&[0., 1., 1.]), vector(&[0.4, 0.3, 0.8]));
    let mut precision = Precision::new().thresholds(Some(vec![0.2, 0.5]));
    precision.update_state(&y, &p, None)?;
    let found = precision.result()?.to_vec1::<f32>()?;
    near(found[0], 2. / 3.);
    near(found[1], 1.);
    let wrong = keras_core::Config::new().with("thresholds", 1.5);
    assert!(
        Precision::from_config(&wrong)
            .unwrap_err()
            .to_string()
            .contains("1.5")
    );
    Ok(())
}

/// The bucket pass and the plain comparison of every prediction with every threshold agree.
#[test]
fn even_thresholds_count_like_any_others() -> Result<()> {
    let p: Vec<f32> = (0..64).map(|i| (i * 37 % 64) as f32 / 63.).collect();
    let y: Vec<f32> = (0..64).map(|i| (i * 11 % 5 < 2) as u8 as f32).collect();
    let mut even = TruePositives::new().thresholds(Some(vec![0., 0.25, 0.5, 0.75, 1.]));
    even.update_state(&vector(&y), &vector(&p), None)?;
    let count = |t: f32| y.iter().zip(&p).filter(|(y, p)| **y == 1. && **p > t).count() as f32;
    assert_eq!(
        even.result()?.to_vec1::<f32>()?,
        [0., 0.25, 0.5, 0.75, 1.].map(count)
    );
    Ok(())
}

/// The area under the ROC curve is the share of pairs that are in order.
#[test]
fn auc_is_the_share_of_ordered_pairs() {
    let p: Vec<f32> = (0..40).map(|i| (i * 17 % 40) as f32 / 40. + 0.01).collect();
    let y: Vec<f32> = (0..40)
        .map(|i| ((i * 17 % 40) + i % 13 > 22) as u8 as f32)
        .collect();
    let (mut ordered, mut pairs) = (0., 0.);
    for (yi, pi) in y.iter().zip(&p).filter(|(y, _)| **y == 1.) {
        for (_, pj) in y.iter().zip(&p).filter(|(y, _)| **y == 0.) {
            pairs += 1.;
            ordered += if pi > pj { 1. } else { 0. };
            let _ = yi;
        }
    }
    near(
        after(
            &mut AUC::new().num_thresholds(2001),
            &vector(&y),
            &vector(&p),
            None,
        ),
        ordered / pairs,
    );
}

#[test]
fn f_scores() {
    let y = matrix(&[[1., 1., 1.], [1., 0., 0.], [1., 1., 0.]]);
    let p = matrix(&[[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.]]);
    let mut f1 = F1Score::new().threshold(Some(0.5));
    f1.update_state(&y, &p, None).unwrap();
    let found = f1.result().unwrap().to_vec1::<f32>().unwrap();
    for (found, expected) in found.iter().zip([0.5, 0.8, 2. / 3.]) {
        near(*found, expected);
    }
}

#[test]
fn intersection_over_union() {
    let (y, p) = (vector(&[0., 0., 1., 1.]), vector(&[0., 1., 0., 1.]));
    near(after(&mut MeanIoU::new().num_classes(2), &y, &p, None), 1. / 3.);
    near(
        after(&mut BinaryIoU::new(), &y, &vector(&[0.1, 0.2, 0.4, 0.7]), None),
        (2. / 3. + 0.5) / 2.,
    );
}

#[test]
fn determination() {
    let (y, p) = (matrix(&[[1.], [4.], [3.]]), matrix(&[[2.], [4.], [4.]]));
    near(after(&mut R2Score::new(), &y, &p, None), 1. - 2. / (42. / 9.));
    // One sample has no variance: Keras gives 0, not a number divided by a rounding error.
    let (one, other) = (matrix(&[[1.714_766_7], [0.1]]), matrix(&[[-0.186_160_95], [0.3]]));
    let one = after(
        &mut R2Score::new(),
        &one.narrow(0, 0, 1).unwrap(),
        &other.narrow(0, 0, 1).unwrap(),
        None,
    );
    near(one, 0.);
    assert!(
        R2Score::new()
            .result()
            .unwrap()
            .to_scalar::<f32>()
            .unwrap()
            .is_nan()
    );
}

#[test]
fn names_can_be_set() {
    let mut metric = SparseCategoricalAccuracy::new();
    assert_eq!(metric.name(), "sparse_categorical_accuracy");
    metric.set_name("accuracy");
    assert_eq!(metric.name(), "accuracy");
    assert_eq!(metric.larger_is_better(), Some(true));
    assert_eq!(MeanSquaredError::new().named("mse").name(), "mse");
}

/// Weights `[samples]` of targets `[samples, n]` were an error.
#[test]
fn iou_takes_a_weight_a_sample() -> Result<()> {
    let y = matrix(&[[1., 0.], [1., 1.]]);
    let p = matrix(&[[0.9, 0.8], [0.7, 0.2]]);
    let mut by_sample = BinaryIoU::new().of_dtype(DType::F32);
    let mut by_target = BinaryIoU::new().of_dtype(DType::F32);
    let found = after(&mut by_sample, &y, &p, Some(&vector(&[0.5, 2.])));
    near(
        found,
        after(&mut by_target, &y, &p, Some(&matrix(&[[0.5, 0.5], [2., 2.]]))),
    );
    // Class 0: nothing right. Class 1: 0.5 + 2 right of 0.5 + 0.5 + 2 + 2.
    near(found, 0.25);
    assert!(by_sample.update_state(&y, &p, Some(&vector(&[1.; 3]))).is_err());
    Ok(())
}

/// Values from Keras 3.15.1 on JAX.
#[test]
fn numbers_that_are_none() -> Result<()> {
    let (y, p) = (vector(&[1.; 5]), vector(&[f32::NAN, -0.5, 0., 1.5, 0.5]));
    let counted = |metric: &mut dyn Metric| -> Result<Vec<f32>> {
        metric.update_state(&y, &p, None)?;
        Ok(metric.variables()[0].value().to_vec1()?)
    };
    assert_eq!(counted(&mut AUC::new().num_thresholds(5))?, [5., 2., 1., 1., 0.]);
    let positives = |thresholds: &[f64]| TruePositives::new().thresholds(Some(thresholds.to_vec()));
    assert_eq!(counted(&mut positives(&[0., 0.5, 1.]))?, [3., 1., 0.]);
    assert_eq!(counted(&mut positives(&[0., 0.2, 1.]))?, [2., 2., 1.]);
    let y = matrix(&[[0., 1., 0.]]);
    near(
        after(
            &mut CategoricalAccuracy::new(),
            &y,
            &matrix(&[[0.9, f32::NAN, 0.1]]),
            None,
        ),
        1.,
    );
    near(
        after(
            &mut TopKCategoricalAccuracy::new().k(2),
            &y,
            &matrix(&[[0.9, f32::INFINITY, 0.1]]),
            None,
        ),
        1.,
    );
    let rows = matrix(&[[0., 1., 0.], [0., 1., 0.]]);
    near(
        after(
            &mut SparseCategoricalAccuracy::new(),
            &vector(&[1.5, 1.]),
            &rows,
            None,
        ),
        0.5,
    );
    let equal = matrix(&[[0.5, 0.5, 0.5]]);
    let mut precision = Precision::new().top_k(Some(2));
    near(after(&mut precision, &matrix(&[[1., 1., 1.]]), &equal, None), 1.);
    assert_eq!(precision.variables()[0].value().to_vec1::<f32>()?, [2.]);
    Ok(())
}

/// A pair of equal predictions is half in order; the buffers grow, merge and start anew.
#[test]
fn exact_area_is_the_share_of_ordered_pairs() -> Result<()> {
    let p: Vec<f32> = (0..150).map(|i| (i * 17 % 40) as f32 - 20.).collect();
    let y: Vec<f32> = (0..150)
        .map(|i| f32::from(u8::from((i * 17 % 40) + i % 13 > 22)))
        .collect();
    let (mut ordered, mut pairs) = (0., 0.);
    for (_, pi) in y.iter().zip(&p).filter(|(y, _)| **y == 1.) {
        for (_, pj) in y.iter().zip(&p).filter(|(y, _)| **y == 0.) {
            pairs += 1.;
            ordered += if pi == pj {
                0.5
            } else {
                f32::from(u8::from(pi > pj))
            };
        }
    }
    let mut auc = AUC::new().exact(true);
    for start in [0, 50, 100] {
        auc.update_state(
            &vector(&y[start..start + 50]),
            &vector(&p[start..start + 50]),
            None,
        )?;
    }
    near(auc.result()?.to_scalar()?, ordered / pairs);
    let mut other = AUC::new().exact(true);
    other.update_state(&vector(&y[..30]), &vector(&p[..30]), None)?;
    other.merge_state(&auc.state()?)?;
    auc.update_state(&vector(&y[..30]), &vector(&p[..30]), None)?;
    near(other.result()?.to_scalar()?, auc.result()?.to_scalar()?);
    auc.reset_state()?;
    assert_eq!(auc.result()?.to_scalar::<f32>()?, 0.);
    near(
        after(&mut auc, &vector(&[0., 1.]), &vector(&[0.1, 0.9]), None),
        1.,
    );
    Ok(())
}

#[test]
fn exact_areas_of_labels() -> Result<()> {
    let y = matrix(&[[0., 1.], [1., 1.], [1., 0.]]);
    let p = matrix(&[[0.1, 0.9], [0.6, 0.2], [0.5, 0.5]]);
    // Label 0: both pairs in order. Label 1: one of two.
    let exact = || AUC::new().exact(true).multi_label(true);
    near(after(&mut exact(), &y, &p, None), 0.75);
    near(
        after(&mut exact().label_weights(Some(vec![1., 3.])), &y, &p, None),
        0.625,
    );
    let mut average = AveragePrecision::new().average(None);
    average.update_state(&y, &p, None)?;
    let found = average.result()?.to_vec1::<f32>()?;
    near(found[0], 1.);
    near(found[1], 0.5 + 0.5 * 2. / 3.);
    Ok(())
}

#[test]
fn several_numbers_have_names() -> Result<()> {
    let names = |metric: &dyn Metric| -> Result<Vec<String>> {
        Ok(metric.log_entries()?.into_iter().map(|(name, _)| name).collect())
    };
    let precision = Precision::new().thresholds(Some(vec![0.2, 0.5])).named("p");
    assert_eq!(names(&precision)?, ["p_0", "p_1"]);
    assert_eq!(names(&Precision::new())?, ["precision"]);
    let mut f1 = F1Score::new();
    assert_eq!(names(&f1)?, ["f1_score"]);
    f1.build(&[None, Some(3)], &[None, Some(3)])?;
    assert_eq!(names(&f1)?, ["f1_score_0", "f1_score_1", "f1_score_2"]);
    let matrix = ConfusionMatrix::new().num_classes(Some(2)).named("m");
    assert_eq!(names(&matrix)?, ["m_0_0", "m_0_1", "m_1_0", "m_1_1"]);
    let report = ClassificationReport::new()
        .num_classes(Some(2))
        .target_names(Some(vec!["no".into(), "oh yes".into()]));
    let found = names(&report)?;
    assert_eq!(found.len(), 4 * 4 + 1);
    for name in [
        "no_precision",
        "oh_yes_support",
        "accuracy",
        "macro_avg_f1_score",
        "weighted_avg_recall",
    ] {
        assert!(found.iter().any(|found| found == name), "{name} {found:?}");
    }
    Ok(())
}

#[test]
fn masks_join_the_weights() -> Result<()> {
    let (y, p) = (matrix(&[[1., 1.], [0., 1.]]), matrix(&[[0.9, 0.1], [0.2, 0.9]]));
    let (y, p) = (y.unsqueeze(2)?, p.unsqueeze(2)?);
    let mask = Tensor::new(&[[1u8, 0], [1, 1]], &Device::Cpu)?;
    let mut accuracy = BinaryAccuracy::new();
    accuracy.update_masked(&y, &p, None, Some(&mask))?;
    near(accuracy.result()?.to_scalar()?, 1.);
    // As in Keras, root mean squared errors know no mask.
    let mut error = RootMeanSquaredError::new();
    error.update_masked(&y, &p, None, Some(&mask))?;
    near(
        error.result()?.to_scalar()?,
        ((0.01 + 0.81 + 0.04 + 0.01) / 4f32).sqrt(),
    );
    Ok(())
}

#[test]
fn weights_of_any_fitting_shape() -> Result<()> {
    let (y, p) = (matrix(&[[1., 0.], [1., 1.]]), matrix(&[[0.9, 0.8], [0.2, 0.7]]));
    let table = [
        (vector(&[1., 2.]), 3.),
        (matrix(&[[1.], [2.]]), 3.),
        (matrix(&[[1., 2.]]), 3.),
        (matrix(&[[1., 2.], [3., 4.]]), 5.),
        (Tensor::new(0.5f32, &Device::Cpu)?, 1.),
    ];
    for (weights, expected) in table {
        near(after(&mut TruePositives::new(), &y, &p, Some(&weights)), expected);
    }
    Ok(())
}

#[test]
fn agreement_of_decisions() {
    let (y, p) = (
        vector(&[0., 1., 2., 2.]),
        matrix(&[[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0., 0.4, 0.6]]),
    );
    near(after(&mut BalancedAccuracy::new(), &y, &p, None), 2. / 3.);
    // Of 4 agree 3; by chance (1 * 2 + 1 * 0 + 2 * 2) / 16.
    near(
        after(&mut CohenKappa::new(), &y, &p, None),
        (0.75 - 0.375) / (1. - 0.375),
    );
    // (4 * 3 - 6) / sqrt((16 - 8) (16 - 6))
    near(
        after(&mut MatthewsCorrelation::new(), &y, &p, None),
        6. / 80f32.sqrt(),
    );
    let numbers = vector(&[0., 0., 2., 2.]);
    let mut kappa = CohenKappa::new().num_classes(Some(3)).sparse_y_pred(true);
    near(after(&mut kappa, &y, &numbers, None), 0.6);
    let mut ignoring = BalancedAccuracy::new().ignore_class(Some(1));
    near(after(&mut ignoring, &y, &p, None), 1.);
}

#[test]
fn calibration() {
    let (y, p) = (vector(&[2., 1.]), matrix(&[[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]]));
    let error = |norm: &str| CalibrationError::new().num_bins(2).norm(norm.to_owned());
    // Both in the upper bin: one of two right at a confidence of 0.65.
    near(after(&mut error("l1"), &y, &p, None), 0.15);
    near(after(&mut error("max"), &y, &p, Some(&vector(&[1., 0.]))), 0.3);
    near(
        after(&mut error("l2"), &vector(&[1., 0.]), &vector(&[0.25, 1.]), None),
        ((0.75f32 * 0.75 + 1.) / 2.).sqrt(),
    );
}

/// What is wrong is said with the class, the argument and what came.
#[test]
fn misuse() {
    let (y, p) = (vector(&[0., 1.]), vector(&[0.2, 0.7]));
    let rows = matrix(&[[0.2, 0.8], [0.6, 0.4]]);
    type Case = (Box<dyn Metric>, Tensor, Tensor, &'static [&'static str]);
    let table: Vec<Case> = vec![
        (
            Box::new(AUC::new().num_thresholds(1)),
            y.clone(),
            p.clone(),
            &["AUC", "num_thresholds", "got 1"],
        ),
        (
            Box::new(AUC::new().thresholds(Some(vec![0.5, 1.5]))),
            y.clone(),
            p.clone(),
            &["AUC", "1.5"],
        ),
        (
            Box::new(AUC::new().num_labels(Some(2))),
            y.clone(),
            p.clone(),
            &["num_labels", "multi_label"],
        ),
        (
            Box::new(AUC::new().multi_label(true)),
            y.clone(),
            p.clone(),
            &["[samples, labels]", "[2]"],
        ),
        (
            Box::new(Precision::new().class_id(Some(3))),
            rows.clone(),
            rows.clone(),
            &["class_id", "3", "[2, 2]"],
        ),
        (
            Box::new(Recall::new().thresholds(Some(vec![]))),
            y.clone(),
            p.clone(),
            &["Recall", "thresholds", "empty"],
        ),
        (
            Box::new(F1Score::new().average(Some("mean".into()))),
            rows.clone(),
            rows.clone(),
            &["average", "mean"],
        ),
        (
            Box::new(F1Score::new()),
            y.clone(),
            p.clone(),
            &["f1_score", "[samples, classes]", "[2]"],
        ),
        (
            Box::new(FBetaScore::new().beta(0.)),
            rows.clone(),
            rows.clone(),
            &["beta", "got 0"],
        ),
        (
            Box::new(IoU::new().num_classes(2)),
            y.clone(),
            y.clone(),
            &["IoU", "target_class_ids"],
        ),
        (
            Box::new(R2Score::new().class_aggregation(Some("sum".into()))),
            rows.clone(),
            rows.clone(),
            &["R2Score", "sum"],
        ),
        (
            Box::new(CosineSimilarity::new().axis(2)),
            rows.clone(),
            rows.clone(),
            &["2"],
        ),
        (
            Box::new(PearsonCorrelation::new().axis(2)),
            rows.clone(),
            rows.clone(),
            &["axis", "2", "[2, 2]"],
        ),
        (
            Box::new(CohenKappa::new().weights(Some("cubic".into()))),
            y.clone(),
            p.clone(),
            &["weights", "cubic"],
        ),
        (
            Box::new(CalibrationError::new()),
            y.clone(),
            vector(&[0.5, 2.]),
            &["prediction 1 is 2", "within 0 and 1"],
        ),
        (
            Box::new(MatthewsCorrelation::new()),
            vector(&[0., 5.]),
            rows.clone(),
            &["target 1 is 5", "2 classes"],
        ),
        (
            Box::new(ConfusionMatrix::new().sparse_y_pred(true)),
            y.clone(),
            y.clone(),
            &["num_classes"],
        ),
        (
            Box::new(BalancedAccuracy::new().num_classes(Some(3))),
            y.clone(),
            rows.clone(),
            &["num_classes", "3", "2"],
        ),
        (
            Box::new(CategoricalAccuracy::new()),
            y.clone(),
            rows.clone(),
            &["[2]", "[2, 2]", "sparse_"],
        ),
        (
            Box::new(AveragePrecision::new().average(Some("samples".into()))),
            y.clone(),
            p.clone(),
            &["average", "samples"],
        ),
    ];
    for (mut metric, y, p, parts) in table {
        let error = metric.update_state(&y, &p, None).unwrap_err().to_string();
        for part in parts {
            assert!(
                error.contains(part),
                "{}: `{error}` without `{part}`",
                metric.class_name()
            );
        }
    }
    let registry = keras_core::Registry::empty();
    let wrapper = ENTRIES
        .iter()
        .find(|entry| entry.class_name == "MeanMetricWrapper")
        .unwrap();
    let made = |function: &str| (wrapper.build)(&keras_core::Config::new().with("fn", function), &registry);
    assert!(
        made("mean_squared_eror")
            .unwrap_err()
            .to_string()
            .contains("mean_squared_error")
    );
    assert!(made("auc").unwrap_err().to_string().contains("not a function"));
    let mut report = ClassificationReport::new().target_names(Some(vec!["one".into()]));
    report.update_state(&y, &p, None).unwrap();
    assert!(report.report().unwrap_err().to_string().contains("1 names for 2"));
}

/// The state is where the predictions are, and a wider batch than before is an error, not another state.
#[test]
fn the_shape_of_the_state_stays() -> Result<()> {
    let mut f1 = F1Score::new();
    let wide = |n: usize| Tensor::ones((2, n), DType::F32, &Device::Cpu);
    f1.update_state(&wide(3)?, &wide(3)?, None)?;
    let error = f1
        .update_state(&wide(4)?, &wide(4)?, None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("[3]") && error.contains("[4]"), "{error}");
    assert!(
        f1.variables()
            .iter()
            .all(|v| v.device().same_device(&Device::Cpu))
    );
    f1.reset_state()?;
    assert!(f1.update_state(&wide(4)?, &wide(4)?, None).is_err());
    Ok(())
}

/// The mean of a named function is that of the class.
#[test]
fn functions_by_name() -> Result<()> {
    let registry = keras_core::Registry::empty();
    let wrapper = ENTRIES
        .iter()
        .find(|entry| entry.class_name == "MeanMetricWrapper")
        .unwrap();
    let config = keras_core::Config::new().with("fn", "huber").with("delta", 0.5);
    let mut metric = (wrapper.build)(&config, &registry)?;
    let (y, p) = (matrix(&[[0., 1.], [2., 0.]]), matrix(&[[1., 1.], [0., 0.2]]));
    metric.update_state(&y, &p, None)?;
    near(
        metric.result()?.to_scalar()?,
        after(&mut Huber::new().delta(0.5), &y, &p, None),
    );
    assert_eq!(metric.name(), "mean_metric_wrapper");
    let values = huber(&y, &p, 0.5)?.to_vec1::<f32>()?;
    near(metric.result()?.to_scalar()?, (values[0] + values[1]) / 2.);
    Ok(())
}
