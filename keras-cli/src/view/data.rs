use keras_runs::{Metrics, RunInfo};
use serde_json::{Map, Value, json};

use crate::runs::value;

/// Curves with more points are thinned.
const POINTS: usize = 400;

/// What the pages' script draws of a run: its name, status, and curves of at most a few hundred points.
pub fn run_data(run: &RunInfo) -> Value {
    json!({
        "name": run.name(),
        "status": run.status.name(),
        "epochs": run.epochs(),
        "metrics": curves(&run.metrics, POINTS),
    })
}

/// With each curve's `y`, and its `x` where points were left out.
pub(super) fn curves(metrics: &Metrics, points: usize) -> Value {
    let completed = metrics.completed();
    let curves: Map<String, Value> = metrics
        .iter()
        .map(|(name, column)| {
            let column = &column[..completed.min(column.len())];
            let kept = thinned(column, points);
            let y: Vec<Value> = kept.iter().map(|at| value(column[*at])).collect();
            let curve = match kept.len() == column.len() {
                true => json!({ "y": y }),
                false => json!({"x": kept.iter().map(|at| at + 1).collect::<Vec<_>>(), "y": y}),
            };
            (name.to_owned(), curve)
        })
        .collect();
    Value::Object(curves)
}

/// The places of the smallest and the largest value of each stretch, so that no peak is lost.
fn thinned(column: &[Option<f64>], points: usize) -> Vec<usize> {
    if column.len() <= points {
        return (0..column.len()).collect();
    }
    let stretch = (2 * column.len()).div_ceil(points).max(1);
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
        assert!(kept.len() <= 400 && kept.contains(&77_777));
        assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
