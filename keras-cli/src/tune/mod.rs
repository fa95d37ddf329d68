#![doc = include_str!("../../docs/tune.md")]

mod best;
mod counts;
mod objective;
mod plan;
mod prune;
mod space;
mod study;
mod tpe;
mod trial;

use keras_core::{Error, Result};
use keras_runs::{ListRuns, RunInfo, RunOptions, runs_dir};

pub use prune::Rule;

use crate::cli::Tune;
use crate::program::Program;
use crate::stop::Stop;
use crate::{End, Out, Outcome};
use counts::Counts;
use objective::Objective;
use plan::Plan;
use space::Space;
use study::Study;
use trial::is_finished;

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
        best::check(folder)?;
    }
    // What is the same in all trials: a run of another program, or of other sources, tells nothing of this.
    let content = program.content(file)?;
    let list = || -> Result<Vec<RunInfo>> {
        let mut runs = ListRuns::new().runs_dir(&base).list()?;
        runs.retain(|run| run.property("content") == Some(&content));
        Ok(runs)
    };
    let before = list()?;
    let mut plan = Plan::new(arguments, &space, &before)?;
    if arguments.dry_run {
        return plan.tell(arguments.json, out);
    }
    let objective = Objective::new(arguments);
    let stop = Stop::watch().map_err(|e| Error::io(".", "cannot wait for signals", e))?;
    let (to_run, skipped) = (plan.to_run(), plan.skipped());
    let study = Study {
        program: &program,
        options: RunOptions::new().runs_dir(&base).property("content", &content),
        objective: &objective,
        rule: arguments.prune,
        grace: arguments.grace.get(),
        stop: &stop,
    };
    let drawing = plan.drawing(arguments, &space);
    let left = std::mem::take(&mut plan.left);
    let endings = study.run(left, drawing, &before, arguments.jobs.get(), to_run)?;

    let mut runs = list()?;
    let has_seed = |run: &RunInfo| run.seed().is_some_and(|seed| plan.seeds.contains(&seed));
    runs.retain(|run| space.row_of(&run.flags).is_some() && has_seed(run));
    let best = objective.best(&runs);
    if let (Some(folder), Some(best)) = (&arguments.best, &best) {
        best::keep(&best.run.run_dir, folder)?;
    }
    // In a small space there may be fewer rows than were wanted.
    let to_run = if stop.asked() { to_run } else { endings.len() };
    let counts = Counts::of(&endings, skipped, to_run);
    match arguments.json {
        true => out.json(&counts.to_json(&endings, best.as_ref(), &objective))?,
        false => counts.tell(best.as_ref(), &objective, out)?,
    }
    let finished = runs.iter().find(|run| is_finished(run));
    if let (Some(column), None, Some(run)) = (objective.asked(), &best, finished) {
        let known = run.columns();
        return Err(End::Failed(Error::unknown("column of these runs", column, known)));
    }
    match counts.done + counts.pruned == to_run {
        true => Ok(()),
        false => Err(End::Code(1)),
    }
}
