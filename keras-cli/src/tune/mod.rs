//! `keras tune`.

mod space;
mod trial;

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use keras_core::{Error, Result};
use keras_runs::{ListRuns, RunInfo, RunOptions, Status, printable, runs_dir};
use serde_json::json;

use crate::cli::Tune;
use crate::program::{Ending, Program};
use crate::stop::Stop;
use crate::{End, Out, Outcome};
use space::Space;
use trial::Trial;

pub(crate) fn run(arguments: &Tune, out: &mut Out) -> Outcome {
    let base = arguments.runs_dir.clone().unwrap_or_else(runs_dir);
    let rows = match (&arguments.grid, &arguments.random) {
        (Some(file), _) => Space::read(file)?.grid()?,
        (None, Some(file)) => {
            let wanted = arguments.trials.unwrap_or(1);
            Space::read(file)?.random(wanted, arguments.seed)
        }
        (None, None) => return Err(End::usage("give --grid FILE or --random FILE")),
    };
    let program = Program {
        words: arguments.program.clone(),
        source: arguments.source.clone(),
        shown: false,
    };
    let seeds = arguments.seed..arguments.seed.saturating_add(arguments.seeds.get());
    let all = Trial::of(rows.rows(), seeds);
    let before = ListRuns::new().runs_dir(&base).list()?;
    let command = program.command();
    let same: Vec<RunInfo> = before
        .into_iter()
        .filter(|run| run.property("command") == Some(&command))
        .collect();
    let count = all.len();
    let trials: Vec<Trial> = all.into_iter().filter(|trial| !trial.is_done(&same)).collect();
    let skipped = count - trials.len();
    if arguments.dry_run {
        return tell(&trials, skipped, arguments.json, out);
    }
    let stop = Stop::watch().map_err(|e| Error::io(".", "cannot wait for signals", e))?;
    let options = RunOptions::new().runs_dir(&base);
    let endings = run_all(&trials, &program, &options, arguments.jobs.get(), &stop)?;
    let of = |status: Status| endings.iter().filter(|ending| ending.status == status).count();
    let (done, failed, killed) = (of(Status::Done), of(Status::Failed), of(Status::Killed));
    if arguments.json {
        let runs: Vec<_> = endings
            .iter()
            .map(|ending| ending.path.to_string_lossy())
            .collect();
        out.json(
            &json!({"trials": count, "done": done, "failed": failed, "killed": killed,
            "skipped": skipped, "runs": runs}),
        )?;
    } else {
        let left = trials.len() - endings.len();
        let parts = [
            (done, "done"),
            (failed, "failed"),
            (killed, "killed"),
            (skipped, "done before"),
            (left, "not started"),
        ];
        let parts = parts
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{n} {what}"));
        out.line(format_args!(
            "{count} trials: {}",
            parts.collect::<Vec<_>>().join(", ")
        ))?;
    }
    match done == trials.len() {
        true => Ok(()),
        false => Err(End::Code(1)),
    }
}

fn tell(trials: &[Trial], skipped: usize, json: bool, out: &mut Out) -> Outcome {
    if json {
        let trials: Vec<_> = trials
            .iter()
            .map(|trial| json!({"flags": trial.flags, "seed": trial.seed}))
            .collect();
        return out.json(&json!({"trials": trials, "skipped": skipped}));
    }
    for trial in trials {
        out.line(printable(&trial.to_string()))?;
    }
    out.line(format_args!(
        "# {} trials to run, {skipped} done before",
        trials.len()
    ))
}

/// A trial that fails is one of the results; one that cannot even be recorded ends it all.
fn run_all(
    trials: &[Trial],
    program: &Program,
    options: &RunOptions,
    jobs: usize,
    stop: &Stop,
) -> Result<Vec<Ending>> {
    let (next, ended, broken) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let results = Mutex::new(Vec::new());
    let work = || {
        while !stop.asked() && !broken.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(trial) = trials.get(at) else { break };
            let begun = std::time::Instant::now();
            let ending = program.record(options.clone().seed(trial.seed), &trial.flags, stop);
            match &ending {
                Ok(ending) => {
                    let took = crate::runs::duration(begun.elapsed().as_secs_f64());
                    let number = ended.fetch_add(1, Ordering::Relaxed) + 1;
                    let name = ending.path.file_name().unwrap_or_default().to_string_lossy();
                    let text = format!("{name} {trial}: {}, {}, {took}", ending.status, ending.words);
                    End::say(format_args!("[{number}/{}] {}", trials.len(), printable(&text)));
                }
                Err(_) => broken.store(true, Ordering::Relaxed),
            }
            results
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((at, ending));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(trials.len()) {
            scope.spawn(work);
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, ending)| ending).collect()
}
