//! What recording costs: `runs_bench [WORKLOAD [ROUNDS]]`.
//!
//! Epochs with and without an active run in turn, from the beginning of one to the beginning of the next, so that all
//! that is done at their ends counts; and the time from asking for a run to having it.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};
use keras::prelude::*;
use keras::runs::RunOptions;
use keras_benchmarks::workload;

/// Moments at which epochs began.
#[derive(Debug, Default)]
struct Clock(Arc<Mutex<Vec<Instant>>>);

impl Callback for Clock {
    fn on_epoch_begin(&mut self, _: usize, _: &mut Context<'_>, _: &mut Logs) -> keras::Result<()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Instant::now());
        Ok(())
    }
}

const EPOCHS: usize = 11;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "small".to_owned());
    let rounds: usize = arguments
        .next()
        .map_or(Ok(20), |n| n.parse())
        .context("ROUNDS must be a number")?;
    let mut work = workload(&name, None)?;
    let folder = std::env::temp_dir().join(format!("keras-runs-bench-{}", std::process::id()));
    let options = RunOptions::new().runs_dir(&folder);

    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        for recorded in [false, true] {
            let run = recorded.then(|| options.clone().start()).transpose()?;
            let clock = Clock::default();
            let moments = clock.0.clone();
            let fit = Fit::new()
                .batch_size(work.batch_size)
                .epochs(EPOCHS)
                .verbose(0)
                .callback(clock);
            work.model.fit((&work.x, &work.y), fit)?;
            run.map(|run| run.finish()).transpose()?;
            // The first is warm-up.
            if round > 0 {
                let moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
                let epochs = moments.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64());
                if recorded {
                    with.extend(epochs)
                } else {
                    without.extend(epochs)
                }
            }
        }
    }
    let mut starts = Vec::new();
    for _ in 0..30 {
        let begun = Instant::now();
        let run = options.clone().start()?;
        starts.push(begun.elapsed().as_secs_f64());
        run.finish()?;
    }
    std::fs::remove_dir_all(&folder).context("cannot remove what was recorded")?;

    println!(
        "{name}: {} batches an epoch, {} epochs each",
        work.steps,
        without.len()
    );
    // On a machine that others use, too, the lower quartile says more.
    for (what, part) in [("lower quartile", 4), ("median", 2)] {
        let (plain, recorded) = (part_of(&mut without, part), part_of(&mut with, part));
        println!(
            "epoch, {what:14}  {:8.3} ms without a run  {:8.3} ms with  {:+.2} %",
            plain * 1e3,
            recorded * 1e3,
            (recorded / plain - 1.) * 100.
        );
    }
    println!(
        "start of a run       {:9.3} ms  worst {:.3} ms",
        part_of(&mut starts, 2) * 1e3,
        starts[starts.len() - 1] * 1e3
    );
    Ok(())
}

/// Sorts, and gives the value that one part of so many lies below.
fn part_of(values: &mut [f64], parts: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / parts]
}
