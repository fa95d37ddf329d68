//! `keras runs ls`.

use std::path::Path;

use keras_core::Error;
use keras_runs::{Cell, ListRuns, RunInfo, RunTable};

use super::table::{Table, duration, number};
use super::text::moment;
use crate::cli::List;
use crate::{End, Out, Outcome};

pub(crate) fn run(list: &List, base: &Path, out: &mut Out) -> Outcome {
    let mut wanted = ListRuns::new().runs_dir(base).archived(list.archived);
    if let Some(n) = list.latest {
        wanted = wanted.latest_n(n);
    }
    if let Some(filter) = &list.filter {
        wanted = wanted.filter(filter).map_err(End::Usage)?;
    }
    for column in &list.order {
        wanted = match column.strip_prefix('-') {
            Some(column) => wanted.order_up(column),
            None => wanted.order(column),
        };
    }
    let mut runs = wanted.list()?;
    let found = runs.len();
    runs.truncate(list.limit.unwrap_or(usize::MAX));
    let ordered: Vec<&str> = wanted.ordered_by().collect();
    let table = match list.columns.as_slice() {
        [] => RunTable::ordered(&runs, &ordered),
        columns => {
            check(columns, &runs)?;
            RunTable::with_columns(&runs, columns.to_vec())
        }
    };
    if list.format.json {
        return out.json(&table.to_json());
    }
    if list.format.csv {
        return out.csv(&table.to_csv());
    }
    if runs.is_empty() {
        let what = if list.filter.is_some() {
            "no run for which this holds"
        } else {
            "no run"
        };
        return out.line(format_args!(
            "{what} in {}",
            keras_runs::printable(&base.to_string_lossy())
        ));
    }
    let columns = match list.columns.as_slice() {
        [] => {
            let mut columns = shown(&table, &ordered, list.all);
            columns.retain(|column| runs.iter().any(|run| !cell(run, column).0.is_empty()));
            columns
        }
        columns => columns.to_vec(),
    };
    terminal(&runs, &columns).write(out)?;
    if runs.len() < found {
        out.line(format_args!("# {} more runs", found - runs.len()))?;
    }
    for run in runs.iter().filter(|run| !run.damage.is_empty()) {
        for damage in &run.damage {
            let text = format!("! {}: {damage}", run.name());
            out.line(keras_runs::printable(&text))?;
        }
    }
    Ok(())
}

/// A name that no run has and that is none of ours is a mistake.
fn check(columns: &[String], runs: &[RunInfo]) -> Outcome {
    let all = RunTable::new(runs);
    for column in columns {
        let fits =
            all.columns().contains(column) || matches!(column.as_str(), "name" | "duration" | "loss_curve");
        if !runs.is_empty() && !fits && runs.iter().all(|run| run.get(column).is_none()) {
            let known = all.columns().to_vec();
            return Err(End::Usage(Error::unknown("column of runs", column, known)));
        }
    }
    Ok(())
}

/// What a person wants to see first; the rest follows as far as there is room.
fn shown(table: &RunTable, ordered: &[&str], all: bool) -> Vec<String> {
    let mut columns: Vec<String> = vec!["name".into(), "status".into()];
    columns.extend(ordered.iter().map(|column| (*column).to_owned()));
    let of = |prefix: &'static str| {
        table
            .columns()
            .iter()
            .filter(move |c| c.starts_with(prefix))
            .cloned()
    };
    columns.extend(of("eval_").chain(of("metric_")).chain(of("flag_")));
    columns.extend(["loss_curve", "duration", "epochs_completed", "script"].map(String::from));
    if all {
        let rest = table
            .columns()
            .iter()
            .filter(|c| *c != "run_dir" && !columns.contains(c));
        let rest: Vec<_> = rest.cloned().collect();
        columns.extend(rest);
    }
    let mut once = std::collections::HashSet::new();
    columns.retain(|column| once.insert(column.clone()));
    columns
}

fn terminal(runs: &[RunInfo], columns: &[String]) -> Table {
    let mut table = Table::new(columns.iter().cloned());
    for run in runs {
        table.row(columns.iter().map(|column| cell(run, column)));
    }
    table
}

fn cell(run: &RunInfo, column: &str) -> (String, bool) {
    match (column, run.get(column)) {
        ("loss_curve", _) => (spark(run.metrics.get("loss").unwrap_or_default(), 12), true),
        ("duration", Some(Cell::Number(seconds))) => (duration(seconds), false),
        ("start" | "end", Some(Cell::Number(seconds))) => (moment(seconds), true),
        (_, Some(Cell::Number(n))) => (number(n), false),
        (_, Some(other)) => (other.to_string(), true),
        (_, None) => (String::new(), false),
    }
}

/// A curve in a line of text.
fn spark(values: &[Option<f64>], width: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<f64> = values
        .iter()
        .flatten()
        .copied()
        .filter(|v| v.is_finite())
        .collect();
    let (Some(low), Some(high)) = (
        values.iter().copied().reduce(f64::min),
        values.iter().copied().reduce(f64::max),
    ) else {
        return String::new();
    };
    let count = values.len().min(width);
    let bar = |at: usize| {
        let value = values[(at * values.len() / count).min(values.len() - 1)];
        let part = if high > low {
            (value - low) / (high - low)
        } else {
            0.
        };
        BARS[((part * 7.).round() as usize).min(7)]
    };
    (0..count).map(bar).collect()
}
