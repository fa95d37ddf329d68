//! What is to be good.

use keras_core::trainer::larger_is_better;
use keras_runs::{Cell, RunInfo, Status};
use serde_json::{Map, Value};

use super::prune::Curve;
use crate::cli::Tune;

/// A column of runs, and which of two values of it is better.
#[derive(Clone, Debug)]
pub(super) struct Objective {
    column: Option<String>,
    larger: bool,
}

/// The column where none is named: the first of these that a run has.
const USUAL: [&str; 3] = ["eval_loss", "metric_val_loss", "metric_loss"];

impl Objective {
    pub(super) fn new(arguments: &Tune) -> Self {
        let column = arguments.objective.clone();
        let guessed = larger_is_better(bare(column.as_deref().unwrap_or("loss")));
        Self {
            column,
            larger: (guessed || arguments.maximize) && !arguments.minimize,
        }
    }

    /// The column that counts for this run.
    pub(super) fn name(&self, run: &RunInfo) -> Option<&str> {
        match &self.column {
            Some(column) => Some(column),
            None => USUAL.into_iter().find(|column| run.get(column).is_some()),
        }
    }

    /// The column that was asked for.
    pub(super) fn asked(&self) -> Option<&str> {
        self.column.as_deref()
    }

    /// The run's value, if it has one.
    pub(super) fn of(&self, run: &RunInfo) -> Option<f64> {
        match run.get(self.name(run)?)? {
            Cell::Number(value) => Some(value),
            other => other.number(),
        }
    }

    /// A value turned so that small is good; NaN is the worst.
    pub(super) fn turned(&self, value: f64) -> f64 {
        match value {
            value if value.is_nan() => f64::INFINITY,
            value if self.larger => -value,
            value => value,
        }
    }

    /// By epoch, turned, what tells early how good it will be: the validation's values of the metric, or else its own.
    pub(super) fn curve(&self, run: &RunInfo) -> Curve {
        let metric = bare(self.column.as_deref().unwrap_or("loss"));
        let plain = metric.strip_prefix("val_").unwrap_or(metric);
        let names = [metric.to_owned(), format!("val_{plain}"), plain.to_owned()];
        // A metric that was asked for by its own name is that one; an evaluation's is foretold by the validation's.
        let own = self
            .column
            .as_deref()
            .is_some_and(|column| !column.starts_with("eval_"));
        let names = if own { &names[..] } else { &names[1..] };
        let column = names.iter().find_map(|name| run.metrics.get(name));
        let turned = |value: &Option<f64>| {
            value.map(|value| match value.is_nan() {
                true => value,
                false => self.turned(value),
            })
        };
        let completed = run.metrics.completed();
        column
            .unwrap_or_default()
            .iter()
            .take(completed)
            .map(turned)
            .collect()
    }

    /// The best run of those that are done: of the best flags, by the mean over their seeds. With its own value, and that
    /// mean and of how many.
    pub(super) fn best<'a>(&self, runs: &'a [RunInfo]) -> Option<Best<'a>> {
        let done = runs.iter().filter(|run| run.status == Status::Done);
        let valued: Vec<_> = done.filter_map(|run| Some((run, self.of(run)?))).collect();
        let rows = means(valued.iter().map(|(run, value)| (&run.flags, *value)));
        let (flags, mean, seeds) = rows
            .into_iter()
            .min_by(|a, b| self.turned(a.1).total_cmp(&self.turned(b.1)))?;
        let of_row = valued.into_iter().filter(|(run, _)| run.flags == *flags);
        let (run, value) = of_row.min_by(|a, b| self.turned(a.1).total_cmp(&self.turned(b.1)))?;
        Some(Best {
            run,
            value,
            mean,
            seeds,
        })
    }
}

/// The best run.
#[derive(Debug)]
pub(super) struct Best<'a> {
    pub(super) run: &'a RunInfo,
    pub(super) value: f64,
    /// Over the runs of its flags.
    pub(super) mean: f64,
    /// Their number.
    pub(super) seeds: usize,
}

/// The mean value of each row of flags and of how many, in the order in which rows came.
pub(super) fn means<'a>(
    values: impl Iterator<Item = (&'a Map<String, Value>, f64)>,
) -> Vec<(&'a Map<String, Value>, f64, usize)> {
    let mut rows: Vec<(&Map<String, Value>, f64, usize)> = Vec::new();
    for (flags, value) in values {
        match rows.iter_mut().find(|(other, ..)| *other == flags) {
            Some((_, sum, count)) => (*sum, *count) = (*sum + value, *count + 1),
            None => rows.push((flags, value, 1)),
        }
    }
    for (_, sum, count) in &mut rows {
        *sum /= *count as f64;
    }
    rows
}

/// `val_loss` of `metric_val_loss`.
fn bare(column: &str) -> &str {
    let prefixes = ["eval_", "metric_", "best_"];
    prefixes
        .iter()
        .find_map(|prefix| column.strip_prefix(prefix))
        .unwrap_or(column)
}
