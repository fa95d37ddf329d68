//! `keras summary`, `keras inspect`, `keras convert`.

use std::fs;
use std::path::Path;

use keras_core::layers::{BatchNormalization, Dense};
use keras_core::ops::{Device, Tensor};
use keras_core::saving::{LoadModel, load_model_with, save_tensors};
use keras_core::{Compile, Model, Registry, Sequential};
use serde_json::json;

use super::{json, printed, run};

fn model() -> Model {
    keras_core::set_random_seed(1);
    Sequential::new()
        .name("tiny")
        .input([4])
        .add(Dense::new(3).name("hidden").activation("relu"))
        .add(BatchNormalization::new().name("norm"))
        .add(Dense::new(2).name("out"))
        .build()
        .unwrap()
}

/// A folder with the model as `model.keras`, its JSON, and its weights.
fn saved() -> (tempfile::TempDir, Model) {
    let (folder, model) = (tempfile::tempdir().unwrap(), model());
    model.save(folder.path().join("model.keras")).unwrap();
    model
        .save_weights(folder.path().join("w.weights.safetensors"))
        .unwrap();
    fs::write(folder.path().join("model.json"), model.to_json().unwrap()).unwrap();
    (folder, model)
}

fn load(path: &Path) -> Model {
    load_model_with(path, &Registry::core(), LoadModel::new().compile(false)).unwrap()
}

fn values(model: &Model) -> Vec<(String, Vec<f32>)> {
    let value = |(path, variable): (String, keras_core::Variable)| {
        (
            path,
            variable.value().flatten_all().unwrap().to_vec1::<f32>().unwrap(),
        )
    };
    model.weights().into_iter().map(value).collect()
}

#[test]
fn summaries_are_those_of_the_model() {
    let (folder, model) = saved();
    for file in ["model.keras", "model.json"] {
        assert_eq!(
            printed(folder.path(), &["summary", file]),
            model.summary(),
            "{file}"
        );
    }
    let said = json(folder.path(), &["summary", "model.keras", "--json"]);
    // 4 · 3 + 3, 4 · 3, 3 · 2 + 2; two of the normalization's four are not trained.
    assert_eq!(
        (&said["params"], &said["trainable_params"]),
        (&35.into(), &29.into())
    );
    assert_eq!(
        said["layers"][2],
        json!({"name": "norm", "class_name": "BatchNormalization", "params": 12})
    );
    let narrow = printed(folder.path(), &["summary", "model.json", "--width", "60"]);
    assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
}

