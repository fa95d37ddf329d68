//! A training that is killed again and again goes on from its backups and ends with the same weights, to the last bit,
//! as one that was left alone.
//!
//! `cargo run --release --example resume_after_kill [-- --epochs N | --short | --out FOLDER]`
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Result, ensure};
use keras::prelude::*;
use keras_examples::Options;

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs", "out", "train"])?;
    let epochs = options.epochs(12, 6)?;
    if let Some(folder) = options.value("train") {
        return train(Path::new(folder), epochs);
    }
    let out = Path::new(options.value("out").unwrap_or("runs/resume_after_kill"));
    let (alone, killed) = (out.join("alone"), out.join("killed"));
    for folder in [&alone, &killed] {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
    }
    let status = start(&alone, epochs)?.wait()?;
    ensure!(
        status.success(),
        "the training that was left alone failed: {status}"
    );

    for kill in 1..=3 {
        let mut child = start(&killed, epochs)?;
        // Until it has got on by an epoch and a bit.
        let rows = rows(&killed);
        while self::rows(&killed) <= rows && child.try_wait()?.is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(7 * kill));
        child.kill()?;
        child.wait()?;
        println!("kill {kill}: {} epochs are in the log", self::rows(&killed));
    }
    let status = start(&killed, epochs)?.wait()?;
    ensure!(status.success(), "the last run failed: {status}");

    for file in ["log.csv", "weights.weights.h5"] {
        let (a, b) = (
            std::fs::read(alone.join(file))?,
            std::fs::read(killed.join(file))?,
        );
        ensure!(a == b, "{file} differs");
        println!("{file}: {} bytes, all the same", a.len());
    }
    Ok(())
}

fn start(folder: &Path, epochs: usize) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("--train")
        .arg(folder)
        .args(["--epochs", &epochs.to_string()]);
    Ok(command.spawn()?)
}

/// The epochs in the log.
fn rows(folder: &Path) -> usize {
    let text = std::fs::read_to_string(folder.join("log.csv")).unwrap_or_default();
    text.lines().count().saturating_sub(1)
}

/// The training; nothing in it knows whether it is the first run or the last.
fn train(folder: &Path, epochs: usize) -> Result<()> {
    set_random_seed(7);
    let mut model = Sequential::new()
        .input([64])
        .add(Dense::new(64).activation("relu"))
        .add(Dropout::new(0.3))
        .add(Dense::new(10).activation("softmax"))
        .build_on(&Device::auto()?)?;
    model.compile(
        Compile::new("adam")
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;
    let digits = datasets::digits()?.scaled(16.)?.flattened()?;
    let fit = Fit::new()
        .epochs(epochs)
        .verbose(2)
        .validation_split(0.1)
        .callback(CSVLogger::new(folder.join("log.csv")))
        .callback(ReduceLROnPlateau::new("val_loss").patience(2))
        .callback(BackupAndRestore::new(folder.join("backup")).save_freq(10));
    model.fit((&digits.train.0, &digits.train.1), fit)?;
    model.save_weights(folder.join("weights.weights.h5"))?;
    Ok(())
}
