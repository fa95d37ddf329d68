use serde_json::{Value, json};

use crate::evaluation::{values_from_json, values_to_json};

/// A line of a run's `steps.jsonl`: what training had logged at some moment.
///
/// Numbers that are not finite are written as the texts `"NaN"`, `"Infinity"` and `"-Infinity"`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// When, in seconds since 1970.
    pub time: f64,
    /// Which `fit` of the run, from 0.
    pub fit: usize,
    /// The row of the run's metrics: the epoch, from 0, over all `fit`s.
    pub epoch: usize,
    /// The number of batches of this epoch so far; `None` at the end of an epoch.
    pub batch: Option<usize>,
    /// The running values, or those of the epoch.
    pub values: Vec<(String, f64)>,
}

impl Step {
    pub(crate) fn line(&self) -> String {
        let mut line = json!({"time": self.time, "fit": self.fit, "epoch": self.epoch});
        if let Some(batch) = self.batch {
            line["batch"] = batch.into();
        }
        line["values"] = values_to_json(&self.values);
        line.to_string()
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let number = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_u64)
                .and_then(|n| n.try_into().ok())
        };
        Some(Self {
            time: value.get("time")?.as_f64()?,
            fit: number("fit").unwrap_or(0),
            epoch: number("epoch")?,
            batch: number("batch"),
            values: values_from_json(value.get("values")?),
        })
    }
}
