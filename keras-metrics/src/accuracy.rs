//! How often predictions are right.

use keras_core::ops::{DType, Tensor, host};
use keras_core::weighting::squeeze_or_expand_to_same_rank;
use keras_core::{Result, bail};

use crate::class::{mean_metric, metric_class};
use crate::labels::{self, Among, Hits, Labels, Listed};

/// `f(t, p)` for each pair of elements.
macro_rules! compare {
    ($name:literal, $y_true:ident, $y_pred:ident, $each:ident, |$t:ident, $p:ident| $f:expr $(, whole $whole:pat)?) => {{
        let (y_true, y_pred) = squeeze_or_expand_to_same_rank($y_true, $y_pred)?;
        if y_true.dims() != y_pred.dims() {
            bail!(
                "{}: `y_true` has shape {:?}, `y_pred` {:?}; they must be the same",
                $name,
                y_true.dims(),
                y_pred.dims()
            );
        }
        let dims = y_true.dims();
        macro_rules! pairs_of {
            ($type:ty) => {
                host::read(&y_true, |t: &[$type]| {
                    host::read(&y_pred, |p: &[$type]| {
                        Ok(Hits::of($each, dims, t.iter().zip(p).map(|($t, $p)| $f)))
                    })
                })
            };
        }
        // In 64 bits where 32 do not hold both.
        Ok(match (y_true.dtype(), y_pred.dtype()) {
            (DType::F32, DType::F32) => pairs_of!(f32),
            $( ($whole, _) if y_true.dtype() == y_pred.dtype() => pairs_of!(i64), )?
            _ => pairs_of!(f64),
        }?)
    }};
}

fn equal(y_true: &Tensor, y_pred: &Tensor, each: bool) -> Result<Hits> {
    let y_true = &labels::alike(y_true, y_pred)?;
    compare!("accuracy", y_true, y_pred, each, |t, p| t == p, whole DType::I64)
}

fn binary(y_true: &Tensor, y_pred: &Tensor, threshold: f64, each: bool) -> Result<Hits> {
    let threshold = match y_pred.dtype() {
        DType::F64 => threshold,
        _ => f64::from(threshold as f32),
    };
    compare!("binary_accuracy", y_true, y_pred, each, |t, p| {
        (*t == 1.) == (*p > threshold as _) && (*t == 1. || *t == 0.)
    })
}

fn categorical(y_true: &Tensor, y_pred: &Tensor, each: bool) -> Result<Hits> {
    let labels = Labels::of_one_hot("categorical_accuracy", y_true, y_pred)?;
    labels::at_largest(y_pred, &labels, each)
}

fn sparse(y_true: &Tensor, y_pred: &Tensor, each: bool) -> Result<Hits> {
    let labels = Labels::of_numbers("sparse_categorical_accuracy", y_true, y_pred)?;
    labels::at_largest(y_pred, &labels, each)
}

fn top_k(y_true: &Tensor, y_pred: &Tensor, k: usize, each: bool) -> Result<Hits> {
    let labels = Labels::of_one_hot("top_k_categorical_accuracy", y_true, y_pred)?;
    labels::rows(y_pred, &labels, each, Among(k))
}

fn sparse_top_k(y_true: &Tensor, y_pred: &Tensor, k: usize, sorted: bool, each: bool) -> Result<Hits> {
    let labels = Labels::of_numbers("sparse_top_k_categorical_accuracy", y_true, y_pred)?;
    match sorted {
        true => labels::rows(y_pred, &labels, each, Listed(k)),
        false => labels::rows(y_pred, &labels, each, Among(k)),
    }
}

/// 1 where a prediction is on the target's side of `threshold`, else 0. See [`BinaryAccuracy`].
///
/// # Errors
/// When the shapes differ.
///
/// ```
/// use keras_metrics::binary_accuracy;
/// use keras_ops::{Device, Tensor};
/// let (y, p) = (Tensor::new(&[1f32, 0., 0.], &Device::Cpu)?, Tensor::new(&[0.6f32, 0.6, 0.5], &Device::Cpu)?);
/// assert_eq!(binary_accuracy(&y, &p, 0.5)?.to_vec1::<f32>()?, [1., 0., 1.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn binary_accuracy(y_true: &Tensor, y_pred: &Tensor, threshold: f64) -> Result<Tensor> {
    binary(y_true, y_pred, threshold, true)?.tensor(y_pred)
}

