//! What callbacks cost: `callbacks_bench overhead [WORKLOAD [EPOCHS [ROUNDS]]]` or `callbacks_bench save [MB]`.
//!
//! `overhead` trains the workload without callbacks, with those that most trainings have, and with ten that do
//! nothing, in turn; the figure is the median over trainings of how much longer they took than one without beside them. `save` writes a model of so many MB by itself, in a
//! checkpoint and in the background, beside what the disk does with the same bytes.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use keras::callbacks::{History, TensorBoard};
use keras::prelude::*;
use keras::saving::Snapshot;
use keras_benchmarks::workload;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let second = arguments.get(1).map(String::as_str);
    match arguments.first().map(String::as_str) {
        Some("overhead") => {
            let number = |at: usize, usual| arguments.get(at).map_or(Ok(usual), |n| n.parse());
            overhead(second.unwrap_or("small"), number(2, 20)?, number(3, 15)?)
        }
        Some("save") => save(second.unwrap_or("1024").parse().context("MB must be a number")?),
        _ => bail!("usage: callbacks_bench overhead [WORKLOAD [EPOCHS [ROUNDS]]] | save [MB]"),
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

/// What is trained with, by name.
type Kind = (&'static str, fn(Fit, &Path) -> Fit);

const KINDS: [Kind; 7] = [
    ("none", |fit, _| fit),
    ("History", |fit, _| fit.callback(History::new())),
    ("CSVLogger", |fit, folder| fit.callback(csv(folder))),
    ("TensorBoard", |fit, folder| fit.callback(board(folder))),
    ("ModelCheckpoint", |fit, folder| fit.callback(checkpoint(folder))),
    ("these four", |fit, folder| {
        fit.callback(History::new())
            .callback(csv(folder))
            .callback(board(folder))
            .callback(checkpoint(folder))
    }),
    ("ten idle", |fit, _| {
        (0..10).fold(fit, |fit, _| fit.callback(Idle))
    }),
];

fn csv(folder: &Path) -> CSVLogger {
    CSVLogger::new(folder.join("log.csv"))
}

fn board(folder: &Path) -> TensorBoard {
    TensorBoard::new(folder.join("logs"))
}

fn checkpoint(folder: &Path) -> ModelCheckpoint {
    ModelCheckpoint::new(&folder.join("model.keras").display().to_string())
}

fn overhead(name: &str, epochs: usize, rounds: usize) -> Result<()> {
    let mut work = workload(name, None)?;
    let mut train = |add: fn(Fit, &Path) -> Fit| -> Result<f64> {
        let folder = Scratch::new()?;
        let fit = Fit::new().batch_size(work.batch_size).epochs(epochs).verbose(0);
        let fit = add(fit, &folder.0);
        let begun = Instant::now();
        work.model.fit((&work.x, &work.y), fit)?;
        Ok(begun.elapsed().as_secs_f64() / epochs as f64)
    };
    let with: Vec<Seconds> = KINDS.iter().map(|_| Seconds::default()).collect();
    let more: Vec<Seconds> = KINDS.iter().map(|_| Seconds::default()).collect();
    // The first is warm-up. Each stands beside a training without, right before or after it, since machines have moods.
    for round in 0..=rounds {
        for (kind, (_, add)) in KINDS.iter().enumerate() {
            let (without, taken) = if round % 2 == 0 {
                let without = train(|fit, _| fit)?;
                (without, train(*add)?)
            } else {
                let taken = train(*add)?;
                (train(|fit, _| fit)?, taken)
            };
            if round > 0 {
                with[kind].push(taken);
                more[kind].push(taken / without);
            }
        }
    }
    println!(
        "{name}, {} batches of {} an epoch, {epochs} epochs with start and end of training, {rounds} rounds",
        work.steps, work.batch_size
    );
    for ((kind, _), (with, more)) in KINDS.iter().zip(with.iter().zip(&more)) {
        println!(
            "{kind:16} an epoch: median {:8.3} ms, least {:8.3} ms; beside none: median {:+5.1} %",
            1e3 * with.median(),
            1e3 * with.least(),
            100. * (more.median() - 1.),
        );
    }
    Ok(())
}

/// A folder that is removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "callbacks_bench_{}_{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left lies among temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Saves at a batch in the way that is measured, and tells how long each batch takes.
#[derive(Debug)]
struct SaveAt {
    batch: usize,
    inner: Box<dyn Callback>,
    last: Instant,
    steps: Seconds,
}

impl Callback for SaveAt {
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
    let scratch = Scratch::new()?;
    let folder = &scratch.0;
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
    // How long the steps took, with what saving made training wait.
    let mut train = |way: Way| -> Result<f64> {
        let orbax = Shared::new(
            OrbaxCheckpoint::new(folder.join("steps")).save_on_background(way != Way::Foreground),
        );
        let beside = Beside {
            path: folder.join("beside"),
            bytes,
            running: None,
        };
        let steps = Seconds::default();
        let timed = |batch, inner: Box<dyn Callback>| SaveAt {
            batch,
            inner,
            last: Instant::now(),
            steps: steps.clone(),
        };
        // Training goes on for some batches before and after.
        let save = match way {
            Way::None => timed(usize::MAX, Box::new(orbax.clone())),
            Way::Plain => timed(3, Box::new(beside)),
            Way::Foreground | Way::Background => timed(3, Box::new(orbax.clone())),
        };
        let fit = Fit::new().batch_size(1).verbose(0).shuffle(false).callback(save);
        model.fit((&x, &y), fit)?;
        let total: f64 = steps.sorted().iter().sum();
        let waited = orbax.lock().waited().as_secs_f64();
        Ok(total + waited)
    };
    train(Way::None)?;
    let before = memory()?;
    for round in 0..4 {
        let without = train(Way::None)?;
        let foreground = train(Way::Foreground)? - without;
        let background = train(Way::Background)? - without;
        let plain = train(Way::Plain)? - without;
        let more = memory()?.saturating_sub(before);
        println!(
            "{steps} batches{}: {without:.2} s without a save; more with one in the foreground {foreground:.2} s, in the \
             background {background:.2} s ({:.1} % of that), beside a thread that writes a plain file {plain:.2} s \
             ({:.1} %); {more} MB more memory at most",
            if round == 0 { ", the first save" } else { "" },
            100. * background / foreground,
            100. * plain / foreground
        );
    }
    Ok(())
}

/// How a training saves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    None,
    Foreground,
    Background,
    /// Not at all, but a thread writes as many bytes: what the machine gives away to any writer.
    Plain,
}

/// Writes a plain file beside training.
#[derive(Debug)]
struct Beside {
    path: PathBuf,
    bytes: usize,
    running: Option<std::thread::JoinHandle<Result<f64>>>,
}

impl Callback for Beside {
    fn on_snapshot(&mut self, _: &Snapshot, _: &mut Context<'_>) -> keras::Result<()> {
        let (path, bytes) = (self.path.clone(), self.bytes);
        self.running = Some(std::thread::spawn(move || plain(&path, bytes)));
        Ok(())
    }

    fn on_train_end(&mut self, _: &mut Context<'_>, _: &mut Logs) -> keras::Result<()> {
        match self.running.take().map(std::thread::JoinHandle::join) {
            None | Some(Ok(Ok(_))) => Ok(()),
            Some(Ok(Err(error))) => Err(keras::Error::invalid(error.to_string())),
            Some(Err(_)) => Err(keras::Error::invalid("the thread that writes panicked")),
        }
    }
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
