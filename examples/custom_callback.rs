//! A callback of one's own that keeps the loss of every batch: the `LossHistory` of Keras's guide.
//!
//! `cargo run --release --example custom_callback [-- --epochs N | --short]`
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::Result;
use keras::prelude::*;
use keras_examples::Options;

/// The loss after each batch: as everywhere in Keras, the mean over the epoch so far.
#[derive(Debug, Default)]
struct LossHistory {
    losses: Vec<f64>,
}

impl Callback for LossHistory {
    fn on_batch_end(&mut self, _batch: usize, _: &mut Context<'_>, logs: &mut Logs) -> keras::Result<()> {
        self.losses.extend(logs.get("loss")?);
        Ok(())
    }

    // With its state saved, a training that goes on from a checkpoint has the losses from before.
    fn state(&self) -> serde_json::Value {
        self.losses.clone().into()
    }

    fn load_state(&mut self, state: &serde_json::Value) -> keras::Result<()> {
        let losses = state.as_array().into_iter().flatten();
        self.losses = losses.filter_map(serde_json::Value::as_f64).collect();
        Ok(())
    }
}

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs"])?;
    let epochs = options.epochs(20, 2)?;
    let samples = if options.short() { 512 } else { 10_000 };
    set_random_seed(7);
    let x = ops::random::uniform(
        (samples, 784),
        0.,
        1.,
        DType::F32,
        &Device::Cpu,
        ops::Seed::new(1, 0),
    )?;
    let labels: Vec<u32> = (0..samples as u32).map(|i| i % 10).collect();
    let y = ops::one_hot(&Tensor::new(labels, &Device::Cpu)?, 10, -1, DType::F32)?;

    let mut model = Sequential::new()
        .input([784])
        .add(Dense::new(10).activation("softmax"))
        .build_on(&Device::auto()?)?;
    model.compile(Compile::new("rmsprop").loss("categorical_crossentropy"))?;
    let history = Shared::new(LossHistory::default());
    let fit = Fit::new()
        .batch_size(128)
        .epochs(epochs)
        .verbose(0)
        .callback(history.clone());
    model.fit((&x, &y), fit)?;

    let losses = &history.lock().losses;
    let first: Vec<String> = losses.iter().take(4).map(|loss| format!("{loss:.7}")).collect();
    println!("{} … ({} batches)", first.join(" "), losses.len());
    Ok(())
}
