//! Weights of samples by their class.

use keras_ops::Tensor;
use rustc_hash::FxHashMap;

use super::Samples;
use crate::{Result, bail};

/// Weights by label; labels without one count 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClassWeight(FxHashMap<i64, f64>);

impl ClassWeight {
    pub(crate) fn insert(&mut self, label: i64, weight: f64) {
        self.0.insert(label, weight);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn check(&self, classes: Option<usize>) -> Result<()> {
        let mut labels: Vec<_> = self.0.iter().map(|(label, weight)| (*label, *weight)).collect();
        labels.sort_by_key(|(label, _)| *label);
        for (label, weight) in labels {
            if !weight.is_finite() {
                bail!("class_weight of class {label} must be a finite number, got {weight}");
            }
            if classes.is_some_and(|classes| label < 0 || label >= classes as i64) {
                bail!(
                    "class_weight names class {label}, but the model has {} classes, counted from 0",
                    classes.unwrap_or_default()
                );
            }
        }
        Ok(())
    }

    /// The weight of each sample of `y`: of the largest of its last axis, or of the rounded number where that axis
    /// is missing or 1.
    pub(crate) fn of(&self, y: &Tensor) -> Result<Tensor> {
        let labels = match y.dims() {
            [] | [_] => y.clone(),
            [lead @ .., 1] => y.reshape(lead)?,
            _ => keras_ops::argmax(y, Some(-1), false)?,
        };
        if labels.rank() != 1 {
            bail!(
                "class_weight needs one class a sample: y of shape (samples,), (samples, 1) or, one-hot, (samples, \
                 classes); got {:?}",
                y.dims()
            );
        }
        let labels: Vec<f64> = keras_ops::host::read(&labels, |v: &[f64]| Ok(v.to_vec()))?;
        let weight = |label: &f64| {
            let label = label.round_ties_even() as i64;
            self.0.get(&label).copied().unwrap_or(1.) as f32
        };
        let weights: Vec<f32> = labels.iter().map(weight).collect();
        Ok(Tensor::from_vec(weights, labels.len(), y.device())?)
    }

    /// Weighs samples, where there are class weights.
    pub(crate) fn apply(&self, samples: &mut Samples) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let [y] = samples.y.as_slice() else {
            bail!("class_weight needs a model with one output and its targets")
        };
        if !samples.w.is_empty() {
            bail!(
                "class_weight and sample_weight cannot be given together; multiply the sample weights by hand"
            );
        }
        samples.w = vec![self.of(y)?];
        Ok(())
    }
}

/// The weights of samples by their class, as `fit` makes them of `class_weight`: for `train_on_batch`, or to be
/// multiplied by other weights.
///
/// # Errors
/// When `y` has more than one class a sample.
///
/// ```
/// use keras_core::data::class_weights;
/// use keras_core::ops::{Device, Tensor};
/// let y = Tensor::new(&[0u32, 2, 1], &Device::Cpu)?;
/// assert_eq!(class_weights(&y, [(1, 0.5), (2, 3.)])?.to_vec1::<f32>()?, [1., 3., 0.5]);
/// let one_hot = Tensor::new(&[[0f32, 1.], [1., 0.]], &Device::Cpu)?;
/// assert_eq!(class_weights(&one_hot, [(1, 0.5)])?.to_vec1::<f32>()?, [0.5, 1.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn class_weights(y: &Tensor, weights: impl IntoIterator<Item = (i64, f64)>) -> Result<Tensor> {
    let weights = ClassWeight(weights.into_iter().collect());
    weights.check(None)?;
    weights.of(y)
}
