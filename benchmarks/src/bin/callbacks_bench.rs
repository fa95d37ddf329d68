//! What callbacks cost: `callbacks_bench overhead [WORKLOAD [EPOCHS [ROUNDS]]]` or `callbacks_bench save [MB [OPTIMIZER]]`.
//!
//! `overhead` trains the workload without callbacks, with those that most trainings have, and with ten that do
//! nothing. Each training stands between two without callbacks and is compared with their mean; the figures are the
//! median and the quartiles over the rounds. `save` writes a model of so many MB by itself, in a checkpoint and in the
//! background, beside what the disk does with the same bytes.
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
use keras_benchmarks::spans::Spans;
use keras_benchmarks::workload;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let second = arguments.get(1).map(String::as_str);
    match arguments.first().map(String::as_str) {
        Some("overhead") => {
            let number = |at: usize, usual| arguments.get(at).map_or(Ok(usual), |n| n.parse());
            overhead(second.unwrap_or("small"), number(2, 20)?, number(3, 25)?)
        }
        Some("save") => {
            let megabytes = second.unwrap_or("1024").parse();
            save(
                megabytes.context("MB must be a number")?,
                arguments.get(2).map_or("sgd", String::as_str),
            )
        }
        _ => bail!("usage: callbacks_bench overhead [WORKLOAD [EPOCHS [ROUNDS]]] | save [MB [OPTIMIZER]]"),
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

    /// What `part` of the figures are not above; half of them for the median.
    fn below(&self, part: f64) -> f64 {
        let all = self.sorted();
        all.get((part * all.len() as f64) as usize)
            .copied()
            .unwrap_or(f64::NAN)
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

/// Seconds of a training.
#[derive(Clone, Copy)]
struct Taken {
    all: f64,
    /// Within its epochs; the rest is the start and the end of training.
    epochs: f64,
}

fn overhead(name: &str, epochs: usize, rounds: usize) -> Result<()> {
    let spans = Spans::watch(&["epoch"])?;
    let mut work = workload(name, None)?;
    let mut train = |add: fn(Fit, &Path) -> Fit| -> Result<Taken> {
        let folder = Scratch::new()?;
        let fit = Fit::new().batch_size(work.batch_size).epochs(epochs).verbose(0);
        let fit = add(fit, &folder.0);
        spans.reset();
        let begun = Instant::now();
        work.model.fit((&work.x, &work.y), fit)?;
        Ok(Taken {
            all: begun.elapsed().as_secs_f64(),
            epochs: spans.seconds("epoch"),
        })
    };
    let none = |fit, _: &Path| fit;
    let each = || KINDS.map(|_| Seconds::default());
    let (epoch, more, around, all) = (each(), each(), each(), each());
    // The first is warm-up.
    for round in 0..=rounds {
        let mut before = train(none)?;
        for at in 0..KINDS.len() {
            let kind = if round % 2 == 0 { at } else { KINDS.len() - 1 - at };
            let taken = train(KINDS[kind].1)?;
            let after = train(none)?;
            let mean = |of: fn(&Taken) -> f64| (of(&before) + of(&after)) / 2.;
            if round > 0 {
                epoch[kind].push(taken.epochs / epochs as f64);
                more[kind].push(taken.epochs / mean(|t| t.epochs));
                around[kind].push((taken.all - taken.epochs) - mean(|t| t.all - t.epochs));
                all[kind].push(taken.all / mean(|t| t.all));
            }
            before = after;
        }
    }
    println!(
        "{name}, {} batches of {} an epoch, trainings of {epochs} epochs, {rounds} rounds; more than without callbacks: \
         median (quartiles)",
        work.steps, work.batch_size
    );
    let percent = |of: &Seconds| {
        let part = |part| 100. * (of.below(part) - 1.);
        format!("{:+5.1} % ({:+.1} to {:+.1})", part(0.5), part(0.25), part(0.75))
    };
    for (kind, (name, _)) in KINDS.iter().enumerate() {
        println!(
            "{name:16} epoch {:7.3} ms, {:24}  start and end {:+6.2} ms  whole training {}",
            1e3 * epoch[kind].below(0.5),
            percent(&more[kind]),
            1e3 * around[kind].below(0.5),
            percent(&all[kind]),
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

fn save(megabytes: usize, optimizer: &str) -> Result<()> {
    let spans = Spans::watch(&["copies", "save"])?;
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
    model.compile(Compile::new(optimizer).loss("mse"))?;
    model.optimizer_mut()?.set_learning_rate(1e-6)?;
    let bytes = 4 * model.count_params();
    let rate = |seconds: f64| bytes as f64 / seconds / 1e6;
    println!(
        "{:.0} MB of weights in {layers} layers, {optimizer}",
        bytes as f64 / 1e6
    );

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
    // How long the steps took with what saving made training wait, that wait alone, and how long the save took.
    let mut train = |way: Way| -> Result<[f64; 3]> {
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
        spans.reset();
        model.fit((&x, &y), fit)?;
        let total: f64 = steps.sorted().iter().sum();
        let waited = orbax.lock().waited().as_secs_f64();
        let stood = waited + spans.seconds("copies");
        Ok([total + waited, stood, spans.seconds("save")])
    };
    train(Way::None)?;
    let before = memory()?;
    for round in 0..6 {
        let [without, ..] = train(Way::None)?;
        let [foreground, ..] = train(Way::Foreground)?.map(|seconds| seconds - without);
        let [background, stood, save] = train(Way::Background)?;
        let background = background - without;
        let plain = train(Way::Plain)?[0] - without;
        let more = memory()?.saturating_sub(before);
        println!(
            "{steps} batches{}: {without:.2} s without a save. In the background a save took {save:.2} s, steps stood still \
             for {stood:.3} s ({:.1} % of it), all steps took {background:.2} s more; {foreground:.2} s with a save in the \
             foreground, {plain:.2} s beside a thread that writes a plain file. {more} MB more memory at most",
            if round == 0 { ", the first save" } else { "" },
            100. * stood / save,
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
