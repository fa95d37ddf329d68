//! Values that arguments cannot have, given by builders: what configurations are refused for is refused here too.

use keras::activations::LeakyRelu;
use keras::constraints::{MaxNorm, MinMaxNorm};
use keras::initializers::{RandomNormal, RandomUniform, VarianceScaling};
use keras::prelude::*;
use keras::regularizers::{L1L2, L2};

use super::{assert_says, classifier, line, message};

fn vectors() -> Symbolic {
    input([4])
}

fn sequences() -> Symbolic {
    input([5, 3])
}

fn images() -> Symbolic {
    input([8, 8, 3])
}

#[test]
fn layers() {
    type Layered = fn() -> keras::Result<Symbolic>;
    let cases: [(Layered, &[&str]); 34] = [
        (
            || Dense::new(0).apply(&vectors()),
            &["Dense", "`units`", "1 or more", "got 0"],
        ),
        (
            || Dense::new(1 << 60).apply(&vectors()),
            &["memory", "`kernel`", "smaller"],
        ),
        (
            || LSTM::new(1 << 45).apply(&sequences()),
            &["memory", "kernel", "smaller"],
        ),
        (
            || Dense::new(2).apply(&input([])),
            &["Dense", "rank 2 or more", "(None)"],
        ),
        (
            || Dense::new(2).activation("rleu").apply(&vectors()),
            &["`rleu`", "`relu`?"],
        ),
        (
            || {
                Dense::new(2)
                    .activation(LeakyRelu {
                        negative_slope: f64::NAN,
                    })
                    .apply(&vectors())
            },
            &["leaky_relu", "`negative_slope`", "NaN"],
        ),
        (
            || Dense::new(2).kernel_initializer("glorot").apply(&vectors()),
            &["unknown initializer `glorot`"],
        ),
        (
            || {
                Dense::new(2)
                    .kernel_initializer(RandomNormal {
                        stddev: -1.,
                        ..Default::default()
                    })
                    .apply(&vectors())
            },
            &["RandomNormal", "`stddev`", "0 or more", "got -1"],
        ),
        (
            || {
                let upside_down = RandomUniform {
                    minval: 1.,
                    maxval: 0.,
                    seed: None,
                };
                Dense::new(2).bias_initializer(upside_down).apply(&vectors())
            },
            &["RandomUniform", "`minval` 1", "`maxval` 0"],
        ),
        (
            || {
                Dense::new(2)
                    .kernel_initializer(VarianceScaling {
                        scale: 0.,
                        ..Default::default()
                    })
                    .apply(&vectors())
            },
            &["VarianceScaling", "`scale`", "got 0"],
        ),
        (
            || Dense::new(2).kernel_regularizer("l3").apply(&vectors()),
            &["unknown regularizer `l3`", "Did you mean"],
        ),
        (
            || {
                Dense::new(2)
                    .kernel_constraint(MaxNorm {
                        max_value: -1.,
                        ..Default::default()
                    })
                    .apply(&vectors())
            },
            &["MaxNorm", "`max_value`", "got -1"],
        ),
        (
            || {
                Dense::new(2)
                    .kernel_constraint(MinMaxNorm {
                        rate: 1.5,
                        ..Default::default()
                    })
                    .apply(&vectors())
            },
            &["MinMaxNorm", "`rate`", "between 0 and 1", "got 1.5"],
        ),
        (
            || Dense::new(2).dtype("float33").apply(&vectors()),
            &["unknown dtype policy `float33`", "`float32`?"],
        ),
        (
            || Dropout::new(1.5).apply(&vectors()),
            &["Dropout", "`rate`", "between 0 and 1", "got 1.5"],
        ),
        (
            || Dropout::new(f64::NAN).apply(&vectors()),
            &["Dropout", "`rate`", "NaN"],
        ),
        (
            || GaussianNoise::new(-0.5).apply(&vectors()),
            &["GaussianNoise", "`stddev`", "got -0.5"],
        ),
        (
            || LSTM::new(2).dropout(1.5).apply(&sequences()),
            &["LSTM", "`dropout`", "between 0 and 1", "got 1.5"],
        ),
        (
            || GRU::new(2).recurrent_dropout(-0.1).apply(&sequences()),
            &["GRU", "`recurrent_dropout`", "got -0.1"],
        ),
        (
            || LSTM::new(2).apply(&vectors()),
            &["LSTM", "rank 3", "(None, 4)"],
        ),
        (
            || BatchNormalization::new().momentum(-1.).apply(&vectors()),
            &["BatchNormalization", "`momentum`", "got -1"],
        ),
        (
            || LayerNormalization::new().epsilon(-1.).apply(&vectors()),
            &["LayerNormalization", "`epsilon`", "got -1"],
        ),
        (
            || LayerNormalization::new().axis(5).apply(&vectors()),
            &["LayerNormalization", "axis", "5", "(None, 4)"],
        ),
        (
            || ELU::new(f64::NAN).apply(&vectors()),
            &["ELU", "`alpha`", "NaN"],
        ),
        (
            || Rescaling::new(f64::INFINITY).apply(&vectors()),
            &["Rescaling", "`scale`", "finite", "inf"],
        ),
        (
            || Embedding::new(0, 3).apply(&vectors()),
            &["Embedding", "`input_dim`", "got 0"],
        ),
        (
            || Conv2D::new(2, 3).strides(0).apply(&images()),
            &["Conv2D", "`strides`", "[0, 0]"],
        ),
        (
            || Conv2D::new(2, 9).apply(&images()),
            &["Conv2D", "does not fit", "(None, 8, 8, 3)", "\"same\""],
        ),
        (
            || Conv2D::new(2, 3).apply(&vectors()),
            &["Conv2D", "rank 4", "(None, 4)"],
        ),
        (
            || MaxPooling2D::new(0).apply(&images()),
            &["MaxPooling2D", "`pool_size`", "[0, 0]"],
        ),
        (
            || MultiHeadAttention::new(0, 2).apply([&sequences(), &sequences()]),
            &["MultiHeadAttention", "`num_heads`"],
        ),
        (
            || Reshape::new([3, 3]).apply(&vectors()),
            &["Reshape", "`target_shape`"],
        ),
        (
            || Concatenate::new().apply([&vectors(), &sequences()]),
            &["Concatenate", "(None, 4)", "(None, 5, 3)"],
        ),
        (|| Add::new().apply([&vectors()]), &["Add", "two", "got 1"]),
    ];
    for (layer, words) in cases {
        let text = message(layer());
        assert_says(&text, words);
    }
}

