//! The functions under Keras's names, called as Keras's are.

use keras_core::Result;
use keras_losses as losses;
use keras_ops::{Device, Tensor};

use super::values::{matrix, vector};

type Function = fn(&Tensor, &Tensor) -> Result<Tensor>;

#[test]
fn functions_adjust_ranks_as_keras_does() -> Result<()> {
    let table: [(&str, Function); 12] = [
        ("mean_squared_error", losses::mean_squared_error),
        ("mean_absolute_error", losses::mean_absolute_error),
        (
            "mean_absolute_percentage_error",
            losses::mean_absolute_percentage_error,
        ),
        (
            "mean_squared_logarithmic_error",
            losses::mean_squared_logarithmic_error,
        ),
        ("huber", |y, p| losses::huber(y, p, 1.)),
        ("log_cosh", losses::log_cosh),
        ("cosine_similarity", |y, p| losses::cosine_similarity(y, p, -1)),
        ("poisson", losses::poisson),
        ("kl_divergence", losses::kl_divergence),
        ("hinge", losses::hinge),
        ("dice", |y, p| losses::dice(y, p, Some(&[-1]))),
        ("binary_crossentropy", |y, p| {
            losses::binary_crossentropy(y, p, false, 0., -1)
        }),
    ];
    let (flat, column) = (vector(&[0.2, 0.6, 0.9]), matrix(&[[0.3], [0.5], [0.7]]));
    for (name, function) in table {
        let same = function(&flat.unsqueeze(1)?, &column)?.to_vec1::<f32>()?;
        assert_eq!(function(&flat, &column)?.to_vec1::<f32>()?, same, "{name}");
        let error = function(&flat, &matrix(&[[1., 2., 3.]; 3]))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("[3]") && error.contains("[3, 3]"),
            "{name}: {error}"
        );
    }
    Ok(())
}

#[test]
fn targets_may_be_whole_numbers() -> Result<()> {
    let y = Tensor::new(&[[1u32, 0]], &Device::Cpu)?;
    let p = matrix(&[[0.5, 1.5]]);
    assert_eq!(losses::mse(&y, &p)?.to_vec1::<f32>()?, [1.25]);
    Ok(())
}

#[test]
fn short_forms_are_the_functions() -> Result<()> {
    let (y, p) = (matrix(&[[0.25, 0.75]]), matrix(&[[0.5, 0.5]]));
    let table: [(Function, Function); 14] = [
        (losses::mse, losses::mean_squared_error),
        (losses::MSE, losses::mean_squared_error),
        (losses::mae, losses::mean_absolute_error),
        (losses::MAE, losses::mean_absolute_error),
        (losses::mape, losses::mean_absolute_percentage_error),
        (losses::MAPE, losses::mean_absolute_percentage_error),
        (losses::msle, losses::mean_squared_logarithmic_error),
        (losses::MSLE, losses::mean_squared_logarithmic_error),
        (losses::kld, losses::kl_divergence),
        (losses::KLD, losses::kl_divergence),
        (losses::kullback_leibler_divergence, losses::kl_divergence),
        (losses::logcosh, losses::log_cosh),
        (
            |y, p| losses::bce(y, p, false, 0., -1),
            |y, p| losses::binary_crossentropy(y, p, false, 0., -1),
        ),
        (
            |y, p| losses::BCE(y, p, false, 0., -1),
            |y, p| losses::binary_crossentropy(y, p, false, 0., -1),
        ),
    ];
    for (short, long) in table {
        assert_eq!(short(&y, &p)?.to_vec1::<f32>()?, long(&y, &p)?.to_vec1::<f32>()?);
    }
    Ok(())
}

#[test]
fn cosine_similarity_is_the_loss_not_the_metric() -> Result<()> {
    let y = matrix(&[[0., 1.], [1., 1.], [1., 1.]]);
    let p = matrix(&[[1., 0.], [1., 1.], [-1., -1.]]);
    let found = losses::cosine_similarity(&y, &p, -1)?.to_vec1::<f32>()?;
    // The example in Keras's documents.
    for (found, expected) in found.iter().zip([0., -1., 1.]) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }
    Ok(())
}

#[test]
fn a_weight_for_each_class_needs_one_for_each() {
    let (y, p) = (matrix(&[[0., 1.]]), matrix(&[[0.5, 0.5]]));
    let error = losses::categorical_focal_crossentropy(&y, &p, &[0.1, 0.2, 0.3], 2., false, 0., -1)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`alpha` has 3 numbers") && error.contains("2 classes"),
        "{error}"
    );
}
