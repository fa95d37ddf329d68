use serde_json::{Map, Value, json};

use crate::number;

/// One evaluation of a run. `evaluation.json` has the last one's; all are kept in `evaluations.jsonl`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// When, in seconds since 1970.
    pub time: f64,
    /// What it gave, in order; NaN and infinity too.
    pub values: Vec<(String, f64)>,
}

impl Evaluation {
    pub(crate) fn new(time: f64, values: Vec<(String, f64)>) -> Self {
        Self { time, values }
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(n, _)| n == name).map(|(_, v)| *v)
    }

    pub(crate) fn line(&self) -> String {
        json!({"time": self.time, "values": values_to_json(&self.values)}).to_string()
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        Some(Self {
            time: value.get("time")?.as_f64()?,
            values: values_from_json(value.get("values")?),
        })
    }
}

pub(crate) fn values_to_json(values: &[(String, f64)]) -> Value {
    let values = values
        .iter()
        .map(|(name, value)| (name.clone(), number::to_value(*value)));
    Value::Object(values.collect::<Map<_, _>>())
}

pub(crate) fn values_from_json(values: &Value) -> Vec<(String, f64)> {
    let values = values.as_object().into_iter().flatten();
    values
        .filter_map(|(name, value)| Some((name.clone(), number::from_value(value)?)))
        .collect()
}
