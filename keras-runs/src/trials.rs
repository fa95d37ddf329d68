use keras_core::ops::random::{Seed, permutation};
use keras_core::{Result, bail};
use serde_json::{Map, Value};

use crate::{RunInfo, Status};

/// Rows of flags to train with: a grid, or rows of your own.
///
/// ```
/// use keras_runs::Trials;
/// let trials = Trials::grid([("units", vec![16, 32, 64]), ("layers", vec![1, 2])])?;
/// assert_eq!(trials.len(), 6);
/// // The first flag varies fastest, as in R.
/// assert_eq!(trials.rows()[1]["units"], 32);
/// assert_eq!(trials.rows()[3]["layers"], 2);
/// assert_eq!(trials.sample(0.5, 42)?.len(), 3);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trials {
    rows: Vec<Map<String, Value>>,
}

impl Trials {
    /// All combinations of the values given for each flag.
    ///
    /// # Errors
    /// When a flag has no value, or there are more than a million combinations.
    pub fn grid<K, V>(flags: impl IntoIterator<Item = (K, Vec<V>)>) -> Result<Self>
    where
        K: Into<String>,
        V: Into<Value>,
    {
        const MOST: usize = 1_000_000;
        let mut rows = vec![Map::new()];
        for (name, values) in flags {
            let name = name.into();
            let values: Vec<Value> = values.into_iter().map(Into::into).collect();
            if values.is_empty() {
                bail!("grid: the flag `{name}` has no value");
            }
            if rows.len().saturating_mul(values.len()) > MOST {
                bail!("grid: more than {MOST} combinations; give fewer values, or rows of your own");
            }
            let longer = values.iter().flat_map(|value| {
                rows.iter().map(|row| {
                    let mut row = row.clone();
                    row.insert(name.clone(), value.clone());
                    row
                })
            });
            rows = longer.collect();
        }
        if rows.first().is_some_and(Map::is_empty) {
            rows.clear();
        }
        Ok(Self { rows })
    }

    /// These rows.
    pub fn of(rows: impl IntoIterator<Item = Map<String, Value>>) -> Self {
        Self {
            rows: rows.into_iter().collect(),
        }
    }

    /// A part of them, at least one, in an order that depends on `seed` alone. With 1 it is all of them, shuffled.
    ///
    /// # Errors
    /// When `part` is not more than 0 and at most 1.
    pub fn sample(mut self, part: f64, seed: u64) -> Result<Self> {
        if !(part > 0. && part <= 1.) {
            bail!("sample must be more than 0 and at most 1, got {part}");
        }
        let wanted = (part * self.rows.len() as f64).ceil() as usize;
        let order = permutation(self.rows.len(), Seed::new(seed, 0));
        self.rows = order
            .into_iter()
            .take(wanted)
            .map(|at| self.rows[at as usize].clone())
            .collect();
        Ok(self)
    }

    /// Those that no run in `runs` has finished: none is done with these values of these flags.
    #[must_use]
    pub fn remaining(mut self, runs: &[RunInfo]) -> Self {
        let done: Vec<&RunInfo> = runs.iter().filter(|run| run.status == Status::Done).collect();
        self.rows.retain(|row| !done.iter().any(|run| has(run, row)));
        self
    }

    /// The rows, in the order in which they are to be trained.
    pub fn rows(&self) -> &[Map<String, Value>] {
        &self.rows
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Whether a run was started with these flags; it may have others.
fn has(run: &RunInfo, row: &Map<String, Value>) -> bool {
    let row = crate::metadata::scalars(row.clone());
    row.iter().all(|(name, value)| {
        let other = run.flags.get(name);
        // 1 and 1.0 are the same, also if one of them came as a text.
        let same = other.and_then(crate::Cell::from_value) == crate::Cell::from_value(value);
        let number = |value: &Value| crate::Cell::from_value(value).and_then(|cell| cell.number());
        same || other.is_some_and(|other| number(other).is_some() && number(other) == number(value))
    })
}