#[test]
fn tensors_are_listed_with_what_their_values_are_like() {
    let (folder, _) = saved();
    let path = folder.path().join("x.safetensors");
    let tensor = Tensor::new(&[1.0_f32, 3., 0., f32::NAN], &Device::Cpu).unwrap();
    let counts = Tensor::new(&[[1_i64, 2]], &Device::Cpu).unwrap();
    save_tensors(
        &path,
        &[("a/\u{1b}[31mb".to_owned(), tensor), ("n".to_owned(), counts)],
    )
    .unwrap();
    let said = json(folder.path(), &["inspect", "x.safetensors", "--json"]);
    assert_eq!(said["kind"], "keras-weights");
    let find = |name: &str| {
        let tensors = said["tensors"].as_array().unwrap();
        tensors.iter().find(|t| t["name"] == name).unwrap().clone()
    };
    assert_eq!(
        find("n"),
        json!({"name": "n", "dtype": "int64", "shape": [1, 2], "min": 1.0, "max": 2.0, "mean": 1.5, "std": 0.5,
            "zeros": 0, "not_finite": 0})
    );
    let other = find("a/\u{1b}[31mb");
    assert_eq!(
        (&other["max"], &other["zeros"], &other["not_finite"]),
        (&3.0.into(), &1.into(), &1.into())
    );
    let text = printed(folder.path(), &["inspect", "x.safetensors"]);
    assert!(
        text.contains("a/\\u{1b}[31mb") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert!(text.ends_with("# 2 tensors, 6 values, 0.00 MB\n"), "{text}");
    let text = printed(folder.path(), &["inspect", "model.keras", "-t", "out/bias"]);
    assert!(text.contains("keras-model") && text.contains("tiny"), "{text}");
    assert!(text.contains("out/bias  [2]    float32"), "{text}");
    let few = json(
        folder.path(),
        &["inspect", "w.weights.safetensors", "--no-values", "--json"],
    );
    assert_eq!(
        few["tensors"][0],
        json!({"name": "hidden/kernel", "dtype": "float32", "shape": [4, 3]})
    );
}

#[test]
fn the_optimizers_variables_are_shown_when_asked_for() {
    let (folder, mut model) = saved();
    model
        .compile_with(
            Compile::new("adam").loss(keras_core::loss_fn("half", |y, p| (p - y)?.sqr()? * 0.5)),
            &Registry::core(),
        )
        .unwrap();
    let x = Tensor::zeros((2, 4), keras_core::ops::DType::F32, &Device::Cpu).unwrap();
    let y = Tensor::zeros((2, 2), keras_core::ops::DType::F32, &Device::Cpu).unwrap();
    model
        .fit((&x, &y), keras_core::Fit::new().epochs(1).verbose(0))
        .unwrap();
    model.save(folder.path().join("trained.keras")).unwrap();
    let count = |more: &[&str]| {
        let said = json(
            folder.path(),
            &[&["inspect", "trained.keras", "--json"], more].concat(),
        );
        assert_eq!(said["facts"]["optimizer"], "Adam");
        (
            said["tensors"].as_array().unwrap().len(),
            said["left_out"].as_u64().unwrap(),
        )
    };
    let (weights, others) = count(&[]);
    assert_eq!(weights, 8);
    assert!(others > 8);
    assert_eq!(count(&["--all"]), (weights + others as usize, 0));
}

/// Saves what it is given after each epoch: a file, and a folder of shards.
#[derive(Debug)]
struct Save(std::path::PathBuf);

impl keras_core::Callback for Save {
    fn on_epoch_end(
        &mut self,
        _: usize,
        cx: &mut keras_core::Context<'_>,
        _: &mut keras_core::Logs,
    ) -> keras_core::Result<()> {
        cx.want_snapshot();
        Ok(())
    }

    fn on_snapshot(
        &mut self,
        snapshot: &keras_core::saving::Snapshot,
        _: &mut keras_core::Context<'_>,
    ) -> keras_core::Result<()> {
        snapshot.clone().save(self.0.join("point.safetensors"))?;
        snapshot.clone().save_sharded(self.0.join("shards"), 64)
    }
}

#[test]
fn checkpoints_of_a_training_are_shown_and_become_models() {
    let (folder, mut model) = saved();
    let loss = keras_core::loss_fn("half", |y, p| (p - y)?.sqr()? * 0.5);
    model
        .compile_with(Compile::new("sgd").loss(loss), &Registry::core())
        .unwrap();
    let zeros = |width| Tensor::zeros((4, width), keras_core::ops::DType::F32, &Device::Cpu).unwrap();
    let fit = keras_core::Fit::new()
        .epochs(2)
        .verbose(0)
        .callback(Save(folder.path().to_owned()));
    model.fit((&zeros(4), &zeros(2)), fit).unwrap();
    for point in ["point.safetensors", "shards"] {
        let said = json(folder.path(), &["inspect", point, "--json"]);
        assert_eq!(said["kind"], "keras-checkpoint", "{point}");
        assert_eq!(said["facts"]["model"], "tiny", "{point}");
        assert_eq!(said["facts"]["checksums"], true, "{point}");
        assert_eq!(said["tensors"].as_array().unwrap().len(), 8, "{point}");
        let summary = printed(folder.path(), &["summary", point]);
        assert_eq!(summary, self::model().summary(), "{point}");
        let made = format!("{point}.keras");
        printed(folder.path(), &["convert", point, &made]);
        assert_eq!(
            values(&load(&folder.path().join(made))),
            values(&model),
            "{point}"
        );
    }
}

#[test]
fn weights_go_to_other_formats_and_back() {
    let (folder, model) = saved();
    let steps: [&[&str]; 6] = [
        &["model.keras", "w.npz"],
        &["w.npz", "again.safetensors"],
        &["model.keras", "copy.json"],
        &["copy.json", "again.keras", "--weights", "again.safetensors"],
        &["model.json", "npz.keras", "--weights", "w.npz"],
        &["model.keras", "same.keras"],
    ];
    for step in steps {
        printed(folder.path(), &[&["convert"], step].concat());
    }
    for file in ["again.keras", "npz.keras", "same.keras"] {
        assert_eq!(values(&load(&folder.path().join(file))), values(&model), "{file}");
    }
    // New weights depend on the seed alone.
    let fresh = |to: &str, seed: &str| {
        printed(
            folder.path(),
            &["convert", "model.json", to, "--seed", seed, "--force"],
        );
        values(&load(&folder.path().join(to)))
    };
    assert_eq!(fresh("a.keras", "5"), fresh("b.keras", "5"));
    assert_ne!(fresh("a.keras", "5"), fresh("b.keras", "6"));
}

/// Where there is a NumPy, it reads what is written for it.
#[test]
fn numpy_reads_the_arrays() {
    let (folder, _) = saved();
    printed(folder.path(), &["convert", "model.keras", "w.npz"]);
    let script = "import numpy as n; z = n.load('w.npz'); print(sorted(z.files)[1], z['hidden/kernel'].shape, \
                  z['out/bias'].dtype, z['norm/gamma'].tolist())";
    let output = std::process::Command::new("python3")
        .args(["-c", script])
        .current_dir(folder.path())
        .output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        return;
    };
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "hidden/kernel (4, 3) float32 [1.0, 1.0, 1.0]\n"
    );
}

