#![doc = include_str!("../../docs/tune.md")]

mod objective;
mod prune;
mod space;
mod study;
mod tpe;
mod trial;

use std::path::{Path, PathBuf};

use keras_core::{Error, Result};
use keras_runs::{ListRuns, RunInfo, RunOptions, Status, copy_run, printable, runs_dir};
use serde_json::{Map, Value, json};

pub use prune::Rule;

use crate::cli::Tune;
use crate::program::{Ending, Program};
use crate::runs::number;
use crate::stop::Stop;
use crate::{End, Out, Outcome};
use objective::{Best, Objective};
use space::Space;
use study::{Drawing, Study};
use trial::{Trial, is_finished};

pub(crate) fn run(arguments: &Tune, out: &mut Out) -> Outcome {
    let base = arguments.runs_dir.clone().unwrap_or_else(runs_dir);
    let given = [&arguments.grid, &arguments.random, &arguments.tpe];
    let Some(file) = given.into_iter().flatten().next() else {
        return Err(End::usage("give --grid FILE, --random FILE or --tpe FILE"));
    };
    let space = Space::read(file)?;
    let program = Program {
        words: arguments.program.clone(),
        source: arguments.source.clone(),
        folder: None,
        shown: false,
    };
    if let Some(folder) = &arguments.best {
        check_best(folder)?;
    }
    // What is the same in all trials: a run of another program, or of other sources, tells nothing of this.
    let content = program.content(file)?;
    let of_program = |run: &RunInfo| run.property("content") == Some(&content);
    let list = || -> Result<Vec<RunInfo>> {
        let mut runs = ListRuns::new().runs_dir(&base).list()?;
        runs.retain(of_program);
        Ok(runs)
    };
    let before = list()?;
    let wanted = arguments.trials.unwrap_or(1);
    let rows = match (&arguments.grid, &arguments.random) {
        (Some(_), _) => space.grid()?.rows().to_vec(),
        (None, Some(_)) => space.random(wanted, arguments.seed).rows().to_vec(),
        (None, None) => tried_rows(&space, &before, wanted),
    };
    let seeds = arguments.seed..arguments.seed.saturating_add(arguments.seeds.get());
    let left = Trial::left(&rows, seeds.clone(), &before);
    let each = usize::try_from(arguments.seeds.get()).unwrap_or(usize::MAX);
    let drawn = if arguments.tpe.is_some() {
        wanted
    } else {
        rows.len()
    };
    let to_draw = drawn.saturating_sub(rows.len()).saturating_mul(each);
    let count = drawn.saturating_mul(each);
    let to_run = left.len() + to_draw;
    let skipped = count.saturating_sub(to_run);
    if arguments.dry_run {
        return tell(&left, to_draw, skipped, arguments.json, out);
    }
    let objective = Objective::new(arguments);
    let stop = Stop::watch().map_err(|e| Error::io(".", "cannot wait for signals", e))?;
    let options = RunOptions::new().runs_dir(&base).property("content", &content);
    let drawing = arguments.tpe.as_ref().map(|_| Drawing {
        space: &space,
        seed: arguments.seed,
        seeds: seeds.clone(),
        rows: rows.clone(),
        wanted,
    });
    let mut study = Study::new(&program, options, &objective, &stop, left, drawing, &before);
    (study.rule, study.grace) = (arguments.prune, arguments.grace.get());
    let endings = study.run(arguments.jobs.get(), to_run)?;

    let mut runs = list()?;
    runs.retain(|run| space.row_of(&run.flags).is_some() && run.seed().is_some_and(|s| seeds.contains(&s)));
    let best = objective.best(&runs);
    if let (Some(folder), Some(best)) = (&arguments.best, &best) {
        keep(&best.run.run_dir, folder)?;
    }
    // In a small space there may be fewer rows than were wanted.
    let to_run = if stop.asked() { to_run } else { endings.len() };
    let counts = Counts::of(&endings, skipped, to_run);
    match arguments.json {
        true => out.json(&counts.to_json(&endings, best.as_ref(), &objective))?,
        false => counts.tell(best.as_ref(), &objective, out)?,
    }
    if let (Some(column), None, Some(run)) = (objective.asked(), &best, runs.iter().find(|r| is_finished(r)))
    {
        let known = run.columns();
        return Err(End::Failed(Error::unknown("column of these runs", column, known)));
    }
    match counts.done + counts.pruned == to_run {
        true => Ok(()),
        false => Err(End::Code(1)),
    }
}

