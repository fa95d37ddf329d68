//! Files: what is saved comes back, what is damaged is told, what fails changes nothing.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keras_core::layers::{Dense, Dropout};
use keras_core::optimizers::Adam;
use keras_core::saving::{LoadModel, LoadWeights, TensorFile, load_model, load_model_with, write_atomic};
use keras_core::{
    Compile, Config, Entry, Error, Fit, Loss, Model, Registry, Regularizer, Result, Sequential, loss_fn, ops,
    set_random_seed,
};
use keras_ops::{Device, Tensor};
use serde_json::{Value, json};

#[derive(Debug)]
struct Scaled {
    by: f64,
}

impl Loss for Scaled {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let error = ops::square(&ops::subtract(y_pred, y_true)?)?;
        Ok(ops::mul_scalar(&ops::mean(&error, Some(&[-1]), false)?, self.by)?)
    }

    fn config(&self) -> Config {
        Config::new().with("by", self.by)
    }
}

static LOSSES: &[Entry<dyn Loss>] = &[Entry {
    class_name: "Scaled",
    module: "",
    aliases: &[],
    doc: "a loss of the user's own",
    build: |config, _| {
        let mut reader = config.reader("Scaled");
        let by = reader.req("by")?;
        reader.finish()?;
        Ok(Box::new(Scaled { by }))
    },
}];

fn registry() -> Registry {
    let mut registry = Registry::core();
    registry.losses.add(LOSSES);
    registry
}

fn model() -> Result<Model> {
    let stack = Sequential::new()
        .name("small")
        .input([3])
        .add(Dense::new(4).activation("relu"));
    stack.add(Dropout::new(0.5)).add(Dense::new(2)).build()
}

fn trained() -> Result<Model> {
    let mut model = model()?;
    model.compile_with(
        Compile::new(Adam::new(0.01)).loss(Scaled { by: 0.25 }),
        &registry(),
    )?;
    fit(&mut model)?;
    Ok(model)
}

/// Two epochs on fixed data, in a fixed order.
fn fit(model: &mut Model) -> Result<()> {
    let x: Vec<f32> = (0..24).map(|i| (i as f32 * 0.7).sin()).collect();
    let y: Vec<f32> = (0..16).map(|i| (i as f32 * 0.3).cos()).collect();
    let x = Tensor::from_vec(x, (8, 3), &Device::Cpu)?;
    let y = Tensor::from_vec(y, (8, 2), &Device::Cpu)?;
    model
        .fit(
            (&x, &y),
            Fit::new().epochs(2).batch_size(3).shuffle(false).verbose(0),
        )
        .map(drop)
}

fn values(model: &Model) -> Result<Vec<Vec<f32>>> {
    model
        .weights()
        .iter()
        .map(|(_, v)| Ok(v.value().flatten_all()?.to_vec1()?))
        .collect()
}

fn folder() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(Error::user)
}

fn message<T>(result: Result<T>) -> String {
    result.map_or_else(|e| e.to_string(), |_| "no error".to_owned())
}

fn files(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(Error::user)?;
    let name = |e: std::io::Result<fs::DirEntry>| e.map(|e| e.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = entries
        .map(name)
        .collect::<std::io::Result<_>>()
        .map_err(Error::user)?;
    names.sort();
    Ok(names)
}

#[test]
fn a_loaded_model_trains_on_exactly() -> Result<()> {
    let folder = folder()?;
    let path = folder.path().join("model.keras");
    let mut model = trained()?;
    model.save(&path)?;
    let mut again = load_model(&path, &registry())?;
    assert_eq!(values(&again)?, values(&model)?);
    assert_eq!(again.optimizer()?.iterations(), model.optimizer()?.iterations());
    assert_eq!(again.to_config()?, model.to_config()?);
    fit(&mut model)?;
    fit(&mut again)?;
    assert_eq!(values(&again)?, values(&model)?);
    Ok(())
}

/// A penalty whose factor changes while nobody looks.
#[derive(Clone, Debug)]
struct Rising(Arc<AtomicU64>);

impl Regularizer for Rising {
    fn call(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::sum(x, None, false)?)
    }

    fn config(&self) -> Config {
        Config::new().with("factor", self.0.load(Ordering::Relaxed))
    }
}

