//! Metrics without `fit`: a training loop of one's own, with running numbers that are updated batch by batch, read, and
//! set back. Three kinds of wine by 13 measurements.
//!
//! `cargo run --release --example metrics_without_fit [-- --epochs N | --short]`
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::Result;
use keras::layer::Call;
use keras::ops::GradientTape;
use keras::prelude::*;
use keras_examples::Options;

/// The number that a metric stands at.
fn number(metric: &impl Metric) -> Result<f32> {
    Ok(metric.result()?.to_scalar::<f32>()?)
}

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs"])?;
    set_random_seed(4);
    let wines = datasets::wine()?.standardized()?;
    let ((x, y), (x_test, y_test)) = (wines.train, wines.test);
    let model = Sequential::new()
        .input([13])
        .add(Dense::new(16).activation("relu"))
        .add(Dense::new(3).activation("softmax"))
        .build_on(&Device::Cpu)?;

    // What `compile` would hold.
    let loss: &dyn Loss = &SparseCategoricalCrossentropy::default();
    let mut optimizer: Box<dyn Optimizer> = Box::new(Adam::new(0.01));
    let variables = model.trainable_variables();
    optimizer.build(&variables)?;

    let mut mean_loss = metrics::Mean::new();
    let mut accuracy = metrics::SparseCategoricalAccuracy::new();
    let (samples, batch) = (x.dim(0)?, 32);
    for epoch in 1..=options.epochs(30, 15)? {
        for start in (0..samples).step_by(batch) {
            let length = batch.min(samples - start);
            let (x, y) = (x.narrow(0, start, length)?, y.narrow(0, start, length)?);

            let tape = GradientTape::start();
            let p = model.call(&[x], &mut Call::new(true))?[0].clone();
            let value = loss.apply(&y, &p, None, None)?;
            let mut found = tape.gradients(&value)?;
            let gradients: Vec<_> = variables.iter().map(|v| found.take(v.tensor())).collect();
            optimizer.apply_gradients(&gradients)?;

            // Each batch adds to what the metrics know of this epoch. Batches count by their size.
            let size = Tensor::new(length as f32, &Device::Cpu)?;
            mean_loss.update_values(&value.detach(), Some(&size))?;
            accuracy.update_state(&y, &p.detach(), None)?;
        }
        if epoch % 5 == 0 {
            println!(
                "epoch {epoch:2}: loss {:.4}, accuracy {:.4}",
                number(&mean_loss)?,
                number(&accuracy)?
            );
        }
        // The next epoch starts from nothing.
        mean_loss.reset_state()?;
        accuracy.reset_state()?;
    }

    // The same metric serves any predictions; several metrics may look at the same ones.
    let p = model.call(&[x_test], &mut Call::new(false))?[0].clone();
    accuracy.update_state(&y_test, &p, None)?;
    let mut mistakes = metrics::ConfusionMatrix::new().num_classes(Some(3));
    mistakes.update_state(&y_test, &p, None)?;
    println!(
        "\n{} wines that the model has not seen: accuracy {:.4}",
        y_test.dim(0)?,
        number(&accuracy)?
    );
    println!(
        "Of the grower (rows), taken for (columns):\n{}",
        mistakes.table()?
    );
    Ok(())
}
