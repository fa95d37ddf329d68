//! Recurrent layers, embeddings, masks and wrappers: configurations, shapes, errors, saving.

use std::path::Path;

use keras_core::layer::{Build, Call};
use keras_core::layers::{
    Bidirectional, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D, ConvLSTMCell, DataFormat, Dense, Embedding, GRU,
    Identity, InputLayer, LSTM, LSTMCell, Masking, MergeMode, Padding, RNN, ReversibleEmbedding, SimpleRNN,
    TimeDistributed, Wrapper,
};
use keras_core::regularizers::L2;
use keras_core::saving::load_model;
use keras_core::shape::Dims;
use keras_core::{
    Apply, Arguments, Compile, Error, Fit, Layer, LayerRef, Model, Registry, Result, Sequential, input,
    loss_fn, ops, registry,
};
use keras_ops::{DType, Device, Tensor};
use serde_json::{Value, json};

const N: Option<usize> = None;

fn s(size: usize) -> Option<usize> {
    Some(size)
}

/// What real Keras wrote of these layers comes back as it was.
#[test]
fn configurations_are_those_of_keras() -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/layers.json");
    let text = std::fs::read_to_string(path).map_err(Error::user)?;
    let golden: Value = serde_json::from_str(&text)?;
    let core = registry::core();
    let mut seen = 0;
    for case in golden["cases"].as_array().into_iter().flatten() {
        let object = &case["object"];
        let ours = [
            "Bidirectional",
            "ConvLSTM1D",
            "ConvLSTM2D",
            "Embedding",
            "GRU",
            "Identity",
            "LSTM",
            "Masking",
            "RNN",
            "ReversibleEmbedding",
            "SimpleRNN",
            "TimeDistributed",
        ];
        if !ours.iter().any(|name| object["class_name"] == *name) {
            continue;
        }
        seen += 1;
        let layer = core.layers.from_value(object, core)?;
        let written = Value::Object(layer.base().full_config(layer.config()).0);
        for (key, value) in object["config"].as_object().into_iter().flatten() {
            if key == "quantization_config" {
                continue;
            }
            assert_eq!(plain(&written[key]), plain(value), "{} `{key}`", case["name"]);
        }
    }
    assert!(seen >= 18, "only {seen} cases");
    Ok(())
}

/// Without what Keras adds for building: the input's shape, and arguments of layers within that are null.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, value)| *key != "build_config" && *key != "seed" && !value.is_null())
            .map(|(key, value)| (key.clone(), plain(value)))
            .collect(),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

#[test]
fn output_shapes_are_those_of_keras() -> Result<()> {
    let sequence: Dims = vec![N, s(7), s(5)];
    let any: Dims = vec![N, N, s(5)];
    type Case = (Box<dyn Layer>, Dims, Vec<Dims>);
    let cases: Vec<Case> = vec![
        (Box::new(SimpleRNN::new(3)), any.clone(), vec![vec![N, s(3)]]),
        (
            Box::new(GRU::new(3).return_sequences(true)),
            any.clone(),
            vec![vec![N, N, s(3)]],
        ),
        (
            Box::new(LSTM::new(3).return_sequences(true).return_state(true)),
            sequence.clone(),
            vec![vec![N, s(7), s(3)], vec![N, s(3)], vec![N, s(3)]],
        ),
        (
            Box::new(Bidirectional::new(GRU::new(3).return_state(true))),
            sequence.clone(),
            vec![vec![N, s(6)], vec![N, s(3)], vec![N, s(3)]],
        ),
        (
            Box::new(Bidirectional::new(LSTM::new(3).return_sequences(true)).merge_mode(None)),
            sequence.clone(),
            vec![vec![N, s(7), s(3)]; 2],
        ),
        (
            Box::new(Bidirectional::new(LSTM::new(3)).merge_mode(MergeMode::Ave)),
            sequence.clone(),
            vec![vec![N, s(3)]],
        ),
        (
            Box::new(TimeDistributed::new(Dense::new(2))),
            any.clone(),
            vec![vec![N, N, s(2)]],
        ),
        (
            Box::new(ConvLSTM1D::new(6, 3).strides(2).return_sequences(true)),
            vec![N, N, s(9), s(2)],
            vec![vec![N, N, s(4), s(6)]],
        ),
        (
            Box::new(
                ConvLSTM2D::new(6, [3, 2])
                    .padding(Padding::Same)
                    .return_state(true),
            ),
            vec![N, s(7), s(8), s(9), s(2)],
            vec![vec![N, s(8), s(9), s(6)]; 3],
        ),
        (
            Box::new(
                ConvLSTM3D::new(6, 2)
                    .dilation_rate(2)
                    .data_format(DataFormat::ChannelsFirst),
            ),
            vec![N, s(7), s(2), s(5), s(6), s(7)],
            vec![vec![N, s(6), s(3), s(4), s(5)]],
        ),
        (
            Box::new(Embedding::new(10, 4)),
            vec![N, N],
            vec![vec![N, N, s(4)]],
        ),
        (Box::new(Masking::default()), any.clone(), vec![any.clone()]),
        (Box::new(Identity::new()), any.clone(), vec![any.clone()]),
    ];
    for (layer, given, expected) in cases {
        assert_eq!(layer.compute_output_shape(&[given])?, expected, "{layer:?}");
    }
    let reverse = Arguments::new().set("reverse", true);
    let shapes = ReversibleEmbedding::new(10, 4).compute_output_shape_with(&[vec![N, N, s(4)]], &reverse)?;
    assert_eq!(shapes, [[N, N, s(10)]]);
    Ok(())
}

