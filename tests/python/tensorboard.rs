//! Our event files in real TensorBoard.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use keras::callbacks::{SummaryWriter, TensorBoard};
use keras::prelude::*;
use serde_json::Value;

use super::{compare_with_committed, here, left_out, python};

/// A run with all that the callback writes; its history.
fn train(folder: &Path) -> Result<History> {
    set_random_seed(3);
    let words = input([4]).name("words");
    let embedded = Embedding::new(10, 2).name("embedding").apply(&words)?;
    let flat = Flatten::new().name("flatten").apply(&embedded)?;
    let both = Concatenate::new()
        .name("both")
        .apply([&flat, &Dense::new(3).name("side").apply(&flat)?])?;
    let kind = Dense::new(2).name("kind").activation("softmax").apply(&both)?;
    let mut model = Model::new_on([&words], [&kind], &Device::Cpu)?;
    model.compile(
        Compile::new(SGD::new(0.5))
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;
    let x: Vec<[f32; 4]> = (0..32)
        .map(|i| [0, 1, 2, 3].map(|j| ((i + j) % 10) as f32))
        .collect();
    let y: Vec<u32> = (0..32).map(|i| u32::from(i % 10 > 4)).collect();
    let board = TensorBoard::new(folder)
        .update_freq(2)
        .histogram_freq(2)
        .write_images(true)
        .write_gradients(true)
        .embeddings_freq(1)
        .hparams([("learning_rate", 0.5)])
        .hparams([("optimizer", "SGD")])
        .hparams([("shuffled", true)]);
    let fit = Fit::new()
        .batch_size(4)
        .epochs(3)
        .validation_split(0.25)
        .verbose(0);
    Ok(model.fit((&x, &y), fit.callback(board))?)
}

#[test]
fn tensorboard_reads_what_we_write() -> Result<()> {
    let Some(python) = python("tensorboard")? else {
        return left_out("tensorboard");
    };
    let folder = tempfile::tempdir()?;
    let history = train(&folder.path().join("fit"))?;
    let mut writer = SummaryWriter::new(folder.path().join("own"))?;
    writer.text("notes", "the **first** try: ä", 7)?;
    writer.scalar("far", -2.5, (1 << 40) + 1)?;
    writer.flush()?;
    let output = Command::new(&python)
        .arg(here().join("read_board.py"))
        .arg(folder.path())
        .output()
        .with_context(|| format!("cannot run {python}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Value> = text
        .lines()
        .filter_map(|l| serde_json::from_str(l).ok())
        .collect();
    if !output.status.success() {
        bail!("read_board.py: {}", String::from_utf8_lossy(&output.stderr));
    }
    let version = lines
        .first()
        .and_then(|l| l["version"].as_str())
        .context("no version")?;
    let head = format!("What real TensorBoard {version} finds in our event files.\n\n");
    for (run, scalar, log) in [
        ("fit/train", "epoch_loss", "loss"),
        ("fit/train", "epoch_accuracy", "accuracy"),
        ("fit/validation", "epoch_loss", "val_loss"),
    ] {
        let found = lines
            .iter()
            .find(|line| line["run"] == run && line["plugins"].is_object());
        let found = &found.with_context(|| format!("no run {run}"))?["plugins"]["scalars"][scalar];
        let expected = history.get(log)?.iter().enumerate();
        let expected: Vec<Value> = expected
            .map(|(i, v)| serde_json::json!([i, f64::from(*v as f32)]))
            .collect();
        assert_eq!(found, &Value::Array(expected), "{run} {scalar}");
    }
    compare_with_committed("tensorboard.txt", &head, &table(&lines[1..]), true)
}

/// A line for each tag: of what kind it is, its steps, and what of it is the same on every machine.
fn table(lines: &[Value]) -> String {
    let mut table = String::new();
    for line in lines {
        let run = line["run"].as_str().unwrap_or_default();
        if let Some(layers) = line["projector"].as_array() {
            for layer in layers {
                table += &format!("{run:<15} projector          {layer}\n");
            }
        }
        for (plugin, tags) in line["plugins"].as_object().into_iter().flatten() {
            for (tag, found) in tags.as_object().into_iter().flatten() {
                table += &format!("{run:<15} {plugin:<18} {tag}: {}\n", told(plugin, found));
            }
        }
    }
    table
}

fn told(plugin: &str, found: &Value) -> String {
    let Some(values) = found.as_array().filter(|_| plugin != "graph") else {
        return found.to_string();
    };
    let steps: Vec<String> = values.iter().map(|v| v[0].to_string()).collect();
    let steps = format!("steps {}", steps.join(" "));
    match (plugin, values.first()) {
        ("histograms", Some(first)) => format!("{steps}, {} numbers", first[1][2]),
        ("images", Some(first)) => format!("{steps}, width, height, images {}", first[1]),
        ("text" | "graph_keras_model", Some(first)) => format!("{steps}, {}", first[1]),
        _ => steps,
    }
}
