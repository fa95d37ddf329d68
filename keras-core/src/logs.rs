//! The numbers that callbacks see, computed only when someone reads them.

use std::fmt;
use std::sync::Arc;

use crate::Result;

/// Where lazy numbers come from: the running metrics of a model.
pub trait LogSource: Send + Sync {
    /// The names, in order.
    fn names(&self) -> Vec<String>;
    /// The value of name `index` now.
    ///
    /// # Errors
    /// When the device fails.
    fn value(&self, index: usize) -> Result<f64>;
}

/// Numbers by name, in Keras's order (`loss` first). Reading one may wait for the device; names cost nothing.
///
/// ```
/// use keras_core::Logs;
/// let mut logs = Logs::new();
/// logs.set("loss", 0.5);
/// logs.set("val_loss", 0.7);
/// assert_eq!(logs.get("loss")?, Some(0.5));
/// assert_eq!(logs.names(), ["loss", "val_loss"]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Logs {
    source: Option<Arc<dyn LogSource>>,
    values: Vec<(String, f64)>,
}

impl Logs {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lazy numbers of `source`.
    pub fn lazy(source: Arc<dyn LogSource>) -> Self {
        Self {
            source: Some(source),
            values: Vec::new(),
        }
    }

    /// The names, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.source.as_ref().map(|s| s.names()).unwrap_or_default();
        for (name, _) in &self.values {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// The number called `name`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn get(&self, name: &str) -> Result<Option<f64>> {
        if let Some((_, value)) = self.values.iter().find(|(n, _)| n == name) {
            return Ok(Some(*value));
        }
        let Some(source) = &self.source else {
            return Ok(None);
        };
        source
            .names()
            .iter()
            .position(|n| n == name)
            .map(|i| source.value(i))
            .transpose()
    }

    /// Adds or replaces a number.
    pub fn set(&mut self, name: &str, value: f64) {
        match self.values.iter_mut().find(|(n, _)| n == name) {
            Some((_, slot)) => *slot = value,
            None => self.values.push((name.to_owned(), value)),
        }
    }

    /// Everything, in order.
    ///
    /// # Errors
    /// When the device fails.
    pub fn to_vec(&self) -> Result<Vec<(String, f64)>> {
        self.names()
            .into_iter()
            .map(|name| {
                let value = self.get(&name)?.unwrap_or(f64::NAN);
                Ok((name, value))
            })
            .collect()
    }

    /// The same numbers, read now: later batches don't change them.
    ///
    /// # Errors
    /// When the device fails.
    pub fn read(&self) -> Result<Self> {
        Ok(Self {
            source: None,
            values: self.to_vec()?,
        })
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_vec() {
            Ok(values) => f.debug_map().entries(values).finish(),
            Err(_) => write!(f, "Logs({:?})", self.names()),
        }
    }
}

impl FromIterator<(String, f64)> for Logs {
    fn from_iter<I: IntoIterator<Item = (String, f64)>>(values: I) -> Self {
        Self {
            source: None,
            values: values.into_iter().collect(),
        }
    }
}
