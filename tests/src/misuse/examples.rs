//! A right use of every registered class.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};
use keras::config::snake_case;
use keras::layer::{Build, Call, LayerRef};
use keras::{Config, DType, Device, Entry, Envelope, Registry, Tensor, Variable};
use serde_json::{Value, json};

use crate::conformance::{Case, Family};

/// A class with arguments that are right, all of them named, and what its object is tried on.
#[derive(Debug)]
pub struct Example {
    /// What it is: `layer`, `loss`, ….
    pub kind: &'static str,
    /// The class.
    pub class_name: &'static str,
    /// What messages may call it.
    pub names: Vec<String>,
    /// All its arguments.
    pub config: Config,
    /// The tensors that it is tried on.
    pub tensors: Vec<Tensor>,
}

impl Example {
    /// Builds the object from `config` and uses it; whether all that came of it is finite.
    pub(super) fn run(&self, config: &Config) -> keras::Result<bool> {
        let registry = keras::registry();
        let envelope = Envelope {
            module: String::new(),
            class_name: self.class_name.to_owned(),
            config: config.clone(),
            registered_name: None,
        };
        let (t, cpu) = (self.tensors.as_slice(), &Device::Cpu);
        match self.kind {
            "layer" => {
                let layer = LayerRef::from_box(registry.layers.from_envelope(&envelope, registry)?);
                // Texts are no tensors.
                if t.is_empty() {
                    return Ok(true);
                }
                let shapes: Vec<_> = t.iter().map(|x| unknown_batch(x.dims())).collect();
                layer.build(&shapes, &Build::new(cpu))?;
                let own = layer.read();
                let shapes = own.compute_output_shape(&shapes)?;
                drop(shapes);
                let weights = layer.weights("").into_iter().map(|(_, v)| v.value());
                let mut made: Vec<Tensor> = weights.collect();
                made.extend(own.call(t, &mut Call::new(true))?.0);
                finite(&made)
            }
            "loss" => {
                let loss = registry.losses.from_envelope(&envelope, registry)?;
                finite(&[loss.apply(&t[0], &t[1], None, None)?])
            }
            "metric" => {
                let mut metric = registry.metrics.from_envelope(&envelope, registry)?;
                match t {
                    [values] => metric.update_values(values, None)?,
                    _ => metric.update_state(&t[0], &t[1], None)?,
                }
                finite(&[metric.result()?])
            }
            "optimizer" => {
                let mut optimizer = registry.optimizers.from_envelope(&envelope, registry)?;
                let variables = [Variable::new("dense/kernel", &t[0], true)?];
                optimizer.build(&variables)?;
                for _ in 0..3 {
                    optimizer.apply(&[Some(t[1].clone())])?;
                }
                finite(&[variables[0].value()])
            }
            "schedule" => {
                let schedule = registry.schedules.from_envelope(&envelope, registry)?;
                let rates = [0, 1, 7, 1000].map(|step| schedule.call(step));
                let rates: Vec<f64> = rates.into_iter().collect::<keras::Result<_>>()?;
                Ok(rates.iter().all(|rate| rate.is_finite()))
            }
            "initializer" => {
                let initializer = registry.initializers.from_envelope(&envelope, registry)?;
                finite(&[initializer.call(t[0].dims(), DType::F32, cpu)?])
            }
            "regularizer" => {
                let regularizer = registry.regularizers.from_envelope(&envelope, registry)?;
                finite(&[regularizer.call(&t[0])?])
            }
            "constraint" => {
                let constraint = registry.constraints.from_envelope(&envelope, registry)?;
                finite(&[constraint.call(&t[0])?])
            }
            "activation" => {
                let activation = registry.activations.from_envelope(&envelope, registry)?;
                finite(&[activation.call(&t[0])?])
            }
            _ => registry
                .callbacks
                .from_envelope(&envelope, registry)
                .map(|_| true),
        }
    }
}

