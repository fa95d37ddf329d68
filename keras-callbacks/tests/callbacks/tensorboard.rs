use std::path::Path;

use keras_callbacks::{SummaryWriter, TensorBoard};
use keras_core::layers::{Dense, Embedding, Flatten};
use keras_core::ops::{Device, Tensor};
use keras_core::optimizers::{MultiOptimizer, OptimizerMap, SGD};
use keras_core::{
    Callback, Compile, Config, Context, Evaluate, Fit, Logs, Model, Registry, Result, Sequential, loss_fn,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::events;

fn model() -> Result<Model> {
    let mut model = Sequential::new()
        .input([2])
        .add(Dense::new(3).name("a").kernel_initializer("ones"))
        .add(Dense::new(1).name("b").kernel_initializer("ones"))
        .build()?;
    let mae = loss_fn("mae", |y: &Tensor, p: &Tensor| (p - y)?.abs());
    model.compile_with(Compile::new(SGD::new(0.5)).loss(mae), &Registry::core())?;
    Ok(model)
}

/// 8 samples in batches of 2; a quarter validates.
fn fit(epochs: usize) -> Fit {
    Fit::new()
        .epochs(epochs)
        .batch_size(2)
        .validation_split(0.25)
        .shuffle(false)
        .verbose(0)
}

fn data() -> (Vec<[f32; 2]>, Vec<[f32; 1]>) {
    (
        (0..8).map(|i| [i as f32, 1.]).collect(),
        (0..8).map(|i| [i as f32]).collect(),
    )
}

fn tags(folder: &Path) -> Vec<(String, i64)> {
    let values = events::values(folder);
    values.into_iter().map(|e| (e.tag, e.step)).collect()
}

fn named(tags: &[(&str, i64)]) -> Vec<(String, i64)> {
    tags.iter()
        .map(|(tag, step)| ((*tag).to_owned(), *step))
        .collect()
}

/// The tags are those that Keras 3.15 wrote for this model on TensorFlow.
#[test]
fn values_of_epochs_have_keras_tags() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let (x, y) = data();
    let history = model()?.fit(
        (&x, &y),
        fit(2).callback(TensorBoard::new(folder.path()).write_steps_per_second(true)),
    )?;
    let train = events::values(&folder.path().join("train"));
    let plugins: Vec<&str> = train.iter().map(|e| e.plugin.as_str()).collect();
    assert_eq!(plugins[..2], ["graph_keras_model", "scalars"]);
    assert_eq!(
        tags(&folder.path().join("train"))[1..],
        named(&[
            ("epoch_loss", 0),
            ("epoch_learning_rate", 0),
            ("epoch_steps_per_second", 0),
            ("epoch_loss", 1),
            ("epoch_learning_rate", 1),
            ("epoch_steps_per_second", 1),
        ])
    );
    assert_eq!(
        tags(&folder.path().join("validation")),
        named(&[
            ("evaluation_loss_vs_iterations", 3),
            ("epoch_loss", 0),
            ("evaluation_loss_vs_iterations", 6),
            ("epoch_loss", 1),
        ])
    );
    let losses: Vec<f32> = train
        .iter()
        .filter(|e| e.tag == "epoch_loss")
        .filter_map(|e| e.value)
        .collect();
    let expected: Vec<f32> = history.get("loss")?.iter().map(|v| *v as f32).collect();
    assert_eq!(losses, expected);
    Ok(())
}

#[test]
fn values_of_batches_every_so_many() -> Result<()> {
    for (every, steps) in [(1, vec![1, 2, 3, 4, 5, 6]), (2, vec![2, 4, 6]), (4, vec![4])] {
        let folder = TempDir::new().unwrap();
        let (x, y) = data();
        model()?.fit(
            (&x, &y),
            fit(2).callback(TensorBoard::new(folder.path()).update_freq(every)),
        )?;
        let tags = tags(&folder.path().join("train"));
        let batches = tags.iter().filter(|(tag, _)| tag == "batch_loss");
        assert_eq!(batches.map(|(_, step)| *step).collect::<Vec<_>>(), steps);
    }
    Ok(())
}

