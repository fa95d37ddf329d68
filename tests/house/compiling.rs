//! Optimizers, losses and metrics of a model, from and to Keras's compile configuration.

use keras::prelude::*;
use keras::trainer::JitCompile;
use serde_json::{Value, json};

use super::{assert_says, message};

const SPARSE: &str = "sparse_categorical_crossentropy";

fn one() -> keras::Result<Model> {
    Sequential::new()
        .input([2])
        .add(Dense::new(3).activation("softmax").name("out"))
        .build_on(&Device::Cpu)
}

fn two() -> keras::Result<Model> {
    let x = input([2]).name("x");
    let (a, b) = (
        Dense::new(1).apply(&x)?.name("left"),
        Dense::new(3).activation("softmax").apply(&x)?.name("right"),
    );
    Model::new_on(&x, [&a, &b], &Device::Cpu)
}

/// What the model saves of its compile, without the optimizer.
fn saved(model: &Model) -> keras::Result<Value> {
    let mut config = model.to_config()?["compile_config"].take();
    config.as_object_mut().map(|map| map.remove("optimizer"));
    Ok(config)
}

fn compiled(mut model: Model, config: &Value) -> keras::Result<Model> {
    let registry = keras::registry();
    let compile = Compile::from_config(config, &model.output_names(), registry)?;
    model.compile_with(compile, registry)?;
    Ok(model)
}