/// 1 where the largest prediction is at the class of the one-hot target, else 0. See [`CategoricalAccuracy`].
///
/// # Errors
/// When the shapes differ.
///
/// ```
/// use keras_metrics::categorical_accuracy;
/// use keras_ops::{Device, Tensor};
/// let y = Tensor::new(&[[0f32, 1.], [1., 0.]], &Device::Cpu)?;
/// let p = Tensor::new(&[[0.2f32, 0.8], [0.4, 0.6]], &Device::Cpu)?;
/// assert_eq!(categorical_accuracy(&y, &p)?.to_vec1::<f32>()?, [1., 0.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn categorical_accuracy(y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    categorical(y_true, y_pred, true)?.tensor(y_pred)
}

/// 1 where the largest prediction is at the class that the target names, else 0. See
/// [`SparseCategoricalAccuracy`].
///
/// # Errors
/// When there is not one class number for each row.
///
/// ```
/// use keras_metrics::sparse_categorical_accuracy;
/// use keras_ops::{Device, Tensor};
/// let (y, p) = (Tensor::new(&[1u32, 0], &Device::Cpu)?, Tensor::new(&[[0.2f32, 0.8], [0.4, 0.6]], &Device::Cpu)?);
/// assert_eq!(sparse_categorical_accuracy(&y, &p)?.to_vec1::<f32>()?, [1., 0.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn sparse_categorical_accuracy(y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    sparse(y_true, y_pred, true)?.tensor(y_pred)
}

/// 1 where the class of the one-hot target is among the `k` largest predictions, else 0. See
/// [`TopKCategoricalAccuracy`].
///
/// # Errors
/// When the shapes differ.
///
/// ```
/// use keras_metrics::top_k_categorical_accuracy;
/// use keras_ops::{Device, Tensor};
/// let y = Tensor::new(&[[0f32, 0., 1.], [1., 0., 0.]], &Device::Cpu)?;
/// let p = Tensor::new(&[[0.1f32, 0.6, 0.3], [0.2, 0.3, 0.5]], &Device::Cpu)?;
/// assert_eq!(top_k_categorical_accuracy(&y, &p, 2)?.to_vec1::<f32>()?, [1., 0.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn top_k_categorical_accuracy(y_true: &Tensor, y_pred: &Tensor, k: usize) -> Result<Tensor> {
    top_k(y_true, y_pred, k, true)?.tensor(y_pred)
}

/// 1 where the class that the target names is among the `k` largest predictions, else 0. See
/// [`SparseTopKCategoricalAccuracy`].
///
/// # Errors
/// When there is not one class number for each row.
///
/// ```
/// use keras_metrics::sparse_top_k_categorical_accuracy;
/// use keras_ops::{Device, Tensor};
/// let y = Tensor::new(&[2u32, 0], &Device::Cpu)?;
/// let ids = Tensor::new(&[[1f32, 2., 0.], [1., 2., 0.]], &Device::Cpu)?; // the most likely first
/// assert_eq!(sparse_top_k_categorical_accuracy(&y, &ids, 2, true)?.to_vec1::<f32>()?, [1., 0.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn sparse_top_k_categorical_accuracy(
    y_true: &Tensor,
    y_pred: &Tensor,
    k: usize,
    from_sorted_ids: bool,
) -> Result<Tensor> {
    sparse_top_k(y_true, y_pred, k, from_sorted_ids, true)?.tensor(y_pred)
}

mean_metric! {
    /// How often predictions equal targets exactly: `mean(y_true == y_pred)`, from 0 to 1.
    ///
    /// Targets become the predictions' dtype first: 1.7 counts as 1 beside predictions that are whole numbers.
    ///
    /// Keras: `keras.metrics.Accuracy`. `"accuracy"` in `compile` means this one only where it is given as an object:
    /// by name it is the accuracy that fits the shapes.
    ///
    /// # Shapes
    /// Two of the same shape, or one with a last axis of 1 more.
    ///
    /// # Errors
    /// When the shapes differ, or the sample weights do not fit them.
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
    values(self, y_true, y_pred, each) equal(y_true, y_pred, each);
}

mean_metric! {
    /// How often predictions are on the right side of `threshold`, for targets 0 and 1:
    /// `mean(y_true == (y_pred > threshold))`, from 0 to 1.
    ///
    /// Keras: `keras.metrics.BinaryAccuracy`; R: `metric_binary_accuracy()`.
    ///
    /// # Shapes
    /// Two of the same shape, or one with a last axis of 1 more. The elements of a sample are averaged.
    ///
    /// # Errors
    /// When the shapes differ, or the sample weights do not fit them.
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
    values(self, y_true, y_pred, each) binary(y_true, y_pred, self.threshold, each);
}

