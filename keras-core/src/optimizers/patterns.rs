//! Regular expressions that pick variables.

use regex::Regex;
use serde_json::Value;

use crate::config::{FromValue, IntoValue, Reader};
use crate::{Arg, Error, Result};

/// Regular expressions, as Keras takes them to pick variables; plain names are ones too.
///
/// ```
/// use keras_core::optimizers::Patterns;
/// let patterns = Patterns::from(["bias", "gamma$"]);
/// assert!(patterns.find_in("batch_norm_gamma")?);
/// assert!(!patterns.find_in("gamma_kernel")?);
/// assert!(Patterns::from(["("]).find_in("kernel").is_err());
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patterns(Vec<String>);

impl Patterns {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is found anywhere in `text`.
    ///
    /// # Errors
    /// When one is no regular expression.
    pub fn find_in(&self, text: &str) -> Result<bool> {
        for pattern in &self.0 {
            if compile(pattern, pattern)?.is_match(text) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether `pattern` is `text`, or matches all of it as a regular expression.
///
/// # Errors
/// When it is no regular expression.
pub(super) fn matches_all(pattern: &str, text: &str) -> Result<bool> {
    Ok(pattern == text || compile(pattern, &format!(r"\A(?:{pattern})\z"))?.is_match(text))
}

fn compile(given: &str, pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim();
        Error::invalid(format!(
            "`{given}` is no regular expression ({}); write `\\` before signs that stand for themselves",
            why.trim_start_matches("error: ")
        ))
    })
}

impl<S: Into<String>, const N: usize> From<[S; N]> for Patterns {
    fn from(patterns: [S; N]) -> Self {
        Self(patterns.into_iter().map(Into::into).collect())
    }
}

impl<const N: usize> From<&[&str; N]> for Patterns {
    fn from(patterns: &[&str; N]) -> Self {
        patterns.as_slice().into()
    }
}

impl From<&[&str]> for Patterns {
    fn from(patterns: &[&str]) -> Self {
        Self(patterns.iter().map(|p| (*p).to_owned()).collect())
    }
}

impl From<Vec<String>> for Patterns {
    fn from(patterns: Vec<String>) -> Self {
        Self(patterns)
    }
}

impl FromValue for Patterns {
    const EXPECTED: &'static str = "a list of strings";

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(one) => Some(Self(vec![one.clone()])),
            many => Vec::from_value(many).map(Self),
        }
    }
}

impl Arg for Patterns {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
        reader.or_null(key, default)
    }

    fn write(&self) -> Value {
        let values: Vec<Value> = self.0.iter().map(|p| p.as_str().into()).collect();
        values.into_value()
    }
}