#[test]
fn misuse_is_told() {
    let (folder, _) = saved();
    fs::write(folder.path().join("no.json"), "{\"a\": 1}").unwrap();
    fs::write(folder.path().join("no.npz"), "PK").unwrap();
    fs::write(folder.path().join("cut.keras"), "short").unwrap();
    let other = model().to_json().unwrap().replace("\"Dense\"", "\"Dens\"");
    fs::write(folder.path().join("other.json"), other).unwrap();
    let bf16 = Tensor::zeros(2, keras_core::ops::DType::BF16, &Device::Cpu).unwrap();
    save_tensors(folder.path().join("half.safetensors"), &[("h".to_owned(), bf16)]).unwrap();
    let cases: [(&[&str], i32, &[&str]); 13] = [
        (&["summary", "none.keras"], 1, &["none.keras", "cannot read"]),
        (
            &["summary", "w.weights.safetensors"],
            1,
            &["without a model", "keras inspect"],
        ),
        (
            &["summary", "no.json"],
            1,
            &["no.json", "`class_name` and `config`"],
        ),
        (&["summary", "other.json"], 1, &["other.json", "Dens", "Dense"]),
        (
            &["inspect", "model.json"],
            1,
            &["without weights", "keras summary"],
        ),
        (&["inspect", "cut.keras"], 1, &["cut.keras", "cut off"]),
        (&["inspect", "no.npz"], 1, &["no.npz", "NumPy"]),
        (
            &["inspect", "model.keras", "-t", "out/bia"],
            1,
            &["out/bia", "out/bias"],
        ),
        (
            &["convert", "model.keras", "model.json"],
            1,
            &["model.json", "--force"],
        ),
        (&["convert", "model.keras", "x.onxx"], 2, &["onxx", "safetensors"]),
        (
            &["convert", "half.safetensors", "h.npz"],
            1,
            &["bfloat16", "`h`", ".safetensors"],
        ),
        (
            &["convert", "model.json", "x.npz", "--weights", "w.npz"],
            2,
            &["--weights", ".keras"],
        ),
        (
            &[
                "convert",
                "model.json",
                "x.keras",
                "--weights",
                "half.safetensors",
            ],
            1,
            &["missing in the file", "hidden/kernel"],
        ),
    ];
    for (arguments, code, says) in cases {
        let output = run(folder.path(), arguments);
        super::ended(&output, code, says, &arguments);
    }
}

/// A header that promises more than there can be is an error, and no end for want of memory.
#[test]
fn arrays_that_cannot_be_are_refused() {
    let (folder, _) = saved();
    printed(folder.path(), &["convert", "model.keras", "w.npz"]);
    let path = folder.path().join("w.npz");
    let mut bytes = fs::read(&path).unwrap();
    let shape = b"(4, 3,)";
    let at = bytes.windows(shape.len()).position(|part| part == shape).unwrap();
    bytes[at..at + shape.len()].copy_from_slice(b"(99999)");
    fs::write(&path, &bytes).unwrap();
    let small = run(folder.path(), &["inspect", "w.npz"]);
    assert_ne!(small.status.code(), None);
    let mut large = bytes.clone();
    large[at..at + shape.len()].copy_from_slice(b"(9e9,9)");
    fs::write(&path, &large).unwrap();
    assert_eq!(run(folder.path(), &["inspect", "w.npz"]).status.code(), Some(1));
}
