//! Handwritten digits by a small network: data that needs no download, progress, a checkpoint, a test score.
//!
//! `cargo run --release --example digits_mlp [-- --epochs N | --short | --out FOLDER]`
//!
//! `keras tune --grid space.yml -- target/release/examples/digits_mlp` tries other units and dropouts: each trial is a run
//! of its own, with its model in it.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::Result;
use keras::prelude::*;
use keras::runs::{FlagSet, FlagSources, Run};
use keras_examples::Options;

keras::runs::flags! {
    /// What trials of it may change.
    struct Flags {
        units: usize = 128,
        dropout: f64 = 0.2,
    }
}

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs", "out"])?;
    // Started by `keras run` or `keras tune`, it takes part in the run that they made.
    let run = std::env::var_os("KERAS_RUN_DIR")
        .map(|_| Run::start())
        .transpose()?;
    let flags = Flags::load_from(FlagSources::new())?;
    let recorded = run.as_ref().map(|run| run.path().display().to_string());
    let folder = recorded
        .as_deref()
        .or(options.value("out"))
        .unwrap_or("runs/digits_mlp");
    std::fs::create_dir_all(folder)?;
    let path = format!("{folder}/best.keras");

    if run.is_none() {
        set_random_seed(42);
    }
    let device = Device::auto()?;
    let digits = datasets::digits()?.scaled(16.)?.flattened()?;
    let ((x, y), (x_test, y_test)) = (digits.train, digits.test);

    let mut model = Sequential::new()
        .input([64])
        .add(Dense::new(flags.units).activation("relu"))
        .add(Dropout::new(flags.dropout))
        .add(Dense::new(64).activation("relu"))
        .add(Dense::new(10).activation("softmax"))
        .build_on(&device)?;
    println!("{} weights on {:?}", model.count_params(), device.location());

    model.compile(
        Compile::new("adam")
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;
    let history = model.fit(
        (&x, &y),
        Fit::new()
            .epochs(options.epochs(30, 30)?)
            .batch_size(32)
            .validation_split(0.1)
            .callback(
                ModelCheckpoint::new(&path)
                    .monitor("val_accuracy")
                    .save_best_only(true),
            ),
    )?;
    println!("best validation accuracy {:.4}", history.best("val_accuracy")?);

    let mut best = load_model(&path)?;
    let scores = best.evaluate((&x_test, &y_test), Evaluate::new().verbose(0))?;
    println!(
        "test accuracy {:.4}; the model is in {path}",
        scores.get("accuracy")?
    );
    if let Some(run) = run {
        run.finish()?;
    }
    Ok(())
}
