use std::time::{Duration, Instant};

use keras_core::{Callback, Config, Context, Entry, Logs, Params, Result};
use serde_json::{Value, json};

use crate::folder::since_epoch;
use crate::run::Claim;
use crate::{FitRecord, RunHandle, active_run};

const NAME: &str = "RunRecorder";
/// While an epoch goes on, its running values are recorded about this often.
const EVERY: Duration = Duration::from_secs(1);

/// Records `fit` and `evaluate` in the active run.
///
/// Models compiled by the `keras` crate have it by themselves when a run is active; there is no need to give it to `fit`.
/// It writes, into the run's `tfruns.d`:
///
/// - the properties `samples`, `validation_samples`, `batch_size`, `epochs`, `steps_per_epoch`, `model` (its summary),
///   `loss_function`, `optimizer`, `learning_rate` and `outcome` (how the last `fit` ended);
/// - `metrics.json`, a row an epoch: the logs and the learning rate;
/// - `steps.jsonl`, a line an epoch and, in long epochs, about one a second, with the time;
/// - `fits.jsonl`, a line a `fit`, with the optimizer's configuration; `model.json`, the model's;
/// - `evaluation.json`, the last evaluation, and `evaluations.jsonl`, all.
///
/// A second `fit` adds its epochs to those of the first; one that begins with `initial_epoch` goes on from there.
///
/// # Errors
/// When a file cannot be written, unless the run was told to
/// [keep going](crate::RunOptions::keep_going).
#[derive(Debug, Default)]
pub struct RunRecorder {
    run: Option<RunHandle>,
    /// Held while it records.
    claim: Option<Claim>,
    fit: Option<Fitting>,
    /// Batches of this epoch.
    batches: usize,
    /// At which number to look at the clock.
    look_at: usize,
    looked: Option<Instant>,
}

/// A `fit` that goes on.
#[derive(Debug)]
struct Fitting {
    first: usize,
    epoch: usize,
    rate: Option<f64>,
}

/// Its entry in the list of callbacks.
pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras_rs.runs",
    aliases: &["run_recorder"],
    doc: "Records fit and evaluate in the active run.",
    build: |config, _| {
        config.reader(NAME).finish()?;
        Ok(Box::new(RunRecorder::new()))
    },
};

impl RunRecorder {
    /// Of the run that is active when training or evaluation begins.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of a certain run.
    pub fn of(run: &RunHandle) -> Self {
        Self {
            run: Some(run.clone()),
            ..Self::default()
        }
    }

    /// One for the active run, where there is one: for [`Registry::watchers`](keras_core::Registry::watchers).
    pub fn watcher() -> Option<Box<dyn Callback>> {
        active_run().map(|run| Box::new(Self::of(&run)) as Box<dyn Callback>)
    }

    /// The run, unless another recorder is at it: one given to `fit` beside the one that is there by itself.
    fn claim(&mut self) -> Option<RunHandle> {
        if self.run.is_none() {
            self.run = active_run();
        }
        let run = self.run.clone()?;
        self.claim = Some(run.claim()?);
        Some(run)
    }

    fn describe(&self, run: &RunHandle, cx: &Context<'_>, first: usize) -> Result<()> {
        let Params {
            initial_epoch,
            epochs,
            ..
        } = *cx.params;
        let config = cx.model.to_config().unwrap_or_default();
        let compile = config.get("compile_config").cloned().unwrap_or_default();
        let properties = [
            ("epochs", Some(first + epochs)),
            ("samples", cx.params.samples),
            ("validation_samples", cx.params.validation_samples),
            ("batch_size", cx.params.batch_size),
            ("steps_per_epoch", cx.params.steps),
        ];
        for (name, value) in properties {
            if let Some(value) = value {
                run.property(name, value)?;
            }
        }
        let optimizer = cx.model.optimizer()?;
        run.property("optimizer", optimizer.class_name())?;
        // One of several optimizers in one has no single rate.
        if let Ok(rate) = optimizer.learning_rate() {
            run.property("learning_rate", rate)?;
        }
        if let Some(loss) = loss_name(&compile["loss"]) {
            run.property("loss_function", loss)?;
        }
        let summary = cx.model.summary();
        if run.changed_model(&summary) {
            run.property("model", summary.trim_end())?;
            run.json("model", &config)?;
        }
        let record = FitRecord {
            time: since_epoch().as_secs_f64(),
            first,
            initial_epoch,
            epochs,
            steps: cx.params.steps,
            batch_size: cx.params.batch_size,
            samples: cx.params.samples,
            validation_samples: cx.params.validation_samples,
            model: cx.model.name().to_owned(),
            compile: json!({
                "optimizer": {
                    "class_name": optimizer.class_name(),
                    "config": Value::Object(optimizer.full_config().0),
                },
                "loss": compile["loss"],
                "metrics": compile["metrics"],
                "weighted_metrics": compile["weighted_metrics"],
                "loss_weights": compile["loss_weights"],
            }),
        };
        run.add_line("fits.jsonl", &record.line())
    }
}

