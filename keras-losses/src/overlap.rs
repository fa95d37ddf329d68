//! Losses of how well two sets overlap.

use keras_core::ops::losses;

use crate::class::loss_class;

loss_class! {
    /// How little two sets overlap: `1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred) + 1e-7)` over `axis`.
    ///
    /// # Shapes
    /// Two of the same shape, to that without `axis` before reduction; without `axis`, one value for the whole batch.
    ///
    /// # Errors
    /// When the shapes differ, an axis is out of range or weights do not fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::{Loss, Reduction};
    /// use keras_losses::Dice;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[[1f32, 0.], [1., 0.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[1f32, 0.], [0., 1.]], &Device::Cpu)?;
    /// let whole: &dyn Loss = &Dice::default();
    /// assert_eq!(whole.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 0.5);
    /// let each: &dyn Loss = &Dice { axis: Some(vec![1]), reduction: Reduction::None, ..Dice::default() };
    /// assert_eq!(each.apply(&y, &p, None, None)?.to_vec1::<f32>()?, [0., 1.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Dice: "dice", ["dice"],
    "How little two sets overlap.", keras;
    {
        /// The axes of a set; `None` is all.
        axis: Option<Vec<i64>> = None;
    }
    call(self, y_true, y_pred) losses::dice(y_true, y_pred, self.axis.as_deref());
}

loss_class! {
    /// How little two sets overlap, with a cost for each kind of error: `1 - i / (i + alpha f + beta n + 1e-7)` over
    /// `axis`, where `i = sum(y_true y_pred)`, `f = sum(y_true (1 - y_pred))` and `n = sum(y_pred (1 - y_true))`.
    /// alpha = beta = 0.5 is [`Dice`].
    ///
    /// As Keras computes it, `alpha` is the cost of targets that were missed, though Keras's documents call them false
    /// positives.
    ///
    /// Source: Salehi, Erdogmus and Gholipour, "Tversky loss function for image segmentation", 2017.
    ///
    /// # Shapes
    /// Two of the same shape, to that without `axis` before reduction; without `axis`, one value for the whole batch.
    ///
    /// # Errors
    /// When the shapes differ, an axis is out of range or weights do not fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::Tversky;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[1f32, 1., 0., 0.], &Device::Cpu)?;
    /// let p = Tensor::new(&[1f32, 0., 1., 0.], &Device::Cpu)?; // one right, one missed, one too many
    /// let loss: &dyn Loss = &Tversky { alpha: 1., beta: 2., ..Tversky::default() };
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 0.75); // 1 - 1 / (1 + 1 + 2)
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Tversky: "tversky", ["tversky"],
    "How little two sets overlap, with costs for each kind of error.", keras;
    {
        /// The cost of `f`, what was missed.
        alpha: f64 = 0.5;
        /// The cost of `n`, what was too much.
        beta: f64 = 0.5;
        /// The axes of a set; `None` is all.
        axis: Option<Vec<i64>> = None;
    }
    call(self, y_true, y_pred) losses::tversky(y_true, y_pred, self.alpha, self.beta, self.axis.as_deref());
}
