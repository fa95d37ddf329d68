use std::ops::Range;

use keras_core::Result;
use keras_runs::{RunInfo, printable};
use serde_json::{Map, Value, json};

use super::space::Space;
use super::study::Drawing;
use super::trial::{Trial, is_finished};
use crate::cli::Tune;
use crate::{Out, Outcome};

/// Which trials there are to run.
pub(super) struct Plan {
    /// Rows that are known.
    rows: Vec<Map<String, Value>>,
    /// The number of rows, with those that are still to be drawn.
    wanted: usize,
    pub(super) seeds: Range<u64>,
    /// Trials of known rows that no run has finished.
    pub(super) left: Vec<Trial>,
}

impl Plan {
    /// Without what the runs before have done.
    pub(super) fn new(arguments: &Tune, space: &Space, before: &[RunInfo]) -> Result<Self> {
        let wanted = arguments.trials.unwrap_or(1);
        let rows = match (&arguments.grid, &arguments.random) {
            (Some(_), _) => space.grid()?.rows().to_vec(),
            (None, Some(_)) => space.random(wanted, arguments.seed).rows().to_vec(),
            (None, None) => tried_rows(space, before, wanted),
        };
        let seeds = arguments.seed..arguments.seed.saturating_add(arguments.seeds.get());
        let left = Trial::left(&rows, seeds.clone(), before);
        Ok(Self {
            wanted: match arguments.tpe {
                Some(_) => wanted,
                None => rows.len(),
            },
            rows,
            seeds,
            left,
        })
    }

    fn with_seeds(&self, rows: usize) -> usize {
        let seeds = usize::try_from(self.seeds.end - self.seeds.start).unwrap_or(usize::MAX);
        rows.saturating_mul(seeds)
    }

    /// Trials of rows that depend on what comes of others.
    fn to_draw(&self) -> usize {
        self.with_seeds(self.wanted.saturating_sub(self.rows.len()))
    }

    pub(super) fn to_run(&self) -> usize {
        self.left.len().saturating_add(self.to_draw())
    }

    /// Trials that runs before have finished.
    pub(super) fn skipped(&self) -> usize {
        self.with_seeds(self.wanted).saturating_sub(self.to_run())
    }

    /// What draws further rows.
    pub(super) fn drawing<'a>(&self, arguments: &Tune, space: &'a Space) -> Option<Drawing<'a>> {
        arguments.tpe.as_ref().map(|_| Drawing {
            space,
            seed: arguments.seed,
            seeds: self.seeds.clone(),
            rows: self.rows.clone(),
            wanted: self.wanted,
        })
    }

    /// Says what would be run.
    pub(super) fn tell(&self, json: bool, out: &mut Out) -> Outcome {
        let (to_draw, skipped) = (self.to_draw(), self.skipped());
        if json {
            let trials: Vec<_> = self
                .left
                .iter()
                .map(|trial| json!({"flags": trial.flags, "seed": trial.seed}))
                .collect();
            return out.json(&json!({"trials": trials, "to_draw": to_draw, "skipped": skipped}));
        }
        for trial in &self.left {
            out.line(printable(&trial.to_string()))?;
        }
        if to_draw > 0 {
            out.line(format_args!("# {to_draw} more, drawn from what comes of others"))?;
        }
        out.line(format_args!(
            "# {} trials to run, {skipped} done before",
            self.to_run()
        ))
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
