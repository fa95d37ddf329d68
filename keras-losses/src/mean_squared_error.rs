//! The mean squared error.

use keras_core::ops::losses::mean_squared_error;

use crate::class::loss_class;

loss_class! {
    /// The mean of squared differences: `mean((y_true - y_pred)^2)` over the last axis.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    ///
    /// # Errors
    /// When the shapes differ or weights do not fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::{Loss, Reduction};
    /// use keras_losses::MeanSquaredError;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[[0f32, 1.], [0., 0.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[1f32, 1.], [1., 0.]], &Device::Cpu)?;
    /// let loss: &dyn Loss = &MeanSquaredError::default();
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 0.5);
    /// let w = Tensor::new(&[0.7f32, 0.3], &Device::Cpu)?;
    /// assert_eq!(loss.apply(&y, &p, Some(&w), None)?.to_scalar::<f32>()?, 0.25);
    /// let each: &dyn Loss = &MeanSquaredError { reduction: Reduction::None, ..Default::default() };
    /// assert_eq!(each.apply(&y, &p, None, None)?.to_vec1::<f32>()?, [0.5, 0.5]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    MeanSquaredError: "mean_squared_error", ["mean_squared_error", "mse", "MSE"],
    "Mean of squared differences.", keras;
    {}
    call(self, y_true, y_pred) mean_squared_error(y_true, y_pred);
}
