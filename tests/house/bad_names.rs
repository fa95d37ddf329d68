//! Names that nothing has.

use keras::prelude::*;

use super::{assert_says, classifier, line, message};

#[test]
fn unknown_loss_is_named_with_the_nearest() -> keras::Result<()> {
    let text = message(line()?.compile(Compile::new("sgd").loss("mean_sqared_error")));
    assert_says(
        &text,
        &[
            "unknown loss `mean_sqared_error`",
            "Did you mean `mean_squared_error`?",
        ],
    );
    Ok(())
}

#[test]
fn unknown_metric_is_named_with_the_nearest() -> keras::Result<()> {
    let text = message(line()?.compile(Compile::new("sgd").loss("mse").metric("acuracy")));
    assert_says(&text, &["unknown metric `acuracy`", "Did you mean `accuracy`?"]);
    Ok(())
}

#[test]
fn unknown_optimizer_is_named_with_the_nearest() -> keras::Result<()> {
    let text = message(line()?.compile(Compile::new("adma").loss("mse")));
    assert_says(&text, &["unknown optimizer `adma`", "Did you mean `adam`?"]);
    Ok(())
}

#[test]
fn unknown_activation_is_named_with_the_nearest() {
    let text = message(
        Sequential::new()
            .input([2])
            .add(Dense::new(1).activation("rellu"))
            .build(),
    );
    assert_says(&text, &["unknown activation `rellu`", "Did you mean `relu`?"]);
}

#[test]
fn unknown_layer_class_is_named_with_the_nearest() {
    let registry = keras::registry();
    let text = message(registry.layers.by_name("Dence", registry));
    assert_says(&text, &["unknown layer `Dence`", "Did you mean `Dense`?"]);
}

#[test]
fn unknown_layer_of_a_model_is_named_with_the_nearest() -> keras::Result<()> {
    let text = message(classifier()?.layer("dense1"));
    assert_says(&text, &["unknown layer `dense1`", "Did you mean `dense_1`?"]);
    Ok(())
}

#[test]
fn unknown_callback_is_named_with_the_nearest() -> keras::Result<()> {
    let fit = Fit::new().verbose(0).callback("EarlyStoping");
    let text = message(line()?.fit((vec![[1f32]], vec![[1f32]]), fit));
    assert_says(
        &text,
        &["unknown callback `EarlyStoping`", "Did you mean `EarlyStopping`?"],
    );
    Ok(())
}

#[test]
fn unknown_argument_in_a_configuration_is_an_error() {
    let registry = keras::registry();
    let value = serde_json::json!({"class_name": "Huber", "config": {"dleta": 0.5}});
    let text = message(registry.losses.from_value(&value, registry));
    assert_says(&text, &["Huber", "`dleta`", "Did you mean `delta`?"]);
}

#[test]
fn wrong_output_name_is_found_at_compile() -> keras::Result<()> {
    let x = input([2]).name("x");
    let (a, b) = (
        Dense::new(1).apply(&x)?.name("left"),
        Dense::new(1).apply(&x)?.name("right"),
    );
    let mut model = Model::new_on(&x, [&a, &b], &Device::Cpu)?;
    let text = message(model.compile(Compile::new("sgd").output("rigth", output().loss("mse"))));
    assert_says(
        &text,
        &["unknown output `rigth`", "Did you mean `right`?", "left, right"],
    );
    Ok(())
}

#[test]
fn metrics_of_several_outputs_must_say_whose_they_are() -> keras::Result<()> {
    let x = input([2]).name("x");
    let (a, b) = (
        Dense::new(1).apply(&x)?.name("left"),
        Dense::new(1).apply(&x)?.name("right"),
    );
    let mut model = Model::new_on(&x, [&a, &b], &Device::Cpu)?;
    let text = message(model.compile(Compile::new("sgd").loss("mse").metric("mae")));
    assert_says(&text, &["say which output a metric belongs to", "left, right"]);
    Ok(())
}

#[test]
fn monitor_that_no_log_holds_is_found_before_the_first_step() -> keras::Result<()> {
    let mut model = classifier()?;
    let before = super::weights(&model)?;
    let data = super::digits()?;
    let fit = Fit::new()
        .validation_split(0.1)
        .verbose(0)
        .callback(EarlyStopping::new("val_acuracy"));
    let text = message(model.fit((&data.train.0, &data.train.1), fit));
    assert_says(
        &text,
        &["EarlyStopping monitors `val_acuracy`, which this run will not produce"],
    );
    assert_says(
        &text,
        &["available: loss, accuracy, val_loss, val_accuracy. Did you mean `val_accuracy`?"],
    );
    assert_eq!(super::weights(&model)?, before);
    Ok(())
}

#[test]
fn monitor_of_validation_without_validation_data_says_what_to_give() -> keras::Result<()> {
    let data = super::digits()?;
    let fit = Fit::new().verbose(0).callback(ReduceLROnPlateau::new("val_loss"));
    let text = message(classifier()?.fit((&data.train.0, &data.train.1), fit));
    assert_says(
        &text,
        &["monitors `val_loss`", "validation_data or validation_split"],
    );
    Ok(())
}

#[test]
fn training_without_compile_says_what_to_do() -> keras::Result<()> {
    let mut model = Sequential::new()
        .input([1])
        .add(Dense::new(1))
        .build_on(&Device::Cpu)?;
    let text = message(model.fit((vec![[1f32]], vec![[1f32]]), Fit::new().verbose(0)));
    assert_says(&text, &["not compiled", "model.compile("]);
    Ok(())
}
