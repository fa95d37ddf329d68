use keras_runs::{Metrics, RunInfo, printable};
use serde_json::{Map, Value, json};

use super::html::in_script;
use crate::runs::value;

/// The most points of a curve, and the fewest where there are many.
const POINTS: usize = 400;
const FEWEST: usize = 16;
/// What the curves of one run take at most.
pub(super) const CURVES: usize = 40_000;

/// What the pages' script draws of a run: its name, status, and curves of at most a few hundred points.
pub fn run_data(run: &RunInfo) -> Value {
    let (mut runs, _) = drawn(std::slice::from_ref(run), CURVES);
    runs.get_mut(0).map(Value::take).unwrap_or_default()
}

/// The same for several, in at most `most` bytes of a page, and the number of curves that there was no room for. Curves
/// are thinned first.
pub(super) fn drawn(runs: &[RunInfo], most: usize) -> (Value, usize) {
    let all: usize = runs.iter().map(|run| run.metrics.names().count()).sum();
    let (mut each, mut points) = (all.min(most / 400), POINTS);
    loop {
        let value: Value = runs.iter().map(|run| one(run, each, points)).collect();
        if in_script(&value).len() <= most {
            let left_out = |run: &RunInfo| run.metrics.names().count().saturating_sub(each);
            return (value, runs.iter().map(left_out).sum());
        }
        match points > FEWEST {
            true => points = (points / 2).max(FEWEST),
            false if each > 0 => each /= 2,
            // Names alone; whoever has more runs than fit leaves some out.
            false => return (Value::Array(Vec::new()), all),
        }
    }
}

fn one(run: &RunInfo, curves: usize, points: usize) -> Value {
    json!({
        "name": short(&run.name()),
        "status": run.status.name(),
        "epochs": run.epochs(),
        "metrics": thin(&run.metrics, curves, points),
    })
}

/// A name or text in a picture: safe to show, and not long.
pub(super) fn short(text: &str) -> String {
    const MOST: usize = 60;
    let text = printable(text);
    match text.chars().nth(MOST) {
        None => text,
        Some(_) => text.chars().take(MOST - 1).chain(['…']).collect(),
    }
}

/// With each curve's `y`, and its `x` where points were left out.
fn thin(metrics: &Metrics, curves: usize, points: usize) -> Value {
    let completed = metrics.completed();
    let curves: Map<String, Value> = metrics
        .iter()
        .take(curves)
        .map(|(name, column)| {
            let column = &column[..completed.min(column.len())];
            let kept = thinned(column, points);
            let y: Vec<Value> = kept.iter().map(|at| value(column[*at].map(rounded))).collect();
            let curve = match kept.len() == column.len() {
                true => json!({ "y": y }),
                false => json!({"x": kept.iter().map(|at| at + 1).collect::<Vec<_>>(), "y": y}),
            };
            (short(name), curve)
        })
        .collect();
    Value::Object(curves)
}

/// To the digits that a picture can show.
fn rounded(value: f64) -> f64 {
    format!("{value:.6e}").parse().unwrap_or(value)
}

/// The places of the smallest and the largest value of each stretch, so that no peak is lost, and of the first that is not
/// finite.
fn thinned(column: &[Option<f64>], points: usize) -> Vec<usize> {
    if column.len() <= points {
        return (0..column.len()).collect();
    }
    let stretch = (3 * column.len()).div_ceil(points).max(1);
    let mut kept = Vec::new();
    for from in (0..column.len()).step_by(stretch) {
        let places = from..(from + stretch).min(column.len());
        let by = |a: &usize, b: &usize| {
            let of = |at: usize| column[at].filter(|v| v.is_finite());
            of(*a).partial_cmp(&of(*b)).unwrap_or(std::cmp::Ordering::Equal)
        };
        let finite = || {
            places
                .clone()
                .filter(|at| column[*at].is_some_and(f64::is_finite))
        };
        let mut both: Vec<usize> = finite()
            .min_by(by)
            .into_iter()
            .chain(finite().max_by(by))
            .chain(
                places
                    .clone()
                    .find(|at| column[*at].is_some_and(|v| !v.is_finite())),
            )
            .collect();
        if both.is_empty() {
            both.push(from);
        }
        both.sort_unstable();
        both.dedup();
        kept.extend(both);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_stay_in_thinned_curves() {
        let mut column = vec![Some(1.); 100_000];
        column[77_777] = Some(9.);
        column[3] = Some(f64::NAN);
        let kept = thinned(&column, 400);
        assert!(kept.len() <= 400 && kept.contains(&77_777) && kept.contains(&3));
        assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
