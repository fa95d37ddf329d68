//! Trains, saves, and goes on in a second process from the file alone.
//!
//! `cargo run --release --example checkpoint_reuse [-- --epochs N | --short | --out FOLDER]`
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::process::Command;

use anyhow::{Result, ensure};
use keras::prelude::*;
use keras_examples::Options;

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs", "out", "continue"])?;
    let epochs = options.epochs(6, 4)?;
    match options.value("continue") {
        Some(path) => go_on(path, epochs),
        None => start(options.value("out").unwrap_or("runs/checkpoint_reuse"), epochs),
    }
}

/// The first process: trains half of the epochs, saves, and starts the second.
fn start(folder: &str, epochs: usize) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let path = format!("{folder}/model.keras");
    set_random_seed(7);
    let mut model = Sequential::new()
        .input([64])
        .add(Dense::new(64).activation("relu"))
        .add(Dense::new(10).activation("softmax"))
        .build_on(&Device::auto()?)?;
    model.compile(
        Compile::new("adam")
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;
    let digits = datasets::digits()?.scaled(16.)?.flattened()?;
    let fit = Fit::new().epochs(epochs / 2).seed(1).verbose(2);
    model.fit((&digits.train.0, &digits.train.1), fit)?;
    let scores = model.evaluate((&digits.test.0, &digits.test.1), Evaluate::new().verbose(0))?;
    model.save(&path)?;
    println!(
        "process {}: test accuracy {:.4}, saved {path}",
        std::process::id(),
        scores.get("accuracy")?
    );

    let me = std::env::current_exe()?;
    let status = Command::new(me)
        .args(["--continue", &path, "--epochs", &epochs.to_string()])
        .status()?;
    ensure!(status.success(), "the second process failed: {status}");
    Ok(())
}

/// The second process knows nothing but the file: layers, weights, optimizer and its state come from there.
fn go_on(path: &str, epochs: usize) -> Result<()> {
    let mut model = load_model(path)?;
    let digits = datasets::digits()?.scaled(16.)?.flattened()?;
    let before = model.evaluate((&digits.test.0, &digits.test.1), Evaluate::new().verbose(0))?;
    println!(
        "process {}: loaded; test accuracy {:.4}, {} optimizer steps so far",
        std::process::id(),
        before.get("accuracy")?,
        model.optimizer()?.iterations()
    );
    let fit = Fit::new()
        .initial_epoch(epochs / 2)
        .epochs(epochs)
        .seed(1)
        .verbose(2);
    model.fit((&digits.train.0, &digits.train.1), fit)?;
    let after = model.evaluate((&digits.test.0, &digits.test.1), Evaluate::new().verbose(0))?;
    println!(
        "process {}: test accuracy {:.4}",
        std::process::id(),
        after.get("accuracy")?
    );
    Ok(())
}
