//! The cross-entropy of yes/no targets.

use keras_core::ops::losses::binary_crossentropy;

use crate::class::loss_class;

loss_class! {
    /// The cross-entropy of yes/no targets: `mean(-t log(p) - (1 - t) log(1 - p))` over `axis`, for targets between 0
    /// and 1. Smoothing makes `t = y_true (1 - label_smoothing) + label_smoothing / 2`.
    ///
    /// Probabilities are kept 1e-7 away from 0 and 1. With `from_logits` the sigmoid is part of the formula, which is
    /// exact for any logit: prefer it over a sigmoid layer.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to that without `axis` before reduction.
    ///
    /// # Errors
    /// When the shapes differ, the axis is out of range or weights do not fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::BinaryCrossentropy;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[0f32, 1., 0., 0.], &Device::Cpu)?;
    /// let p = Tensor::new(&[-18.6f32, 0.51, 2.94, -12.8], &Device::Cpu)?;
    /// let loss: &dyn Loss = &BinaryCrossentropy { from_logits: true, ..Default::default() };
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? - 0.865458).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    BinaryCrossentropy: "binary_crossentropy", ["binary_crossentropy", "bce", "BCE"],
    "Cross-entropy of yes/no targets.", keras;
    {
        /// Whether predictions are before the sigmoid.
        from_logits: bool = false;
        /// Moves targets towards 0.5 by this fraction.
        label_smoothing: f64 = 0.;
        /// The axis averaged over.
        axis: i64 = -1;
    }
    call(self, y_true, y_pred)
        binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis);
}
