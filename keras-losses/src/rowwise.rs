//! Losses of whole rows: divergence, margin, angle.

use keras_core::ops::{self, losses};

use crate::class::loss_class;

loss_class! {
    /// The Kullback-Leibler divergence: `sum(y_true log(y_true / y_pred))` over the last axis, both kept within
    /// `[1e-7, 1]`.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    ///
    /// # Errors
    /// When the shapes differ or weights do not fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::KLDivergence;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[0.5f32, 0.5]], &Device::Cpu)?, Tensor::new(&[[0.25f32, 0.75]], &Device::Cpu)?);
    /// let loss: &dyn Loss = &KLDivergence::default();
    /// let expected = 0.5 * (2f32.ln() + (2f32 / 3.).ln());
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? - expected).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    KLDivergence: "kl_divergence", ["kl_divergence", "kld", "KLD", "kullback_leibler_divergence"],
    "Kullback-Leibler divergence.", keras;
    {}
    call(self, y_true, y_pred) losses::kl_divergence(y_true, y_pred);
}

loss_class! {
    /// The margin of several classes: `max(max((1 - y_true) y_pred) - sum(y_true y_pred) + 1, 0)` over the last axis,
    /// for one-hot targets.
    ///
    /// # Shapes
    /// `[batch, .., classes]` twice, to `[batch, ..]` before reduction.
    ///
    /// # Errors
    /// When the shapes differ or weights do not fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::CategoricalHinge;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[[0f32, 1., 0.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0.25f32, 0.5, 0.125]], &Device::Cpu)?;
    /// let loss: &dyn Loss = &CategoricalHinge::default();
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 0.75); // 0.25 - 0.5 + 1
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    CategoricalHinge: "categorical_hinge", ["categorical_hinge"],
    "Margin of several classes.", keras;
    {}
    call(self, y_true, y_pred) losses::categorical_hinge(y_true, y_pred);
}

loss_class! {
    /// Minus the cosine of the angle between targets and predictions along `axis`: -1 when they point the same way, 0
    /// when one of them is 0 or they are at right angles.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to that without `axis` before reduction.
    ///
    /// # Errors
    /// When the shapes differ, the axis is out of range or weights do not fit.
    ///
    /// # Differs from Keras
    /// `axis` is part of the configuration, which Keras forgets.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::CosineSimilarity;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[[0f32, 1.], [1., 0.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0f32, 3.], [0., 1.]], &Device::Cpu)?;
    /// let loss: &dyn Loss = &CosineSimilarity::default();
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? + 0.5).abs() < 1e-6); // -1 and 0
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    CosineSimilarity: "cosine_similarity", ["cosine_similarity"],
    "Minus the cosine of the angle.", keras;
    {
        /// The axis of the vectors.
        axis: i64 = -1;
    }
    call(self, y_true, y_pred) ops::neg(&losses::cosine_similarity(y_true, y_pred, self.axis)?);
}
