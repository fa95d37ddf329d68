//! The time of a training step: `train_bench WORKLOAD [STEPS] [--spans]`.
//!
//! Five epochs of STEPS batches; the first is warm-up, the median of the other four is the figure. With `--spans` a
//! second line says where the time of these four went, in percent.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};
use keras::prelude::*;
use keras_benchmarks::spans::{self, Spans};
use keras_benchmarks::{NAMES, workload};

/// What the clock showed, in seconds.
#[derive(Debug, Default)]
struct Times {
    first_step: Option<f64>,
    epochs: Vec<f64>,
}

#[derive(Debug)]
struct Clock {
    start: Instant,
    epoch: Instant,
    times: Arc<Mutex<Times>>,
    spans: Option<&'static Spans>,
}

impl Callback for Clock {
    fn on_train_batch_end(&mut self, batch: usize, _: &mut Context<'_>, _: &mut Logs) -> keras::Result<()> {
        if batch == 0 {
            let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
            times.first_step.get_or_insert(self.start.elapsed().as_secs_f64());
        }
        Ok(())
    }

    fn on_epoch_begin(&mut self, epoch: usize, _: &mut Context<'_>, _: &mut Logs) -> keras::Result<()> {
        if let Some(spans) = self.spans.filter(|_| epoch == 1) {
            spans.reset();
        }
        self.epoch = Instant::now();
        Ok(())
    }

    fn on_epoch_end(&mut self, _: usize, _: &mut Context<'_>, _: &mut Logs) -> keras::Result<()> {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.epochs.push(self.epoch.elapsed().as_secs_f64());
        Ok(())
    }
}

fn main() -> Result<()> {
    let start = Instant::now();
    let (options, arguments): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|argument| argument.starts_with("--"));
    let mut arguments = arguments.into_iter();
    let usage = || format!("usage: train_bench {} [STEPS] [--spans]", NAMES.join("|"));
    let watched = match options.as_slice() {
        [] => None,
        [option] if option == "--spans" => Some(Spans::watch(&spans::NAMES)?),
        _ => anyhow::bail!(usage()),
    };
    let name = arguments.next().with_context(usage)?;
    let steps = arguments
        .next()
        .map(|s| s.parse())
        .transpose()
        .with_context(usage)?;
    let mut work = workload(&name, steps)?;

    let times = Arc::new(Mutex::new(Times::default()));
    let clock = Clock {
        start,
        epoch: start,
        times: times.clone(),
        spans: watched,
    };
    let fit = Fit::new()
        .batch_size(work.batch_size)
        .epochs(5)
        .verbose(0)
        .callback(clock);
    let history = work.model.fit((&work.x, &work.y), fit)?;
    let parts = spans::NAMES.map(|name| watched.map(|spans| spans.seconds(name)));
    let predict = || Predict::new().batch_size(work.batch_size).verbose(0);
    work.model.predict(&work.x, predict())?;
    let begun = Instant::now();
    work.model.predict(&work.x, predict())?;
    let predict = begun.elapsed().as_secs_f64();

    let times = times.lock().unwrap_or_else(PoisonError::into_inner);
    let per_step = |seconds: f64| seconds / work.steps as f64 * 1e3;
    let mut epochs: Vec<f64> = times.epochs.iter().skip(1).map(|s| per_step(*s)).collect();
    epochs.sort_by(f64::total_cmp);
    let median = epochs.get(epochs.len() / 2).copied().unwrap_or(f64::NAN);
    let least = epochs.first().copied().unwrap_or(f64::NAN);
    println!(
        "{name:12} {:11} train_ms/step {median:9.3}  min {least:9.3}  predict_ms/step {:8.3}  rss_mb {:7.0}  \
         first_step_s {:6.2}  loss {:.4}",
        "keras-rs",
        per_step(predict),
        peak_memory_mb(),
        times.first_step.unwrap_or(f64::NAN),
        history.last("loss")?,
    );
    if let [
        Some(step),
        Some(forward),
        Some(backward),
        Some(gradient),
        Some(update),
    ] = parts
    {
        let whole: f64 = times.epochs.iter().skip(1).sum();
        let percent = |seconds: f64| 100. * seconds / whole;
        println!(
            "{name:12} forward {:.1}  gradients {:.1}  tape {:.1}  update {:.1}  metrics {:.1}  loop {:.1}",
            percent(forward),
            percent(gradient),
            percent(backward - gradient),
            percent(update),
            percent(step - forward - backward - update),
            percent(whole - step),
        );
    }
    Ok(())
}

/// The most memory this process ever held; NaN where the system does not tell.
fn peak_memory_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kb| kb / 1024.)
}
