//! Data that does not fit.

use keras::prelude::*;

use super::{assert_says, classifier, line, message};

fn quiet() -> Fit {
    Fit::new().verbose(0)
}

#[test]
fn inputs_of_another_width_are_an_error() -> keras::Result<()> {
    let x = Tensor::zeros((8, 63), DType::F32, &Device::Cpu)?;
    let y = Tensor::zeros(8, DType::U32, &Device::Cpu)?;
    assert_says(
        &message(classifier()?.fit((&x, &y), quiet())),
        &["(None, 64)", "63"],
    );
    Ok(())
}

#[test]
fn x_and_y_of_different_length_are_an_error() -> keras::Result<()> {
    let text = message(line()?.fit((vec![[1f32], [2.]], vec![[1f32], [2.], [3.]]), quiet()));
    assert_says(&text, &["x has 2 samples", "[3, 1]"]);
    Ok(())
}

#[test]
fn targets_of_another_width_are_an_error() -> keras::Result<()> {
    let text = message(line()?.fit((vec![[1f32], [2.]], vec![[1f32, 0.], [2., 0.]]), quiet()));
    assert_says(&text, &["[2, 2]"]);
    Ok(())
}

#[test]
fn a_missing_input_is_an_error() -> keras::Result<()> {
    let (a, b) = (input([1]).name("a"), input([1]).name("b"));
    let sum = Add::new().apply([&a, &b])?;
    let mut model = Model::new_on([&a, &b], &sum, &Device::Cpu)?;
    model.compile(Compile::new("sgd").loss("mse"))?;
    let text = message(model.evaluate((vec![[1f32]], vec![[1f32]]), Evaluate::new().verbose(0)));
    assert_says(&text, &["2 (a, b)", "got 1"]);
    Ok(())
}

#[test]
fn a_direct_loss_call_does_not_broadcast() -> keras::Result<()> {
    // Shapes (4, 1) and (4,) would broadcast to (4, 4) unseen.
    let loss: Box<dyn Loss> = Box::new(MeanSquaredError::default());
    let y = Tensor::zeros((4, 1), DType::F32, &Device::Cpu)?;
    let p = Tensor::zeros(4, DType::F32, &Device::Cpu)?;
    let text = message(loss.call(&y, &p));
    assert_says(&text, &["[4, 1]", "[4]"]);
    Ok(())
}

#[test]
fn labels_out_of_range_are_found_before_the_first_step() -> keras::Result<()> {
    let mut model = classifier()?;
    let before = super::weights(&model)?;
    let x = Tensor::zeros((40, 64), DType::F32, &Device::Cpu)?;
    let labels: Vec<u32> = (0..40).map(|i| if i == 39 { 10 } else { i % 10 }).collect();
    let text = message(model.fit((&x, &labels), quiet()));
    assert_says(&text, &["10", "sparse_categorical_crossentropy"]);
    assert_eq!(super::weights(&model)?, before);
    Ok(())
}

#[test]
fn negative_labels_are_an_error() -> keras::Result<()> {
    let x = Tensor::zeros((4, 64), DType::F32, &Device::Cpu)?;
    let text = message(classifier()?.fit((&x, vec![0i64, 1, -1, 2]), quiet()));
    assert_says(&text, &["-1"]);
    Ok(())
}

#[test]
fn empty_data_is_an_error() -> keras::Result<()> {
    let x = Tensor::zeros((0, 1), DType::F32, &Device::Cpu)?;
    assert_says(&message(line()?.fit((&x, &x), quiet())), &["x has no samples"]);
    assert_says(
        &message(line()?.evaluate((&x, &x), Evaluate::new().verbose(0))),
        &["x has no samples"],
    );
    Ok(())
}

#[test]
fn nan_in_the_data_is_an_error_that_names_the_sample() -> keras::Result<()> {
    let x = vec![[1f32], [2.], [f32::NAN], [4.]];
    let text = message(line()?.fit((&x, &x), quiet()));
    assert_says(&text, &["x contains NaN", "sample 2", ".allow_nan(true)"]);
    let y = vec![[1f32], [f32::NAN], [3.], [4.]];
    assert_says(
        &message(line()?.fit((vec![[1f32]; 4], &y), quiet())),
        &["y contains NaN", "sample 1"],
    );
    Ok(())
}

#[test]
fn nan_is_let_through_when_asked_for() -> keras::Result<()> {
    let x = vec![[1f32], [f32::NAN]];
    let history = line()?.fit((&x, &x), quiet().allow_nan(true))?;
    assert!(history.last("loss")?.is_nan());
    Ok(())
}

#[test]
fn rows_of_different_length_are_an_error() -> keras::Result<()> {
    let text = message(line()?.fit((vec![vec![1f32], vec![1., 2.]], vec![[1f32], [2.]]), quiet()));
    assert_says(&text, &["row 1"]);
    Ok(())
}

#[test]
fn a_validation_split_that_leaves_nothing_is_an_error() -> keras::Result<()> {
    let x = vec![[1f32], [2.]];
    let text = message(line()?.fit((&x, &x), quiet().validation_split(0.9)));
    assert_says(&text, &["validation_split 0.9 of 2 samples leaves 0 to train"]);
    Ok(())
}

#[test]
fn layers_that_do_not_fit_are_found_when_the_model_is_made() {
    let text = message(Sequential::new().input([4]).add(Conv2D::new(8, 3)).build());
    assert_says(&text, &["Conv2D", "(None, 4)"]);
}
