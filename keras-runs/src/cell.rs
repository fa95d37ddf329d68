use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

use crate::number;

/// What stands in a column of a run: see [`RunInfo::get`](crate::RunInfo::get).
///
/// ```
/// use keras_runs::Cell;
/// assert_eq!(Cell::Number(0.5).to_string(), "0.5");
/// assert_eq!(Cell::from("12").number(), Some(12.));
/// assert_eq!(Cell::Truth(true).to_string(), "TRUE");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// A number; NaN and infinity, too.
    Number(f64),
    /// A text.
    Text(String),
    /// True or false.
    Truth(bool),
}

impl Cell {
    /// From JSON; nothing for null. Lists and objects are texts.
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(truth) => Some(Self::Truth(*truth)),
            Value::Number(number) => number.as_f64().map(Self::Number),
            Value::String(text) => Some(Self::from(text.as_str())),
            other => Some(Self::Text(other.to_string())),
        }
    }

    /// As JSON; numbers that are not finite are the texts `"NaN"`, `"Infinity"` and `"-Infinity"`.
    pub fn to_value(&self) -> Value {
        match self {
            // 64 rather than 64.0
            Self::Number(n) if n.fract() == 0. && n.abs() < 9e15 => Value::from(*n as i64),
            Self::Number(n) => number::to_value(*n),
            Self::Text(text) => Value::from(text.as_str()),
            Self::Truth(truth) => Value::from(*truth),
        }
    }

    /// The number that it is or that its text says.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Truth(truth) => Some(f64::from(u8::from(*truth))),
        }
    }

    /// Which comes first: numbers by size, texts by letters, and a number before any text. Nothing for NaN.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a.partial_cmp(&b),
                (Some(_), None) => Some(Ordering::Less),
                (None, Some(_)) => Some(Ordering::Greater),
                (None, None) => Some(self.to_string().cmp(&other.to_string())),
            },
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => f.pad(&number.to_string()),
            Self::Text(text) => f.pad(text),
            Self::Truth(true) => f.pad("TRUE"),
            Self::Truth(false) => f.pad("FALSE"),
        }
    }
}