#[test]
fn each_optimizer_has_its_rate() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let mut model = model()?;
    let both = OptimizerMap::new(SGD::new(0.5).name("rest")).with("a/.*", SGD::new(0.25).name("first"));
    let mae = loss_fn("mae", |y: &Tensor, p: &Tensor| (p - y)?.abs());
    model.compile_with(
        Compile::new(MultiOptimizer::new(both)).loss(mae),
        &Registry::core(),
    )?;
    let (x, y) = data();
    model.fit((&x, &y), fit(1).callback(TensorBoard::new(folder.path())))?;
    let mut rates = events::scalars(&folder.path().join("train"));
    rates.retain(|(tag, _, _)| tag.contains("rate"));
    rates.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        rates,
        [
            ("epoch_learning_rate_first".to_owned(), 0, 0.25),
            ("epoch_learning_rate_rest".to_owned(), 0, 0.5)
        ]
    );
    Ok(())
}

#[test]
fn an_evaluation_alone_is_written_at_once() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let (x, y) = data();
    let mut model = model()?;
    let loss = model
        .evaluate(
            (&x, &y),
            Evaluate::new()
                .verbose(0)
                .callback(TensorBoard::new(folder.path())),
        )?
        .get("loss")?;
    assert_eq!(
        events::scalars(&folder.path().join("validation")),
        [("evaluation_loss_vs_iterations".to_owned(), 0, loss as f32)]
    );
    Ok(())
}

/// A callback that keeps the state that a checkpoint would hold after an epoch.
#[derive(Debug)]
struct Keep(TensorBoard, usize, std::sync::Arc<std::sync::Mutex<Value>>);

impl Callback for Keep {
    fn on_train_begin(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.0.on_train_begin(cx, logs)
    }
    fn on_train_end(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.0.on_train_end(cx, logs)
    }
    fn on_train_batch_begin(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.0.on_train_batch_begin(batch, cx, logs)
    }
    fn on_train_batch_end(&mut self, batch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.0.on_train_batch_end(batch, cx, logs)?;
        if self.0.state()["train_batches"] == self.1 {
            *self.2.lock().unwrap() = self.0.state();
        }
        Ok(())
    }
    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.0.on_epoch_end(epoch, cx, logs)
    }
    fn on_test_end(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.0.on_test_end(cx, logs)
    }
}

#[test]
fn a_resumed_run_goes_on_in_its_files() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let board = || {
        TensorBoard::new(folder.path())
            .update_freq(1)
            .hparams([("rate", 0.5)])
    };
    let (x, y) = data();
    let kept = std::sync::Arc::default();
    // The state of the second epoch's first batch; then the run goes on for nothing.
    model()?.fit(
        (&x, &y),
        fit(2).callback(Keep(board(), 4, std::sync::Arc::clone(&kept))),
    )?;
    let train = folder.path().join("train");
    let whole = tags(&train);
    let mut resumed = board();
    resumed.load_state(&kept.lock().unwrap())?;
    let mut model = model()?;
    let mut stop = false;
    let params = keras_core::Params::default();
    let mut cx = Context::new(&mut model, &params, &mut stop);
    resumed.on_train_begin(&mut cx, &mut Logs::new())?;
    for batch in 1..3 {
        resumed.on_train_batch_begin(batch, &mut cx, &mut Logs::new())?;
        let mut logs = Logs::from_iter([("loss".to_owned(), 7.)]);
        resumed.on_train_batch_end(batch, &mut cx, &mut logs)?;
    }
    let mut logs = Logs::from_iter([("loss".to_owned(), 7.), ("val_loss".to_owned(), 7.)]);
    resumed.on_epoch_end(1, &mut cx, &mut logs)?;
    resumed.on_train_end(&mut cx, &mut Logs::new())?;
    assert_eq!(tags(&train), whole);
    let sevens: Vec<_> = events::scalars(&train)
        .into_iter()
        .filter(|(_, _, value)| *value == 7.)
        .map(|(tag, step, _)| (tag, step))
        .collect();
    assert_eq!(
        sevens,
        named(&[("batch_loss", 5), ("batch_loss", 6), ("epoch_loss", 1)])
    );
    // One start and one end of the session.
    assert_eq!(
        tags(folder.path()),
        named(&[
            ("_hparams_/session_start_info", 0),
            ("_hparams_/session_end_info", 0)
        ])
    );
    assert!(resumed.load_state(&serde_json::json!({"train": 3})).is_err());
    Ok(())
}