fn finite(tensors: &[Tensor]) -> keras::Result<bool> {
    for tensor in tensors {
        let values = tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        if !values.iter().all(|value| value.is_finite()) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn unknown_batch(dims: &[usize]) -> Vec<Option<usize>> {
    let sizes = dims.iter().enumerate();
    sizes.map(|(axis, size)| (axis > 0).then_some(*size)).collect()
}

/// A right use of every class of the registry; those of layers, losses and metrics are what Keras computed, where it
/// did.
///
/// # Errors
/// When the cases cannot be read, or a class has no right use here.
pub fn examples(golden: &Path) -> Result<Vec<Example>> {
    let registry = keras::registry();
    let families =
        ["layers", "losses", "metrics"].map(|name| Family::read(&golden.join(name).with_extension("json")));
    let [layers, losses, metrics] = families;
    let (layers, losses, metrics) = (layers?, losses?, metrics?);
    let [layers, losses, metrics] = [by_class(&layers), by_class(&losses), by_class(&metrics)];
    let mut all = Vec::new();
    for entry in registry.layers.iter() {
        let (config, tensors) = match layers.get(entry.class_name) {
            Some(case) => (case.object()?.config, case.tensors(case.list("inputs")?)?),
            None => own_layer(entry.class_name)?,
        };
        let layer = built(entry, &config, registry)?;
        let config = layer.base().full_config(layer.config());
        all.push(example("layer", entry, config, tensors));
    }
    for entry in registry.losses.iter() {
        let tensors = match losses.get(entry.class_name) {
            Some(case) => vec![case.tensor_at("y_true")?, case.tensor_at("y_pred")?],
            None if matches!(entry.class_name, "InfoNCE" | "Quantile") => {
                vec![numbers(&[6, 3], 0.1)?, numbers(&[6, 3], -0.8)?]
            }
            None => labels_and_embeddings()?,
        };
        let config = built(entry, &Config::new(), registry)?.config();
        all.push(example("loss", entry, config, tensors));
    }
    for entry in registry.metrics.iter() {
        let (config, tensors) = match metrics.get(entry.class_name) {
            Some(case) => {
                let update = &case.list("updates")?[0];
                let args = update["args"].as_array().context("an update without args")?;
                (case.object()?.config, case.tensors(args)?)
            }
            None => own_metric(entry.class_name)?,
        };
        let config = built(entry, &config, registry)?.config();
        all.push(example("metric", entry, config, tensors));
    }
    let matrix = |from: f64| numbers(&[3, 4], from);
    for entry in registry.optimizers.iter() {
        let config = own(match entry.class_name {
            "LossScaleOptimizer" => r#"{"inner_optimizer": "sgd"}"#,
            "MultiOptimizer" => {
                r#"{"optimizer_map": {"class_name": "OptimizerMap", "config": {"default_optimizer": "sgd"}}}"#
            }
            _ => "{}",
        })?;
        let config = built(entry, &config, registry)?.full_config();
        all.push(example(
            "optimizer",
            entry,
            config,
            vec![matrix(0.5)?, matrix(-0.3)?],
        ));
    }
    for entry in registry.schedules.iter() {
        let config = own(match entry.class_name {
            "PiecewiseConstantDecay" => r#"{"boundaries": [2, 5], "values": [0.3, 0.2, 0.1]}"#,
            "CosineDecayRestarts" => r#"{"initial_learning_rate": 0.1, "first_decay_steps": 4}"#,
            "CosineDecay" => {
                r#"{"initial_learning_rate": 0.1, "decay_steps": 4, "warmup_target": 0.2, "warmup_steps": 3}"#
            }
            "PolynomialDecay" => r#"{"initial_learning_rate": 0.1, "decay_steps": 4}"#,
            _ => r#"{"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5}"#,
        })?;
        let config = built(entry, &config, registry)?.config();
        all.push(example("schedule", entry, config, Vec::new()));
    }
    for entry in registry.initializers.iter() {
        let shape = if entry.class_name == "STFT" {
            [8, 1, 5].as_slice()
        } else {
            &[4, 4]
        };
        let config = built(entry, &Config::new(), registry)?.config();
        all.push(example("initializer", entry, config, vec![numbers(shape, 0.)?]));
    }
    macro_rules! plain {
        ($($kind:literal $entries:ident),*) => { $(
            for entry in registry.$entries.iter() {
                let config = built(entry, &Config::new(), registry)?.config();
                all.push(example($kind, entry, config, vec![matrix(0.5)?]));
            }
        )* };
    }
    plain!("regularizer" regularizers, "constraint" constraints, "activation" activations);
    for entry in registry.callbacks.iter() {
        let config = built(entry, &own_callback(entry.class_name)?, registry)?.config();
        all.push(example("callback", entry, config, Vec::new()));
    }
    Ok(all)
}

fn example<T: ?Sized>(kind: &'static str, entry: &Entry<T>, config: Config, tensors: Vec<Tensor>) -> Example {
    let mut names = vec![entry.class_name.to_owned(), snake_case(entry.class_name)];
    names.extend(entry.aliases.iter().map(|alias| (*alias).to_owned()));
    names.extend(config.get("name").and_then(Value::as_str).map(str::to_owned));
    Example {
        kind,
        class_name: entry.class_name,
        names,
        config,
        tensors,
    }
}

fn built<T: ?Sized>(entry: &Entry<T>, config: &Config, registry: &Registry) -> Result<Box<T>> {
    (entry.build)(config, registry).with_context(|| format!("the right use of {}", entry.class_name))
}

fn by_class(family: &Family) -> HashMap<String, Case<'_>> {
    let mut cases = HashMap::new();
    for case in family.cases() {
        if let Ok(object) = case.object() {
            cases.entry(object.class_name).or_insert(case);
        }
    }
    cases
}

fn own(text: &str) -> Result<Config> {
    match serde_json::from_str(text)? {
        Value::Object(map) => Ok(map.into()),
        other => anyhow::bail!("no object: {other}"),
    }
}

/// `from`, `from + 0.1`, ….
fn numbers(shape: &[usize], from: f64) -> Result<Tensor> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| (from + 0.1 * i as f64) as f32).collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

