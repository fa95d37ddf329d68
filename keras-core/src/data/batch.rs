//! One batch, and its tensors in the model's order.

use keras_ops::Tensor;

use super::names::Names;
use super::{Arrays, IntoArrays, Samples};
use crate::{Result, bail};

/// One batch, or one sample of an [`IndexedDataset`](super::IndexedDataset).
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Inputs.
    pub x: Arrays,
    /// Targets.
    pub y: Option<Arrays>,
    /// Sample weights.
    pub sample_weight: Option<Arrays>,
}

impl Batch {
    /// A batch with targets.
    ///
    /// # Errors
    /// When rows differ in length.
    pub fn new(x: impl IntoArrays, y: impl IntoArrays) -> Result<Self> {
        Ok(Self {
            y: Some(y.into_arrays()?),
            ..Self::inputs(x)?
        })
    }

    /// A batch without targets.
    ///
    /// # Errors
    /// When rows differ in length.
    pub fn inputs(x: impl IntoArrays) -> Result<Self> {
        Ok(Self {
            x: x.into_arrays()?,
            ..Self::default()
        })
    }

    /// With a weight a sample.
    ///
    /// # Errors
    /// When rows differ in length.
    pub fn sample_weight(mut self, weight: impl IntoArrays) -> Result<Self> {
        self.sample_weight = Some(weight.into_arrays()?);
        Ok(self)
    }

    /// Samples as one batch: each tensor gets an axis before the others.
    pub(super) fn stack(samples: &[Self]) -> Result<Self> {
        let part = |what: &str, of: fn(&Self) -> Option<&Arrays>| -> Result<Option<Arrays>> {
            let parts: Vec<&Arrays> = samples.iter().filter_map(of).collect();
            match parts.as_slice() {
                [] => Ok(None),
                some if some.len() == samples.len() => Arrays::stack(what, some).map(Some),
                some => bail!(
                    "data: {} of {} samples have {what}; give it for all of them or for none",
                    some.len(),
                    samples.len()
                ),
            }
        };
        Ok(Self {
            x: part("x", |s| Some(&s.x))?.unwrap_or_default(),
            y: part("y", |s| s.y.as_ref())?,
            sample_weight: part("sample_weight", |s| s.sample_weight.as_ref())?,
        })
    }

    /// Its tensors in the model's order. An output that no loss or metric looks at may be left out of y; it gets a
    /// target without elements.
    pub(crate) fn in_order(&self, names: &Names) -> Result<Samples> {
        let x = self.x.in_order("x", &names.inputs)?;
        let len = x.first().and_then(|t| t.dims().first()).copied().unwrap_or(0);
        let y = match &self.y {
            // Predictions have none.
            _ if names.outputs.is_empty() => Vec::new(),
            Some(y) => names.targets("y", y, len)?,
            None if names.any_taught() => bail!("data: targets are missing; give `(x, y)`"),
            None => Vec::new(),
        };
        let w = match &self.sample_weight {
            _ if names.outputs.is_empty() => Vec::new(),
            Some(w) if w.0.len() == 1 && w.0[0].0.is_none() => for_all(&w.0[0].1, names)?,
            Some(w) => names.targets("sample_weight", w, len)?,
            None => Vec::new(),
        };
        Samples::new(x, y, w)
    }
}

/// One sample weight for all outputs, as Keras takes it.
fn for_all(weight: &Tensor, names: &Names) -> Result<Vec<Tensor>> {
    let count = names.outputs.len();
    if count > 1 && !matches!(weight.dims(), [_] | [_, 1]) {
        bail!(
            "data: one sample_weight for {count} outputs must have the shape (samples,), got {:?}; to weigh \
             positions, give one for each output: {}",
            weight.dims(),
            names.outputs.join(", ")
        );
    }
    Ok(vec![weight.clone(); count])
}
