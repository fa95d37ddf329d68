//! The models that are compared: the layers and models of `tests/golden`, and what these have not.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};
use keras::layers::InputLayer;
use keras::ops::{self, Seed};
use keras::{Apply, DType, Device, LayerRef, Model, Symbolic, Tensor};
use serde_json::{Value, json};

/// A model and data for it.
pub(crate) struct Sample {
    pub(crate) name: String,
    /// What it is a sample of.
    pub(crate) class: String,
    pub(crate) model: Model,
    pub(crate) inputs: Vec<Tensor>,
    json: String,
}

impl Sample {
    /// Whether a layer of this class is in it.
    pub(crate) fn holds(&self, class: &str) -> bool {
        self.class == class || self.json.contains(&format!("\"class_name\":\"{class}\""))
    }
}

/// Layers that are not compared, and why.
pub(crate) const LEFT_OUT: &[(&str, &str)] = &[
    ("Lambda", "its code is not saved"),
    ("Equalization", "Keras fails to put it into a model"),
    ("ConvLSTMCell", "compared within ConvLSTM"),
    ("SimpleRNNCell", "compared within SimpleRNN"),
    ("Wrapper", "does nothing by itself"),
    (
        "Pipeline",
        "takes layers of images, which are compared one by one",
    ),
    ("MaxNumBoundingBoxes", "takes boxes, not one tensor"),
    (
        "StringLookup",
        "takes strings, of which Keras on JAX makes no model",
    ),
    (
        "TextVectorization",
        "takes strings, of which Keras on JAX makes no model",
    ),
    ("Hashing", "runs in TensorFlow alone"),
    ("HashedCrossing", "runs in TensorFlow alone"),
    ("IntegerLookup", "runs in TensorFlow alone"),
];