fn labels_and_embeddings() -> Result<Vec<Tensor>> {
    let labels = Tensor::new(&[0i64, 1, 0, 1, 2, 2], &Device::Cpu)?;
    Ok(vec![labels, numbers(&[6, 3], -0.8)?])
}

/// Layers that Keras's cases leave out.
fn own_layer(class_name: &str) -> Result<(Config, Vec<Tensor>)> {
    let (config, shape): (&str, &[usize]) = match class_name {
        "InputLayer" => (r#"{"batch_shape": [null, 4]}"#, &[2, 4]),
        "Lambda" => (
            r#"{"function": {"class_name": "function", "config": "f", "module": "builtins"}, "output_shape": [4]}"#,
            &[],
        ),
        "Wrapper" => (
            r#"{"layer": {"class_name": "Dense", "config": {"units": 2}}}"#,
            &[2, 4],
        ),
        "AdaptiveAveragePooling3D" | "AdaptiveMaxPooling3D" => (r#"{"output_size": 2}"#, &[2, 4, 4, 4, 3]),
        "SimpleRNNCell" | "LSTMCell" | "GRUCell" => (r#"{"units": 3}"#, &[]),
        "StackedRNNCells" => (
            r#"{"cells": [{"class_name": "GRUCell", "config": {"units": 3}}]}"#,
            &[],
        ),
        "ConvLSTMCell" => (r#"{"filters": 2, "kernel_size": [2, 2]}"#, &[]),
        "ConvLSTM3D" => (r#"{"filters": 2, "kernel_size": 2}"#, &[1, 2, 3, 3, 3, 2]),
        "SpatialDropout2D" => (r#"{"rate": 0.25}"#, &[2, 3, 3, 2]),
        "SpatialDropout3D" => (r#"{"rate": 0.25}"#, &[2, 3, 3, 3, 2]),
        "Sequential" => (
            r#"{"layers": [{"class_name": "InputLayer", "config": {"batch_shape": [null, 4], "name": "x"}},
                {"class_name": "Dense", "config": {"units": 2, "name": "d"}}]}"#,
            &[2, 4],
        ),
        "Functional" => (
            r#"{"layers": [{"class_name": "InputLayer", "name": "x", "config": {"batch_shape": [null, 4], "name": "x"},
                "inbound_nodes": []}], "input_layers": [["x", 0, 0]], "output_layers": [["x", 0, 0]]}"#,
            &[2, 4],
        ),
        "Hashing" => (r#"{"num_bins": 5}"#, &[]),
        "HashedCrossing" => (r#"{"num_bins": 5}"#, &[]),
        "IntegerLookup" => (r#"{"vocabulary": [3, 1]}"#, &[]),
        "StringLookup" => (r#"{"vocabulary": ["a", "b"]}"#, &[]),
        "TextVectorization" => (r#"{"vocabulary": ["a", "b"]}"#, &[]),
        "MelSpectrogram" => (
            r#"{"sequence_length": 8, "fft_length": 16, "num_mel_bins": 4}"#,
            &[2, 32],
        ),
        "STFTSpectrogram" => (r#"{"frame_length": 8, "fft_length": 8}"#, &[2, 32, 1]),
        "Pipeline" => (
            r#"{"layers": [{"class_name": "RandomFlip", "config": {"name": "flip"}}]}"#,
            &[2, 8, 8, 3],
        ),
        "CenterCrop" | "RandomCrop" | "Resizing" => (r#"{"height": 4, "width": 5}"#, &[2, 8, 8, 3]),
        "MaxNumBoundingBoxes" => (r#"{"max_number": 3}"#, &[]),
        "RandomZoom" => (r#"{"height_factor": 0.4}"#, &[2, 8, 8, 3]),
        "RandomTranslation" => (r#"{"height_factor": 0.3, "width_factor": 0.2}"#, &[2, 8, 8, 3]),
        "RandomPosterization" => (r#"{"factor": 4}"#, &[2, 8, 8, 3]),
        "RandomBrightness"
        | "RandomColorDegeneration"
        | "RandomContrast"
        | "RandomHue"
        | "RandomInvert"
        | "RandomRotation"
        | "RandomSaturation"
        | "RandomSharpness" => (r#"{"factor": 0.3}"#, &[2, 8, 8, 3]),
        _ => ("{}", &[2, 8, 8, 3]),
    };
    let tensors = match shape {
        [] => Vec::new(),
        shape => vec![numbers(shape, 0.)?],
    };
    Ok((own(config)?, tensors))
}

/// Metrics that Keras's cases leave out.
fn own_metric(class_name: &str) -> Result<(Config, Vec<Tensor>)> {
    let config = match class_name {
        "MeanMetricWrapper" => Config::new().with("fn", "mean_squared_error"),
        _ => Config::new(),
    };
    let cpu = &Device::Cpu;
    let y_true = match class_name {
        "Perplexity" => Tensor::new(&[0f32, 1., 2., 0., 1., 2.], cpu)?,
        _ => Tensor::new(
            &[
                [1f32, 0., 0.],
                [0., 1., 0.],
                [0., 0., 1.],
                [1., 0., 0.],
                [0., 1., 0.],
                [0., 0., 1.],
            ],
            cpu,
        )?,
    };
    let y_pred: Vec<f32> = (0..18).map(|i| (i * 7 % 11) as f32 / 12. + 0.01).collect();
    Ok((config, vec![y_true, Tensor::from_vec(y_pred, (6, 3), cpu)?]))
}

fn own_callback(class_name: &str) -> Result<Config> {
    let path = json!("/nonexistent/of/the/test/file.keras");
    Ok(match class_name {
        "ModelCheckpoint" => Config::new().with("filepath", path),
        "CSVLogger" => Config::new().with("filename", path),
        "BackupAndRestore" => Config::new().with("backup_dir", path),
        "OrbaxCheckpoint" => Config::new().with("directory", path),
        _ => Config::new(),
    })
}
