//! Losses of embeddings among the others of their batch.

use keras_core::{Config, Loss, Reduction, Result};
use keras_losses::*;
use keras_ops::{DType, Device, Tensor};

use super::values::{matrix, near};

fn labels(labels: &[u32]) -> Tensor {
    Tensor::new(labels, &Device::Cpu).unwrap()
}

#[test]
fn circle_takes_references_of_its_own() -> Result<()> {
    let (y, p) = (labels(&[0, 1]), matrix(&[[1., 0.], [0., 1.]]));
    let with = |remove| circle(&y, &p, Some(&y), Some(&p), remove, 80., 0.4);
    // The batch as its own references is the batch alone.
    assert_eq!(
        with(true)?.to_vec1::<f32>()?,
        circle(&y, &p, None, None, true, 80., 0.4)?.to_vec1::<f32>()?
    );
    let (ref_y, refs) = (labels(&[1, 0, 0]), matrix(&[[0., 1.], [1., 0.], [0.6, 0.8]]));
    let found = circle(&y, &p, Some(&ref_y), Some(&refs), true, 2., 0.5)?.to_vec1::<f32>()?;
    // Real Keras 3.15.1: keras.losses.circle(y, p, ref_y, refs, True, 2.0, 0.5).
    for (found, expected) in found.iter().zip(KERAS_CIRCLE) {
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    }
    let error = circle(&y, &p, Some(&y), Some(&refs), true, 2., 0.5)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`ref_labels` [2]") && error.contains("[3, 2]"),
        "{error}"
    );
    Ok(())
}

const KERAS_CIRCLE: [f32; 2] = [0.62834007, 0.9899163];

#[test]
fn samples_without_a_mate_do_not_count_in_the_mean() -> Result<()> {
    let (y, p) = (labels(&[0, 0, 1]), matrix(&[[0., 1.], [3., 1.], [9., 5.]]));
    for loss in [
        Box::new(Triplet::default()) as Box<dyn Loss>,
        Box::new(SupervisedContrastive::default()),
        Box::new(Circle::default()),
    ] {
        let each = |reduction: &str| {
            let config = loss.config().with("reduction", reduction);
            deserialize(&serde_json::json!({"class_name": loss.class_name(), "config": config.0}))
        };
        let values = each("none")?.apply(&y, &p, None, None)?.to_vec1::<f32>()?;
        assert_eq!(values[2], 0., "{}", loss.name());
        let counted: Vec<f32> = match loss.class_name() {
            "Circle" => values.into_iter().filter(|v| *v > 0.).collect(),
            _ => values[..2].to_vec(),
        };
        let mean = counted.iter().sum::<f32>() / counted.len() as f32;
        near(&each("mean")?.apply(&y, &p, None, None)?, mean);
    }
    Ok(())
}

#[test]
fn a_batch_of_one_class_has_nothing_to_tell_apart() -> Result<()> {
    let (y, p) = (labels(&[2, 2]), matrix(&[[0., 1.], [3., 1.]]));
    let triplet: &dyn Loss = &Triplet::default();
    near(&triplet.apply(&y, &p, None, None)?, 0.);
    let contrastive: &dyn Loss = &Contrastive::default();
    near(&contrastive.apply(&y, &p, None, None)?, 9.);
    let one: &dyn Loss = &Contrastive::default();
    near(&one.apply(&labels(&[1]), &matrix(&[[1., 2.]]), None, None)?, 0.);
    Ok(())
}

#[test]
fn equal_embeddings_have_finite_gradients() -> Result<()> {
    let y = labels(&[0, 0, 1, 1]);
    for class in [
        "Contrastive",
        "Triplet",
        "SupervisedContrastive",
        "Circle",
        "InfoNCE",
    ] {
        let loss = get(class)?;
        let p = keras_ops::Var::from_tensor(&Tensor::ones((4, 3), DType::F32, &Device::Cpu)?)?;
        let y = if class == "InfoNCE" {
            p.as_tensor().copy()?
        } else {
            y.clone()
        };
        let tape = keras_ops::GradientTape::start();
        let value = loss.apply(&y, p.as_tensor(), None, None)?;
        let gradients = tape.gradients(&value)?;
        let gradient = gradients
            .get(p.as_tensor())
            .unwrap()
            .flatten_all()?
            .to_vec1::<f32>()?;
        assert!(gradient.iter().all(|g| g.is_finite()), "{class}: {gradient:?}");
    }
    Ok(())
}

#[test]
fn labels_may_have_an_axis_of_one() -> Result<()> {
    let p = matrix(&[[0., 1.], [3., 1.], [9., 5.]]);
    let flat = labels(&[0, 0, 1]);
    for class in ["Contrastive", "Triplet", "SupervisedContrastive", "Circle"] {
        let loss = get(class)?;
        let apply = |y: &Tensor| {
            loss.apply(y, &p, None, None)?
                .to_scalar::<f32>()
                .map_err(Into::into)
        };
        let result: Result<f32> = apply(&flat);
        assert_eq!(result?, apply(&flat.unsqueeze(1)?)?, "{class}");
    }
    Ok(())
}

#[test]
fn wrong_arguments_are_errors_wherever_they_are_given() {
    let table = [
        ("Quantile", "quantile", 1.),
        ("Contrastive", "margin", 0.),
        ("Triplet", "margin", -1.),
        ("SupervisedContrastive", "temperature", 0.),
        ("InfoNCE", "temperature", -0.1),
        ("CategoricalGeneralizedCrossEntropy", "q", 0.),
    ];
    for (class, argument, value) in table {
        let entry = ENTRIES.iter().find(|e| e.class_name == class).unwrap();
        let error = (entry.build)(
            &Config::new().with(argument, value),
            &keras_core::Registry::empty(),
        )
        .unwrap_err()
        .to_string();
        assert!(error.contains(class) && error.contains(argument), "{error}");
    }
    let loss: &dyn Loss = &Quantile {
        quantile: 2.,
        ..Default::default()
    };
    let p = matrix(&[[1.]]);
    assert!(loss.apply(&p, &p, None, None).is_err());
    let error = Triplet::from_config(&Config::new().with("mining", "harder"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("hard, semi_hard") || error.contains("`hard`"),
        "{error}"
    );
}

#[test]
fn symmetric_info_nce_is_the_mean_of_both_ways() -> Result<()> {
    let (y, p) = (
        matrix(&[[1., 0.2], [-0.3, 1.]]),
        matrix(&[[0.7, 0.1], [0.2, 0.5]]),
    );
    let apply = |y: &Tensor, p: &Tensor, symmetric: bool| -> Result<f32> {
        let loss: &dyn Loss = &InfoNCE {
            symmetric,
            reduction: Reduction::Sum,
            ..Default::default()
        };
        Ok(loss.apply(y, p, None, None)?.to_scalar::<f32>()?)
    };
    let both = (apply(&y, &p, false)? + apply(&p, &y, false)?) / 2.;
    assert!((apply(&y, &p, true)? - both).abs() < 1e-5);
    Ok(())
}
