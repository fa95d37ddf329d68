use keras_core::{Error, Result};
use serde_json::{Map, Value};

use crate::data_dir::DataDir;
use crate::number;

/// The numbers that are not finite, by metric and epoch: `{"loss": {"3": "NaN"}}`.
const NOT_FINITE: &str = "not_finite.json";

/// The metrics of a run: a column each, with a value an epoch.
///
/// A value is `None` where the epoch has none, also for epochs that are yet to come; NaN and infinity are numbers.
///
/// ```
/// use keras_runs::Metrics;
/// let mut metrics = Metrics::new();
/// metrics.set(0, "loss", 0.5);
/// metrics.set(1, "loss", f64::NAN);
/// metrics.set(1, "val_loss", 0.7);
/// metrics.expect(3);
/// assert_eq!(metrics.get("val_loss"), Some([None, Some(0.7), None].as_slice()));
/// assert_eq!(metrics.last("loss").map(f64::is_nan), Some(true));
/// assert_eq!((metrics.len(), metrics.completed()), (3, 2));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    columns: Vec<(String, Vec<Option<f64>>)>,
    rows: usize,
}

impl Metrics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of an epoch, counted from 0.
    pub fn set(&mut self, epoch: usize, name: &str, value: f64) {
        self.expect(epoch + 1);
        let rows = self.rows;
        let column = match self.columns.iter_mut().find(|(n, _)| n == name) {
            Some((_, column)) => column,
            None => {
                self.columns.push((name.to_owned(), vec![None; rows]));
                let last = self.columns.len() - 1;
                &mut self.columns[last].1
            }
        };
        column[epoch] = Some(value);
    }

    /// Makes room for `epochs` epochs.
    pub fn expect(&mut self, epochs: usize) {
        self.rows = self.rows.max(epochs);
        for (_, column) in &mut self.columns {
            column.resize(self.rows, None);
        }
    }

    /// Forgets the epochs from `epochs` on.
    pub fn truncate(&mut self, epochs: usize) {
        self.rows = self.rows.min(epochs);
        for (_, column) in &mut self.columns {
            column.truncate(self.rows);
        }
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// Names and columns.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Option<f64>])> {
        self.columns
            .iter()
            .map(|(name, column)| (name.as_str(), column.as_slice()))
    }

    /// The values of a metric.
    pub fn get(&self, name: &str) -> Option<&[Option<f64>]> {
        let (_, column) = self.columns.iter().find(|(n, _)| n == name)?;
        Some(column)
    }

    /// The last value of a metric that an epoch had.
    pub fn last(&self, name: &str) -> Option<f64> {
        self.get(name)?.iter().rev().flatten().next().copied()
    }

    /// The best value of a metric and its epoch, as Keras guesses which of two values is better.
    pub fn best(&self, name: &str) -> Option<(usize, f64)> {
        let larger = keras_core::trainer::larger_is_better(name);
        let values = self.get(name)?.iter().enumerate();
        values
            .filter_map(|(epoch, value)| Some((epoch, (*value)?)))
            .filter(|(_, value)| !value.is_nan())
            .reduce(|a, b| {
                let better = if larger { b.1 > a.1 } else { b.1 < a.1 };
                if better { b } else { a }
            })
    }

    /// The number of epochs, with those to come.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no epoch.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The number of epochs that have come: up to the last that has a value.
    pub fn completed(&self) -> usize {
        let last = |column: &[Option<f64>]| column.iter().rposition(Option::is_some).map_or(0, |at| at + 1);
        self.columns
            .iter()
            .map(|(_, column)| last(column))
            .max()
            .unwrap_or(0)
    }

    /// Writes `metrics.json`, and beside it what JSON cannot say.
    pub(crate) fn write(&self, data: &DataDir) -> Result<()> {
        let mut others = Map::new();
        for (name, column) in &self.columns {
            let values = column.iter().enumerate();
            let values = values.filter_map(|(epoch, v)| Some((epoch, (*v)?)).filter(|(_, v)| !v.is_finite()));
            let values: Map<_, _> = values
                .map(|(epoch, v)| (epoch.to_string(), number::to_value(v)))
                .collect();
            if !values.is_empty() {
                others.insert(name.clone(), Value::Object(values));
            }
        }
        if !others.is_empty() || data.join(NOT_FINITE).exists() {
            data.write(NOT_FINITE, format!("{}\n", Value::Object(others)).as_bytes())?;
        }
        data.object("metrics", &self.lines())
    }

    /// What [`write`](Self::write) wrote, or R; R writes an empty list for no metrics, and one number for a list of one.
    pub(crate) fn read(data: &DataDir) -> Result<Self> {
        let mut metrics = Self::new();
        match data.value("metrics.json")? {
            Value::Null => {}
            Value::Object(columns) => {
                for (name, column) in &columns {
                    let values = column
                        .as_array()
                        .map_or(std::slice::from_ref(column), Vec::as_slice);
                    let column: Vec<_> = values.iter().map(number::from_value).collect();
                    metrics.rows = metrics.rows.max(column.len());
                    metrics.columns.push((name.clone(), column));
                }
            }
            Value::Array(list) if list.is_empty() => {}
            _ => {
                let path = data.join("metrics.json");
                return Err(Error::file(
                    path,
                    "damaged: expected an object of names and lists",
                ));
            }
        }
        metrics.expect(metrics.rows);
        for (name, values) in data.value(NOT_FINITE)?.as_object().into_iter().flatten() {
            for (epoch, value) in values.as_object().into_iter().flatten() {
                let epoch = epoch.parse().ok().filter(|epoch| *epoch < metrics.rows);
                if let (Some(epoch), Some(value)) = (epoch, number::from_value(value)) {
                    metrics.set(epoch, name, value);
                }
            }
        }
        Ok(metrics)
    }

    /// tfruns counts epochs by the last column, so a full one stands there.
    fn lines(&self) -> Vec<(String, String)> {
        let finite = |column: &[Option<f64>]| column.iter().flatten().filter(|v| v.is_finite()).count();
        let mut columns: Vec<_> = self.columns.iter().collect();
        columns.sort_by_key(|(_, column)| finite(column));
        let line = |(name, column): &(String, Vec<Option<f64>>)| {
            let numbers: Vec<String> = column
                .iter()
                .map(|v| {
                    v.filter(|v| v.is_finite())
                        .map_or(Value::Null, Value::from)
                        .to_string()
                })
                .collect();
            (name.clone(), format!("[{}]", numbers.join(", ")))
        };
        columns.into_iter().map(line).collect()
    }
}