#[test]
fn configurations_are_written_as_keras_writes_them() -> keras::Result<()> {
    let mut model = one()?;
    model.compile(
        Compile::new("adam")
            .loss(SPARSE)
            .metric("acc")
            .steps_per_execution(4),
    )?;
    let expected = json!({
        "loss": SPARSE, "loss_weights": null, "metrics": ["acc"], "weighted_metrics": null,
        "run_eagerly": false, "steps_per_execution": 4, "jit_compile": false,
    });
    assert_eq!(saved(&model)?, expected);

    let mut model = two()?;
    model.compile(
        Compile::new(SGD::new(0.5))
            .output(
                "left",
                output()
                    .loss(Huber {
                        delta: 0.5,
                        ..Huber::default()
                    })
                    .weight(0.2),
            )
            .output(
                "right",
                output()
                    .metric("acc")
                    .weighted_metric(keras::metrics::AUC::default()),
            )
            .jit_compile(true)
            .auto_scale_loss(false),
    )?;
    let written = saved(&model)?;
    assert_eq!(written["loss"]["left"]["class_name"], "Huber");
    assert_eq!(written["loss"]["left"]["config"]["delta"], 0.5);
    assert_eq!(written["loss"]["right"], Value::Null);
    assert_eq!(written["loss_weights"], json!({"left": 0.2, "right": null}));
    assert_eq!(written["metrics"], json!({"left": null, "right": ["acc"]}));
    assert_eq!(written["weighted_metrics"]["right"][0]["class_name"], "AUC");
    assert_eq!(
        (&written["jit_compile"], &written["auto_scale_loss"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        model.to_config()?["compile_config"]["optimizer"]["class_name"],
        "SGD"
    );
    Ok(())
}

#[test]
fn what_keras_writes_is_read_and_written_again() -> keras::Result<()> {
    // As `get_compile_config` gives them, and the form with every output by name.
    let lists = json!({
        "optimizer": {"module": "keras.optimizers", "class_name": "Adam",
            "config": {"name": "adam", "learning_rate": 0.01}, "registered_name": null},
        "loss": ["mse", SPARSE], "loss_weights": [0.5, 2.0], "metrics": [["mae"], ["acc"]],
        "weighted_metrics": null, "run_eagerly": false, "steps_per_execution": 1, "jit_compile": true,
    });
    let dicts = json!({
        "optimizer": "adam",
        "loss": {"right": SPARSE, "left": "mse"}, "loss_weights": {"right": 2.0, "left": 0.5},
        "metrics": {"right": "acc", "left": ["mae"]}, "weighted_metrics": null,
        "run_eagerly": false, "steps_per_execution": 1, "jit_compile": true,
    });
    let expected = json!({
        "loss": {"left": "mse", "right": SPARSE}, "loss_weights": {"left": 0.5, "right": 2.0},
        "metrics": {"left": ["mae"], "right": ["acc"]}, "weighted_metrics": null,
        "run_eagerly": false, "steps_per_execution": 1, "jit_compile": true,
    });
    for config in [lists, dicts] {
        let model = compiled(two()?, &config)?;
        assert_eq!(saved(&model)?, expected);
        let names = ["loss", "left_loss", "right_loss", "left_mae", "right_acc"];
        assert_eq!(model.metrics_names()?, names);
        let whole = model.to_config()?["compile_config"].take();
        assert_eq!(saved(&compiled(two()?, &whole)?)?, expected);
    }
    let nothing = compiled(one()?, &json!({}))?;
    assert_eq!(nothing.optimizer()?.class_name(), "RMSprop");
    let none = json!({"loss": ["mse", null], "metrics": {"right": "acc"}});
    assert_eq!(compiled(two()?, &none)?.metrics_names()?, ["loss", "right_acc"]);
    Ok(())
}

#[test]
fn metrics_of_each_output() -> keras::Result<()> {
    let mut model = two()?;
    let f1 = keras::metrics::MeanSquaredError::default();
    model.compile(
        Compile::new("sgd")
            .loss("mse")
            .metric_of_each("mae")
            .weighted_metric_of_each(f1),
    )?;
    let names = [
        "loss",
        "left_loss",
        "right_loss",
        "left_mae",
        "right_mae",
        "left_mean_squared_error",
        "right_mean_squared_error",
    ];
    assert_eq!(model.metrics_names()?, names);
    Ok(())
}

#[test]
fn wrong_configurations_say_what_is_wrong() -> keras::Result<()> {
    let cases = [
        (
            json!({"los": "mse"}),
            ["unknown argument `los`", "Did you mean `loss`?"],
        ),
        (
            json!({"loss": {"left": "mse", "rihgt": "mse"}}),
            ["unknown output `rihgt`", "`right`?"],
        ),
        (json!({"loss": {"left": "mse"}}), ["`right`", "null"]),
        (
            json!({"loss": ["mse"]}),
            ["each of 2 outputs (left, right)", "got 1"],
        ),
        (
            json!({"loss": ["mse", "mean_sqared_error"]}),
            ["output `right`", "`mean_squared_error`?"],
        ),
        (
            json!({"loss": "mse", "loss_weights": [1.0, "two"]}),
            ["loss_weights", "right"],
        ),
        (
            json!({"loss": "mse", "loss_weights": [1.0]}),
            ["loss_weights", "got 1"],
        ),
        (
            json!({"metrics": {"lefd": "mae"}}),
            ["unknown output `lefd`", "`left`?"],
        ),
        (
            json!({"metrics": [["mae"], ["acuracy"]]}),
            ["output `right`", "`accuracy`?"],
        ),
        (
            json!({"weighted_metrics": ["mae", {"class_name": "AUCC"}]}),
            ["`AUCC`", "`AUC`?"],
        ),
        // Keras refuses these too.
        (
            json!({"metrics": "accuracy"}),
            ["`metrics`: expected a list", "got \"accuracy\""],
        ),
        (
            json!({"weighted_metrics": {"class_name": "AUC"}}),
            ["`weighted_metrics`: expected a list", "AUC"],
        ),
        (
            json!({"metrics": ["accuracy"]}),
            [
                "`metrics`: expected one entry for each of 2 outputs (left, right)",
                "got 1",
            ],
        ),
        (
            json!({"weighted_metrics": ["mae", "mse", "accuracy"]}),
            ["each of 2 outputs (left, right)", "got 3"],
        ),
        (
            json!({"metrics": [["mae", null], null]}),
            ["`metrics`: expected metrics", "null at place 1"],
        ),
        (
            json!({"metrics": {"left": [null]}}),
            ["`metrics`: expected metrics", "null at place 0"],
        ),
        (
            json!({"loss": {"left": "mse", "right": 3}}),
            ["output `right`", "3"],
        ),
        (json!({"loss": true}), ["output `left`", "true"]),
        (
            json!({"loss": "mse", "loss_weights": "2"}),
            ["loss_weights", "\"2\""],
        ),
        (
            json!({"loss": "mse", "loss_weights": {"left": [1.0, 2.0]}}),
            ["loss_weights", "`left`"],
        ),
        (json!({"optimizer": 3}), ["3", "optimizer"]),
        (
            json!({"optimizer": "adma"}),
            ["unknown optimizer `adma`", "`adam`?"],
        ),
        (
            json!({"optimizer": {"class_name": "Adam", "config": {"beta": 1}}}),
            ["`beta`", "Adam"],
        ),
        (json!({"jit_compile": "on"}), ["jit_compile", "auto"]),
        (
            json!({"steps_per_execution": 0}),
            ["steps_per_execution", "1 or more"],
        ),
        (
            json!({"steps_per_execution": "two"}),
            ["steps_per_execution", "whole number"],
        ),
        (json!({"run_eagerly": 1}), ["run_eagerly", "true or false"]),
        (json!("adam"), ["expected an object", "adam"]),
    ];
    for (config, words) in cases {
        assert_says(&message(compiled(two()?, &config)), &words);
    }
    let mut model = two()?;
    let wrong: [(Compile, [&str; 2]); 6] = [
        (
            Compile::new("sgd").outputs([output().loss("mse")]),
            ["each of 2 outputs", "got 1"],
        ),
        (
            Compile::new("sgd")
                .output("left", output().loss("mse"))
                .outputs([output(), output()]),
            ["`output`", "`outputs`"],
        ),
        (
            Compile::new("sgd")
                .output("left", output().loss("mse"))
                .output("left", output().loss("mae")),
            ["`left`", "twice"],
        ),
        (
            Compile::new("sgd").loss("mse").loss_weight(f64::NAN),
            ["weight of output `left`", "NaN"],
        ),
        (
            Compile::new(SGD::new(f64::NAN)).loss("mse"),
            ["learning_rate", "finite"],
        ),
        (
            Compile::new(Adam::new(0.1).learning_rate_multiplier("lefft", 2.)).loss("mse"),
            ["`lefft`", "Did you mean"],
        ),
    ];
    for (compile, words) in wrong {
        assert_says(&message(model.compile(compile)), &words);
    }
    Ok(())
}

#[test]
fn learning_rates_by_layer() -> keras::Result<()> {
    let mut model = two()?;
    let before = super::weights(&model)?;
    model.compile(
        Compile::new(
            SGD::new(1.)
                .learning_rate_multiplier("right", 0.)
                .learning_rate_multiplier("right/bias", 1.),
        )
        .loss("mse"),
    )?;
    let x = vec![[1f32, 2.]; 4];
    let (a, b) = (
        Tensor::zeros((4, 1), DType::F32, &Device::Cpu)?,
        Tensor::ones((4, 3), DType::F32, &Device::Cpu)?,
    );
    model.fit((&x, [&a, &b]), Fit::new().verbose(0))?;
    let changed: Vec<bool> = before
        .iter()
        .zip(super::weights(&model)?)
        .map(|(a, b)| *a != b)
        .collect();
    assert_eq!(changed, [true, true, false, true]);
    Ok(())
}

#[test]
fn the_jit_is_a_setting() -> keras::Result<()> {
    let on = JitCompile::from(true);
    assert!(on.resolve(&Device::Cpu) && !JitCompile::Auto.resolve(&Device::Cpu));
    let mut model = one()?;
    model.compile(Compile::new("sgd").loss("mse").jit_compile(on).run_eagerly(true))?;
    let config = saved(&model)?;
    assert_eq!(
        (&config["jit_compile"], &config["run_eagerly"]),
        (&json!(false), &json!(true))
    );
    Ok(())
}

/// A classifier in half precision, compiled by `compile`.
fn mixed(compile: Compile) -> keras::Result<Model> {
    let registry = keras::registry();
    let policy = json!({"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}});
    let config = json!({"class_name": "Sequential", "config": {"name": "half", "dtype": policy, "layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [null, 2], "name": "x"}},
        {"class_name": "Dense", "config": {"units": 4, "activation": "tanh", "dtype": policy}},
        {"class_name": "Dense", "config": {"units": 3, "activation": "softmax", "dtype": "float32"}},
    ]}});
    let mut model = Model::from_config_on(&config, registry, &Device::Cpu)?;
    model.compile(compile)?;
    Ok(model)
}

#[test]
fn the_loss_of_models_in_half_precision_is_scaled() -> keras::Result<()> {
    let compile = || Compile::new("adam").loss(SPARSE);
    let mut model = mixed(compile())?;
    assert_eq!(model.optimizer()?.class_name(), "LossScaleOptimizer");
    let x: Vec<[f32; 2]> = (0..24).map(|i| [(i % 3) as f32, (i % 5) as f32 / 5.]).collect();
    let y: Vec<i64> = (0..24).map(|i| i % 3).collect();
    let fit = || Fit::new().epochs(6).batch_size(8).shuffle(false).verbose(0);
    let history = model.fit((&x, &y), fit())?;
    let losses = history.get("loss")?;
    // The loss itself is logged, not the scaled one.
    assert!(losses[0] < 5. && losses[5] < losses[0], "{losses:?}");
    assert_eq!(model.optimizer()?.state()["dynamic_scale"], json!(32768.));
    assert_eq!(model.optimizer()?.iterations(), 18);
    // What was asked for is saved, and goes on where it stood.
    let written = model.to_config()?["compile_config"].take();
    assert_eq!(written["optimizer"]["class_name"], "Adam");
    let folder = tempfile::tempdir().map_err(keras::Error::user)?;
    let path = folder.path().join("half.keras");
    model.save(&path)?;
    let mut loaded = load_model(&path)?;
    assert_eq!(loaded.optimizer()?.state(), model.optimizer()?.state());
    assert_eq!(loaded.fit((&x, &y), fit())?, model.fit((&x, &y), fit())?);
    // Off, by another policy, or done by hand.
    let off = mixed(compile().auto_scale_loss(false))?;
    assert_eq!(off.optimizer()?.class_name(), "Adam");
    let by_hand = LossScaleOptimizer::new(SGD::new(0.1)).initial_scale(4.);
    let by_hand = mixed(Compile::new(by_hand).loss(SPARSE))?;
    assert_eq!(by_hand.optimizer()?.state()["dynamic_scale"], json!(4.));
    let mut single = one()?;
    single.compile(compile())?;
    assert_eq!(single.optimizer()?.class_name(), "Adam");
    Ok(())
}

#[test]
fn a_scaled_loss_trains_like_the_loss() -> keras::Result<()> {
    let x: Vec<[f32; 2]> = (0..12).map(|i| [i as f32 / 12., 1.]).collect();
    let run = |optimizer: SGD| -> keras::Result<_> {
        set_random_seed(6);
        let mut model = one()?;
        model.compile(Compile::new(optimizer).loss(SPARSE))?;
        let y: Vec<i64> = (0..12).map(|i| i % 3).collect();
        let history = model.fit((&x, &y), Fit::new().epochs(3).shuffle(false).verbose(0))?;
        Ok((history, super::weights(&model)?))
    };
    // Powers of 2 change no bit.
    assert_eq!(run(SGD::new(0.5).loss_scale_factor(1024.))?, run(SGD::new(0.5))?);
    Ok(())
}
