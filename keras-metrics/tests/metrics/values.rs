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