/// The rows that were drawn before, by what was tried of them.
fn tried_rows(space: &Space, runs: &[RunInfo], most: usize) -> Vec<Map<String, Value>> {
    let mut rows = Vec::new();
    // Runs are listed with the newest first.
    for run in runs.iter().rev().filter(|run| is_finished(run)) {
        if let Some(row) = space.row_of(&run.flags)
            && !rows.contains(&row)
            && rows.len() < most
        {
            rows.push(row);
        }
    }
    rows
}

/// How trials ended.
struct Counts {
    all: usize,
    done: usize,
    pruned: usize,
    failed: usize,
    killed: usize,
    skipped: usize,
    left: usize,
}

impl Counts {
    fn of(endings: &[Ending], skipped: usize, to_run: usize) -> Self {
        let of = |status: Status| {
            let of = endings.iter().filter(|e| e.status == status && !e.pruned);
            of.count()
        };
        Self {
            all: skipped + to_run,
            done: of(Status::Done),
            pruned: endings.iter().filter(|ending| ending.pruned).count(),
            failed: of(Status::Failed),
            killed: of(Status::Killed),
            skipped,
            left: to_run.saturating_sub(endings.len()),
        }
    }

    fn to_json(&self, endings: &[Ending], best: Option<&Best<'_>>, objective: &Objective) -> Value {
        let runs: Vec<_> = endings
            .iter()
            .map(|ending| ending.path.to_string_lossy())
            .collect();
        let best = best.map(|best| {
            json!({"run": best.run.run_dir.to_string_lossy(), "flags": best.run.flags, "seed": best.run.seed(),
                "objective": objective.name(best.run), "value": crate::runs::value(Some(best.value)),
                "mean": crate::runs::value(Some(best.mean)), "seeds": best.seeds})
        });
        json!({"trials": self.all, "done": self.done, "pruned": self.pruned, "failed": self.failed,
            "killed": self.killed, "skipped": self.skipped, "left": self.left, "runs": runs, "best": best})
    }

    fn tell(&self, best: Option<&Best<'_>>, objective: &Objective, out: &mut Out) -> Outcome {
        let parts = [
            (self.done, "done"),
            (self.pruned, "ended early"),
            (self.failed, "failed"),
            (self.killed, "killed"),
            (self.skipped, "done before"),
            (self.left, "not started"),
        ];
        let parts = parts
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{n} {what}"));
        let parts = parts.collect::<Vec<_>>().join(", ");
        out.line(format_args!("{} trials: {parts}", self.all))?;
        let Some(best) = best else { return Ok(()) };
        let flags: Vec<_> = best
            .run
            .flags
            .iter()
            .map(|(name, value)| format!("{name}={}", crate::runs::plain(value)))
            .collect();
        let mean = match best.seeds {
            1 => String::new(),
            n => format!(" (mean of {n} seeds {})", number(best.mean)),
        };
        let text = format!(
            "best {} {}{mean}: {} {}",
            objective.name(best.run).unwrap_or_default(),
            number(best.value),
            best.run.run_dir.to_string_lossy(),
            flags.join(" ")
        );
        out.line(printable(&text))
    }
}

fn tell(trials: &[Trial], to_draw: usize, skipped: usize, json: bool, out: &mut Out) -> Outcome {
    if json {
        let trials: Vec<_> = trials
            .iter()
            .map(|trial| json!({"flags": trial.flags, "seed": trial.seed}))
            .collect();
        return out.json(&json!({"trials": trials, "to_draw": to_draw, "skipped": skipped}));
    }
    for trial in trials {
        out.line(printable(&trial.to_string()))?;
    }
    if to_draw > 0 {
        out.line(format_args!("# {to_draw} more, drawn from what comes of others"))?;
    }
    out.line(format_args!(
        "# {} trials to run, {skipped} done before",
        trials.len() + to_draw
    ))
}

/// Nothing but a run is written over.
fn check_best(folder: &Path) -> Outcome {
    match folder.file_name() {
        None => Err(End::usage(
            "--best must name a folder that may be made and written over",
        )),
        Some(_) if folder.exists() && !folder.join("tfruns.d").is_dir() => Err(End::Failed(Error::file(
            folder,
            "--best: this is there already and is no run; name another folder",
        ))),
        Some(_) => Ok(()),
    }
}

/// Copies a run; the former best goes when the copy is whole.
fn keep(run: &Path, folder: &Path) -> Result<()> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let name = format!(
        ".{}.part",
        folder.file_name().unwrap_or_default().to_string_lossy()
    );
    let part: PathBuf = parent.join(&name);
    let remove = |path: &Path| match std::fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path, "cannot remove", e)),
        _ => Ok(()),
    };
    remove(&part)?;
    copy_run([run], parent, Some(&[&name]))?;
    remove(folder)?;
    std::fs::rename(&part, folder).map_err(|e| Error::io(folder, "cannot put the best run here", e))
}
