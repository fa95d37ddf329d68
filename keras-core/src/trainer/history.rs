//! What a training gave.

use serde_json::{Value, json};

use crate::config::{FromValue, IntoValue};
use crate::{Error, Logs, Outcome, Result, bail};

/// The values of every epoch.
///
/// ```
/// use keras_core::{History, Logs};
/// let mut history = History::default();
/// for (epoch, loss) in [0.9, 0.4, 0.6].into_iter().enumerate() {
///     history.push(epoch, &Logs::from_iter([("val_loss".to_owned(), loss)]))?;
/// }
/// assert_eq!(history.get("val_loss")?, [0.9, 0.4, 0.6]);
/// assert_eq!(history.best("val_loss")?, 0.4);
/// assert_eq!(history.best_epoch("val_loss")?, 1);
/// assert!(history.get("val_acc").is_err());
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    epochs: Vec<usize>,
    columns: Vec<(String, Vec<f64>)>,
    outcome: Outcome,
}

impl History {
    pub(crate) fn of(epochs: Vec<usize>, columns: Vec<(String, Vec<f64>)>) -> Self {
        Self {
            epochs,
            columns,
            ..Self::default()
        }
    }

    pub(crate) fn columns(&self) -> impl Iterator<Item = (&str, &[f64])> {
        let columns = self.columns.iter();
        columns.map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    pub(crate) fn set_outcome(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// The logs of the last epoch.
    pub(crate) fn last_logs(&self) -> Logs {
        let last = |(name, values): (&str, &[f64])| Some((name.to_owned(), *values.last()?));
        self.columns().filter_map(last).collect()
    }

    /// How the training ended.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Adds an epoch. What it lacks (validation that was not due) counts as NaN.
    ///
    /// # Errors
    /// When a value cannot be read from the device.
    pub fn push(&mut self, epoch: usize, logs: &Logs) -> Result<()> {
        let values = logs.to_vec()?;
        let before = self.epochs.len();
        self.epochs.push(epoch);
        for (name, value) in values {
            match self.columns.iter_mut().find(|(n, _)| *n == name) {
                Some((_, column)) => column.push(value),
                None => {
                    let mut column = vec![f64::NAN; before];
                    column.push(value);
                    self.columns.push((name, column));
                }
            }
        }
        for (_, column) in &mut self.columns {
            column.resize(before + 1, f64::NAN);
        }
        Ok(())
    }

    /// The numbers of the epochs, from 0.
    pub fn epochs(&self) -> &[usize] {
        &self.epochs
    }

    /// The names, in order.
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The values of `name`, one an epoch.
    ///
    /// # Errors
    /// When no epoch had it.
    pub fn get(&self, name: &str) -> Result<&[f64]> {
        match self.columns.iter().find(|(n, _)| n == name) {
            Some((_, column)) => Ok(column),
            None => Err(Error::unknown("value in this history", name, self.names())),
        }
    }

    /// The value of the last epoch.
    ///
    /// # Errors
    /// When no epoch had it.
    pub fn last(&self, name: &str) -> Result<f64> {
        Ok(self.get(name)?.last().copied().unwrap_or(f64::NAN))
    }

    /// The best value: the largest of accuracies and the like, the smallest of losses and errors.
    ///
    /// # Errors
    /// When no epoch had it.
    pub fn best(&self, name: &str) -> Result<f64> {
        Ok(self.best_of(name)?.1)
    }

    /// The number of the epoch with the best value.
    ///
    /// # Errors
    /// When no epoch had it.
    pub fn best_epoch(&self, name: &str) -> Result<usize> {
        Ok(self.best_of(name)?.0)
    }

    fn best_of(&self, name: &str) -> Result<(usize, f64)> {
        let larger = larger_is_better(name);
        let values = self.epochs.iter().copied().zip(self.get(name)?.iter().copied());
        let better = |a: f64, b: f64| if larger { a > b } else { a < b };
        let best = values
            .filter(|(_, v)| !v.is_nan())
            .reduce(|a, b| if better(b.1, a.1) { b } else { a });
        best.ok_or_else(|| Error::invalid(format!("history: `{name}` was NaN in every epoch")))
    }
}

impl History {
    /// As JSON.
    pub fn to_value(&self) -> Value {
        let columns = self.columns().map(|(name, values)| {
            let values: Vec<Value> = values.iter().map(|v| v.into_value()).collect();
            json!([name, values])
        });
        json!({"epochs": self.epochs(), "columns": columns.collect::<Vec<_>>()})
    }

    /// From [`to_value`](Self::to_value).
    ///
    /// # Errors
    /// When a part is missing.
    pub fn from_value(value: &Value) -> Result<Self> {
        let read = || {
            let epochs: Option<Vec<usize>> = value
                .get("epochs")?
                .as_array()?
                .iter()
                .map(usize::from_value)
                .collect();
            let column = |column: &Value| {
                let values: Option<Vec<f64>> =
                    column.get(1)?.as_array()?.iter().map(f64::from_value).collect();
                Some((column.get(0)?.as_str()?.to_owned(), values?))
            };
            let columns: Option<Vec<(String, Vec<f64>)>> =
                value.get("columns")?.as_array()?.iter().map(column).collect();
            Some((epochs?, columns?))
        };
        match read() {
            Some((epochs, columns)) if columns.iter().all(|(_, values)| values.len() == epochs.len()) => {
                Ok(Self::of(epochs, columns))
            }
            _ => bail!("history: expected {{\"epochs\", \"columns\"}}, got {value}"),
        }
    }
}

/// Whether larger values of a log name are better, as Keras guesses for `mode="auto"`.
pub fn larger_is_better(name: &str) -> bool {
    let name = name.strip_prefix("val_").unwrap_or(name);
    let words = [
        "acc",
        "auc",
        "fmeasure",
        "precision",
        "recall",
        "f1",
        "f_beta",
        "fbeta",
        "iou",
        "io_u",
        "r2",
    ];
    let words_more = [
        "similarity",
        "correlation",
        "true_positives",
        "true_negatives",
        "specificity",
        "sensitivity",
    ];
    words.iter().chain(&words_more).any(|word| name.contains(word))
}

/// The values of an evaluation.
///
/// ```
/// use keras_core::trainer::Scores;
/// let scores = Scores::from(vec![("loss".to_owned(), 0.5), ("accuracy".to_owned(), 0.9)]);
/// assert_eq!(scores.get("accuracy")?, 0.9);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores(Vec<(String, f64)>);

impl From<Vec<(String, f64)>> for Scores {
    fn from(values: Vec<(String, f64)>) -> Self {
        Self(values)
    }
}

impl Scores {
    /// The value of `name`.
    ///
    /// # Errors
    /// When the model has no such loss or metric.
    pub fn get(&self, name: &str) -> Result<f64> {
        match self.0.iter().find(|(n, _)| n == name) {
            Some((_, value)) => Ok(*value),
            None => {
                let names = self.0.iter().map(|(n, _)| n.clone()).collect();
                Err(Error::unknown("value of this evaluation", name, names))
            }
        }
    }

    /// Names and values, `loss` first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}
