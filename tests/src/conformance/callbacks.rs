//! Callbacks: the order of the hooks, and what the built-in ones do to learning rate, weights and files.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use keras::layers::Dense;
use keras::optimizers::SGD;
use keras::{Callback, Compile, Config, Context, Device, Envelope, Evaluate, Logs, Model, Params, Predict};
use keras::{Sequential, Tensor};
use serde_json::{Value, json};

use super::models::fit_from;
use super::{Case, Differences, Tolerance, case};

/// A hook's name, its index, and the names in its logs.
type Call = (String, Option<usize>, Vec<String>);

/// Writes down which hooks are called; stops training in one of them.
#[derive(Debug, Default)]
struct Recorder {
    calls: Arc<Mutex<Vec<Call>>>,
    stop_at: Option<(String, usize)>,
}

impl Recorder {
    fn note(
        &mut self,
        hook: &str,
        index: Option<usize>,
        cx: &mut Context<'_>,
        logs: &Logs,
    ) -> keras::Result<()> {
        let mut names = logs.names();
        names.sort();
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push((hook.to_owned(), index, names));
        if let (Some((at, number)), Some(index)) = (&self.stop_at, index)
            && at == hook
            && *number == index
        {
            cx.stop_training();
        }
        Ok(())
    }
}

macro_rules! record {
    ($($hook:ident),*; $($indexed:ident),*) => {
        impl Callback for Recorder {
            $(fn $hook(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> keras::Result<()> {
                self.note(stringify!($hook), None, cx, logs)
            })*
            $(fn $indexed(&mut self, index: usize, cx: &mut Context<'_>, logs: &mut Logs) -> keras::Result<()> {
                self.note(stringify!($indexed), Some(index), cx, logs)
            })*
        }
    };
}
record!(on_train_begin, on_train_end, on_test_begin, on_test_end, on_predict_begin, on_predict_end;
    on_epoch_begin, on_epoch_end, on_train_batch_begin, on_train_batch_end, on_test_batch_begin,
    on_test_batch_end, on_predict_batch_begin, on_predict_batch_end);

pub(super) fn trace(case: &Case<'_>) -> Result<()> {
    let samples = case
        .get("samples")
        .as_u64()
        .context("the case has no `samples`")? as usize;
    let x = ramp(samples, 3)?;
    let y = ramp(samples, 2)?;
    let registry = keras::registry();
    let mut model = Sequential::new()
        .input([3])
        .add(Dense::new(2))
        .build_on(&Device::Cpu)?;
    let mut arguments = case
        .get("args")
        .as_object()
        .context("the case has no `args`")?
        .clone();
    let compile = json!({
        "optimizer": "sgd",
        "loss": case.get("loss"),
        "metrics": case.get("metrics"),
        "steps_per_execution": arguments.remove("steps_per_execution"),
    });
    model.compile_with(
        Compile::from_config(&compile, &model.output_names(), registry)?,
        registry,
    )?;

    let calls = Arc::new(Mutex::new(Vec::new()));
    let stop_at = match arguments.remove("stop_at") {
        Some(value) => Some((
            value[0].as_str().context("`stop_at` has no hook")?.to_owned(),
            value[1].as_u64().context("`stop_at` has no index")? as usize,
        )),
        None => None,
    };
    let recorder = Recorder {
        calls: calls.clone(),
        stop_at,
    };
    let batch = arguments.get("batch_size").and_then(Value::as_u64).unwrap_or(32) as usize;
    match case.text("call")? {
        "fit" => {
            let validation = arguments.remove("validation_data").is_some_and(|v| v == true);
            let mut fit = fit_from(&arguments)?.callback(recorder);
            if validation {
                fit = fit.validation_data((&x, &y));
            }
            model.fit((&x, &y), fit)?;
        }
        "evaluate" => {
            model.evaluate(
                (&x, &y),
                Evaluate::new().batch_size(batch).verbose(0).callback(recorder),
            )?;
        }
        "predict" => {
            model.predict(&x, Predict::new().batch_size(batch).verbose(0).callback(recorder))?;
        }
        other => bail!("a trace of `{other}` is not known"),
    }
    let calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
    compare_calls(&calls, case.list("trace")?)
}

fn ramp(rows: usize, columns: usize) -> Result<Tensor> {
    let values: Vec<f32> = (0..rows * columns).map(|i| (i % 7) as f32 / 7.).collect();
    Ok(Tensor::from_vec(values, (rows, columns), &Device::Cpu)?)
}

fn compare_calls(ours: &[Call], keras: &[Value]) -> Result<()> {
    let expected: Vec<Value> = ours
        .iter()
        .map(|(hook, index, names)| json!([hook, index, names]))
        .collect();
    let first = expected.iter().zip(keras).position(|(a, b)| a != b);
    match first {
        Some(at) => bail!("call {at} is {}, Keras {}", expected[at], keras[at]),
        None if ours.len() != keras.len() => bail!("{} calls, Keras {}", ours.len(), keras.len()),
        None => Ok(()),
    }
}

/// One weight, so that its value tells the epoch it is from.
fn small_model(rate: f64) -> Result<Model> {
    let mut model = Sequential::new()
        .input([1])
        .add(Dense::new(1))
        .build_on(&Device::Cpu)?;
    model.compile_with(Compile::new(SGD::new(rate)).loss("mse"), keras::registry())?;
    Ok(model)
}

fn fill_kernel(model: &Model, value: f64) -> Result<()> {
    let (_, kernel) = model
        .weights()
        .into_iter()
        .next()
        .context("the model has no kernel")?;
    Ok(kernel.assign(&Tensor::full(value as f32, kernel.shape(), kernel.device())?)?)
}

fn kernel(model: &Model) -> Result<f64> {
    let (_, kernel) = model
        .weights()
        .into_iter()
        .next()
        .context("the model has no kernel")?;
    super::compare::values(&kernel.value())?
        .first()
        .copied()
        .context("the kernel is empty")
}

/// What a callback did over a series of epochs.
#[derive(Debug, Default)]
struct Trail {
    rates: Vec<f64>,
    files: Vec<Vec<String>>,
    stopped: Option<usize>,
}

/// Calls the hooks of `fit` with logs made up.
fn drive(
    callback: &mut dyn Callback,
    model: &mut Model,
    logs: &[Logs],
    folder: Option<&Path>,
) -> Result<Trail> {
    let mut params = Params::default();
    params.epochs = logs.len();
    params.validation = true;
    params.log_names = logs.first().map(Logs::names).unwrap_or_default();
    let mut stop = false;
    let mut trail = Trail::default();
    callback.check(&mut Context::new(model, &params, &mut stop))?;
    callback.on_train_begin(&mut Context::new(model, &params, &mut stop), &mut Logs::new())?;
    let mut last = Logs::new();
    for (epoch, logs) in logs.iter().enumerate() {
        callback.on_epoch_begin(
            epoch,
            &mut Context::new(model, &params, &mut stop),
            &mut Logs::new(),
        )?;
        fill_kernel(model, epoch as f64 + 1.)?;
        last = logs.clone();
        callback.on_epoch_end(epoch, &mut Context::new(model, &params, &mut stop), &mut last)?;
        // As a `CallbackList` does before a loop of one's own goes on.
        if callback.unfinished() {
            callback.before_state(&mut Context::new(model, &params, &mut stop))?;
        }
        trail.rates.push(model.optimizer()?.learning_rate()?);
        if let Some(folder) = folder {
            trail.files.push(files(folder)?);
        }
        if stop {
            trail.stopped = Some(epoch);
            break;
        }
    }
    callback.on_train_end(&mut Context::new(model, &params, &mut stop), &mut last)?;
    Ok(trail)
}

fn files(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

pub(super) fn monitor(case: &Case<'_>) -> Result<()> {
    let registry = keras::registry();
    let name = case.text("monitor")?;
    let values = case::numbers(case.list("values")?)?;
    let logs = values
        .into_iter()
        .map(|v| Logs::from_iter([("loss".to_owned(), v), (name.to_owned(), v)]));
    let logs: Vec<Logs> = logs.collect();
    let folder = tempfile::tempdir()?;
    let mut config = Config(
        case.get("config")
            .as_object()
            .context("the case has no `config`")?
            .clone(),
    );
    let template = case.get("filename_template").as_str();
    if let Some(template) = template {
        config.set(
            "filepath",
            folder.path().join(template).to_string_lossy().into_owned(),
        );
    }
    config.set("verbose", 0_i64);
    let class_name = case.text("class_name")?.to_owned();
    let envelope = Envelope {
        module: "keras.callbacks".to_owned(),
        class_name,
        config,
        registered_name: None,
    };
    let mut callback = registry.callbacks.from_envelope(&envelope, registry)?;
    let mut model = small_model(case.number("initial_learning_rate")?)?;
    let trail = drive(&mut *callback, &mut model, &logs, template.map(|_| folder.path()))?;

    let mut differences = Differences::default();
    let rates = case::numbers(case.list("learning_rates")?)?;
    differences.numbers("learning rates", &trail.rates, &rates, Tolerance::VALUE);
    let stopped = case.get("stopped_after_epoch").as_u64().map(|e| e as usize);
    differences.equal("stopped after epoch", &trail.stopped, &stopped);
    let fill = case.number("final_kernel_fill")?;
    differences.numbers("kernel at the end", &[kernel(&model)?], &[fill], Tolerance::VALUE);
    if let Some(expected) = case.get("files_after_each_epoch").as_array() {
        let ours: Vec<Value> = trail.files.iter().map(|names| json!(names)).collect();
        differences.equal("files", &ours, expected);
    }
    differences.finish()
}

pub(super) fn scheduler(case: &Case<'_>) -> Result<()> {
    let expected = case::numbers(case.list("learning_rates")?)?;
    let mut callback: Box<dyn Callback> = match case.text("schedule")? {
        "halve_on_odd" => Box::new(keras::callbacks::LearningRateScheduler::new(|epoch, rate| {
            if epoch % 2 == 1 { rate / 2. } else { rate }
        })),
        "inverse_time" => Box::new(keras::callbacks::LearningRateScheduler::new(|epoch, _| {
            0.1 / (1. + epoch as f64)
        })),
        other => bail!("the schedule `{other}` is not known to this runner"),
    };
    let logs: Vec<Logs> = expected
        .iter()
        .map(|_| Logs::from_iter([("loss".to_owned(), 1.)]))
        .collect();
    let mut model = small_model(0.1)?;
    let trail = drive(&mut *callback, &mut model, &logs, None)?;
    let mut differences = Differences::default();
    differences.numbers("learning rates", &trail.rates, &expected, Tolerance::VALUE);
    differences.finish()
}
