//! A learning rate found before training: ever larger ones are tried, and the model is then what it was.
//!
//! `cargo run --release --example learning_rate_finder [-- --epochs N | --short]`
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::{Context, Result};
use keras::callbacks::{LearningRateFinder, Sweep};
use keras::prelude::*;
use keras_examples::Options;

/// The smoothed losses as bars, one for each few learning rates.
fn show(sweep: &Sweep) {
    let most = sweep.smoothed().iter().copied().fold(0., f64::max);
    for (rate, loss) in sweep.rates().iter().zip(sweep.smoothed()).step_by(5) {
        println!(
            "{rate:8.1e}  {loss:7.4}  {}",
            "#".repeat((50. * loss / most) as usize)
        );
    }
}

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs"])?;
    set_random_seed(5);
    let digits = datasets::digits()?.scaled(16.)?.flattened()?;
    let ((x, y), test) = (digits.train, digits.test);
    let mut model = Sequential::new()
        .input([64])
        .add(Dense::new(64).activation("relu"))
        .add(Dense::new(10).activation("softmax"))
        .build()?;
    model.compile(
        Compile::new(SGD::new(1e-4).momentum(0.9))
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;

    let fit = || Fit::new().batch_size(32).seed(1);
    let finder = LearningRateFinder::new().min_lr(1e-5).max_lr(10.).steps(100);
    let sweep = finder.find(&mut model, (&x, &y), fit())?;
    show(&sweep);
    let rate = sweep
        .suggestion()
        .context("no learning rate made the loss fall")?;
    println!(
        "\nsuggested learning rate {rate:.1e}, smallest loss at {:.1e}\n",
        sweep.minimum().unwrap_or(rate)
    );

    // Weights and optimizer are as they were before the search.
    model.optimizer_mut()?.set_learning_rate(rate)?;
    model.fit((&x, &y), fit().epochs(options.epochs(10, 3)?).verbose(2))?;
    let scores = model.evaluate((&test.0, &test.1), Evaluate::new().verbose(0))?;
    println!("test accuracy {:.4}", scores.get("accuracy")?);
    Ok(())
}
