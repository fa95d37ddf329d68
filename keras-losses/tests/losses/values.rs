//! Values from the formulas.

use keras_core::{Loss, Reduction, Result};
use keras_losses::*;
use keras_ops::{Device, Tensor};

pub(crate) fn matrix<const N: usize>(rows: &[[f32; N]]) -> Tensor {
    Tensor::from_vec(rows.concat(), (rows.len(), N), &Device::Cpu).unwrap()
}

pub(crate) fn vector(values: &[f32]) -> Tensor {
    Tensor::new(values, &Device::Cpu).unwrap()
}

pub(crate) fn near(found: &Tensor, expected: f32) {
    let found = found.to_scalar::<f32>().unwrap();
    assert!(
        (found - expected).abs() <= 1e-6 + 1e-5 * expected.abs(),
        "{found} is not {expected}"
    );
}

#[test]
fn reductions() -> Result<()> {
    let (y, p) = (matrix(&[[0.], [0.], [0.]]), matrix(&[[1.], [2.], [3.]])); // squared: 1, 4, 9
    let w = vector(&[2., 0., 1.]);
    let table = [
        (Reduction::SumOverBatchSize, 14. / 3., 11. / 3.),
        (Reduction::Mean, 14. / 3., 11. / 3.),
        (Reduction::Sum, 14., 11.),
        (Reduction::MeanWithSampleWeight, 14. / 3., 11. / 3.),
    ];
    for (reduction, plain, weighted) in table {
        let loss: &dyn Loss = &MeanSquaredError {
            reduction,
            ..Default::default()
        };
        near(&loss.apply(&y, &p, None, None)?, plain);
        near(&loss.apply(&y, &p, Some(&w), None)?, weighted);
    }
    let loss: &dyn Loss = &MeanSquaredError {
        reduction: Reduction::None,
        ..Default::default()
    };
    assert_eq!(
        loss.apply(&y, &p, Some(&w), None)?.to_vec1::<f32>()?,
        [2., 0., 9.]
    );
    Ok(())
}

#[test]
fn mean_with_sample_weight_divides_by_the_weights() -> Result<()> {
    let (y, p) = (matrix(&[[0.], [0.]]), matrix(&[[1.], [3.]]));
    let loss: &dyn Loss = &MeanAbsoluteError {
        reduction: Reduction::MeanWithSampleWeight,
        ..Default::default()
    };
    near(&loss.apply(&y, &p, Some(&vector(&[3., 1.])), None)?, 1.5);
    near(&loss.apply(&y, &p, Some(&vector(&[0., 0.])), None)?, 0.);
    Ok(())
}

#[test]
fn masked_samples_leave_the_mean() -> Result<()> {
    let (y, p) = (matrix(&[[0.], [0.], [0.]]), matrix(&[[1.], [2.], [9.]]));
    let mask = Tensor::new(&[1u8, 1, 0], &Device::Cpu)?;
    let loss: &dyn Loss = &MeanAbsoluteError::default();
    near(&loss.apply(&y, &p, None, Some(&mask))?, 1.5);
    near(&loss.apply(&y, &p, None, Some(&mask.zeros_like()?))?, 0.);
    Ok(())
}

#[test]
fn ignored_class_leaves_the_mean() -> Result<()> {
    let y = Tensor::new(&[[0i64, 9], [1, 9]], &Device::Cpu)?;
    let p = Tensor::new(
        &[[[0.5f32, 0.5], [0.1, 0.9]], [[0.75, 0.25], [0.1, 0.9]]],
        &Device::Cpu,
    )?;
    let loss: &dyn Loss = &SparseCategoricalCrossentropy {
        ignore_class: Some(9),
        ..Default::default()
    };
    near(
        &loss.apply(&y, &p, None, None)?,
        -(0.5f32.ln() + 0.25f32.ln()) / 2.,
    );
    loss.check_targets(&y, &[None, Some(2), Some(2)])
}

