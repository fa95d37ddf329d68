use std::path::Path;

use keras_core::random::{next_seed, set_random_seed};
use keras_core::{Error, Result};
use keras_runs::Trials;
use serde_json::{Map, Value};

/// What flags may be, as a file says.
#[derive(Debug)]
pub(super) struct Space {
    pub(super) flags: Vec<(String, Choice)>,
}

#[derive(Debug)]
pub(super) enum Choice {
    Values(Vec<Value>),
    Range {
        min: f64,
        max: f64,
        log: bool,
        integer: bool,
    },
}

impl Space {
    /// From YAML or JSON: `units: [16, 32]`, or `rate: {min: 1e-4, max: 0.1, log: true}`.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "cannot read the flags", e))?;
        let all: Value =
            serde_saphyr::from_str(&text).map_err(|e| Error::file(path, format!("no YAML: {e}")))?;
        let all = match all {
            Value::Object(all) if !all.is_empty() => all,
            _ => {
                return Err(Error::file(
                    path,
                    "expected flags with their values: `units: [16, 32]`",
                ));
            }
        };
        let choice = |(name, value): (String, Value)| {
            let choice = Choice::of(value).map_err(|e| Error::file(path, format!("flag `{name}`: {e}")))?;
            Ok((name, choice))
        };
        let flags = all.into_iter().map(choice).collect::<Result<_>>()?;
        Ok(Self { flags })
    }

    /// All combinations.
    pub(super) fn grid(&self) -> Result<Trials> {
        let values = |(name, choice): &(String, Choice)| match choice {
            Choice::Values(values) => Ok((name.clone(), values.clone())),
            Choice::Range { .. } => Err(Error::invalid(format!(
                "--grid: the flag `{name}` has a range; give a list of its values, or use --random"
            ))),
        };
        let flags: Vec<_> = self.flags.iter().map(values).collect::<Result<_>>()?;
        Trials::grid(flags)
    }

    /// At most `wanted` different rows that depend on `seed` alone; the first are the same when more are wanted.
    pub(super) fn random(&self, wanted: usize, seed: u64) -> Trials {
        set_random_seed(seed);
        let mut rows: Vec<Map<String, Value>> = Vec::new();
        // Among few combinations the last are hard to meet.
        for _ in 0..wanted.saturating_mul(100) {
            if rows.len() == wanted {
                break;
            }
            let row = self.draw();
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        Trials::of(rows)
    }

    /// The part of a run's flags that is a row of these, if it has them all.
    pub(super) fn row_of(&self, flags: &Map<String, Value>) -> Option<Map<String, Value>> {
        let value = |(name, _): &(String, Choice)| Some((name.clone(), flags.get(name)?.clone()));
        self.flags.iter().map(value).collect()
    }

    /// A row at random, from this thread's seed.
    pub(super) fn draw(&self) -> Map<String, Value> {
        let draw = |(name, choice): &(String, Choice)| (name.clone(), choice.draw());
        self.flags.iter().map(draw).collect()
    }
}

impl Choice {
    fn of(value: Value) -> Result<Self> {
        match value {
            Value::Array(values) if values.is_empty() => Err(Error::invalid("the list has no value")),
            Value::Array(values) => Ok(Self::Values(values)),
            Value::Object(range) => Self::range(&range),
            one => Ok(Self::Values(vec![one])),
        }
    }

    fn range(range: &Map<String, Value>) -> Result<Self> {
        let known = ["min", "max", "log", "integer"].map(str::to_owned);
        if let Some(name) = range.keys().find(|name| !known.contains(name)) {
            return Err(Error::unknown("setting of a range", name, known.to_vec()));
        }
        let number = |name: &str| {
            let number = range.get(name).and_then(Value::as_f64).filter(|n| n.is_finite());
            number.ok_or_else(|| Error::invalid(format!("a range needs a number `{name}`")))
        };
        let truth = |name: &str| match range.get(name) {
            None => Ok(false),
            Some(Value::Bool(truth)) => Ok(*truth),
            Some(other) => Err(Error::invalid(format!(
                "`{name}` must be true or false, got {other}"
            ))),
        };
        let (min, max) = (number("min")?, number("max")?);
        let (log, integer) = (truth("log")?, truth("integer")?);
        if min >= max {
            return Err(Error::invalid(format!(
                "min must be less than max, got {min} and {max}"
            )));
        }
        if log && min <= 0. {
            return Err(Error::invalid(format!(
                "with `log` min must be more than 0, got {min}"
            )));
        }
        let whole = |n: f64| n.fract() == 0. && n.abs() < 9e15;
        if integer && !(whole(min) && whole(max)) {
            return Err(Error::invalid(format!(
                "with `integer` min and max must be whole, got {min} and {max}"
            )));
        }
        Ok(Self::Range {
            min,
            max,
            log,
            integer,
        })
    }

