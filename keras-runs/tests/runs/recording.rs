//! What `fit` and `evaluate` record by themselves.

use std::path::Path;

use keras_core::layers::Dense;
use keras_core::ops::Tensor;
use keras_core::{
    Callback, Compile, Context, Evaluate, Fit, Logs, Model, Registry, Result, Sequential, loss_fn,
    set_random_seed,
};
use keras_runs::{RunInfo, RunRecorder, Status};
use serde_json::Value;

use super::reader;
use super::writing::plain;

fn registry() -> Registry {
    let mut registry = Registry::core();
    registry.callbacks.add(keras_runs::ENTRIES);
    registry.watchers.push(RunRecorder::watcher);
    registry
}

fn model() -> Result<Model> {
    set_random_seed(1);
    let mut model = Sequential::new()
        .name("tiny")
        .input([1])
        .add(Dense::new(1))
        .build()?;
    let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| (p - y)?.sqr());
    model.compile_with(Compile::new("adam").loss(mse), &registry())?;
    Ok(model)
}

fn data() -> (Vec<[f32; 1]>, Vec<[f32; 1]>) {
    let x: Vec<[f32; 1]> = (0..40).map(|i| [i as f32 / 40.]).collect();
    let y = x.iter().map(|[x]| [2. * x]).collect();
    (x, y)
}

fn fit() -> Fit {
    Fit::new().batch_size(8).validation_split(0.2).verbose(0)
}

