//! Values that arguments cannot have, given by builders: what configurations are refused for is refused here too.

use keras::activations::LeakyRelu;
use keras::constraints::{MaxNorm, MinMaxNorm};
use keras::initializers::{RandomNormal, RandomUniform, VarianceScaling};
use keras::prelude::*;
use keras::regularizers::{L1L2, L2};

use super::{assert_says, classifier, line, message};

const VECTORS: &[usize] = &[4];
const SEQUENCES: &[usize] = &[5, 3];
const IMAGES: &[usize] = &[8, 8, 3];

/// A model of one layer.
fn of(shape: &[usize], layer: impl Layer) -> keras::Result<Model> {
    Sequential::new().input(shape).add(layer).build_on(&Device::Cpu)
}

/// A layer on two inputs.
fn on(layer: impl Layer, [a, b]: [&[usize]; 2]) -> keras::Result<Model> {
    let (a, b) = (input(a), input(b));
    Model::new_on([&a, &b], &LayerRef::new(layer).apply([&a, &b])?, &Device::Cpu)
}

#[test]
fn layers() {
    let cases: [(fn() -> keras::Result<Model>, &[&str]); 33] = [
        (
            || of(VECTORS, Dense::new(0)),
            &["Dense", "`units`", "1 or more", "got 0"],
        ),
        (
            || of(VECTORS, Dense::new(1 << 60)),
            &["memory", "`kernel`", "smaller"],
        ),
        (
            || of(SEQUENCES, LSTM::new(1 << 45)),
            &["memory", "kernel", "smaller"],
        ),
        (|| of(&[], Dense::new(2)), &["Dense", "rank 2 or more", "(None,)"]),
        (
            || of(VECTORS, Dense::new(2).activation("rleu")),
            &["`rleu`", "`relu`?"],
        ),
        (
            || {
                of(
                    VECTORS,
                    Dense::new(2).activation(LeakyRelu {
                        negative_slope: f64::NAN,
                    }),
                )
            },
            &["leaky_relu", "`negative_slope`", "NaN"],
        ),
        (
            || of(VECTORS, Dense::new(2).kernel_initializer("glorot")),
            &["unknown initializer `glorot`"],
        ),
        (
            || {
                of(
                    VECTORS,
                    Dense::new(2).kernel_initializer(RandomNormal {
                        stddev: -1.,
                        ..Default::default()
                    }),
                )
            },
            &["RandomNormal", "`stddev`", "0 or more", "got -1"],
        ),
        (
            || {
                of(
                    VECTORS,
                    Dense::new(2).bias_initializer(RandomUniform {
                        minval: 1.,
                        maxval: 0.,
                        seed: None,
                    }),
                )
            },
            &["RandomUniform", "`minval` 1", "`maxval` 0"],
        ),
        (
            || {
                of(
                    VECTORS,
                    Dense::new(2).kernel_initializer(VarianceScaling {
                        scale: 0.,
                        ..Default::default()
                    }),
                )
            },
            &["VarianceScaling", "`scale`", "got 0"],
        ),
        (
            || of(VECTORS, Dense::new(2).kernel_regularizer("l3")),
            &["unknown regularizer `l3`", "Did you mean"],
        ),
        (
            || {
                of(
                    VECTORS,
                    Dense::new(2).kernel_constraint(MaxNorm {
                        max_value: -1.,
                        ..Default::default()
                    }),
                )
            },
            &["MaxNorm", "`max_value`", "got -1"],
        ),
        (
            || {
                of(
                    VECTORS,
                    Dense::new(2).kernel_constraint(MinMaxNorm {
                        rate: 1.5,
                        ..Default::default()
                    }),
                )
            },
            &["MinMaxNorm", "`rate`", "between 0 and 1", "got 1.5"],
        ),
        (
            || of(VECTORS, Dense::new(2).dtype("float33")),
            &["unknown dtype policy `float33`", "`float32`?"],
        ),
        (
            || of(VECTORS, Dropout::new(1.5)),
            &["Dropout", "`rate`", "between 0 and 1", "got 1.5"],
        ),
        (
            || of(VECTORS, Dropout::new(f64::NAN)),
            &["Dropout", "`rate`", "NaN"],
        ),
        (
            || of(VECTORS, GaussianNoise::new(-0.5)),
            &["GaussianNoise", "`stddev`", "got -0.5"],
        ),
        (
            || of(SEQUENCES, LSTM::new(2).dropout(1.5)),
            &["LSTM", "`dropout`", "between 0 and 1", "got 1.5"],
        ),
        (
            || of(SEQUENCES, GRU::new(2).recurrent_dropout(-0.1)),
            &["GRU", "`recurrent_dropout`", "got -0.1"],
        ),
        (|| of(VECTORS, LSTM::new(2)), &["LSTM", "rank 3", "(None, 4)"]),
        (
            || of(VECTORS, BatchNormalization::new().momentum(-1.)),
            &["BatchNormalization", "`momentum`", "got -1"],
        ),
        (
            || of(VECTORS, LayerNormalization::new().epsilon(-1.)),
            &["LayerNormalization", "`epsilon`", "got -1"],
        ),
        (
            || of(VECTORS, LayerNormalization::new().axis(5)),
            &["LayerNormalization", "axis", "5", "(None, 4)"],
        ),
        (
            || of(VECTORS, ELU::new().alpha(f64::NAN)),
            &["ELU", "`alpha`", "NaN"],
        ),
        (
            || of(VECTORS, Rescaling::new(f64::INFINITY)),
            &["Rescaling", "`scale`", "finite", "inf"],
        ),
        (
            || of(VECTORS, Embedding::new(0, 3)),
            &["Embedding", "`input_dim`", "got 0"],
        ),
        (
            || of(IMAGES, Conv2D::new(2, 3).strides(0)),
            &["Conv2D", "`strides`", "[0, 0]"],
        ),
        (
            || of(IMAGES, Conv2D::new(2, 9)),
            &["Conv2D", "does not fit", "(None, 8, 8, 3)", "\"same\""],
        ),
        (
            || of(VECTORS, Conv2D::new(2, 3)),
            &["Conv2D", "rank 4", "(None, 4)"],
        ),
        (
            || of(IMAGES, MaxPooling2D::new(0)),
            &["MaxPooling2D", "`pool_size`", "[0, 0]"],
        ),
        (
            || of(VECTORS, Reshape::new([3, 3])),
            &["Reshape", "`target_shape`", "(None, 4)"],
        ),
        (
            || on(MultiHeadAttention::new(0, 2), [SEQUENCES, SEQUENCES]),
            &["MultiHeadAttention", "`num_heads`"],
        ),
        (
            || on(Concatenate::new(), [VECTORS, SEQUENCES]),
            &["Concatenate", "(None, 4)", "(None, 5, 3)"],
        ),
    ];
    for (model, words) in cases {
        assert_says(&message(model()), words);
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
    let two = serde_json::json!({"loss": ["mse", "mae"]});
    let text = message(Compile::from_config(&two, &["out".to_owned()], keras::registry()));
    assert_says(&text, &["`loss` must have one entry", "`out`", "got 2"]);
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
    let text = message(model.predict(zeros(&[2, 3], DType::F32)?, Predict::new().verbose(0)));
    assert_says(&text, &["(None, 1)", "[2, 3]"]);
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
