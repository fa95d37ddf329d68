//! Gradients of every loss function by both arguments, away from kinks.

use keras_ops::losses::*;
use keras_ops::{Device, Result, Tensor, gradcheck};

/// `[3, 5]` values strictly between `low` and `high`, in no order.
fn spread(low: f64, high: f64, seed: usize) -> Result<Tensor> {
    let values = (0..15).map(|i| low + (high - low) * ((i * 7 + seed * 3) % 16 + 1) as f64 / 18.);
    Tensor::from_vec(values.collect(), (3, 5), &Device::Cpu)
}

fn both(name: &str, inputs: (Tensor, Tensor), f: impl Fn(&Tensor, &Tensor) -> Result<Tensor>) -> Result<()> {
    gradcheck::check(name, &[inputs.0, inputs.1], |x| f(&x[0], &x[1]))
}

fn probabilities() -> Result<(Tensor, Tensor)> {
    Ok((spread(0.05, 0.95, 1)?, spread(0.05, 0.95, 2)?))
}

fn reals() -> Result<(Tensor, Tensor)> {
    Ok((spread(-2., 2.1, 1)?, spread(-2.3, 2., 2)?))
}

#[test]
fn gradients_of_regression_losses() -> Result<()> {
    both("mean_squared_error", reals()?, mean_squared_error)?;
    both("mean_absolute_error", reals()?, mean_absolute_error)?;
    both(
        "mean_absolute_percentage_error",
        reals()?,
        mean_absolute_percentage_error,
    )?;
    both(
        "mean_squared_logarithmic_error",
        probabilities()?,
        mean_squared_logarithmic_error,
    )?;
    both("huber", reals()?, |y, p| huber(y, p, 0.7))?;
    both("log_cosh", reals()?, log_cosh)?;
    both("poisson", probabilities()?, poisson)?;
    both("kl_divergence", probabilities()?, kl_divergence)?;
    both("cosine_similarity", reals()?, |y, p| cosine_similarity(y, p, -1))?;
    both("cosine_similarity", reals()?, |y, p| cosine_similarity(y, p, 0))
}

#[test]
fn gradients_of_margins() -> Result<()> {
    both("hinge", reals()?, hinge)?;
    both("squared_hinge", reals()?, squared_hinge)?;
    both("categorical_hinge", reals()?, categorical_hinge)
}

#[test]
fn gradients_of_crossentropies() -> Result<()> {
    for smoothing in [0., 0.3] {
        for axis in [-1, 0] {
            both("bce", probabilities()?, |y, p| {
                binary_crossentropy(y, p, false, smoothing, axis)
            })?;
            both("bce logits", reals()?, |y, p| {
                binary_crossentropy(y, p, true, smoothing, axis)
            })?;
            both("cce", probabilities()?, |y, p| {
                categorical_crossentropy(y, p, false, smoothing, axis)
            })?;
            both("cce logits", reals()?, |y, p| {
                categorical_crossentropy(y, p, true, smoothing, axis)
            })?;
        }
    }
    Ok(())
}

#[test]
fn gradients_of_focal_crossentropies() -> Result<()> {
    for (alpha, gamma, smoothing) in [(None, 2., 0.), (Some(0.3), 1.5, 0.2)] {
        both("binary focal", probabilities()?, |y, p| {
            binary_focal_crossentropy(y, p, alpha, gamma, false, smoothing, -1)
        })?;
        both("binary focal logits", (probabilities()?.0, reals()?.1), |y, p| {
            binary_focal_crossentropy(y, p, alpha, gamma, true, smoothing, -1)
        })?;
        both("categorical focal", probabilities()?, |y, p| {
            categorical_focal_crossentropy(y, p, 0.25, gamma, false, smoothing, -1)
        })?;
        both(
            "categorical focal logits",
            (probabilities()?.0, reals()?.1),
            |y, p| categorical_focal_crossentropy(y, p, 0.25, gamma, true, smoothing, -1),
        )?;
    }
    Ok(())
}

