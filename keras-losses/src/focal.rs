//! Focal cross-entropies: what is already right counts less.

use keras_core::ops::losses;

use crate::PerClass;
use crate::class::loss_class;

loss_class! {
    /// The binary cross-entropy times `(1 - p_t)^gamma`, `p_t` being the probability given to the target: what is
    /// already right counts less. The mean over `axis`; with `apply_class_balancing` positive targets weigh `alpha`
    /// and negative ones `1 - alpha`.
    ///
    /// Probabilities are kept 1e-7 away from 0 and 1 in the logarithm, also those from logits, as in Keras.
    ///
    /// Source: Lin et al., "Focal Loss for Dense Object Detection", 2018.
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
    /// use keras_losses::BinaryFocalCrossentropy;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[1f32]], &Device::Cpu)?, Tensor::new(&[[0.5f32]], &Device::Cpu)?);
    /// let loss: &dyn Loss = &BinaryFocalCrossentropy::default();
    /// let expected = 0.5f32.powi(2) * 2f32.ln();
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? - expected).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    BinaryFocalCrossentropy: "binary_focal_crossentropy", ["binary_focal_crossentropy"],
    "Binary cross-entropy of what is not right yet.", keras;
    {
        /// Whether `alpha` is used.
        apply_class_balancing: bool = false;
        /// The weight of class 1; class 0 has `1 - alpha`.
        alpha: f64 = 0.25;
        /// How much less right predictions count; 0 is the plain cross-entropy.
        gamma: f64 = 2.;
        /// Whether predictions are before the sigmoid.
        from_logits: bool = false;
        /// Moves targets towards 0.5 by this fraction.
        label_smoothing: f64 = 0.;
        /// The axis averaged over.
        axis: i64 = -1;
    }
    call(self, y_true, y_pred) losses::binary_focal_crossentropy(
        y_true,
        y_pred,
        self.apply_class_balancing.then_some(self.alpha),
        self.gamma,
        self.from_logits,
        self.label_smoothing,
        self.axis,
    );
}

loss_class! {
    /// `-sum(alpha (1 - p)^gamma t log(p))` over `axis`, for one-hot targets: the categorical cross-entropy where
    /// classes that are already right count less. `p` is `y_pred` divided by its sum and kept 1e-7 away from 0 and 1,
    /// or its softmax.
    ///
    /// Source: Lin et al., "Focal Loss for Dense Object Detection", 2018.
    ///
    /// # Shapes
    /// `[batch, .., classes]` twice, to that without `axis` before reduction.
    ///
    /// # Errors
    /// When the shapes differ, the axis is out of range, `alpha` has not one number for each class, or weights do not
    /// fit.
    ///
    /// # Differs from Keras
    /// A list `alpha` goes along `axis`, the classes; in Keras along the last axis, whichever the classes are on. A
    /// row of zeros has the value of a probability of 1e-7; in Keras it is NaN.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::CategoricalFocalCrossentropy;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[0f32, 1.]], &Device::Cpu)?, Tensor::new(&[[0.5f32, 0.5]], &Device::Cpu)?);
    /// let loss: &dyn Loss = &CategoricalFocalCrossentropy { alpha: [0.1, 0.4].into(), ..Default::default() };
    /// let expected = 0.4 * 0.5f32.powi(2) * 2f32.ln();
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? - expected).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    CategoricalFocalCrossentropy: "categorical_focal_crossentropy", ["categorical_focal_crossentropy"],
    "Categorical cross-entropy of what is not right yet.", keras;
    {
        /// The weight of all classes, or of each.
        alpha: PerClass = PerClass::from(0.25);
        /// How much less right predictions count; 0 is the plain cross-entropy.
        gamma: f64 = 2.;
        /// Whether predictions are before the softmax.
        from_logits: bool = false;
        /// Moves this fraction of the targets' mass to all classes evenly.
        label_smoothing: f64 = 0.;
        /// The axis of the classes.
        axis: i64 = -1;
    }
    call(self, y_true, y_pred) losses::categorical_focal_crossentropy(
        y_true,
        y_pred,
        &self.alpha,
        self.gamma,
        self.from_logits,
        self.label_smoothing,
        self.axis,
    );
}
