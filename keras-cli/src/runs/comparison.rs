//! Several runs, value by value.

use keras_runs::{Cell, RunInfo};
use serde_json::{Map, Value};

/// Several runs, value by value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Comparison {
    /// The runs' names.
    pub(crate) names: Vec<String>,
    /// What they gave: `eval_…`, `metric_…`, `best_…` and `duration`, a value a run.
    pub(crate) rows: Vec<(String, Vec<Option<f64>>)>,
    /// Flags and other choices that are not the same in all.
    pub(crate) choices: Vec<(String, Vec<String>)>,
    /// Groups of two runs and more that are equal but for the seed.
    pub(crate) noise: Vec<Noise>,
}

/// What the choice of the seed alone does.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Noise {
    /// The names of the runs.
    pub(crate) runs: Vec<String>,
    /// Their flags, without the seed.
    pub(crate) flags: Map<String, Value>,
    /// Each value's mean and standard deviation (of a sample: n - 1).
    pub(crate) values: Vec<(String, f64, f64)>,
}

impl Noise {
    /// The flags in a line.
    pub(crate) fn title(&self) -> String {
        let flags: Vec<_> = self
            .flags
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        match flags.is_empty() {
            true => "no flags".to_owned(),
            false => flags.join(" "),
        }
    }
}

impl Comparison {
    /// Compares runs in the order given.
    pub(crate) fn of(runs: &[RunInfo]) -> Self {
        let mut columns: Vec<String> = Vec::new();
        for column in runs.iter().flat_map(RunInfo::columns) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        let starting = |prefix: &'static str| columns.iter().filter(move |column| column.starts_with(prefix));
        let mut results: Vec<String> = starting("eval_").chain(starting("metric_")).cloned().collect();
        results.extend(starting("metric_").map(|column| column.replacen("metric_", "best_", 1)));
        results.push("duration".to_owned());
        let number = |run: &RunInfo, column: &str| match run.get(column) {
            Some(Cell::Number(number)) => Some(number),
            _ => None,
        };
        let rows: Vec<_> = results
            .into_iter()
            .map(|column| {
                let row: Vec<_> = runs.iter().map(|run| number(run, &column)).collect();
                (column, row)
            })
            .filter(|(_, row)| row.iter().any(Option::is_some))
            .collect();
        let chosen = [
            "status",
            "seed",
            "optimizer",
            "learning_rate",
            "loss_function",
            "batch_size",
            "epochs",
            "script",
            "git_commit",
        ];
        let others = chosen.iter().map(|name| (*name).to_owned());
        let choices = starting("flag_").cloned().chain(others).filter_map(|column| {
            let cells: Vec<String> = runs
                .iter()
                .map(|run| {
                    run.get(&column)
                        .map_or_else(|| "-".to_owned(), |cell| cell.to_string())
                })
                .collect();
            let differ = cells.iter().any(|cell| Some(cell) != cells.first());
            differ.then_some((column, cells))
        });
        Self {
            names: runs.iter().map(RunInfo::name).collect(),
            choices: choices.collect(),
            noise: noise(runs, &rows),
            rows,
        }
    }
}

fn noise(runs: &[RunInfo], rows: &[(String, Vec<Option<f64>>)]) -> Vec<Noise> {
    let settings = |run: &RunInfo| {
        let mut flags = run.flags.clone();
        flags.shift_remove("seed");
        let script = run.property("script").unwrap_or_default().to_owned();
        (script, flags)
    };
    let mut groups: Vec<(_, Vec<usize>)> = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        let settings = settings(run);
        match groups.iter_mut().find(|(other, _)| *other == settings) {
            Some((_, members)) => members.push(at),
            None => groups.push((settings, vec![at])),
        }
    }
    groups.retain(|(_, members)| members.len() > 1);
    groups
        .into_iter()
        .map(|((_, flags), members)| {
            let values = rows.iter().filter_map(|(name, row)| {
                let values: Option<Vec<f64>> =
                    members.iter().map(|at| row.get(*at).copied().flatten()).collect();
                let (mean, sd) = spread(&values?);
                Some((name.clone(), mean, sd))
            });
            Noise {
                runs: members
                    .iter()
                    .filter_map(|at| runs.get(*at))
                    .map(RunInfo::name)
                    .collect(),
                values: values.collect(),
                flags,
            }
        })
        .collect()
}

fn spread(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / (n - 1.).max(1.)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_that_of_a_sample() {
        // Mean 2, squares 1 + 0 + 1, divided by 2.
        assert_eq!(spread(&[1., 2., 3.]), (2., 1.));
    }
}