#[test]
fn optimizers_and_schedules() -> keras::Result<()> {
    let cases: [(fn() -> Compile, &[&str]); 19] = [
        (
            || Compile::new(SGD::new(-0.1)),
            &["SGD", "`learning_rate`", "0 or more", "got -0.1"],
        ),
        (
            || Compile::new(Adam::new(f64::NAN)),
            &["Adam", "`learning_rate`", "finite", "NaN"],
        ),
        (
            || Compile::new(Adam::new(0.1).epsilon(-1.)),
            &["Adam", "`epsilon`", "got -1"],
        ),
        (
            || Compile::new(Adam::new(0.1).beta_1(1.)),
            &["Adam", "`beta_1`", "[0, 1)", "got 1"],
        ),
        (
            || Compile::new(Adam::new(0.1).weight_decay(-0.1)),
            &["Adam", "`weight_decay`", "got -0.1"],
        ),
        (
            || Compile::new(Adam::new(0.1).clipnorm(-1.)),
            &["Adam", "`clipnorm`", "got -1"],
        ),
        (
            || Compile::new(Adam::new(0.1).clipnorm(1.).clipvalue(1.)),
            &["adam", "only one of `clipnorm`, `clipvalue`"],
        ),
        (
            || Compile::new(Adam::new(0.1).use_ema(1.5)),
            &["Adam", "`ema_momentum`", "between 0 and 1", "got 1.5"],
        ),
        (
            || Compile::new(Adam::new(0.1).ema_overwrite_frequency(0)),
            &["`ema_overwrite_frequency`", "1 or more"],
        ),
        (
            || Compile::new(Adam::new(0.1).gradient_accumulation_steps(0)),
            &["`gradient_accumulation_steps`", "got 0"],
        ),
        (
            || Compile::new(Adam::new(0.1).loss_scale_factor(-1.)),
            &["Adam", "`loss_scale_factor`", "above 0"],
        ),
        (
            || Compile::new(SGD::new(0.1).momentum(-1.)),
            &["SGD", "`momentum`", "got -1"],
        ),
        (
            || Compile::new(RMSprop::new(0.1).momentum(1.5)),
            &["RMSprop", "`momentum`", "got 1.5"],
        ),
        (
            || Compile::new(Ftrl::new(0.)),
            &["Ftrl", "`learning_rate`", "above 0"],
        ),
        (
            || Compile::new(Muon::new(0.1).ns_steps(0)),
            &["Muon", "`ns_steps`", "1 or more"],
        ),
        (
            || Compile::new(Adam::new(CosineDecay::new(f64::NAN, 10.))),
            &["CosineDecay", "`initial_learning_rate`", "NaN"],
        ),
        (
            || Compile::new(Adam::new(ExponentialDecay::new(0.1, 0., 0.5))),
            &["ExponentialDecay", "`decay_steps`", "got 0"],
        ),
        (
            || Compile::new(Adam::new(ExponentialDecay::new(0.1, 4., -2.))),
            &["ExponentialDecay", "`decay_rate`", "got -2"],
        ),
        (
            || Compile::new(SGD::new(PiecewiseConstantDecay::new([1., 2.], [0.1]))),
            &["PiecewiseConstantDecay", "one more value than boundaries"],
        ),
    ];
    for (compile, words) in cases {
        // What a schedule alone finds shows at the first step at the latest.
        let mut model = line()?;
        let result = model
            .compile(compile().loss("mse"))
            .and_then(|()| model.fit((vec![[1f32]], vec![[1f32]]), Fit::new().verbose(0)));
        assert_says(&message(result), words);
    }
    Ok(())
}