#[test]
fn weights_as_histograms_and_images() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let (x, y) = data();
    model()?.fit(
        (&x, &y),
        fit(2).callback(
            TensorBoard::new(folder.path())
                .histogram_freq(1)
                .write_images(true),
        ),
    )?;
    let train = events::values(&folder.path().join("train"));
    let of = |plugin: &str, step: i64| {
        let found = train.iter().filter(|e| e.plugin == plugin && e.step == step);
        found.map(|e| e.tag.clone()).collect::<Vec<_>>()
    };
    let names = ["a/kernel", "a/bias", "b/kernel", "b/bias"];
    for step in 0..2 {
        assert_eq!(of("histograms", step), names.map(|n| format!("{n}/histogram")));
        // A single number is no picture.
        assert_eq!(of("images", step)[..], names.map(|n| format!("{n}/image"))[..3]);
    }
    let histogram = train.iter().find(|e| e.tag == "b/kernel/histogram").unwrap();
    let numbers: Vec<f64> = histogram
        .content
        .chunks(8)
        .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
        .collect();
    assert_eq!(numbers.len(), 90);
    assert_eq!(numbers.chunks(3).map(|b| b[2]).sum::<f64>(), 3.);
    // Two rows of three: as wide as it is long.
    let image = train.iter().find(|e| e.tag == "a/kernel/image").unwrap();
    assert_eq!(image.content[..6], *b"32\x89PNG");
    Ok(())
}

#[test]
fn gradients_as_histograms() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let (x, y) = data();
    let board = TensorBoard::new(folder.path())
        .histogram_freq(2)
        .write_gradients(true);
    let mut model = model()?;
    model.fit((&x, &y), fit(3).callback(board))?;
    let tags = tags(&folder.path().join("train"));
    let gradients: Vec<_> = tags
        .into_iter()
        .filter(|(tag, _)| tag.ends_with("/gradient"))
        .collect();
    let names = [
        "a/kernel/gradient",
        "a/bias/gradient",
        "b/kernel/gradient",
        "b/bias/gradient",
    ];
    assert_eq!(
        gradients,
        [0, 2].map(|step| named(&names.map(|name| (name, step)))).concat()
    );
    assert!(model.gradients()?.is_empty());
    Ok(())
}

#[test]
fn a_profile_of_spans() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let (x, y) = data();
    // Six batches in all: the second to the fourth.
    let board = TensorBoard::new(folder.path()).profile_batch(2..=4);
    model()?.fit((&x, &y), fit(2).callback(board))?;
    let profiles = folder.path().join("train/plugins/profile/batch_4");
    let file = std::fs::read_dir(profiles)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let trace: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap())?;
    let events = trace["traceEvents"].as_array().unwrap();
    let count = |name: &str| events.iter().filter(|e| e["name"] == name).count();
    for name in ["batch 2", "batch 3", "batch 4"] {
        assert_eq!(count(name), 1, "{name}");
    }
    assert_eq!(count("batch 1") + count("batch 5"), 0);
    for name in ["forward", "backward", "update"] {
        assert_eq!(count(name), 3, "{name}");
    }
    // Validation after the third batch runs the layers too.
    assert_eq!(count("layer a"), count("layer b"));
    let within = |event: &Value, outer: &Value| {
        let end = |e: &Value| e["ts"].as_f64().unwrap() + e["dur"].as_f64().unwrap();
        event["ts"].as_f64() >= outer["ts"].as_f64() && end(event) <= end(outer)
    };
    let batch = events.iter().find(|e| e["name"] == "batch 2").unwrap();
    let update = events.iter().find(|e| e["name"] == "update").unwrap();
    assert!(within(update, batch));
    Ok(())
}

