//! Layers: configuration, shapes, errors, values.

use keras_core::layer::{Build, Call};
use keras_core::layers::{
    Activation, Add, Concatenate, Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Padding, Rescaling,
};
use keras_core::regularizers::L2;
use keras_core::shape::Dims;
use keras_core::{Apply, Layer, LayerRef, Model, Result, Sequential, input, registry};
use keras_ops::{Device, Tensor};
use serde_json::json;

/// The arguments that a class cannot be built without.
fn required(class_name: &str) -> serde_json::Value {
    match class_name {
        "Dense" => json!({"units": 3}),
        "Embedding" => {
            json!({"input_dim": 5, "output_dim": 2, "embeddings_initializer": "normal", "mask_zero": true})
        }
        "ReversibleEmbedding" => {
            json!({"input_dim": 5, "output_dim": 2, "tie_weights": false, "logit_soft_cap": 2.0})
        }
        "Masking" => json!({"mask_value": 9.0}),
        "Wrapper" | "TimeDistributed" => json!({"layer": a_layer("Dense")}),
        "SimpleRNN" | "SimpleRNNCell" => json!({"units": 3, "activation": null, "dropout": 0.5, "seed": 4}),
        "LSTM" | "LSTMCell" => json!({"units": 3, "recurrent_activation": "relu", "unit_forget_bias": false}),
        "GRU" | "GRUCell" => json!({"units": 3, "reset_after": false, "recurrent_constraint": "max_norm"}),
        "ConvLSTM1D" => {
            json!({"filters": 2, "kernel_size": 3, "data_format": "channels_first", "dropout": 0.25})
        }
        "ConvLSTM2D" | "ConvLSTMCell" => {
            json!({"filters": 2, "kernel_size": [3, 2], "strides": 2, "padding": "same"})
        }
        "ConvLSTM3D" => {
            json!({"filters": 2, "kernel_size": 2, "dilation_rate": [1, 2, 1], "return_state": true})
        }
        "RNN" => json!({"cell": a_layer("StackedRNNCells"), "return_state": true, "go_backwards": true}),
        "StackedRNNCells" => json!({"cells": [a_layer("LSTMCell"), a_layer("GRUCell")]}),
        "Bidirectional" => json!({"layer": a_layer("GRU"), "merge_mode": null}),
        "Dropout" | "SpatialDropout1D" | "SpatialDropout2D" | "SpatialDropout3D" | "GaussianDropout"
        | "AlphaDropout" => json!({"rate": 0.25, "seed": 3}),
        "GaussianNoise" => json!({"stddev": 0.5}),
        "Dot" => json!({"axes": [1, -1], "normalize": true}),
        "EinsumDense" => json!({"equation": "abc,cd->abd", "output_shape": [null, 3], "bias_axes": "d"}),
        "MultiHeadAttention" => json!({"num_heads": 2, "key_dim": 3, "output_shape": [4]}),
        "GroupQueryAttention" => json!({"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}),
        "Lambda" => {
            let function = json!({
                "module": "builtins", "class_name": "function", "config": "f", "registered_name": "function"});
            json!({"function": function, "output_shape": [3, null]})
        }
        "Conv1D" | "Conv1DTranspose" | "SeparableConv1D" => json!({"filters": 2, "kernel_size": 3}),
        "Conv2D" | "Conv2DTranspose" | "SeparableConv2D" => json!({"filters": 2, "kernel_size": [3, 2]}),
        "Conv3D" | "Conv3DTranspose" => json!({"filters": 2, "kernel_size": [1, 2, 3]}),
        "DepthwiseConv1D" | "DepthwiseConv2D" => json!({"kernel_size": 2, "depth_multiplier": 2}),
        name if name.starts_with("AveragePooling") => json!({"pool_size": 2}),
        name if name.starts_with("Adaptive") => json!({"output_size": 3}),
        "Reshape" => json!({"target_shape": [-1, 2]}),
        "Permute" => json!({"dims": [2, 1]}),
        "RepeatVector" => json!({"n": 3}),
        "SpectralNormalization" => json!({"layer": a_layer("Dense"), "power_iterations": 2}),
        "InputLayer" => json!({"batch_shape": [null, 4]}),
        "Rescaling" => json!({"scale": [0.5, 2.0], "offset": -1.0}),
        "Activation" => json!({"activation": "tanh"}),
        "Sequential" => json!({"layers": [a_layer("InputLayer"), a_layer("Flatten")]}),
        "Functional" => {
            let mut flatten = a_layer("Flatten");
            flatten["inbound_nodes"] = json!([{
                "args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["InputLayer", 0, 0]}}],
                "kwargs": {},
            }]);
            json!({
                "layers": [a_layer("InputLayer"), flatten],
                "input_layers": [["InputLayer", 0, 0]],
                "output_layers": [["Flatten", 0, 0]],
            })
        }
        other => crate::preprocessing::arguments(other),
    }
}

/// A layer of a model, called as its class.
fn a_layer(class_name: &str) -> serde_json::Value {
    let mut config = required(class_name);
    config["name"] = json!(class_name);
    json!({"class_name": class_name, "config": config, "name": class_name})
}

#[test]
fn every_layer_is_built_from_its_own_configuration() -> Result<()> {
    let core = registry::core();
    for entry in core.layers.iter() {
        let mut config = required(entry.class_name);
        config["name"] = json!("some");
        let value = json!({"class_name": entry.class_name, "config": config});
        let first = core.layers.from_value(&value, core)?;
        let full = first.base().full_config(first.config());
        let value = json!({"class_name": first.class_name(), "config": full.0});
        let again = core.layers.from_value(&value, core)?;
        assert_eq!(
            again.base().full_config(again.config()),
            full,
            "{}",
            entry.class_name
        );
        assert_eq!(again.base().name(), "some");
    }
    Ok(())
}

#[test]
fn an_unknown_argument_is_an_error() {
    let core = registry::core();
    for entry in core.layers.iter() {
        let mut config = required(entry.class_name);
        config["no_such_argument"] = json!(1);
        let value = json!({"class_name": entry.class_name, "config": config});
        let error = core
            .layers
            .from_value(&value, core)
            .expect_err(entry.class_name)
            .to_string();
        assert!(error.contains("no_such_argument"), "{error}");
    }
}

#[test]
fn arguments_of_keras_that_are_null_are_ignored() -> Result<()> {
    let core = registry::core();
    let config =
        json!({"units": 2, "quantization_config": null, "lora_rank": null, "kernel_constraint": null});
    core.layers
        .from_value(&json!({"class_name": "Dense", "config": config}), core)?;
    Ok(())
}

#[test]
fn nested_objects_are_written_in_keras_envelopes() {
    let config = Dense::new(2)
        .activation("relu")
        .kernel_regularizer(L2 { l2: 0.5 })
        .config();
    assert_eq!(config.get("activation"), Some(&json!("relu")));
    assert_eq!(
        config.get("kernel_regularizer"),
        Some(&json!({
            "module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.5}, "registered_name": null,
        }))
    );
    assert_eq!(
        config.get("bias_initializer").map(|v| v["class_name"].clone()),
        Some(json!("Zeros"))
    );
}

fn shape(layer: &dyn Layer, inputs: &[&[Option<usize>]]) -> Result<Dims> {
    let inputs: Vec<Dims> = inputs.iter().map(|d| d.to_vec()).collect();
    layer
        .compute_output_shape(&inputs)
        .map(|mut shapes| shapes.remove(0))
}

#[test]
fn output_shapes_are_those_of_keras() -> Result<()> {
    let n = None;
    let s = Some;
    let image: &[Option<usize>] = &[n, s(7), s(8), s(4)];
    type Case = (Box<dyn Layer>, Vec<Option<usize>>, Vec<Option<usize>>);
    let cases: Vec<Case> = vec![
        (Box::new(Dense::new(3)), vec![n, s(5)], vec![n, s(3)]),
        (Box::new(Dense::new(3)), vec![n, n, s(5)], vec![n, n, s(3)]),
        (
            Box::new(Conv2D::new(6, 3)),
            image.to_vec(),
            vec![n, s(5), s(6), s(6)],
        ),
        (
            Box::new(Conv2D::new(6, [3, 2]).strides(2)),
            image.to_vec(),
            vec![n, s(3), s(4), s(6)],
        ),
        (
            Box::new(Conv2D::new(6, 3).strides(2).padding(Padding::Same)),
            image.to_vec(),
            vec![n, s(4), s(4), s(6)],
        ),
        (
            Box::new(Conv2D::new(6, 3).dilation_rate(2)),
            image.to_vec(),
            vec![n, s(3), s(4), s(6)],
        ),
        (
            Box::new(Conv2D::new(6, 3)),
            vec![n, n, n, s(1)],
            vec![n, n, n, s(6)],
        ),
        (
            Box::new(MaxPooling2D::new(2)),
            image.to_vec(),
            vec![n, s(3), s(4), s(4)],
        ),
        (
            Box::new(MaxPooling2D::new(3).strides(2)),
            image.to_vec(),
            vec![n, s(3), s(3), s(4)],
        ),
        (
            Box::new(MaxPooling2D::new(2).padding(Padding::Same)),
            image.to_vec(),
            vec![n, s(4), s(4), s(4)],
        ),
        (Box::new(Flatten::new()), image.to_vec(), vec![n, s(224)]),
        (Box::new(Flatten::new()), vec![n], vec![n, s(1)]),
        (Box::new(Flatten::new()), vec![n, n, s(3)], vec![n, n]),
        (Box::new(Rescaling::new(2.)), image.to_vec(), image.to_vec()),
        (Box::new(Dropout::new(0.5)), image.to_vec(), image.to_vec()),
    ];
    for (layer, given, expected) in cases {
        assert_eq!(shape(&*layer, &[&given])?, expected, "{layer:?}");
    }
    assert_eq!(
        shape(&Add::new(), &[&[n, s(4), s(1)], &[n, s(3)]])?,
        [n, s(4), s(3)]
    );
    assert_eq!(
        shape(&Concatenate::new().axis(1), &[&[n, s(4), s(1)], &[s(2), n, s(1)]])?,
        [s(2), n, s(1)]
    );
    Ok(())
}

#[test]
fn wrong_arguments_and_shapes_are_errors_that_say_why() {
    let image: &[Option<usize>] = &[None, Some(7), Some(8), Some(4)];
    type Case<'a> = (Box<dyn Layer>, &'a [Option<usize>], &'a str);
    let cases: Vec<Case<'_>> = vec![
        (Box::new(Dense::new(0)), &[None, Some(3)], "units"),
        (Box::new(Dense::new(2)), &[None], "rank 2 or more"),
        (Box::new(Conv2D::new(0, 3)), image, "filters"),
        (Box::new(Conv2D::new(2, 0)), image, "kernel_size"),
        (Box::new(Conv2D::new(2, 3).strides(0)), image, "strides"),
        (
            Box::new(Conv2D::new(2, 3).strides(2).dilation_rate(2)),
            image,
            "cannot both be above 1",
        ),
        (Box::new(Conv2D::new(3, 3).groups(2)), image, "3 filters"),
        (Box::new(Conv2D::new(6, 3).groups(3)), image, "4 input channels"),
        (Box::new(Conv2D::new(2, 9)), image, "does not fit"),
        (Box::new(Conv2D::new(2, 3)), &[None, Some(3)], "rank 4"),
        (Box::new(MaxPooling2D::new(0)), image, "pool_size"),
        (Box::new(MaxPooling2D::new(8)), image, "does not fit"),
        (
            Box::new(Conv2D::new(2, 3).padding(Padding::Causal)),
            image,
            "`padding` must be \"valid\" or \"same\"",
        ),
        (
            Box::new(Conv2D::new(2, 3).padding(Padding::explicit([(1, 1), (1, 1)]))),
            image,
            "ZeroPadding",
        ),
        (Box::new(Dropout::new(1.5)), image, "rate"),
        (
            Box::new(Dropout::new(0.5).noise_shape([None, Some(3)])),
            &[None, Some(4)],
            "noise_shape",
        ),
        (Box::new(Activation::new("rleu")), image, "Did you mean `relu`"),
        (Box::new(Rescaling::new([1., 2.])), image, "scale"),
        (Box::new(Concatenate::new().axis(7)), image, "axis 7"),
    ];
    for (layer, given, expected) in cases {
        let error = shape(&*layer, &[given]).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = shape(&Add::new(), &[&[None, Some(2)], &[None, Some(3)]])
        .expect_err("add")
        .to_string();
    assert!(error.contains("(None, 2), (None, 3)"), "{error}");
    let error = Sequential::new()
        .input([2])
        .add(Dense::new(2).activation("rleu"))
        .build()
        .expect_err("name");
    assert!(error.to_string().contains("relu"), "{error}");
}

#[test]
fn a_shared_layer_has_one_set_of_weights() -> Result<()> {
    let shared = LayerRef::new(Dense::new(3).name("shared"));
    let (a, b) = (input([4]).name("a"), input([4]).name("b"));
    let sum = Add::new().apply([&shared.apply(&a)?, &shared.apply(&b)?])?;
    let model = Model::new([&a, &b], &sum)?;
    assert_eq!(model.count_params(), 4 * 3 + 3);
    let names: Vec<String> = model.weights().into_iter().map(|(path, _)| path).collect();
    assert_eq!(names, ["shared/kernel", "shared/bias"]);
    let x = Tensor::ones((2, 4), keras_ops::DType::F32, &Device::Cpu)?;
    let once = shared
        .read()
        .call(std::slice::from_ref(&x), &mut Call::new(false))?
        .0
        .remove(0);
    let twice = model.call(&[x.clone(), x], &mut Call::new(false))?.remove(0);
    let doubled: Vec<f32> = once
        .flatten_all()?
        .to_vec1::<f32>()?
        .iter()
        .map(|v| 2. * v)
        .collect();
    assert_eq!(twice.flatten_all()?.to_vec1::<f32>()?, doubled);
    Ok(())
}

#[test]
fn a_model_is_a_layer_of_another() -> Result<()> {
    let inner = Sequential::new()
        .name("inner")
        .input([4])
        .add(Dense::new(3).name("d"))
        .build()?;
    let x = input([4]);
    let y = Dense::new(1).name("head").apply(&inner.as_layer().apply(&x)?)?;
    let outer = Model::new(&x, &y)?;
    let names: Vec<String> = outer.weights().into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        names,
        ["inner/d/kernel", "inner/d/bias", "head/kernel", "head/bias"]
    );
    outer.layer("inner")?.set_trainable(false);
    assert_eq!(outer.trainable_variables().len(), 2);
    Ok(())
}

#[test]
fn layers_are_named_in_order_of_creation() -> Result<()> {
    let model = Sequential::new()
        .input([8, 8, 1])
        .add(Conv2D::new(2, 3))
        .add(Flatten::new())
        .add(Dense::new(3))
        .add(Dense::new(2).name("last"))
        .add(Dense::new(1))
        .build()?;
    let names: Vec<String> = model.layers().iter().map(LayerRef::name).collect();
    assert_eq!(names[1..], ["conv2d", "flatten", "dense", "last", "dense_1"]);
    let twice = Sequential::new()
        .input([2])
        .add(Dense::new(1).name("x"))
        .add(Dense::new(1).name("x"))
        .build();
    assert!(twice.is_err());
    Ok(())
}

#[test]
fn frozen_weights_are_not_trained() -> Result<()> {
    let layer = LayerRef::new(Dense::new(2).trainable(false));
    layer.build(&[vec![None, Some(3)]], &Build::new(&Device::Cpu))?;
    assert!(layer.weights("").iter().all(|(_, v)| !v.trainable()));
    assert_eq!(layer.read().count_params(), 8);
    Ok(())
}

#[test]
fn activity_penalties_are_divided_by_the_batch() -> Result<()> {
    let layer = LayerRef::new(
        Dense::new(1)
            .kernel_initializer("zeros")
            .bias_initializer("ones")
            .activity_regularizer(L2 { l2: 0.5 }),
    );
    layer.build(&[vec![None, Some(3)]], &Build::new(&Device::Cpu))?;
    let mut cx = Call::new(true);
    layer.read().call(
        &[Tensor::ones((4, 3), keras_ops::DType::F32, &Device::Cpu)?],
        &mut cx,
    )?;
    let losses = cx.take_losses();
    assert_eq!(losses.len(), 1);
    assert_eq!(losses[0].to_scalar::<f32>()?, 0.5); // 0.5 * 4 * 1^2 / 4
    Ok(())
}
