//! Losses, metrics and callbacks of one's own.

use keras::prelude::*;
use keras::{Config, Entry, Registry};

use super::{line, weights};

/// The mean of squared errors, written by a user.
#[derive(Debug)]
struct MyError {
    scale: f64,
}

impl Loss for MyError {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> keras::Result<Tensor> {
        let squared = ops::square(&ops::subtract(y_pred, y_true)?)?;
        Ok(ops::mul_scalar(
            &ops::mean(&squared, Some(&[-1]), false)?,
            self.scale,
        )?)
    }

    fn config(&self) -> Config {
        Config::new().with("scale", self.scale)
    }
}

static MINE: &[Entry<dyn Loss>] = &[Entry {
    class_name: "MyError",
    module: "",
    aliases: &["my_error"],
    doc: "Squared errors, scaled.",
    build: |config, _| {
        let mut reader = config.reader("MyError");
        let scale = reader.or("scale", 1.)?;
        reader.finish()?;
        Ok(Box::new(MyError { scale }))
    },
}];

fn ramp() -> (Vec<[f32; 1]>, Vec<[f32; 1]>) {
    let x: Vec<[f32; 1]> = (0..24).map(|i| [i as f32 / 24.]).collect();
    let y = x.iter().map(|[v]| [2. * v + 0.5]).collect();
    (x, y)
}

fn trained(compile: Compile, registry: &Registry) -> keras::Result<Vec<Vec<f32>>> {
    set_random_seed(9);
    let mut model = line()?;
    model.compile_with(compile, registry)?;
    let (x, y) = ramp();
    model.fit((&x, &y), Fit::new().epochs(4).batch_size(5).verbose(0))?;
    weights(&model)
}

fn assert_close(a: &[Vec<f32>], b: &[Vec<f32>]) {
    for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
        assert!((a - b).abs() < 1e-5, "{a} is not {b}");
    }
}

#[test]
fn a_loss_of_ones_own_trains_like_the_built_in_one() -> keras::Result<()> {
    let built_in = trained(Compile::new("sgd").loss("mse"), keras::registry())?;
    let mine = trained(Compile::new("sgd").loss(MyError { scale: 1. }), keras::registry())?;
    assert_close(&mine, &built_in);
    Ok(())
}

#[test]
fn a_closure_of_candle_operations_trains_like_the_built_in_loss() -> keras::Result<()> {
    let built_in = trained(Compile::new("sgd").loss("mse"), keras::registry())?;
    let closure = loss_fn("mine", |y: &Tensor, p: &Tensor| (p - y)?.sqr());
    assert_close(
        &trained(Compile::new("sgd").loss(closure), keras::registry())?,
        &built_in,
    );
    Ok(())
}

#[test]
fn a_registered_loss_goes_by_name() -> keras::Result<()> {
    let mut registry = keras::registry().clone();
    registry.losses.add(MINE);
    let by_name = trained(Compile::new("sgd").loss("my_error"), &registry)?;
    assert_close(
        &by_name,
        &trained(Compile::new("sgd").loss("mse"), keras::registry())?,
    );
    let error = keras::registry().losses.find("my_error").unwrap_err().to_string();
    assert!(error.starts_with("unknown loss `my_error`"), "{error}");
    Ok(())
}

/// The number of samples seen.
#[derive(Debug)]
struct Samples(Variable);

impl Samples {
    fn new() -> keras::Result<Self> {
        Ok(Self(Variable::zeros("count", &[], DType::F32, &Device::Cpu)?))
    }
}

impl Metric for Samples {
    fn variables(&self) -> Vec<Variable> {
        vec![self.0.clone()]
    }

    fn update_state(&mut self, y_true: &Tensor, _: &Tensor, _: Option<&Tensor>) -> keras::Result<()> {
        let count = Tensor::new(y_true.dim(0)? as f32, self.0.device())?;
        self.0.assign_add(&count)
    }

    fn result(&self) -> keras::Result<Tensor> {
        Ok(self.0.value())
    }
}

#[test]
fn a_metric_of_ones_own_starts_anew_each_epoch() -> keras::Result<()> {
    let mut model = line()?;
    model.compile(Compile::new("sgd").loss("mse").metric(Samples::new()?))?;
    let (x, y) = ramp();
    let fit = Fit::new()
        .epochs(2)
        .batch_size(7)
        .validation_split(0.25)
        .verbose(0);
    let history = model.fit((&x, &y), fit)?;
    assert_eq!(history.get("samples")?, [18., 18.]);
    assert_eq!(history.get("val_samples")?, [6., 6.]);
    Ok(())
}

#[derive(Debug, Default)]
struct Watch {
    batches: usize,
    losses: Vec<f64>,
}

impl Callback for Watch {
    fn on_train_batch_end(&mut self, _: usize, _: &mut Context<'_>, _: &mut Logs) -> keras::Result<()> {
        self.batches += 1;
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> keras::Result<()> {
        self.losses.extend(logs.get("loss")?);
        logs.set("extra", epoch as f64);
        if epoch == 2 {
            cx.stop_training();
        }
        Ok(())
    }
}

#[test]
fn a_callback_of_ones_own_reads_writes_and_stops() -> keras::Result<()> {
    let mut model = line()?;
    let watch = Shared::new(Watch::default());
    let (x, y) = ramp();
    let fit = Fit::new()
        .epochs(9)
        .batch_size(5)
        .verbose(0)
        .callback(watch.clone());
    let history = model.fit((&x, &y), fit)?;
    assert_eq!(history.epochs(), [0, 1, 2]);
    assert_eq!(history.get("extra")?, [0., 1., 2.]);
    assert_eq!(watch.lock().batches, 15);
    assert_eq!(watch.lock().losses, history.get("loss")?);
    Ok(())
}
