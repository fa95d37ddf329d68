//! The cross-entropy of one-hot targets.

use keras_core::ops::losses::categorical_crossentropy;

use crate::class::loss_class;

loss_class! {
    /// The cross-entropy of one-hot targets, or of any distribution over classes: `-sum(t log(p))` over `axis`.
    /// Smoothing makes `t = y_true (1 - label_smoothing) + label_smoothing / classes`.
    ///
    /// Predictions are divided by their sum and kept 1e-7 away from 0 and 1. With `from_logits` the softmax is part of
    /// the formula. For class numbers as targets see [`SparseCategoricalCrossentropy`](crate::SparseCategoricalCrossentropy).
    ///
    /// # Shapes
    /// `[batch, .., classes]` twice, to that without `axis` before reduction.
    ///
    /// # Errors
    /// When the shapes differ, the axis is out of range or weights do not fit.
    ///
    /// # Differs from Keras
    /// A row of zeros has the value of a probability of 1e-7; in Keras it is NaN.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::CategoricalCrossentropy;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[[0f32, 1., 0.], [0., 0., 1.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0.05f32, 0.95, 0.], [0.1, 0.8, 0.1]], &Device::Cpu)?;
    /// let loss: &dyn Loss = &CategoricalCrossentropy::default();
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? - 1.1769392).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    CategoricalCrossentropy: "categorical_crossentropy", ["categorical_crossentropy"],
    "Cross-entropy of one-hot targets.", keras;
    {
        /// Whether predictions are before the softmax.
        from_logits: bool = false;
        /// Moves this fraction of the targets' mass to all classes evenly.
        label_smoothing: f64 = 0.;
        /// The axis of the classes.
        axis: i64 = -1;
    }
    call(self, y_true, y_pred)
        categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis);
}