#[test]
fn targets_are_checked() {
    let loss: &dyn Loss = &SparseCategoricalCrossentropy::default();
    let error = |y: Tensor| loss.check_targets(&y, &[None, Some(3)]).unwrap_err().to_string();
    assert!(error(Tensor::new(&[[0i64], [-1]], &Device::Cpu).unwrap()).contains("label -1 at [1, 0]"));
    assert!(error(vector(&[0., 1.5])).contains("label 1.5 at [1]"));
    assert!(error(matrix(&[[0., 1., 0.]])).contains("one-hot"));
    assert!(
        loss.check_targets(&vector(&[0., 1., 2.]), &[None, Some(3)])
            .is_ok()
    );
}

#[test]
fn ranks_that_differ_by_one_are_adjusted_and_nothing_else() -> Result<()> {
    let loss: &dyn Loss = &MeanSquaredError::default();
    let (flat, column) = (vector(&[1., 2., 4.]), matrix(&[[1.], [2.], [3.]]));
    near(&loss.apply(&flat, &column, None, None)?, 1. / 3.);
    near(&loss.apply(&column, &flat, None, None)?, 1. / 3.);
    assert!(loss.call(&flat, &column).is_err());
    assert!(
        loss.apply(&flat, &matrix(&[[1., 2., 3.]; 3]), None, None)
            .is_err()
    );
    Ok(())
}

#[test]
fn weights_by_position() -> Result<()> {
    let loss: &dyn Loss = &MeanAbsoluteError::default();
    let y = Tensor::zeros((2, 2, 1), keras_ops::DType::F32, &Device::Cpu)?;
    let p = Tensor::new(&[[[1f32], [2.]], [[3.], [4.]]], &Device::Cpu)?;
    near(
        &loss.apply(&y, &p, Some(&matrix(&[[1., 0.], [0., 1.]])), None)?,
        5. / 4.,
    );
    near(&loss.apply(&y, &p, Some(&matrix(&[[1.], [0.]])), None)?, 3. / 4.);
    // Weights of samples count for every position, where Keras fails.
    near(&loss.apply(&y, &p, Some(&vector(&[1., 0.])), None)?, 3. / 4.);
    let error = loss
        .apply(&y, &p, Some(&vector(&[1., 0., 1.])), None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("[2, 2]") && error.contains("[3]"), "{error}");
    Ok(())
}

#[test]
fn formulas() -> Result<()> {
    let (y, p) = (matrix(&[[1., 0.]]), matrix(&[[0.8, 0.4]]));
    let ln = f32::ln;
    let table: [(&dyn Loss, f32); 12] = [
        (&MeanSquaredError::default(), 0.1),
        (&MeanAbsoluteError::default(), 0.3),
        (
            &MeanSquaredLogarithmicError::default(),
            ((ln(1.8) - ln(2.)).powi(2) + ln(1.4).powi(2)) / 2.,
        ),
        (&LogCosh::default(), (ln(0.2f32.cosh()) + ln(0.4f32.cosh())) / 2.),
        (&Poisson::default(), (0.8 - ln(0.8) + 0.4) / 2.),
        (&Hinge::default(), (0.2 + 1.4) / 2.),
        (&SquaredHinge::default(), (0.04 + 1.96) / 2.),
        (&CategoricalHinge::default(), 0.6),
        (&CosineSimilarity::default(), -0.8 / 0.8f32.sqrt()),
        (&BinaryCrossentropy::default(), -(ln(0.8) + ln(0.6)) / 2.),
        (&CategoricalCrossentropy::default(), -ln(2. / 3.)),
        (&Dice::default(), 1. - 1.6 / 2.2),
    ];
    for (loss, expected) in table {
        let found = loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?;
        assert!(
            (found - expected).abs() < 1e-5,
            "{}: {found} is not {expected}",
            loss.name()
        );
    }
    Ok(())
}

#[test]
fn q_is_within_its_interval() {
    let config = keras_core::Config::new().with("q", 1.);
    assert!(CategoricalGeneralizedCrossEntropy::from_config(&config).is_err());
}