#[test]
fn wrong_arguments_and_shapes_are_errors_that_say_why() {
    let sequence: Dims = vec![N, s(7), s(5)];
    let flat: Dims = vec![N, s(5)];
    let rows: Dims = vec![N, N, s(5), s(2)];
    type Case = (Box<dyn Layer>, Dims, &'static str);
    let cases: Vec<Case> = vec![
        (
            Box::new(LSTM::new(0)),
            sequence.clone(),
            "`units` must be 1 or more",
        ),
        (
            Box::new(LSTM::new(2)),
            flat.clone(),
            "LSTM: expected an input of rank 3",
        ),
        (
            Box::new(GRU::new(2).activation("tahn")),
            sequence.clone(),
            "Did you mean `tanh`",
        ),
        (
            Box::new(GRU::new(2).recurrent_activation("sigmoi")),
            sequence.clone(),
            "Did you mean `sigmoid`",
        ),
        (Box::new(SimpleRNN::new(2)), vec![N, s(7), N], "known features"),
        (Box::new(RNN::stacked([])), sequence.clone(), "at least one cell"),
        (
            Box::new(RNN::stacked([LayerRef::new(Dense::new(2))])),
            sequence.clone(),
            "cells, such as LSTMCell, got Dense",
        ),
        (
            Box::new(Bidirectional::new(LSTM::new(2).go_backwards(true))),
            sequence.clone(),
            "different directions",
        ),
        (
            Box::new(
                Bidirectional::new(LSTM::new(2))
                    .backward_layer(LSTM::new(2).go_backwards(true).return_state(true)),
            ),
            sequence.clone(),
            "`return_state` must be the same in both layers",
        ),
        (
            Box::new(Bidirectional::new(Dense::new(2))),
            sequence.clone(),
            "`.backward_layer(…)`",
        ),
        (
            Box::new(TimeDistributed::new(Dense::new(2))),
            flat.clone(),
            "three axes or more",
        ),
        (
            Box::new(ConvLSTM2D::new(2, 3)),
            flat.clone(),
            "ConvLSTM2D: expected an input of rank 5",
        ),
        (
            Box::new(ConvLSTM1D::new(0, 3)),
            rows.clone(),
            "`filters` must be 1 or more",
        ),
        (Box::new(ConvLSTM1D::new(2, 6)), rows.clone(), "does not fit"),
        (
            Box::new(ConvLSTM1D::new(2, 2).strides(2).dilation_rate(2)),
            rows.clone(),
            "cannot both be above 1",
        ),
        (
            Box::new(ConvLSTM1D::new(2, 2).padding(Padding::Causal)),
            rows,
            "\"valid\" or \"same\"",
        ),
        (
            Box::new(Embedding::new(0, 2)),
            flat.clone(),
            "`input_dim` must be 1 or more",
        ),
        (
            Box::new(Embedding::new(2, 0)),
            flat.clone(),
            "`output_dim` must be 1 or more",
        ),
        (
            Box::new(Embedding::new(5, 2).lora_rank(2).embeddings_constraint("non_neg")),
            flat.clone(),
            "does not go with `embeddings_constraint`",
        ),
        (
            Box::new(Masking::each([1., 2.])),
            sequence,
            "one a feature (5), got 2",
        ),
    ];
    for (layer, given, expected) in cases {
        let error = layer
            .compute_output_shape(&[given])
            .expect_err(expected)
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn configurations_that_cannot_be_are_errors_that_say_why() {
    let core = registry::core();
    for (class_name, config, expected) in [
        ("LSTM", json!({"units": 2, "use_cudnn": true}), "no cuDNN kernel"),
        (
            "LSTM",
            json!({"units": 2, "return_sequence": true}),
            "Did you mean `return_sequences`",
        ),
        (
            "GRU",
            json!({"units": 2, "reset_afer": true}),
            "Did you mean `reset_after`",
        ),
        (
            "RNN",
            json!({"cell": {"class_name": "Dense", "config": {"units": 2}}}),
            "`cell` must be a cell",
        ),
        (
            "Bidirectional",
            json!({"layer": {"class_name": "LSTM", "config": {"units": 2}}, "merge_mode": "max"}),
            "\"ave\" or null",
        ),
        (
            "Embedding",
            json!({"input_dim": 3, "output_dim": 2, "weights": [[1.0]]}),
            ".weights(table)",
        ),
    ] {
        let value = json!({"class_name": class_name, "config": config});
        let error = core
            .layers
            .from_value(&value, core)
            .expect_err(expected)
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

fn built(layer: impl Into<LayerRef>, dims: &[Option<usize>]) -> Result<LayerRef> {
    let layer = layer.into();
    layer.build(&[dims.to_vec()], &Build::new(&Device::Cpu))?;
    Ok(layer)
}

fn zeros(dims: &[usize]) -> Result<Tensor> {
    Ok(Tensor::zeros(dims, DType::F32, &Device::Cpu)?)
}

#[test]
fn calls_that_do_not_fit_are_errors_that_say_why() -> Result<()> {
    let lstm = built(LSTM::new(4), &[N, N, s(3)])?;
    let both = built(Bidirectional::new(LSTM::new(4)), &[N, N, s(3)])?;
    let words = built(Embedding::new(5, 2), &[N, N])?;
    let timed = built(TimeDistributed::new(Dense::new(2)), &[N, N, s(3)])?;
    let x = || zeros(&[2, 6, 3]);
    let message = |layer: &LayerRef, inputs: &[Tensor], mask: Option<Tensor>| {
        let mut cx = Call::new(false);
        cx.masks = [mask].into_iter().collect();
        layer
            .read()
            .call(inputs, &mut cx)
            .map_or_else(|e| e.to_string(), |_| "no error".to_owned())
    };
    let ids = |ids: &[i64]| Tensor::new(ids, &Device::Cpu);
    let cases = [
        (
            message(&lstm, &[x()?, zeros(&[2, 4])?], None),
            "2 tensors of shapes (2, 4), (2, 4), got (2, 4)",
        ),
        (
            message(&lstm, &[x()?, zeros(&[2, 4])?, zeros(&[3, 4])?], None),
            "got (2, 4), (3, 4)",
        ),
        (message(&lstm, &[zeros(&[2, 0, 3])?], None), "at least one step"),
        (
            message(&lstm, &[x()?], Some(zeros(&[2, 5])?)),
            "(batch, time) = [2, 6], got [2, 5]",
        ),
        (
            message(&both, &[x()?, zeros(&[2, 4])?], None),
            "for each direction, got 1",
        ),
        (
            message(&words, &[ids(&[1, 5])?], None),
            "id 5 at position 1 is out of range",
        ),
        (
            message(&words, &[ids(&[-1])?], None),
            "id -1 at position 0 is out of range",
        ),
        (
            message(&timed, &[x()?], Some(zeros(&[2])?)),
            "first axes are (batch, time) = [2, 6]",
        ),
    ];
    for (message, expected) in cases {
        assert!(message.contains(expected), "{message}");
    }
    let wrapper = built(Wrapper::new(Dense::new(2)), &[N, s(3)])?;
    assert!(message(&wrapper, &[x()?], None).contains("computes nothing by itself"));
    let error = built(ConvLSTM2D::new(2, 2), &[N, N, s(5), N, s(2)])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("sizes of the spatial axes must be known"),
        "{error}"
    );
    let unknown = LSTM::new(2).stateful(true);
    let error = built(unknown, &[N, s(3), s(2)]).unwrap_err().to_string();
    assert!(error.contains("fixed batch size"), "{error}");
    Ok(())
}

#[test]
fn ids_of_every_type_are_taken() -> Result<()> {
    let table = Tensor::new(&[[0f32, 1.], [2., 3.], [4., 5.]], &Device::Cpu)?;
    let layer = built(Embedding::new(3, 2).weights(table), &[N])?;
    let ids = Tensor::new(&[2u32, 0], &Device::Cpu)?;
    for dtype in [
        DType::U8,
        DType::U32,
        DType::I16,
        DType::I32,
        DType::I64,
        DType::F32,
        DType::F64,
    ] {
        let y = layer
            .read()
            .call(&[ops::cast(&ids, dtype)?], &mut Call::new(false))?;
        assert_eq!(y.0[0].to_vec2::<f32>()?, [[4., 5.], [0., 1.]], "{dtype:?}");
    }
    Ok(())
}

#[test]
fn lora_trains_two_small_matrices() -> Result<()> {
    let layer = built(Embedding::new(5, 3).lora_rank(2).lora_alpha(4.), &[N])?;
    let weights = layer.weights("");
    let names: Vec<&str> = weights
        .iter()
        .map(|(path, _)| path.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(names, ["embeddings", "lora_embeddings_a", "lora_embeddings_b"]);
    let trained: Vec<bool> = weights.iter().map(|(_, v)| v.trainable()).collect();
    assert_eq!(trained, [false, true, true]);
    weights[0].1.zero()?;
    weights[1]
        .1
        .assign(&Tensor::ones((5, 2), DType::F32, &Device::Cpu)?)?;
    weights[2]
        .1
        .assign(&Tensor::ones((2, 3), DType::F32, &Device::Cpu)?)?;
    let y = layer
        .read()
        .call(&[Tensor::new(&[3u32], &Device::Cpu)?], &mut Call::new(false))?;
    assert_eq!(y.0[0].to_vec2::<f32>()?, [[4.; 3]]); // alpha / rank times 2
    Ok(())
}

#[test]
fn masks_reach_the_layers_they_are_for() -> Result<()> {
    // A masked step changes nothing, so the sequence may as well end before it.
    let model = |time: usize| {
        keras_core::set_random_seed(5);
        let ids = InputLayer::new([time]).dtype(DType::I32).tensor();
        Sequential::new()
            .input_tensor(ids)
            .add(Embedding::new(7, 3).mask_zero(true))
            .add(Bidirectional::new(LSTM::new(2).return_sequences(true)))
            .add(TimeDistributed::new(Dense::new(3)))
            .add(GRU::new(2))
            .build()
    };
    let long = Tensor::new(&[[3i32, 1, 6, 0, 0], [2, 2, 5, 0, 0]], &Device::Cpu)?;
    let short = ops::narrow(&long, 1, 0, 3)?;
    let run = |time, ids: &Tensor| -> Result<Vec<f32>> {
        let y = model(time)?.call(std::slice::from_ref(ids), &mut Call::new(false))?;
        Ok(y[0].flatten_all()?.to_vec1()?)
    };
    assert_eq!(run(5, &long)?, run(3, &short)?);
    Ok(())
}

#[test]
fn masked_steps_of_images_change_nothing() -> Result<()> {
    let layer = ConvLSTM2D::new(2, 2)
        .padding(Padding::Same)
        .return_sequences(true)
        .return_state(true);
    let layer = built(layer, &[N, N, s(3), s(4), s(2)])?;
    let values: Vec<f32> = (0..2 * 4 * 24).map(|i| (i as f32 * 0.7).sin()).collect();
    let x = Tensor::from_vec(values, (2, 4, 3, 4, 2), &Device::Cpu)?;
    let run = |x: &Tensor, mask: Option<Tensor>| -> Result<Vec<Vec<f32>>> {
        let mut cx = Call::new(false);
        cx.masks = [mask].into_iter().collect();
        let outputs = layer.read().call(std::slice::from_ref(x), &mut cx)?.0;
        outputs.iter().map(|y| Ok(y.flatten_all()?.to_vec1()?)).collect()
    };
    let mask = Tensor::new(&[[1u8, 1, 0, 0], [1, 1, 0, 0]], &Device::Cpu)?;
    let (masked, short) = (run(&x, Some(mask))?, run(&ops::narrow(&x, 1, 0, 2)?, None)?);
    assert_eq!(masked[1..], short[1..]);
    let frame = 3 * 4 * 2;
    assert_eq!(masked[0][..2 * frame], short[0][..2 * frame]);
    assert_eq!(masked[0][2 * frame..3 * frame], short[0][frame..2 * frame]); // the output before
    Ok(())
}

#[test]
fn dropout_of_images_is_by_gate_and_in_training_only() -> Result<()> {
    let cell = ConvLSTMCell::<1>::new(2, 2)
        .padding(Padding::Same)
        .dropout(0.5)
        .recurrent_dropout(0.5)
        .seed(4);
    let layer = built(RNN::new(cell), &[N, N, s(5), s(3)])?;
    let x = Tensor::ones((2, 3, 5, 3), DType::F32, &Device::Cpu)?;
    let call = |training| -> Result<Vec<f32>> {
        let y = layer
            .read()
            .call(std::slice::from_ref(&x), &mut Call::new(training))?;
        Ok(y.0[0].flatten_all()?.to_vec1()?)
    };
    assert_eq!(call(false)?, call(false)?);
    assert_ne!(call(true)?, call(true)?);
    Ok(())
}

/// One path for inputs and states, another for wrappers.
#[test]
fn names_and_freezing_reach_the_layers_within() -> Result<()> {
    let cells = [3, 2].map(|units| LayerRef::new(LSTMCell::new(units)));
    let rnn = built(RNN::stacked(cells).name("r"), &[N, N, s(4)])?;
    let paths: Vec<String> = rnn.weights("").into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths[0], "r/stacked_rnn_cells/lstm_cell/kernel");
    assert_eq!(paths[3], "r/stacked_rnn_cells/lstm_cell_1/kernel");
    for layer in [
        built(LSTM::new(2).trainable(false), &[N, N, s(4)])?,
        built(Bidirectional::new(LSTM::new(2)).trainable(false), &[N, N, s(4)])?,
        built(
            TimeDistributed::new(Dense::new(2)).trainable(false),
            &[N, N, s(4)],
        )?,
    ] {
        assert!(layer.weights("").iter().all(|(_, v)| !v.trainable()), "{layer:?}");
    }
    Ok(())
}

#[test]
fn penalties_of_layers_within_wrappers_count_step_by_step() -> Result<()> {
    let dense = Dense::new(1)
        .kernel_initializer("zeros")
        .bias_initializer("ones")
        .activity_regularizer(L2 { l2: 0.5 });
    let layer = built(TimeDistributed::new(dense), &[N, N, s(3)])?;
    let mut cx = Call::new(true);
    layer.read().call(&[zeros(&[4, 6, 3])?], &mut cx)?;
    let total: f32 = cx
        .take_losses()
        .iter()
        .map(|loss| Ok(loss.to_scalar::<f32>()?))
        .sum::<Result<f32>>()?;
    assert_eq!(total, 6. * 0.5); // 0.5 * 4 * 1^2 / 4 at each of six steps
    let layer = built(
        LSTM::new(2)
            .activity_regularizer(L2 { l2: 0.5 })
            .return_state(true),
        &[N, N, s(3)],
    )?;
    let mut cx = Call::new(true);
    layer.read().call(&[zeros(&[4, 6, 3])?], &mut cx)?;
    assert_eq!(cx.take_losses().len(), 3);
    Ok(())
}

#[test]
fn mixed_precision_computes_in_half_and_keeps_weights_whole() -> Result<()> {
    let x = zeros(&[2, 5, 3])?;
    for layer in [
        built(
            LSTM::new(4).dtype("mixed_bfloat16").stateful(true),
            &[s(2), N, s(3)],
        )?,
        built(
            Bidirectional::new(GRU::new(4).dtype("mixed_bfloat16")).dtype("mixed_bfloat16"),
            &[s(2), N, s(3)],
        )?,
        built(
            RNN::new(LSTMCell::new(4).dtype("mixed_bfloat16")).dtype("mixed_bfloat16"),
            &[s(2), N, s(3)],
        )?,
    ] {
        assert!(
            layer
                .weights("")
                .iter()
                .chain(&layer.states(""))
                .all(|(_, v)| v.dtype() == DType::F32)
        );
        for training in [true, false] {
            let y = layer
                .read()
                .call(std::slice::from_ref(&x), &mut Call::new(training))?;
            assert_eq!(y.0[0].dtype(), DType::BF16, "{layer:?}");
        }
    }
    let words = built(Embedding::new(5, 3).dtype("mixed_bfloat16").lora_rank(2), &[N])?;
    let y = words
        .read()
        .call(&[Tensor::new(&[3u32], &Device::Cpu)?], &mut Call::new(false))?;
    assert_eq!(y.0[0].dtype(), DType::BF16);
    assert!(words.weights("").iter().all(|(_, v)| v.dtype() == DType::F32));
    Ok(())
}

fn stateful_model() -> Result<Model> {
    let x = InputLayer::with_batch_shape(vec![s(4), s(5), s(3)]).tensor();
    Sequential::new()
        .input_tensor(x)
        .add(Bidirectional::new(
            GRU::new(3).stateful(true).return_sequences(true),
        ))
        .add(LSTM::new(2).stateful(true).dropout(0.3).recurrent_dropout(0.2))
        .build()
}

fn train(model: &mut Model) -> Result<()> {
    let x: Vec<f32> = (0..8 * 5 * 3).map(|i| (i as f32 * 0.7).sin()).collect();
    let y: Vec<f32> = (0..16).map(|i| (i as f32 * 0.3).cos()).collect();
    let x = Tensor::from_vec(x, (8, 5, 3), &Device::Cpu)?;
    let y = Tensor::from_vec(y, (8, 2), &Device::Cpu)?;
    model
        .fit(
            (&x, &y),
            Fit::new().epochs(1).batch_size(4).shuffle(false).verbose(0),
        )
        .map(drop)
}

#[test]
fn a_saved_stateful_model_goes_on_exactly() -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::user)?;
    let path = folder.path().join("model.keras");
    let mut model = stateful_model()?;
    let compile = |model: &mut Model| {
        let mse = loss_fn("mse_of_rows", |y: &Tensor, p: &Tensor| {
            ops::mean(&ops::square(&ops::subtract(p, y)?)?, Some(&[-1]), false)
        });
        model.compile_with(Compile::new("adam").loss(mse), &Registry::core())
    };
    compile(&mut model)?;
    train(&mut model)?;
    let states = |model: &Model| -> Result<Vec<Vec<f32>>> {
        let values = |(_, v): (String, keras_core::Variable)| Ok(v.value().flatten_all()?.to_vec1()?);
        model.states().into_iter().map(values).collect()
    };
    assert_eq!(model.states()[0].0, "bidirectional/forward_gru/rnn_state");
    assert!(states(&model)?.iter().flatten().all(|v| *v != 0.));
    assert!(!model.weights().iter().any(|(path, _)| path.contains("rnn_state")));
    model.save(&path)?;
    let mut again = keras_core::saving::load_model_with(
        &path,
        &Registry::core(),
        keras_core::saving::LoadModel::new().compile(false),
    )?;
    assert_eq!(states(&again)?, states(&model)?);
    let x = zeros(&[4, 5, 3])?;
    let next = |model: &Model| -> Result<Vec<f32>> {
        Ok(model.call(std::slice::from_ref(&x), &mut Call::new(true))?[0]
            .flatten_all()?
            .to_vec1()?)
    };
    assert_eq!(next(&again)?, next(&model)?);
    assert_eq!(next(&again)?, next(&model)?);
    model.reset_state()?;
    assert!(states(&model)?.iter().flatten().all(|v| *v == 0.));
    compile(&mut again)?;
    train(&mut again)
}

#[test]
fn a_saved_recurrent_model_trains_on_exactly() -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::user)?;
    let path = folder.path().join("model.keras");
    let x = input([5, 3]);
    let (h, c) = (input([4]).name("h"), input([4]).name("c"));
    let states = Arguments::new().tensors("initial_state", [&h, &c]);
    let y = LSTM::new(4)
        .dropout(0.2)
        .recurrent_dropout(0.2)
        .apply_with(&x, states)?;
    let model = Model::new([&x, &h, &c], &y)?;
    model.save(&path)?;
    let again = load_model(&path, &Registry::core())?;
    let inputs = [
        zeros(&[2, 5, 3])?,
        zeros(&[2, 4])?,
        Tensor::ones((2, 4), DType::F32, &Device::Cpu)?,
    ];
    let run = |model: &Model| -> Result<Vec<f32>> {
        Ok(model.call(&inputs, &mut Call::new(true))?[0]
            .flatten_all()?
            .to_vec1()?)
    };
    assert_eq!(run(&again)?, run(&model)?);
    assert_eq!(run(&again)?, run(&model)?);
    assert!(run(&model)?.iter().all(|v| *v != 0.)); // the states arrived
    Ok(())
}