/// One name, or those of all outputs.
fn loss_name(loss: &Value) -> Option<String> {
    match loss {
        Value::String(name) => Some(name.clone()),
        Value::Object(one) if one.contains_key("class_name") => {
            loss["class_name"].as_str().map(str::to_owned)
        }
        Value::Object(several) => {
            let names = several
                .iter()
                .filter_map(|(output, loss)| Some(format!("{output}: {}", loss_name(loss)?)));
            Some(names.collect::<Vec<_>>().join(", ")).filter(|names| !names.is_empty())
        }
        Value::Array(several) => {
            let names: Vec<_> = several.iter().filter_map(loss_name).collect();
            Some(names.join(", ")).filter(|names| !names.is_empty())
        }
        _ => None,
    }
}

impl Callback for RunRecorder {
    fn on_train_begin(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        let Some(run) = self.claim() else { return Ok(()) };
        let first = run.begin_fit(cx.params.initial_epoch, cx.params.epochs);
        self.fit = Some(Fitting {
            first,
            epoch: cx.params.initial_epoch,
            rate: None,
        });
        self.describe(&run, cx, first)
    }

    fn on_epoch_begin(&mut self, epoch: usize, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        (self.batches, self.look_at, self.looked) = (0, 1, Some(Instant::now()));
        if let Some(fit) = &mut self.fit {
            fit.epoch = epoch;
            // What the epoch was trained with: a schedule by epochs has set it by now or does so before the first step.
            fit.rate = cx.model.optimizer()?.learning_rate().ok();
        }
        Ok(())
    }

    fn on_train_batch_end(&mut self, _: usize, _: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.batches += 1;
        if self.batches < self.look_at {
            return Ok(());
        }
        let (Some(run), Some(fit), Some(looked)) = (&self.run, &self.fit, self.looked) else {
            return Ok(());
        };
        let passed = looked.elapsed();
        if passed < EVERY {
            // Looking at the clock costs, too: the next time where the first half of what is left ends.
            let rate = self.batches as f64 / passed.as_secs_f64().max(1e-6);
            let left = (EVERY - passed).as_secs_f64() * rate / 2.;
            self.look_at = self.batches + (left as usize).clamp(1, 1 << 20);
            return Ok(());
        }
        run.step(fit.first + fit.epoch, self.batches, logs.to_vec()?)?;
        self.looked = Some(Instant::now());
        self.look_at = self.batches + 1;
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        let (Some(run), Some(fit)) = (&self.run, &self.fit) else {
            return Ok(());
        };
        let mut values = logs.to_vec()?;
        let lacks_rate = !values.iter().any(|(name, _)| name == "learning_rate");
        if lacks_rate && let Ok(rate) = cx.model.optimizer()?.learning_rate() {
            // First, so that R, which counts epochs by the last column, has a metric there.
            values.insert(0, ("learning_rate".to_owned(), fit.rate.unwrap_or(rate)));
        }
        run.end_epoch(fit.first + epoch, values)
    }

    fn on_train_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        let recorded = self.fit.take().is_some();
        self.claim = None;
        match &self.run {
            Some(run) if recorded => {
                let outcome = cx.outcome();
                run.end_fit(&outcome);
                run.property("outcome", outcome)?;
                run.flush()
            }
            _ => Ok(()),
        }
    }

    fn on_test_begin(&mut self, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        // A validation is part of its epoch.
        if self.claim.is_none() {
            self.claim();
        }
        Ok(())
    }

    fn on_test_end(&mut self, _: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        if self.fit.is_some() || self.claim.take().is_none() {
            return Ok(());
        }
        match &self.run {
            Some(run) => run.evaluation(logs.to_vec()?),
            None => Ok(()),
        }
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        Config::new()
    }
}