#[test]
fn embeddings_for_the_projector() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let mut model = Sequential::new()
        .input([2])
        .add(Embedding::new(3, 2).name("words").embeddings_initializer("ones"))
        .add(Flatten::new())
        .add(Dense::new(1))
        .build()?;
    let mae = loss_fn("mae", |y: &Tensor, p: &Tensor| (p - y)?.abs());
    model.compile_with(Compile::new(SGD::new(0.)).loss(mae), &Registry::core())?;
    let (x, y) = (vec![[0f32, 1.]; 4], vec![[0f32]; 4]);
    let board = TensorBoard::new(folder.path())
        .embeddings_freq(1)
        .embeddings_metadata_of("words", "words.tsv");
    model.fit((&x, &y), Fit::new().verbose(0).callback(board))?;
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("embeddings/words.tsv"), "1\t1\n1\t1\n1\t1\n");
    assert_eq!(
        read("projector_config.pbtxt"),
        "embeddings {\n  tensor_name: \"words/embeddings\"\n  metadata_path: \"words.tsv\"\n  tensor_path: \
         \"embeddings/words.tsv\"\n}\n"
    );
    let wrong = TensorBoard::new(folder.path()).embeddings_metadata_of("word", "words.tsv");
    let error = model
        .fit((&x, &y), Fit::new().verbose(0).callback(wrong))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("unknown embedding layer `word`. Did you mean `words`?"),
        "{error}"
    );
    Ok(())
}

#[test]
fn arguments_are_checked_before_training() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let (x, y) = data();
    let refuse = |board: TensorBoard| model()?.fit((&x, &y), fit(1).callback(board)).map(drop);
    let error = refuse(TensorBoard::new(folder.path()).update_freq(0)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`update_freq` must be 1 batch or more"),
        "{error}"
    );
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = refuse(TensorBoard::new(folder.path().join("file/below"))).unwrap_err();
    assert!(error.to_string().contains("cannot make this folder"), "{error}");
    let registry = Registry::core();
    let build = |config: Config| {
        let entry = keras_callbacks::ENTRIES
            .iter()
            .find(|e| e.class_name == "TensorBoard");
        (entry.unwrap().build)(&config, &registry)
    };
    let built = build(Config::new().with("update_freq", "batch"))?;
    assert_eq!(built.config().get("update_freq"), Some(&Value::from(1)));
    for (given, kept) in [
        (Value::from("3"), Value::from(3)),
        (Value::from("3,5"), Value::from(vec![3, 5])),
        (Value::from(vec![3, 3]), Value::from(3)),
    ] {
        let built = build(Config::new().with("profile_batch", given))?;
        assert_eq!(built.config().get("profile_batch"), Some(&kept));
    }
    for (name, value, message) in [
        (
            "update_freq",
            Value::from("step"),
            "`update_freq` must be \"epoch\"",
        ),
        (
            "embeddings_metadata",
            Value::from(3),
            "`embeddings_metadata` must be a file",
        ),
        ("hparams", Value::from(3), "`hparams` must be an object"),
        (
            "profile_batch",
            Value::from("2,1"),
            "`profile_batch` must be a number of a batch",
        ),
        (
            "profile_batch",
            Value::from(vec![1, 2, 3]),
            "`profile_batch` must be a number of a batch",
        ),
    ] {
        let error = build(Config::new().with(name, value)).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    Ok(())
}

#[test]
fn images_of_wrong_shapes_are_refused() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let mut writer = SummaryWriter::new(folder.path())?;
    let image = |shape: &[usize]| Tensor::ones(shape, keras_core::ops::DType::F32, &Device::Cpu);
    writer.image("four", &image(&[4, 2, 3, 3])?, 1)?;
    for shape in [&[2, 2][..], &[2, 2, 5], &[0, 2, 2, 1]] {
        let error = writer.image("wrong", &image(shape)?, 1).unwrap_err().to_string();
        assert!(
            error.contains("expected shape [height, width, channels]"),
            "{error}"
        );
    }
    writer.flush()?;
    let values = events::values(folder.path());
    // Width, height, and three of the four.
    let png = b"\x89PNG";
    assert_eq!(values[0].content[..2], *b"32");
    assert_eq!(values[0].content.windows(4).filter(|w| w == png).count(), 3);
    Ok(())
}