mean_metric! {
    /// How often the largest prediction is at the class that the one-hot target has:
    /// `mean(argmax(y_true) == argmax(y_pred))`, from 0 to 1. Of equal predictions the first counts.
    ///
    /// Keras: `keras.metrics.CategoricalAccuracy`; R: `metric_categorical_accuracy()`.
    ///
    /// # Shapes
    /// `[batch, .., classes]` twice.
    ///
    /// # Errors
    /// When the shapes differ, or the sample weights do not fit `[batch, ..]`.
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
    values(self, y_true, y_pred, each) categorical(y_true, y_pred, each);
}

mean_metric! {
    /// How often the largest prediction is at the class that the target names:
    /// `mean(y_true == argmax(y_pred))`, from 0 to 1. Of equal predictions the first counts; a target that is no class
    /// is never right.
    ///
    /// Keras: `keras.metrics.SparseCategoricalAccuracy`; R: `metric_sparse_categorical_accuracy()`.
    ///
    /// # Shapes
    /// Class numbers `[batch, ..]` or `[batch, .., 1]`, and `[batch, .., classes]`.
    ///
    /// # Errors
    /// When there is not one class number for each row, or the sample weights do not fit `[batch, ..]`.
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
    values(self, y_true, y_pred, each) sparse(y_true, y_pred, each);
}

mean_metric! {
    /// How often the class of the one-hot target is among the `k` largest predictions, from 0 to 1: fewer than `k` are
    /// larger than the target's.
    ///
    /// Keras: `keras.metrics.TopKCategoricalAccuracy`; R: `metric_top_k_categorical_accuracy()`.
    ///
    /// # Shapes
    /// `[batch, .., classes]` twice.
    ///
    /// # Errors
    /// When the shapes differ, or the sample weights do not fit `[batch, ..]`.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::TopKCategoricalAccuracy;
    /// use keras_ops::{Device, Tensor};
    /// let mut accuracy = TopKCategoricalAccuracy::new().k(2);
    /// let y = Tensor::new(&[[0f32, 0., 1.], [1., 0., 0.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0.1f32, 0.6, 0.3], [0.2, 0.3, 0.5]], &Device::Cpu)?;
    /// accuracy.update_state(&y, &p, None)?;
    /// assert_eq!(accuracy.result()?.to_scalar::<f32>()?, 0.5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    TopKCategoricalAccuracy: "top_k_categorical_accuracy", ["top_k_categorical_accuracy"],
    "How often the one-hot target's class is among the k most likely.", Some(true);
    {
        /// How many predictions count.
        k: usize = 5;
    }
    values(self, y_true, y_pred, each) top_k(y_true, y_pred, self.k, each);
}

mean_metric! {
    /// How often the class that the target names is among the `k` largest predictions, from 0 to 1: fewer than `k` are
    /// larger than the target's.
    ///
    /// Keras: `keras.metrics.SparseTopKCategoricalAccuracy`; R: `metric_sparse_top_k_categorical_accuracy()`.
    ///
    /// # Shapes
    /// Class numbers `[batch, ..]` or `[batch, .., 1]`, and `[batch, .., classes]`.
    ///
    /// # Errors
    /// When there is not one class number for each row, or the sample weights do not fit `[batch, ..]`.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::SparseTopKCategoricalAccuracy;
    /// use keras_ops::{Device, Tensor};
    /// let mut accuracy = SparseTopKCategoricalAccuracy::new().k(2);
    /// let y = Tensor::new(&[2u32, 0], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0.1f32, 0.6, 0.3], [0.2, 0.3, 0.5]], &Device::Cpu)?;
    /// accuracy.update_state(&y, &p, None)?;
    /// assert_eq!(accuracy.result()?.to_scalar::<f32>()?, 0.5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    SparseTopKCategoricalAccuracy: "sparse_top_k_categorical_accuracy", ["sparse_top_k_categorical_accuracy"],
    "How often the target is among the k most likely.", Some(true);
    {
        /// How many predictions count.
        k: usize = 5;
        /// Whether predictions are class numbers, the most likely first.
        from_sorted_ids: bool = false;
    }
    values(self, y_true, y_pred, each) sparse_top_k(y_true, y_pred, self.k, self.from_sorted_ids, each);
}