#[test]
fn losses_and_metrics() -> keras::Result<()> {
    let cases: [(fn() -> Compile, &[&str]); 8] = [
        (
            || {
                Compile::new("sgd").loss(Huber {
                    delta: -1.,
                    ..Huber::default()
                })
            },
            &["Huber", "`delta`", "above 0", "got -1"],
        ),
        (
            || {
                Compile::new("sgd").loss(BinaryCrossentropy {
                    label_smoothing: 2.,
                    ..Default::default()
                })
            },
            &[
                "BinaryCrossentropy",
                "`label_smoothing`",
                "between 0 and 1",
                "got 2",
            ],
        ),
        (
            || {
                Compile::new("sgd").loss(Tversky {
                    alpha: f64::NAN,
                    ..Default::default()
                })
            },
            &["Tversky", "`alpha`", "NaN"],
        ),
        (
            || Compile::new("sgd").loss("mean_sq"),
            &["unknown loss `mean_sq`", "available"],
        ),
        (
            || {
                Compile::new("sgd")
                    .loss("mse")
                    .metric(metrics::TopKCategoricalAccuracy::new().k(0))
            },
            &["TopKCategoricalAccuracy", "`k`", "1 or more", "got 0"],
        ),
        (
            || {
                Compile::new("sgd")
                    .loss("mse")
                    .metric(metrics::BinaryAccuracy::new().threshold(f64::NAN))
            },
            &["BinaryAccuracy", "`threshold`", "NaN"],
        ),
        (
            || Compile::new("sgd").loss("mse").weighted_metric("recal"),
            &["unknown metric `recal`", "Did you mean `recall`?"],
        ),
        (
            || Compile::new("sgd").loss("mse").steps_per_execution(0),
            &["steps_per_execution", "got 0"],
        ),
    ];
    for (compile, words) in cases {
        assert_says(&message(line()?.compile(compile())), words);
    }
    Ok(())
}

