//! The numbers that callbacks see, computed only when someone reads them.

use std::fmt;
use std::sync::Arc;

use keras_ops::Tensor;

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
    tensors: Vec<(String, Vec<Tensor>)>,
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
            ..Self::default()
        }
    }

    /// The names, in order: those of the numbers, then those of [`tensors`](Self::tensors).
    pub fn names(&self) -> Vec<String> {
        let mut names = self.number_names();
        names.extend(self.tensors.iter().map(|(name, _)| name.clone()));
        names
    }

    fn number_names(&self) -> Vec<String> {
        let mut names = self.source.as_ref().map(|s| s.names()).unwrap_or_default();
        for (name, _) in &self.values {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// The tensors called `name`: `outputs`, one for each of the model's outputs, at the end of a batch of
    /// prediction.
    ///
    /// ```
    /// use keras_core::Logs;
    /// use keras_core::ops::{Device, Tensor};
    /// let mut logs = Logs::new();
    /// logs.set_tensors("outputs", vec![Tensor::new(&[1f32, 2.], &Device::Cpu)?]);
    /// assert_eq!(logs.names(), ["outputs"]);
    /// assert_eq!(logs.tensors("outputs").map(|t| t[0].dims()), Some([2].as_slice()));
    /// // It is no number.
    /// assert_eq!(logs.get("outputs")?, None);
    /// assert!(logs.to_vec()?.is_empty());
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn tensors(&self, name: &str) -> Option<&[Tensor]> {
        let (_, tensors) = self.tensors.iter().find(|(n, _)| n == name)?;
        Some(tensors)
    }

    /// Adds or replaces tensors.
    pub fn set_tensors(&mut self, name: &str, tensors: Vec<Tensor>) {
        match self.tensors.iter_mut().find(|(n, _)| n == name) {
            Some((_, slot)) => *slot = tensors,
            None => self.tensors.push((name.to_owned(), tensors)),
        }
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

    /// All numbers, in order.
    ///
    /// # Errors
    /// When the device fails.
    pub fn to_vec(&self) -> Result<Vec<(String, f64)>> {
        self.number_names()
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
            tensors: self.tensors.clone(),
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
            values: values.into_iter().collect(),
            ..Self::default()
        }
    }
}