#[test]
fn gradients_of_overlaps() -> Result<()> {
    both("dice", probabilities()?, |y, p| dice(y, p, None))?;
    both("dice", probabilities()?, |y, p| dice(y, p, Some(&[0])))?;
    both("tversky", probabilities()?, |y, p| tversky(y, p, 0.3, 0.6, None))?;
    both("tversky", probabilities()?, |y, p| {
        tversky(y, p, 0.3, 0.6, Some(&[-1]))
    })
}

#[test]
fn gradients_by_class_numbers() -> Result<()> {
    let labels = Tensor::new(&[4u32, 0, 2], &Device::Cpu)?;
    for ignore in [None, Some(0)] {
        gradcheck::check("scce", &[spread(0.05, 0.95, 2)?], |x| {
            sparse_categorical_crossentropy(&labels, &x[0], false, ignore, -1)
        })?;
        gradcheck::check("scce logits", &[spread(-2., 2., 2)?], |x| {
            sparse_categorical_crossentropy(&labels, &x[0], true, ignore, -1)
        })?;
    }
    gradcheck::check("gce", &[spread(0.05, 0.95, 2)?], |x| {
        categorical_generalized_cross_entropy(&labels, &x[0], 0.4)
    })
}

#[test]
fn gradient_of_circle() -> Result<()> {
    let labels = Tensor::new(&[1u32, 0, 1], &Device::Cpu)?;
    gradcheck::check("circle", &[spread(-0.4, 0.4, 3)?], |x| {
        circle(&labels, &x[0], 2., 0.3, true)
    })?;
    gradcheck::check("circle", &[spread(-0.4, 0.4, 3)?], |x| {
        circle(&labels, &x[0], 2., 0.3, false)
    })
}

#[test]
fn gradient_of_ctc() -> Result<()> {
    let labels = Tensor::new(&[[1u32, 1], [2, 0]], &Device::Cpu)?;
    let logits = Tensor::from_vec(
        (0..24).map(|i| (i * 7 % 13) as f64 / 5.).collect::<Vec<_>>(),
        (2, 4, 3),
        &Device::Cpu,
    )?;
    gradcheck::check("ctc", &[logits], |x| ctc(&labels, &x[0]))
}

/// Two frames spell "a" as `aa`, `a-` or `-a`.
#[test]
fn ctc_sums_over_alignments() -> Result<()> {
    let labels = Tensor::new(&[[1u32]], &Device::Cpu)?;
    let p: [[[f64; 2]; 2]; 1] = [[[0.4, 0.6], [0.7, 0.3]]];
    let logits = Tensor::new(&p, &Device::Cpu)?.log()?;
    let expected = -(0.6f64 * 0.3 + 0.6 * 0.7 + 0.4 * 0.3).ln();
    assert!((ctc(&labels, &logits)?.to_vec1::<f64>()?[0] - expected).abs() < 1e-12);
    Ok(())
}

#[test]
fn labels_that_are_no_class_are_named() -> Result<()> {
    let labels = Tensor::new(&[0u32, 7, 1], &Device::Cpu)?;
    let p = spread(0.1, 0.9, 1)?;
    let error = sparse_categorical_crossentropy(&labels, &p, false, None, -1)
        .unwrap_err()
        .to_string();
    assert!(error.contains("label 7 at position 1"), "{error}");
    assert!(sparse_categorical_crossentropy(&labels, &p, false, Some(7), -1).is_ok());
    Ok(())
}

#[test]
fn nothing_is_broadcast() -> Result<()> {
    let (column, row) = (
        Tensor::new(&[[1f32], [2.]], &Device::Cpu)?,
        Tensor::new(&[1f32, 2.], &Device::Cpu)?,
    );
    let error = mean_squared_error(&row, &column).unwrap_err().to_string();
    assert!(error.contains("[2]") && error.contains("[2, 1]"), "{error}");
    Ok(())
}
