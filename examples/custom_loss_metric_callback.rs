//! A loss, a metric and a callback of your own, as the documents of Keras for R show them, in Rust.
//!
//! `cargo run --release --example custom_loss_metric_callback [-- --epochs N | --short]`
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::Result;
use keras::Config;
use keras::prelude::*;
use keras_examples::Options;

/// The mean of squared errors over the last axis.
#[derive(Debug)]
struct CustomMeanSquaredError;

impl Loss for CustomMeanSquaredError {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> keras::Result<Tensor> {
        let squared = ops::square(&ops::subtract(y_pred, y_true)?)?;
        Ok(ops::mean(&squared, Some(&[-1]), false)?)
    }
}

/// The number of samples that are positive and predicted so, by weight.
#[derive(Debug)]
struct BinaryTruePositives {
    name: String,
    threshold: f64,
    total: Variable,
}

impl BinaryTruePositives {
    fn new(threshold: f64) -> keras::Result<Self> {
        let total = Variable::zeros("true_positives", &[], DType::F32, &Device::Cpu)?;
        Ok(Self {
            name: "binary_true_positives".to_owned(),
            threshold,
            total,
        })
    }
}

impl Metric for BinaryTruePositives {
    fn variables(&self) -> Vec<Variable> {
        vec![self.total.clone()]
    }

    fn update_state(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
    ) -> keras::Result<()> {
        let read = |tensor: &Tensor| ops::host::read(tensor, |values: &[f32]| Ok(values.to_vec()));
        let (y_true, y_pred) = (read(y_true)?, read(y_pred)?);
        let weights = weight
            .map(read)
            .transpose()?
            .unwrap_or_else(|| vec![1.; y_true.len()]);
        let positive = |(y, p): (&f32, &f32)| *y > 0.5 && f64::from(*p) > self.threshold;
        let hits = y_true
            .iter()
            .zip(&y_pred)
            .zip(weights)
            .filter(|(pair, _)| positive(*pair));
        let total: f32 = hits.map(|(_, weight)| weight).sum();
        self.total.assign_add(&Tensor::new(total, self.total.device())?)
    }

    fn result(&self) -> keras::Result<Tensor> {
        Ok(self.total.value())
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn set_name(&mut self, name: &str) {
        self.name = name.to_owned();
    }

    fn config(&self) -> Config {
        Config::new().with("threshold", self.threshold)
    }
}

/// Keeps the loss after every batch.
#[derive(Debug, Default)]
struct LossHistory {
    losses: Vec<f64>,
}

impl Callback for LossHistory {
    fn on_train_begin(&mut self, _: &mut Context<'_>, _: &mut Logs) -> keras::Result<()> {
        self.losses.clear();
        Ok(())
    }

    fn on_train_batch_end(&mut self, _: usize, _: &mut Context<'_>, logs: &mut Logs) -> keras::Result<()> {
        self.losses.extend(logs.get("loss")?);
        Ok(())
    }
}

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs"])?;
    set_random_seed(3);
    let device = Device::auto()?;
    // Is the sum of two numbers positive?
    let x: Vec<[f32; 2]> = (0..512)
        .map(|i| {
            [
                ((i * 37) % 101) as f32 / 50. - 1.,
                ((i * 53) % 97) as f32 / 48. - 1.,
            ]
        })
        .collect();
    let y: Vec<[f32; 1]> = x
        .iter()
        .map(|[a, b]| [if a + b > 0. { 1. } else { 0. }])
        .collect();

    let mut model = Sequential::new()
        .input([2])
        .add(Dense::new(16).activation("relu"))
        .add(Dense::new(1).activation("sigmoid"))
        .build_on(&device)?;
    model.compile(
        Compile::new(Adam::new(0.01))
            .loss(CustomMeanSquaredError)
            .metric(BinaryTruePositives::new(0.5)?),
    )?;

    let losses = Shared::new(LossHistory::default());
    let fit = Fit::new().epochs(options.epochs(20, 5)?).callback(losses.clone());
    let history = model.fit((&x, &y), fit)?;
    let losses = &losses.lock().losses;
    println!(
        "loss after the first batch {:.4}, after batch {} {:.4}",
        losses[0],
        losses.len(),
        losses[losses.len() - 1]
    );
    println!(
        "true positives in the last epoch: {}",
        history.last("binary_true_positives")?
    );

    // For one formula a closure will do; only its name is saved.
    let half = loss_fn("half_mse", |y: &Tensor, p: &Tensor| {
        ops::mul_scalar(&ops::square(&ops::subtract(p, y)?)?, 0.5)
    });
    model.compile(Compile::new("sgd").loss(half))?;
    let scores = model.evaluate((&x, &y), Evaluate::new().verbose(0))?;
    println!("half the mean of squared errors: {:.4}", scores.get("loss")?);
    Ok(())
}