/// Layers that no golden case has: class, arguments, shapes of the inputs.
fn others() -> Vec<(&'static str, Value, Vec<Vec<usize>>)> {
    let rows = || vec![2, 5, 4];
    let image = || vec![2, 4, 6, 3];
    vec![
        (
            "SpatialDropout2D",
            json!({"rate": 0.5, "data_format": "channels_first"}),
            vec![image()],
        ),
        (
            "SpatialDropout3D",
            json!({"rate": 0.5, "seed": 1}),
            vec![vec![2, 2, 3, 2, 3]],
        ),
        ("AugMix", json!({}), vec![image()]),
        ("AutoContrast", json!({}), vec![image()]),
        (
            "ContrastLimitedAdaptiveHistogramEqualization",
            json!({}),
            vec![image()],
        ),
        ("CutMix", json!({}), vec![image()]),
        ("MixUp", json!({}), vec![image()]),
        ("RandAugment", json!({}), vec![image()]),
        ("RandomBrightness", json!({"factor": 0.2}), vec![image()]),
        ("RandomColorDegeneration", json!({"factor": 0.5}), vec![image()]),
        ("RandomColorJitter", json!({}), vec![image()]),
        ("RandomContrast", json!({"factor": 0.2}), vec![image()]),
        ("RandomElasticTransform", json!({}), vec![image()]),
        ("RandomErasing", json!({}), vec![image()]),
        ("RandomFlip", json!({}), vec![image()]),
        ("RandomGaussianBlur", json!({}), vec![image()]),
        ("RandomGrayscale", json!({}), vec![image()]),
        ("RandomHue", json!({"factor": 0.2}), vec![image()]),
        ("RandomInvert", json!({}), vec![image()]),
        ("RandomPerspective", json!({}), vec![image()]),
        ("RandomPosterization", json!({"factor": 4}), vec![image()]),
        ("RandomRotation", json!({"factor": 0.2}), vec![image()]),
        ("RandomSaturation", json!({"factor": 0.5}), vec![image()]),
        ("RandomSharpness", json!({"factor": 0.5}), vec![image()]),
        ("RandomShear", json!({}), vec![image()]),
        (
            "RandomTranslation",
            json!({"height_factor": 0.1, "width_factor": 0.1}),
            vec![image()],
        ),
        ("RandomZoom", json!({"height_factor": 0.1}), vec![image()]),
        ("Solarization", json!({}), vec![image()]),
        ("RandomCrop", json!({"height": 3, "width": 4}), vec![image()]),
        (
            "AdaptiveAveragePooling3D",
            json!({"output_size": [2, 1, 3]}),
            vec![vec![2, 4, 3, 5, 2]],
        ),
        (
            "AdaptiveMaxPooling3D",
            json!({"output_size": 2}),
            vec![vec![2, 4, 3, 5, 2]],
        ),
        (
            "ConvLSTM3D",
            json!({"filters": 2, "kernel_size": 2}),
            vec![vec![2, 3, 3, 3, 4, 2]],
        ),
        (
            "MelSpectrogram",
            json!({"fft_length": 64, "sequence_stride": 16, "num_mel_bins": 8}),
            vec![vec![2, 200]],
        ),
        (
            "STFTSpectrogram",
            json!({"frame_length": 32, "frame_step": 16}),
            vec![vec![2, 200, 1]],
        ),
        ("Softmax", json!({"axis": [1, 2]}), vec![rows()]),
        (
            "EinsumDense",
            json!({"equation": "ab...,bc->ac...", "output_shape": 6, "bias_axes": "c"}),
            vec![image()],
        ),
        (
            "MultiHeadAttention",
            json!({"num_heads": 2, "key_dim": 3, "use_gate": true, "sliding_window": 2, "output_shape": [2, 3]}),
            vec![rows(), vec![2, 3, 4]],
        ),
        (
            "MultiHeadAttention",
            json!({"num_heads": 2, "key_dim": 3, "value_dim": 5, "dropout": 0.5, "attention_axes": [2]}),
            vec![image(), image()],
        ),
        (
            "GroupQueryAttention",
            json!({"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2, "use_gate": true}),
            vec![rows(), rows(), rows()],
        ),
    ]
}

/// All samples, and what could not be made.
pub(crate) fn all() -> Result<(Vec<Sample>, Vec<String>)> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let (mut samples, mut failures) = (Vec::new(), Vec::new());
    let mut add = |name: String, made: Result<Sample>| match made {
        Ok(sample) => samples.push(sample),
        Err(error) => failures.push(format!("{name}: {error:#}")),
    };
    let (cases, tensors) = read(&golden, "layers")?;
    for case in &cases {
        let name = case["name"].as_str().unwrap_or_default().to_owned();
        let inputs = named(&case["inputs"], &tensors);
        add(
            name.clone(),
            inputs.and_then(|inputs| one_layer(&name, &case["object"], inputs)),
        );
    }
    for (index, (class, config, shapes)) in others().into_iter().enumerate() {
        let name = format!("{class}/other {index}");
        let object = json!({"class_name": class, "config": config});
        let inputs = shapes
            .iter()
            .map(|shape| draw(shape, index as u64))
            .collect::<Result<_>>();
        add(
            name.clone(),
            inputs.and_then(|inputs| one_layer(&name, &object, inputs)),
        );
    }
    let (cases, tensors) = read(&golden, "models")?;
    for case in &cases {
        let name = format!("model {}", case["name"].as_str().unwrap_or_default());
        add(name.clone(), whole_model(&name, case, &tensors));
    }
    Ok((samples, failures))
}

type Tensors = HashMap<String, Tensor>;

fn read(folder: &Path, family: &str) -> Result<(Vec<Value>, Tensors)> {
    let text = std::fs::read_to_string(folder.join(format!("{family}.json")))?;
    let mut json: Value = serde_json::from_str(&text)?;
    let Value::Array(cases) = json["cases"].take() else {
        anyhow::bail!("{family}.json: no list `cases`")
    };
    let path = folder.join(format!("{family}.safetensors"));
    Ok((cases, ops::candle::safetensors::load(path, &Device::Cpu)?))
}

fn named(names: &Value, tensors: &Tensors) -> Result<Vec<Tensor>> {
    let names = names.as_array().context("no list of inputs")?;
    let find = |name: &Value| tensors.get(name.as_str()?).cloned();
    names
        .iter()
        .map(find)
        .collect::<Option<_>>()
        .context("an input is not in the file")
}

fn draw(shape: &[usize], seed: u64) -> Result<Tensor> {
    let seed = Seed::new(seed, 1);
    Ok(ops::random::uniform(
        shape,
        -2.,
        2.,
        DType::F32,
        &Device::Cpu,
        seed,
    )?)
}

/// A model of one layer.
fn one_layer(name: &str, object: &Value, inputs: Vec<Tensor>) -> Result<Sample> {
    let registry = keras::registry();
    let layer = LayerRef::from_box(registry.layers.from_value(object, registry)?);
    let symbolic = |x: &Tensor| {
        let dtype = if x.dtype().is_float() {
            DType::F32
        } else {
            DType::I32
        };
        InputLayer::new(&x.dims()[1..]).dtype(dtype).tensor()
    };
    let entries: Vec<Symbolic> = inputs.iter().map(symbolic).collect();
    let outputs = layer.apply_many(entries.as_slice())?;
    let class = layer.read().class_name().to_owned();
    finish(
        name,
        class,
        Model::new_on(entries, outputs, &Device::Cpu)?,
        inputs,
    )
}

fn whole_model(name: &str, case: &Value, tensors: &Tensors) -> Result<Sample> {
    let model = Model::from_config_on(&case["model"], keras::registry(), &Device::Cpu)?;
    let names = match &case["x"] {
        Value::String(one) => vec![json!(one)],
        Value::Array(many) => many.clone(),
        Value::Object(by_name) => by_name.values().cloned().collect(),
        other => anyhow::bail!("inputs of an unknown form: {other}"),
    };
    let inputs = named(&Value::Array(names), tensors)?;
    finish(name, "whole models".to_owned(), model, inputs)
}

/// Gives every weight other numbers, from 0.1 to 0.9: start values hide what is mixed up.
fn finish(name: &str, class: String, model: Model, inputs: Vec<Tensor>) -> Result<Sample> {
    for (index, (_, variable)) in model.weights().into_iter().enumerate() {
        if variable.dtype().is_float() {
            let seed = Seed::new(11, index as u64);
            let value = ops::random::uniform(variable.shape(), 0.1, 0.9, DType::F32, &Device::Cpu, seed)?;
            variable.assign(&value)?;
        }
    }
    Ok(Sample {
        name: name.to_owned(),
        class,
        json: model.to_json()?,
        model,
        inputs,
    })
}
