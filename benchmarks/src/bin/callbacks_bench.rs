//! What callbacks cost: `callbacks_bench overhead [WORKLOAD]` or `callbacks_bench save [MB]`.
//!
//! `overhead` trains the workload without callbacks, with those that most trainings have, and with ten that do
//! nothing, in turn; the figure is the median over epochs. `save` writes a model of so many MB by itself, in a
//! checkpoint and in the background, beside what the disk does with the same bytes.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use keras::callbacks::History;
use keras::prelude::*;
use keras::saving::Snapshot;
use keras_benchmarks::workload;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let second = arguments.get(1).map(String::as_str);
    match arguments.first().map(String::as_str) {
        Some("overhead") => overhead(second.unwrap_or("small")),
        Some("save") => save(second.unwrap_or("1024").parse().context("MB must be a number")?),
        _ => bail!("usage: callbacks_bench overhead [WORKLOAD] | save [MB]"),
    }
}

/// Seconds, by whoever measures.
#[derive(Clone, Debug, Default)]
struct Seconds(Arc<Mutex<Vec<f64>>>);

impl Seconds {
    fn push(&self, seconds: f64) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(seconds);
    }

    fn sorted(&self) -> Vec<f64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_by(f64::total_cmp);
        all
    }

    fn least(&self) -> f64 {
        self.sorted().first().copied().unwrap_or(f64::NAN)
    }

    fn median(&self) -> f64 {
        let all = self.sorted();
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Does nothing in any hook.
#[derive(Debug)]
struct Idle;

impl Callback for Idle {}

fn overhead(name: &str) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("callbacks_bench_{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let (epochs, rounds) = (5, 9);
    let kinds = ["none", "history, csv, checkpoint", "ten idle"];
    let times: Vec<Seconds> = kinds.iter().map(|_| Seconds::default()).collect();
    let mut work = workload(name, None)?;
    // The first is warm-up.
    for round in 0..=rounds {
        for (kind, times) in times.iter().enumerate() {
            let mut fit = Fit::new().batch_size(work.batch_size).epochs(epochs).verbose(0);
            match kind {
                0 => {}
                1 => {
                    let path = folder.join("model.keras");
                    fit = fit
                        .callback(History::new())
                        .callback(CSVLogger::new(folder.join("log.csv")))
                        .callback(ModelCheckpoint::new(&path.display().to_string()));
                }
                _ => fit = (0..10).fold(fit, |fit, _| fit.callback(Idle)),
            }
            let begun = Instant::now();
            work.model.fit((&work.x, &work.y), fit)?;
            if round > 0 {
                times.push(begun.elapsed().as_secs_f64() / epochs as f64);
            }
        }
    }
    std::fs::remove_dir_all(&folder)?;
    println!("{name}, {} batches of {} an epoch", work.steps, work.batch_size);
    let (median, least) = (times[0].median(), times[0].least());
    for (kind, times) in kinds.iter().zip(&times) {
        println!(
            "{kind:26} median {:8.2} ms ({:+5.1} %), least {:8.2} ms ({:+5.1} %)",
            1e3 * times.median(),
            100. * (times.median() / median - 1.),
            1e3 * times.least(),
            100. * (times.least() / least - 1.),
        );
    }
    Ok(())
}

/// Saves at a batch in the way that is measured, and tells how long each batch takes.
#[derive(Debug)]
struct SaveAt<C> {
    batch: usize,
    inner: C,
    last: Instant,
    steps: Seconds,
}

impl<C: Callback> Callback for SaveAt<C> {
    fn on_train_batch_begin(&mut self, _: usize, _: &mut Context<'_>, _: &mut Logs) -> keras::Result<()> {
        self.last = Instant::now();
        Ok(())
    }

    fn on_train_batch_end(&mut self, batch: usize, cx: &mut Context<'_>, _: &mut Logs) -> keras::Result<()> {
        self.steps.push(self.last.elapsed().as_secs_f64());
        if batch == self.batch {
            cx.want_snapshot();
        }
        Ok(())
    }

    fn on_snapshot(&mut self, snapshot: &Snapshot, cx: &mut Context<'_>) -> keras::Result<()> {
        self.inner.on_snapshot(snapshot, cx)
    }

    fn on_train_end(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> keras::Result<()> {
        self.inner.on_train_end(cx, logs)
    }
}

fn save(megabytes: usize) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("callbacks_bench_{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = save_in(&folder, megabytes);
    std::fs::remove_dir_all(&folder)?;
    done
}

fn save_in(folder: &Path, megabytes: usize) -> Result<()> {
    const WIDTH: usize = 2048;
    // Layers of 16 MB.
    let layers = megabytes.div_ceil((WIDTH * WIDTH * 4) >> 20).max(1);
    let mut model = Sequential::new().input([WIDTH]);
    for _ in 0..layers {
        model = model.add(Dense::new(WIDTH).use_bias(false));
    }
    let mut model = model.build_on(&Device::Cpu)?;
    model.compile(Compile::new(SGD::new(1e-6)).loss("mse"))?;
    let bytes = 4 * model.count_params();
    let rate = |seconds: f64| bytes as f64 / seconds / 1e6;
    println!("{:.0} MB of weights in {layers} layers", bytes as f64 / 1e6);

    for _ in 0..2 {
        let seconds = plain(&folder.join("plain"), bytes)?;
        println!(
            "a file of as many bytes: {seconds:6.2} s, {:5.0} MB/s",
            rate(seconds)
        );
        let before = memory()?;
        let begun = Instant::now();
        model.save(folder.join("model.keras"))?;
        let seconds = begun.elapsed().as_secs_f64();
        let more = memory()?.saturating_sub(before);
        println!(
            "Model::save:             {seconds:6.2} s, {:5.0} MB/s, {more} MB more memory at most",
            rate(seconds)
        );
    }

    let steps = 24;
    let (x, y) = (vec![vec![0.1f32; WIDTH]; steps], vec![vec![0.2f32; WIDTH]; steps]);
    let mut train = |background: Option<bool>| -> Result<(f64, f64)> {
        let orbax = Shared::new(
            OrbaxCheckpoint::new(folder.join("steps")).save_on_background(background == Some(true)),
        );
        let steps = Seconds::default();
        let save = SaveAt {
            // Training goes on for some batches before and after.
            batch: if background.is_some() { 3 } else { usize::MAX },
            inner: orbax.clone(),
            last: Instant::now(),
            steps: steps.clone(),
        };
        let begun = Instant::now();
        let fit = Fit::new().batch_size(1).verbose(0).shuffle(false).callback(save);
        model.fit((&x, &y), fit)?;
        let total: f64 = steps.sorted().iter().sum();
        Ok((
            total + orbax.lock().waited().as_secs_f64(),
            begun.elapsed().as_secs_f64(),
        ))
    };
    train(None)?;
    for _ in 0..3 {
        let (without, _) = train(None)?;
        let (waiting, _) = train(Some(false))?;
        let (behind, whole) = train(Some(true))?;
        let foreground = waiting - without;
        println!(
            "{steps} batches: {without:.2} s without a save, {waiting:.2} s with one in the foreground ({foreground:.2} s), \
             {behind:.2} s with one in the background: training waits {:.1} % of the save ({whole:.2} s until it is written)",
            100. * (behind - without) / foreground
        );
    }
    Ok(())
}

/// The seconds in which so many bytes are on the disk.
fn plain(path: &Path, bytes: usize) -> Result<f64> {
    let chunk = vec![7u8; 1 << 20];
    let begun = Instant::now();
    let mut file = std::fs::File::create(path)?;
    for _ in 0..bytes.div_ceil(chunk.len()) {
        file.write_all(&chunk)?;
    }
    file.sync_all()?;
    let seconds = begun.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(seconds)
}

/// The most memory that the process has had, in MB; 0 where the system does not tell.
fn memory() -> Result<usize> {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return Ok(0);
    };
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.map_or(Ok(0), str::parse::<usize>)? / 1024)
}
