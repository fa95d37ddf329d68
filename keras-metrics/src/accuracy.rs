//! How often predictions are right.

use keras_core::ops::{DType, Tensor, host};
use keras_core::weighting::squeeze_or_expand_to_same_rank;
use keras_core::{Result, bail};

use crate::class::{mean_metric, metric_class};
use crate::labels::{self, Labels};
use crate::state::Values;

/// `f(t, p)` for each pair of elements, 1 where it holds.
fn compare(name: &str, y_true: &Tensor, y_pred: &Tensor, f: impl Fn(f64, f64) -> bool) -> Result<Values> {
    let (y_true, y_pred) = squeeze_or_expand_to_same_rank(y_true, y_pred)?;
    if y_true.dims() != y_pred.dims() {
        bail!(
            "{name}: `y_true` has shape {:?}, `y_pred` {:?}; they must be the same",
            y_true.dims(),
            y_pred.dims()
        );
    }
    let single = y_true.dtype() == DType::F32 && y_pred.dtype() == DType::F32;
    let data = if single {
        host::read(&y_true, |t: &[f32]| {
            host::read(&y_pred, |p: &[f32]| {
                Ok(t.iter()
                    .zip(p)
                    .map(|(t, p)| f(*t as f64, *p as f64) as u8 as f32)
                    .collect())
            })
        })
    } else {
        host::read(&y_true, |t: &[f64]| {
            host::read(&y_pred, |p: &[f64]| {
                Ok(t.iter().zip(p).map(|(t, p)| f(*t, *p) as u8 as f32).collect())
            })
        })
    }?;
    Ok(Values {
        data,
        dims: y_true.dims().to_vec(),
    })
}

mean_metric! {
    /// How often predictions equal targets exactly.
    ///
    /// # Shapes
    /// Two of the same shape.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::Accuracy;
    /// use keras_ops::{Device, Tensor};
    /// let mut accuracy = Accuracy::new();
    /// let (y, p) = (Tensor::new(&[1f32, 2., 3., 4.], &Device::Cpu)?, Tensor::new(&[0f32, 2., 3., 4.], &Device::Cpu)?);
    /// accuracy.update_state(&y, &p, None)?;
    /// assert_eq!(accuracy.result()?.to_scalar::<f32>()?, 0.75);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Accuracy: "accuracy", ["accuracy", "acc"], "How often predictions equal targets.", Some(true);
    {}
    values(self, y_true, y_pred) compare("accuracy", y_true, y_pred, |t, p| t == p);
}

mean_metric! {
    /// How often predictions are on the right side of `threshold`, for targets 0 and 1.
    ///
    /// # Shapes
    /// Two of the same shape.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::BinaryAccuracy;
    /// use keras_ops::{Device, Tensor};
    /// let mut accuracy = BinaryAccuracy::new().threshold(0.7);
    /// let (y, p) = (Tensor::new(&[1f32, 1., 0., 0.], &Device::Cpu)?, Tensor::new(&[0.98f32, 1., 0., 0.6], &Device::Cpu)?);
    /// accuracy.update_state(&y, &p, None)?;
    /// assert_eq!(accuracy.result()?.to_scalar::<f32>()?, 1.);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    BinaryAccuracy: "binary_accuracy", ["binary_accuracy"], "How often yes/no predictions are right.", Some(true);
    {
        /// Above it a prediction means 1.
        threshold: f64 = 0.5;
    }
    values(self, y_true, y_pred) {
        let threshold = if y_pred.dtype() == DType::F64 { self.threshold } else { self.threshold as f32 as f64 };
        compare("binary_accuracy", y_true, y_pred, |t, p| t == (p > threshold) as u8 as f64)
    };
}

mean_metric! {
    /// How often the largest prediction is at the class that the one-hot target has.
    ///
    /// # Shapes
    /// `[batch, .., classes]` twice.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::CategoricalAccuracy;
    /// use keras_ops::{Device, Tensor};
    /// let mut accuracy = CategoricalAccuracy::new();
    /// let y = Tensor::new(&[[0f32, 0., 1.], [0., 1., 0.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0.1f32, 0.9, 0.8], [0.05, 0.95, 0.]], &Device::Cpu)?;
    /// accuracy.update_state(&y, &p, None)?;
    /// assert_eq!(accuracy.result()?.to_scalar::<f32>()?, 0.5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    CategoricalAccuracy: "categorical_accuracy", ["categorical_accuracy"],
    "How often the most likely class is the one-hot target's.", Some(true);
    {}
    values(self, y_true, y_pred) {
        let labels = Labels::of_one_hot("categorical_accuracy", y_true, y_pred)?;
        labels::rows(y_pred, &labels, |label, row| labels::argmax(row) as i64 == label)
    };
}

mean_metric! {
    /// How often the largest prediction is at the class that the target names.
    ///
    /// # Shapes
    /// Class numbers `[batch, ..]` or `[batch, .., 1]`, and `[batch, .., classes]`.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::SparseCategoricalAccuracy;
    /// use keras_ops::{Device, Tensor};
    /// let mut accuracy = SparseCategoricalAccuracy::new();
    /// let y = Tensor::new(&[2u32, 1], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0.1f32, 0.6, 0.3], [0.05, 0.95, 0.]], &Device::Cpu)?;
    /// accuracy.update_state(&y, &p, None)?;
    /// assert_eq!(accuracy.result()?.to_scalar::<f32>()?, 0.5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    SparseCategoricalAccuracy: "sparse_categorical_accuracy", ["sparse_categorical_accuracy"],
    "How often the most likely class is the target.", Some(true);
    {}
    values(self, y_true, y_pred) {
        let labels = Labels::of_numbers("sparse_categorical_accuracy", y_true, y_pred)?;
        labels::rows(y_pred, &labels, |label, row| labels::argmax(row) as i64 == label)
    };
}

mean_metric! {
    /// How often the class of the one-hot target is among the `k` largest predictions.
    ///
    /// # Shapes
    /// `[batch, .., classes]` twice.
    TopKCategoricalAccuracy: "top_k_categorical_accuracy", ["top_k_categorical_accuracy"],
    "How often the one-hot target's class is among the k most likely.", Some(true);
    {
        /// How many predictions count.
        k: usize = 5;
    }
    values(self, y_true, y_pred) {
        let labels = Labels::of_one_hot("top_k_categorical_accuracy", y_true, y_pred)?;
        labels::rows(y_pred, &labels, |label, row| labels::in_top_k(row, label, self.k))
    };
}

mean_metric! {
    /// How often the class that the target names is among the `k` largest predictions.
    ///
    /// # Shapes
    /// Class numbers `[batch, ..]` or `[batch, .., 1]`, and `[batch, .., classes]`.
    SparseTopKCategoricalAccuracy: "sparse_top_k_categorical_accuracy", ["sparse_top_k_categorical_accuracy"],
    "How often the target is among the k most likely.", Some(true);
    {
        /// How many predictions count.
        k: usize = 5;
        /// Whether predictions are class numbers, the most likely first.
        from_sorted_ids: bool = false;
    }
    values(self, y_true, y_pred) {
        let labels = Labels::of_numbers("sparse_top_k_categorical_accuracy", y_true, y_pred)?;
        labels::rows(y_pred, &labels, |label, row| {
            if self.from_sorted_ids {
                row.iter().take(self.k).any(|id| *id as i64 == label)
            } else {
                labels::in_top_k(row, label, self.k)
            }
        })
    };
}