    /// A value at random, from this thread's seed.
    pub(super) fn draw(&self) -> Value {
        match self {
            Self::Values(values) => {
                let at = (uniform() * values.len() as f64) as usize;
                values.get(at).cloned().unwrap_or_default()
            }
            Self::Range { .. } => self.at(uniform()),
        }
    }

    /// The ends of a range as it is drawn from: by logarithms, and with each whole number, the last one too, having a
    /// part of the same length.
    fn ends(&self) -> (f64, f64) {
        let Self::Range {
            min,
            max,
            log,
            integer,
        } = self
        else {
            return (0., 1.);
        };
        let max = if *integer { max + 1. } else { *max };
        match log {
            true => (min.ln(), max.ln()),
            false => (*min, max),
        }
    }

    /// The value at a place from 0 to 1 of a range.
    pub(super) fn at(&self, place: f64) -> Value {
        let Self::Range {
            min,
            max,
            log,
            integer,
        } = self
        else {
            return Value::Null;
        };
        let (low, high) = self.ends();
        let value = low + place * (high - low);
        let value = if *log { value.exp() } else { value };
        match integer {
            true => Value::from(value.floor().clamp(*min, *max) as i64),
            false => Value::from(value.clamp(*min, *max)),
        }
    }

    /// Where a value of a range is, from 0 to 1.
    pub(super) fn place(&self, value: &Value) -> Option<f64> {
        let Self::Range { log, integer, .. } = self else {
            return None;
        };
        let value = value.as_f64()? + if *integer { 0.5 } else { 0. };
        let (low, high) = self.ends();
        let value = if *log { value.ln() } else { value };
        Some(((value - low) / (high - low)).clamp(0., 1.))
    }
}

/// From 0 to 1, without 1, from this thread's seed.
pub(super) fn uniform() -> f64 {
    (next_seed() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(text: &str) -> Result<Space> {
        let folder = tempfile::tempdir().map_err(Error::user)?;
        let file = folder.path().join("space.yml");
        std::fs::write(&file, text).map_err(Error::user)?;
        Space::read(&file)
    }

    #[test]
    fn draws_stay_in_their_ranges_and_are_repeatable() -> Result<()> {
        let space =
            space("n: {min: 1, max: 3, integer: true}\nr: {min: 1e-4, max: 1, log: true}\nk: [a, b]\n")?;
        let rows = space.random(200, 7);
        assert_eq!(rows.len(), 200);
        for n in 1..=3 {
            assert!(rows.rows().iter().filter(|row| row["n"] == n).count() > 30);
        }
        let rates: Vec<f64> = rows.rows().iter().filter_map(|row| row["r"].as_f64()).collect();
        assert!(rates.iter().all(|r| (1e-4..=1.).contains(r)));
        // By logarithms half of them lie below the middle, 0.01.
        assert!((70..130).contains(&rates.iter().filter(|r| **r < 0.01).count()));
        assert_eq!(space.random(10, 7).rows(), &rows.rows()[..10]);
        assert_ne!(space.random(10, 8).rows(), &rows.rows()[..10]);
        Ok(())
    }

    #[test]
    fn few_combinations_are_drawn_once_each() -> Result<()> {
        let space = space("{\"a\": [1, 2], \"b\": true}")?;
        assert_eq!(space.random(50, 0).len(), 2);
        assert_eq!(space.grid()?.len(), 2);
        Ok(())
    }
}