/// The texts of the file that the model is written to now, which are those that the model gives.
fn written(model: &Model) -> Result<[Value; 3]> {
    let folder = folder()?;
    let path = folder.path().join("model.keras");
    model.pack()?.write(&path)?;
    let file = TensorFile::open(&path)?;
    let texts = ["config", "compile_config", "seeds"].map(|key| file.json(key));
    let [config, compile, seeds] = texts.map(|text| Ok::<_, Error>(text?.unwrap_or_else(|| json!({}))));
    let (config, compile, seeds) = (config?, compile?, seeds?);
    let mut expected = model.to_config()?;
    assert_eq!(compile, expected["compile_config"].take());
    assert_eq!(config, expected);
    for (path, seed) in model.seeds() {
        let state = seed.state();
        assert_eq!(seeds[path], json!([state.seed, state.counter]));
    }
    Ok([config, compile, seeds])
}

#[test]
fn each_save_holds_what_changed_since_the_one_before() -> Result<()> {
    let mut inner = Some(model()?.as_layer());
    let mut model = trained()?;
    let mut last = written(&model)?;
    assert_eq!(written(&model)?, last);
    // What changes, and in which texts.
    type Change<'a> = Box<dyn FnMut(&mut Model) -> Result<()> + 'a>;
    let changes: [(&str, [bool; 3], Change<'_>); 8] = [
        (
            "freezes a layer",
            [true, false, false],
            Box::new(|model| {
                model.layer("dense")?.set_trainable(false);
                Ok(())
            }),
        ),
        (
            "thaws all",
            [true, false, false],
            Box::new(|model| {
                model.set_trainable(true);
                Ok(())
            }),
        ),
        (
            "changes a layer by hand",
            [true, false, false],
            Box::new(|model| {
                model.layer("dense_1")?.write().base_mut().set_trainable(false);
                Ok(())
            }),
        ),
        (
            "sets the learning rate",
            [false, true, false],
            Box::new(|model| model.optimizer_mut()?.set_learning_rate(0.5)),
        ),
        ("trains", [false, false, true], Box::new(fit)),
        (
            "compiles again",
            [false, true, false],
            Box::new(|model| model.compile_with(Compile::new("sgd").loss(Scaled { by: 2. }), &registry())),
        ),
        (
            "renames the model",
            [true, false, false],
            Box::new(|model| {
                *model = std::mem::replace(model, self::model()?).named("other");
                Ok(())
            }),
        ),
        (
            "replaces the model by one with another within",
            [true, true, true],
            Box::new(|model| {
                let inner = inner.take().ok_or_else(|| Error::invalid("once"))?;
                *model = Sequential::new()
                    .input([3])
                    .add(inner)
                    .add(Dense::new(2))
                    .build()?;
                Ok(())
            }),
        ),
    ];
    for (what, texts, mut change) in changes {
        change(&mut model)?;
        let now = written(&model)?;
        for (index, changed) in texts.into_iter().enumerate() {
            assert_eq!(now[index] != last[index], changed, "{what}: {}", now[index]);
        }
        last = now;
    }
    model.layer("small/dense")?.set_trainable(false);
    assert_ne!(written(&model)?, last, "freezes a layer of the model within");

    let factor = Arc::new(AtomicU64::new(1));
    let dense = Dense::new(2).kernel_regularizer(Rising(factor.clone()));
    let model = Sequential::new().input([3]).add(dense).build()?;
    let before = written(&model)?;
    factor.store(2, Ordering::Relaxed);
    assert_ne!(written(&model)?, before, "a class of the user's own");
    Ok(())
}

#[test]
fn steps_do_not_change_what_is_still_to_be_written() -> Result<()> {
    let folder = folder()?;
    let path = |name: &str| folder.path().join(name);
    let bytes = |name: &str| fs::read(path(name)).map_err(Error::user);
    let x: Vec<f32> = (0..1200).map(|i| (i as f32 * 0.7).sin()).collect();
    let (x, y) = (
        Tensor::from_vec(x, (4, 300), &Device::Cpu)?,
        vec![[0.5f32, -1.]; 4],
    );
    // The weights after three batches; with `held`, the second's are written only then.
    let train = |optimizer: &str, held: bool| -> Result<Vec<Vec<f32>>> {
        set_random_seed(3);
        // One weight is large enough for several threads.
        let stack = Sequential::new().input([300]).add(Dense::new(300).name("wide"));
        let mut model = stack.add(Dense::new(2).name("last")).build()?;
        let compile = Compile::new(optimizer).loss(Scaled { by: 0.25 });
        model.compile_with(compile, &registry())?;
        for _ in 0..2 {
            model.train_on_batch((&x, &y))?;
        }
        model.pack()?.write(path("now"))?;
        let later = held.then(|| model.pack()).transpose()?;
        model.train_on_batch((&x, &y))?;
        if let Some(later) = later {
            later.write(path("later"))?;
            assert!(bytes("now")? == bytes("later")?, "{optimizer}");
        }
        values(&model)
    };
    let mut count = 0;
    for entry in registry().optimizers.iter() {
        let name = entry.class_name;
        // Some are made of others.
        if registry().optimizers.by_name(name, &registry()).is_ok() {
            assert_eq!(train(name, true)?, train(name, false)?, "{name}");
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
    Ok(())
}

#[test]
fn the_file_is_a_safetensors_file_with_paths_and_ordinary_permissions() -> Result<()> {
    let folder = folder()?;
    let path = folder.path().join("model.keras");
    trained()?.save(&path)?;
    let content = fs::read(&path).map_err(Error::user)?;
    let file = safetensors::SafeTensors::deserialize(&content).map_err(Error::user)?;
    let names = file.names();
    assert!(names.contains(&"dense/kernel") && names.contains(&"optimizer/adam/dense_kernel_momentum"));
    let (_, header) = safetensors::SafeTensors::read_metadata(&content).map_err(Error::user)?;
    let texts = header.metadata().clone().unwrap_or_default();
    let config: Value = serde_json::from_str(&texts["config"])?;
    assert_eq!(config["config"]["name"], "small");
    let compile: Value = serde_json::from_str(&texts["compile_config"])?;
    assert_eq!(compile["loss"]["config"], json!({"by": 0.25}));
    assert_eq!(compile["optimizer"]["class_name"], "Adam");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let ordinary = folder.path().join("ordinary");
        fs::write(&ordinary, "").map_err(Error::user)?;
        let mode = |p: &Path| {
            fs::metadata(p)
                .map(|m| m.permissions().mode())
                .map_err(Error::user)
        };
        assert_eq!(mode(&path)?, mode(&ordinary)?);
    }
    Ok(())
}

#[test]
fn a_closure_is_saved_by_name_and_loading_says_so() -> Result<()> {
    let folder = folder()?;
    let path = folder.path().join("model.keras");
    let mut model = model()?;
    let half = loss_fn("half_mse", |y: &Tensor, p: &Tensor| {
        ops::square(&ops::subtract(p, y)?)
    });
    model.compile_with(Compile::new("sgd").loss(half), &registry())?;
    model.save(&path)?;
    let error = message(load_model(&path, &registry()));
    assert!(
        error.contains("half_mse") && error.contains("compile(false)"),
        "{error}"
    );
    let again = load_model_with(&path, &registry(), LoadModel::new().compile(false))?;
    assert!(!again.compiled());
    assert_eq!(values(&again)?, values(&model)?);
    Ok(())
}

#[test]
fn weights_that_do_not_fit_are_all_listed_and_nothing_changes() -> Result<()> {
    let folder = folder()?;
    let path = folder.path().join("weights.safetensors");
    let stack = Sequential::new().input([3]).add(Dense::new(4).name("dense"));
    stack
        .add(Dense::new(5).name("dense_1"))
        .add(Dense::new(1).name("head"))
        .build()?
        .save_weights(&path)?;
    let mut model = model()?;
    model
        .layer("dense")?
        .write()
        .base_mut()
        .set_name("first".to_owned());
    let before = values(&model)?;
    let error = message(model.load_weights(&path));
    for name in [
        "`first/kernel`",
        "`first/bias`",
        "`dense_1/kernel`",
        "`dense_1/bias`",
        "`dense/kernel`",
        "`head/bias`",
    ] {
        assert!(error.contains(name), "{name} is missing from: {error}");
    }
    assert_eq!(values(&model)?, before);
    Ok(())
}

#[test]
fn a_part_of_the_weights_can_be_loaded() -> Result<()> {
    let folder = folder()?;
    let path = folder.path().join("weights.safetensors");
    let other = Sequential::new()
        .input([3])
        .add(Dense::new(4).name("dense"))
        .add(Dense::new(5).name("dense_1"));
    let other = other.build()?;
    other.save_weights(&path)?;
    let mut model = model()?;
    let before = values(&model)?;
    let loaded = model.load_weights_with(&path, LoadWeights::new().skip_mismatch(true))?;
    assert_eq!(loaded, ["dense/kernel", "dense/bias"]);
    assert_eq!(values(&model)?[0], values(&other)?[0]);
    assert_eq!(values(&model)?[2..], before[2..]);
    assert!(
        model
            .load_weights_with(&path, LoadWeights::new().by_name(true))
            .is_err()
    );
    let only = LoadWeights::new().layers(["dense"]);
    assert_eq!(
        model.load_weights_with(&path, only)?,
        ["dense/kernel", "dense/bias"]
    );
    let unknown = message(model.load_weights_with(&path, LoadWeights::new().layers(["dens"])));
    assert!(unknown.contains("Did you mean `dense`"), "{unknown}");
    Ok(())
}

#[test]
fn damaged_and_foreign_files_are_errors() -> Result<()> {
    let folder = folder()?;
    let path = folder.path().join("model.keras");
    trained()?.save(&path)?;
    let whole = fs::read(&path).map_err(Error::user)?;
    let bad = folder.path().join("bad.keras");
    let load = |content: &[u8]| -> Result<String> {
        fs::write(&bad, content).map_err(Error::user)?;
        let mut target = model()?;
        let before = values(&target)?;
        assert_ne!(message(target.load_weights(&bad)), "no error");
        assert_eq!(values(&target)?, before);
        Ok(message(load_model(&bad, &registry())))
    };
    for length in [1, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        let error = load(&whole[..length])?;
        assert!(
            error.contains("cut off") && error.contains("bad.keras"),
            "{length}: {error}"
        );
    }
    assert!(load(b"")?.contains("empty"));
    assert!(load(b"PK\x03\x04whatever is in it")?.contains("zip"));
    assert!(load(b"\x89HDF\r\n\x1a\nwhatever")?.contains("HDF5"));
    assert!(load(b"hello, this is only a text")?.contains("not a saved model"));
    assert!(load(&[&u64::MAX.to_le_bytes()[..], &[0; 100]].concat())?.contains("not a saved model"));
    assert!(load(&[&16u64.to_le_bytes()[..], b"{\"a\":[1,2,3]}   "].concat())?.contains("header"));
    let huge = br#"{"a":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,4]}}"#;
    let huge = [&(huge.len() as u64).to_le_bytes()[..], huge, &[0; 4]].concat();
    assert!(load(&huge)?.contains("damaged"));
    assert!(message(load_model(folder.path(), &registry())).contains("folder"));
    assert!(message(load_model(folder.path().join("none"), &registry())).contains("none"));
    Ok(())
}

#[test]
fn a_failed_save_keeps_the_former_file_and_leaves_nothing() -> Result<()> {
    let folder = folder()?;
    let path = folder.path().join("file");
    fs::write(&path, "former").map_err(Error::user)?;
    let failed = write_atomic(&path, |out| {
        std::io::Write::write_all(out, &[0; 100_000]).map_err(Error::user)?;
        Err(Error::invalid("the disk is full"))
    });
    assert!(message(failed).contains("full"));
    assert_eq!(fs::read(&path).map_err(Error::user)?, b"former");
    assert_eq!(files(folder.path())?, ["file"]);
    let into_folder = folder.path().join("sub");
    fs::create_dir(&into_folder).map_err(Error::user)?;
    assert!(message(model()?.save(&into_folder)).contains("folder"));
    assert!(message(model()?.save(folder.path().join("no/such/model.keras"))).contains("model.keras"));
    assert_eq!(files(folder.path())?, ["file", "sub"]);
    Ok(())
}

#[test]
fn weights_of_a_whole_model_file_load_into_another() -> Result<()> {
    let folder = folder()?;
    let path = folder.path().join("model.keras");
    let trained = trained()?;
    trained.save(&path)?;
    let mut fresh = model()?;
    fresh.load_weights(&path)?;
    assert_eq!(values(&fresh)?, values(&trained)?);
    fresh.save_weights(&path)?;
    assert!(message(load_model(&path, &registry())).contains("load_weights"));
    Ok(())
}