#[test]
fn weights_and_data_of_another_form() -> keras::Result<()> {
    let mut model = line()?;
    let zeros = |shape: &[usize], dtype| Ok::<_, keras::Error>(Tensor::zeros(shape, dtype, &Device::Cpu)?);
    let wide = zeros(&[2, 2], DType::F32)?;
    let path = model.weights()[0].0.clone();
    let text = message(model.weight(&path)?.assign(&wide));
    assert_says(&text, &[&path, "[1, 1]", "[2, 2]"]);
    let text = message(model.weight("dense/kernl"));
    assert_says(&text, &["dense/kernl", "Did you mean"]);

    let folder = tempfile::tempdir().map_err(keras::Error::user)?;
    let file = folder.path().join("other.weights.safetensors");
    classifier()?.save_weights(&file)?;
    let before = super::weights(&model)?;
    let text = message(model.load_weights(&file));
    assert_says(
        &text,
        &[
            "other.weights",
            "do not fit the model (nothing was changed)",
            "skip_mismatch",
        ],
    );
    assert_eq!(super::weights(&model)?, before);

    let fit = || Fit::new().verbose(0);
    let text = message(model.fit((vec![[1f32]], vec![[1f32]]), fit().epochs(2).initial_epoch(3)));
    assert_says(
        &text,
        &["initial_epoch 3", "epochs 2", "nothing would be trained"],
    );
    let text = message(model.fit((&["one", "two"], vec![[1f32], [2.]]), fit()));
    assert_says(&text, &["x", "(None, 1)"]);
    let text = message(model.predict(zeros(&[2, 1, 1], DType::F32)?, Predict::new().verbose(0)));
    assert_says(&text, &["(None, 1)", "[2, 1, 1]"]);
    // Numbers of other types are converted, as in Keras.
    for dtype in [DType::F64, DType::I64, DType::U8] {
        let y = model.predict(zeros(&[2, 1], dtype)?, Predict::new().verbose(0))?;
        assert_eq!(y.dtype(), DType::F32);
    }
    let text = message(model.fit(
        (vec![[1f32]], vec![[1f32]]),
        fit().callback(ReduceLROnPlateau::new("loss").min_lr(f64::NAN)),
    ));
    assert_says(&text, &["ReduceLROnPlateau", "`min_lr`", "NaN"]);
    let text = message(
        model
            .compile(Compile::new("sgd").loss(loss_fn("own", |y, p| y - p)))
            .and_then(|()| {
                model.fit(
                    (vec![[1f32]], vec![[1f32]]),
                    fit().callback(LearningRateScheduler::new(|_, _| f64::NAN)),
                )
            }),
    );
    assert_says(&text, &["learning rate", "finite", "NaN"]);
    Ok(())
}

#[test]
fn a_penalty_below_0() -> keras::Result<()> {
    let penalties: [(fn() -> Dense, &str); 2] = [
        (|| Dense::new(1).kernel_regularizer(L2 { l2: -1. }), "L2: `l2`"),
        (
            || Dense::new(1).bias_regularizer(L1L2 { l1: f64::NAN, l2: 0. }),
            "L1L2: `l1`",
        ),
    ];
    for (layer, words) in penalties {
        let mut model = Sequential::new().input([1]).add(layer()).build_on(&Device::Cpu)?;
        model.compile(Compile::new("sgd").loss("mse"))?;
        let text = message(model.fit((vec![[1f32]], vec![[1f32]]), Fit::new().verbose(0)));
        assert_says(&text, &[words, "0 or more"]);
    }
    Ok(())
}
