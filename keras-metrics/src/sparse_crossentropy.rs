//! The cross-entropy of class numbers.

use keras_core::Reduction;
use keras_core::ops::losses;
use keras_core::weighting::apply_mask;

use crate::class::metric_class;
use crate::functions::sparse_categorical_crossentropy;
use crate::state::{Running, scalar};

metric_class! {
    /// The mean of `-log(y_pred[y_true])`, in nats.
    ///
    /// As in Keras, positions labelled `ignore_class` have the value 0 and still count in the mean, except when sample
    /// weights are given. [`Perplexity`](crate::Perplexity) leaves them out always.
    ///
    /// Keras: `keras.metrics.SparseCategoricalCrossentropy`; R: `metric_sparse_categorical_crossentropy()`.
    ///
    /// # Shapes
    /// Class numbers `[batch, ..]` or `[batch, .., 1]`, and `[batch, .., classes]`. A sample counts once, however many
    /// positions it has.
    ///
    /// # Errors
    /// When the shapes do not fit, a label is no class, or the sample weights do not fit `[batch, ..]`.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::SparseCategoricalCrossentropy;
    /// use keras_ops::{Device, Tensor};
    /// let mut metric = SparseCategoricalCrossentropy::new();
    /// let (y, p) = (Tensor::new(&[1u32, 0], &Device::Cpu)?, Tensor::new(&[[0.5f32, 0.5], [0.25, 0.75]], &Device::Cpu)?);
    /// metric.update_state(&y, &p, None)?;
    /// assert!((metric.result()?.to_scalar::<f32>()? - 1.5 * 2f32.ln()).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    SparseCategoricalCrossentropy: "sparse_categorical_crossentropy", ["sparse_categorical_crossentropy"],
    "Cross-entropy of class numbers.";
    {
        /// Whether predictions are before the softmax.
        from_logits: bool = false;
        /// The label of positions to leave out.
        ignore_class: Option<i64> = None;
        /// The axis of the classes.
        axis: i64 = -1;
    }
    state(made): Running = Running::new(made.dtype);
    update(self, y_true, y_pred, weights) {
        let ignore = self.ignore_class;
        let values = sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, ignore, self.axis)?;
        let weights = match (weights, ignore) {
            (Some(weights), Some(class)) => {
                let mask = losses::not_ignored(y_true, class)?.reshape(values.shape())?;
                Some(apply_mask(Some(weights), &mask, values.dtype(), Reduction::Sum)?)
            }
            (weights, _) => weights.cloned(),
        };
        self.state.add(&values, weights.as_ref())
    }
    result(self) {
        scalar(self.state.mean()?, self.dtype)
    }
    {
        fn uses_mask(&self) -> bool {
            true
        }

        fn larger_is_better(&self) -> Option<bool> {
            Some(false)
        }
    }
}
