//! `keras runs info`.

use keras_core::Result;
use keras_runs::{RunInfo, RunTable, printable};
use serde_json::{Value, json};

use super::table::{duration, number};
use super::text::{files, moment, plain, value};
use crate::{Out, Outcome};

pub(crate) fn run(run: &RunInfo, json: bool, out: &mut Out) -> Outcome {
    if json {
        return out.json(&as_json(run)?);
    }
    out.line(printable(&run.run_dir.to_string_lossy()))?;
    let mut line =
        |name: &str, value: &str| out.line(format_args!("  {:<24} {}", printable(name), printable(value)));
    line("status", run.status.name())?;
    if let Some(error) = &run.error {
        line("error", &error.message)?;
        for frame in error.traceback.iter().take(20) {
            line("", frame)?;
        }
    }
    if let Some(start) = run.start {
        line("start", &moment(start))?;
    }
    if let Some(seconds) = run.duration() {
        line("duration", &duration(seconds))?;
    }
    let epochs = run
        .epochs()
        .map_or_else(String::new, |planned| format!(" of {planned}"));
    if !run.metrics.is_empty() {
        line("epochs", &format!("{}{epochs}", run.epochs_completed()))?;
    }
    for (name, value) in &run.flags {
        line(&format!("flag_{name}"), &plain(value))?;
    }
    for (name, value) in &run.evaluation {
        line(&format!("eval_{name}"), &plain(value))?;
    }
    for name in run.metrics.names() {
        let last = run.metrics.last(name).map_or_else(|| "-".to_owned(), number);
        let best = run.metrics.best(name);
        let best = best.map_or_else(String::new, |(epoch, v)| {
            format!("   best {} (epoch {})", number(v), epoch + 1)
        });
        line(&format!("metric_{name}"), &format!("{last}{best}"))?;
    }
    let said = ["start", "end", "completed", "epochs", "model", "output"];
    for (name, value) in run
        .properties
        .iter()
        .filter(|(name, _)| !said.contains(&name.as_str()))
    {
        line(name, value)?;
    }
    Ok(())
}

fn as_json(run: &RunInfo) -> Result<Value> {
    let table = RunTable::new(std::slice::from_ref(run));
    let columns = table.to_json().get(0).cloned().unwrap_or_default();
    let metrics: serde_json::Map<String, Value> = run
        .metrics
        .iter()
        .map(|(name, values)| (name.to_owned(), values.iter().map(|v| value(*v)).collect()))
        .collect();
    Ok(json!({
        "run": columns,
        "metrics": metrics,
        "model": run.property("model"),
        "environment": run.environment()?,
        "git": run.git()?,
        "files": files(run),
    }))
}
