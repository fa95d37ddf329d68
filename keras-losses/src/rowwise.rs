//! Losses of whole rows: divergence, angle, margins, focal cross-entropies.

use keras_core::ops::{self, losses};

use crate::class::loss_class;

loss_class! {
    /// `sum(y_true log(y_true / y_pred))` over the last axis, both kept within `[1e-7, 1]`.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    KLDivergence: "kl_divergence", ["kl_divergence", "kld", "KLD", "kullback_leibler_divergence"],
    "Kullback-Leibler divergence.";
    {}
    call(self, y_true, y_pred) losses::kl_divergence(y_true, y_pred);
}

loss_class! {
    /// `max(max((1 - y_true) y_pred) - sum(y_true y_pred) + 1, 0)` over the last axis, for one-hot targets.
    ///
    /// # Shapes
    /// `[batch, .., classes]` twice, to `[batch, ..]` before reduction.
    CategoricalHinge: "categorical_hinge", ["categorical_hinge"],
    "Margin of several classes.";
    {}
    call(self, y_true, y_pred) losses::categorical_hinge(y_true, y_pred);
}

loss_class! {
    /// Minus the cosine of the angle between targets and predictions along `axis`: -1 when they point the same way.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to that without `axis` before reduction.
    ///
    /// # Differs from Keras
    /// `axis` is part of the configuration, which Keras forgets.
    ///
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::CosineSimilarity;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[[0f32, 1.], [1., 0.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0f32, 3.], [0., 1.]], &Device::Cpu)?;
    /// let loss: &dyn Loss = &CosineSimilarity::default();
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? + 0.5).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    CosineSimilarity: "cosine_similarity", ["cosine_similarity"],
    "Minus the cosine of the angle.";
    {
        /// The axis of the vectors.
        axis: i64 = -1;
    }
    call(self, y_true, y_pred) ops::neg(&losses::cosine_similarity(y_true, y_pred, self.axis)?);
}

loss_class! {
    /// The binary cross-entropy times `(1 - p_t)^gamma`, `p_t` being the probability given to the target: what is
    /// already right counts less.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    BinaryFocalCrossentropy: "binary_focal_crossentropy", ["binary_focal_crossentropy"],
    "Binary cross-entropy of what is not right yet.";
    {
        /// Whether predictions are before the sigmoid.
        from_logits: bool = false;
        /// Moves targets towards 0.5 by this fraction.
        label_smoothing: f64 = 0.;
        /// The axis averaged over.
        axis: i64 = -1;
        /// Whether `alpha` is used.
        apply_class_balancing: bool = false;
        /// The weight of class 1; class 0 has `1 - alpha`.
        alpha: f64 = 0.25;
        /// How much less right predictions count; 0 is the plain cross-entropy.
        gamma: f64 = 2.;
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
    /// `-sum(alpha (1 - p)^gamma t log(p))` over `axis`, for one-hot targets.
    ///
    /// # Shapes
    /// `[batch, .., classes]` twice, to `[batch, ..]` before reduction.
    CategoricalFocalCrossentropy: "categorical_focal_crossentropy", ["categorical_focal_crossentropy"],
    "Categorical cross-entropy of what is not right yet.";
    {
        /// Whether predictions are before the softmax.
        from_logits: bool = false;
        /// Moves this fraction of the targets' mass to all classes evenly.
        label_smoothing: f64 = 0.;
        /// The axis of the classes.
        axis: i64 = -1;
        /// The weight of all classes.
        alpha: f64 = 0.25;
        /// How much less right predictions count; 0 is the plain cross-entropy.
        gamma: f64 = 2.;
    }
    call(self, y_true, y_pred) losses::categorical_focal_crossentropy(
        y_true,
        y_pred,
        self.alpha,
        self.gamma,
        self.from_logits,
        self.label_smoothing,
        self.axis,
    );
}