#[test]
fn a_training_records_itself() -> Result<()> {
    let base = tempfile::tempdir().unwrap();
    let (x, y) = data();
    let mut model = model()?;
    let run = plain(base.path());
    let history = model.fit((&x, &y), fit().epochs(3))?;
    let scores = model.evaluate((&x, &y), Evaluate::new().verbose(0))?;
    let path = run.finish()?;

    let record = reader::read(&path).unwrap();
    for (name, value) in [
        ("samples", 32.),
        ("validation_samples", 8.),
        ("batch_size", 8.),
        ("epochs", 3.),
        ("epochs_completed", 3.),
    ] {
        assert_eq!(record.number(name), value, "{name}");
    }
    assert!((record.number("learning_rate") - 1e-3).abs() < 1e-9);
    assert_eq!(record.text("optimizer"), "Adam");
    assert_eq!(record.text("loss_function"), "mse");
    assert_eq!(record.text("steps_per_epoch"), "4");
    assert_eq!(record.text("outcome"), "completed");
    assert!(record.text("model").starts_with("Model: \"tiny\""));
    assert_eq!(record.number("metric_val_loss"), history.last("val_loss")?);
    assert_eq!(record.number("eval_loss"), scores.get("loss")?);

    let info = RunInfo::read(&path)?;
    let all = |name: &str| -> Vec<f64> {
        info.metrics
            .get(name)
            .unwrap()
            .iter()
            .map(|v| v.unwrap())
            .collect()
    };
    assert_eq!(all("loss"), history.get("loss")?);
    assert_eq!(all("val_loss"), history.get("val_loss")?);
    assert_eq!(all("learning_rate").len(), 3);
    let steps = info.steps()?;
    assert_eq!(steps.iter().map(|step| step.epoch).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(steps.windows(2).all(|pair| pair[0].time <= pair[1].time));
    assert_eq!(info.evaluations()?.len(), 1);
    let fits = info.fits()?;
    assert_eq!(
        (fits.len(), fits[0].samples, fits[0].batch_size),
        (1, Some(32), Some(8))
    );
    assert_eq!(fits[0].compile["optimizer"]["config"]["beta_1"], 0.9);
    assert_eq!(info.model_config()?["config"]["name"], "tiny");
    let plots: Vec<_> = info
        .plots()
        .iter()
        .map(|p| p.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(plots, ["history.png", "history.svg"]);
    assert_eq!(info.status, Status::Done);
    Ok(())
}

#[test]
fn without_a_run_nothing_is_recorded() -> Result<()> {
    let (x, y) = data();
    model()?.fit((&x, &y), fit().callback(RunRecorder::new()))?;
    assert!(!Path::new("runs").exists());
    Ok(())
}

#[test]
fn two_fits_add_up_and_one_that_goes_on_keeps_its_rows() -> Result<()> {
    let base = tempfile::tempdir().unwrap();
    let (x, y) = data();
    let mut model = model()?;
    let run = plain(base.path());
    let first = model.fit((&x, &y), fit().epochs(2))?;
    let second = model.fit((&x, &y), fit().epochs(3))?;
    let info = RunInfo::read(run.path())?;
    let both: Vec<_> = first
        .get("loss")?
        .iter()
        .chain(second.get("loss")?)
        .map(|v| Some(*v))
        .collect();
    assert_eq!(info.metrics.get("loss").unwrap(), both);
    assert_eq!(info.epochs(), Some(5));
    run.finish()?;

    // Epochs 2 and 3 of the same training.
    let run = plain(base.path());
    model.fit((&x, &y), fit().epochs(2))?;
    let rest = model.fit((&x, &y), fit().initial_epoch(2).epochs(4))?;
    let info = RunInfo::read(run.path())?;
    assert_eq!(info.metrics.len(), 4);
    assert_eq!(info.metrics.get("loss").unwrap()[3], Some(rest.last("loss")?));
    run.finish()?;
    Ok(())
}

#[derive(Debug)]
struct StopAfter(usize);

impl Callback for StopAfter {
    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        logs.set("extra", epoch as f64);
        if epoch + 1 == self.0 {
            cx.stop_training();
        }
        Ok(())
    }
}

#[test]
fn a_training_that_stops_early_has_empty_epochs_and_what_callbacks_logged() -> Result<()> {
    let base = tempfile::tempdir().unwrap();
    let (x, y) = data();
    let run = plain(base.path());
    model()?.fit(
        (&x, &y),
        fit().epochs(5).callback(StopAfter(2)).validation_freq(2),
    )?;
    let path = run.finish()?;
    let record = reader::read(&path).unwrap();
    assert_eq!(
        (record.number("epochs"), record.number("epochs_completed")),
        (5., 2.)
    );
    assert_eq!(record.number("metric_extra"), 1.);
    assert!(
        record.text("outcome").starts_with("stopped by StopAfter"),
        "{}",
        record.text("outcome")
    );
    let info = RunInfo::read(&path)?;
    assert_eq!(info.metrics.len(), 5);
    assert_eq!(info.metrics.get("val_loss").unwrap()[0], None);
    assert!(info.metrics.get("val_loss").unwrap()[1].is_some());
    assert_eq!(info.metrics.get("loss").unwrap()[2..], [None, None, None]);
    Ok(())
}

#[test]
fn a_recorder_that_is_given_does_not_record_twice() -> Result<()> {
    let base = tempfile::tempdir().unwrap();
    let (x, y) = data();
    let mut model = model()?;
    let run = plain(base.path());
    model.fit((&x, &y), fit().epochs(2).callback(RunRecorder::new()))?;
    model.evaluate((&x, &y), Evaluate::new().verbose(0).callback(RunRecorder::new()))?;
    let info = RunInfo::read(run.finish()?)?;
    assert_eq!(
        (info.steps()?.len(), info.fits()?.len(), info.evaluations()?.len()),
        (2, 1, 1)
    );
    assert_eq!(info.metrics.len(), 2);
    Ok(())
}

#[derive(Debug)]
struct Fails;

impl Callback for Fails {
    fn on_epoch_end(&mut self, _: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        keras_core::bail!("the coffee is cold")
    }
}

#[test]
fn a_training_that_fails_is_recorded_as_failed() -> Result<()> {
    let base = tempfile::tempdir().unwrap();
    let (x, y) = data();
    let mut model = model()?;
    let run = plain(base.path());
    let path = run.path().to_owned();
    assert!(model.fit((&x, &y), fit().epochs(2).callback(Fails)).is_err());
    // One that works after it is recorded, too.
    model.fit((&x, &y), fit())?;
    assert!(model.fit((&x, &y), fit().callback(Fails)).is_err());
    drop(run);
    let info = RunInfo::read(&path)?;
    assert_eq!(info.status, Status::Failed);
    assert!(
        info.error.clone().unwrap().message.contains("the coffee is cold"),
        "{:?}",
        info.error
    );
    assert_eq!(info.fits()?.len(), 3);
    reader::read(&path).unwrap();
    Ok(())
}

#[test]
fn the_recorder_has_an_entry() -> Result<()> {
    let built = registry().callbacks.by_name("RunRecorder", &registry())?;
    assert_eq!(built.class_name(), "RunRecorder");
    assert_eq!(Value::Object(built.config().0), serde_json::json!({}));
    Ok(())
}
