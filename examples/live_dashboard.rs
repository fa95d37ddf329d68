//! Training watched in a browser: the charts of the run, on this machine alone.
//!
//! `cargo run --release --example live_dashboard [-- --epochs N | --short | --port PORT | --logs FOLDER]`
//!
//! With `--logs` the same goes to TensorBoard's files.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::{Context, Result};
use keras::callbacks::{LiveDashboard, NormMonitor, TensorBoard};
use keras::prelude::*;
use keras_examples::Options;

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs", "port", "logs"])?;
    set_random_seed(6);
    let digits = datasets::digits()?.scaled(16.)?;
    let (x, y) = digits.train;
    let x = ops::reshape(&x, &[-1, 8, 8, 1])?;
    let mut model = Sequential::new()
        .input([8, 8, 1])
        .add(Conv2D::new(16, 3).activation("relu"))
        .add(Flatten::new())
        .add(Dropout::new(0.3))
        .add(Dense::new(10).activation("softmax"))
        .build()?
        .named("digits");
    model.compile(
        Compile::new(Adam::new(1e-3))
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;

    let port = match options.value("port") {
        Some(port) => port
            .parse()
            .with_context(|| format!("--port must be a number, got `{port}`"))?,
        None => 0,
    };
    let dashboard = LiveDashboard::new().port(port);
    println!("open {}", dashboard.start()?);
    let mut fit = Fit::new()
        .epochs(options.epochs(60, 2)?)
        .validation_split(0.2)
        .verbose(2)
        .callback(NormMonitor::new())
        .callback(dashboard.clone());
    if let Some(folder) = options.value("logs") {
        fit = fit.callback(
            TensorBoard::new(folder)
                .update_freq(10)
                .histogram_freq(1)
                .write_images(true)
                .hparams([("learning_rate", 1e-3)]),
        );
    }
    model.fit((&x, &y), fit)?;

    // The page is there as long as the dashboard is.
    if !options.short() {
        println!("done; Enter ends the page");
        std::io::stdin().read_line(&mut String::new())?;
    }
    Ok(())
}
