//! `keras runs export`.

use std::path::Path;

use keras_runs::RunInfo;
use serde_json::{Value, json};

use super::text::{csv, value};
use crate::{Out, Outcome};

pub(crate) fn run(runs: &[RunInfo], output: Option<&Path>, json: bool, out: &mut Out) -> Outcome {
    let text = match json {
        true => {
            let all: Value = runs.iter().map(|run| {
                let metrics: serde_json::Map<String, Value> = run
                    .metrics
                    .iter()
                    .map(|(name, column)| (name.to_owned(), column.iter().map(|v| value(*v)).collect()))
                    .collect();
                json!({"run": run.name(), "status": run.status.name(), "seed": run.seed(), "flags": run.flags,
                    "evaluation": run.evaluation, "metrics": metrics})
            }).collect();
            serde_json::to_string_pretty(&all).map_err(keras_core::Error::from)? + "\n"
        }
        false => {
            let mut text = "run,epoch,metric,value\n".to_owned();
            for run in runs {
                let name = csv(&run.name());
                for (metric, column) in run.metrics.iter() {
                    let metric = csv(metric);
                    for (epoch, value) in column.iter().enumerate() {
                        if let Some(value) = value {
                            text += &format!("{name},{},{metric},{value}\n", epoch + 1);
                        }
                    }
                }
            }
            text
        }
    };
    match output {
        Some(path) => Ok(super::write(path, text.as_bytes())?),
        None if json => out.text(&text),
        None => out.csv(&text),
    }
}
