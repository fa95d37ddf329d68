//! The cross-entropy of class numbers.

use keras_core::ops::losses::{not_ignored, sparse_categorical_crossentropy};

use crate::class::loss_class;
use crate::labels::check_labels;

loss_class! {
    /// The cross-entropy when targets are class numbers: `-log(p[y_true])`.
    ///
    /// Predictions are divided by their sum and kept 1e-7 away from 0 and 1. With `from_logits` the softmax is part of
    /// the formula. Positions labelled `ignore_class` count neither in the sum nor in the mean.
    ///
    /// # Shapes
    /// `[batch, ..]` or `[batch, .., 1]`, and `[batch, .., classes]`, to `[batch, ..]` before reduction.
    ///
    /// # Errors
    /// When a label is not a class (found before the first step of a run, with its position), or the shapes or weights
    /// do not fit.
    ///
    /// # Differs from Keras
    /// `axis` is part of the configuration, which Keras forgets. A label that is no class is an error; Keras gives
    /// 0, NaN or an error, by backend. A row of zeros has the value of a probability of 1e-7; in Keras it is NaN.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::SparseCategoricalCrossentropy;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[1u32, 2], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0.05f32, 0.95, 0.], [0.1, 0.8, 0.1]], &Device::Cpu)?;
    /// let loss: &dyn Loss = &SparseCategoricalCrossentropy::default();
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? - 1.1769392).abs() < 1e-5);
    /// let wrong = Tensor::new(&[1u32, 3], &Device::Cpu)?;
    /// let error = loss.check_targets(&wrong, &[None, Some(3)]).unwrap_err().to_string();
    /// assert!(error.contains("label 3 at [1]"), "{error}");
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    SparseCategoricalCrossentropy: "sparse_categorical_crossentropy", ["sparse_categorical_crossentropy"],
    "Cross-entropy of class numbers.", keras;
    {
        /// Whether predictions are before the softmax.
        from_logits: bool = false;
        /// The label of positions to leave out.
        ignore_class: Option<i64> = None;
        /// The axis of the classes.
        axis: i64 = -1;
    }
    call(self, y_true, y_pred)
        sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis);
    labels |loss, y_true, output| check_labels(&loss.name, y_true, output, loss.axis, loss.ignore_class);
    mask(self, y_true, values) match self.ignore_class {
        Some(class) => Ok(Some(not_ignored(y_true, class)?.reshape(values.shape())?)),
        None => Ok(None),
    };
}
