//! Losses that differ only by a formula for one target and one prediction, averaged over the last axis.

use keras_core::ops::losses;

use crate::class::loss_class;

loss_class! {
    /// `mean(|y_true - y_pred|)` over the last axis.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    ///
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::MeanAbsoluteError;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[[0f32, 1.], [0., 0.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[1f32, 1.], [1., 4.]], &Device::Cpu)?;
    /// let loss: &dyn Loss = &MeanAbsoluteError::default();
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 1.5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    MeanAbsoluteError: "mean_absolute_error", ["mean_absolute_error", "mae", "MAE"],
    "Mean of absolute differences.";
    {}
    call(self, y_true, y_pred) losses::mean_absolute_error(y_true, y_pred);
}

loss_class! {
    /// `100 mean(|y_true - y_pred| / max(|y_true|, 1e-7))` over the last axis.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    MeanAbsolutePercentageError: "mean_absolute_percentage_error",
    ["mean_absolute_percentage_error", "mape", "MAPE"],
    "Mean of absolute differences in percent of the target.";
    {}
    call(self, y_true, y_pred) losses::mean_absolute_percentage_error(y_true, y_pred);
}

loss_class! {
    /// `mean((log(1 + y_true) - log(1 + y_pred))^2)` over the last axis, values below 1e-7 raised to it.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    MeanSquaredLogarithmicError: "mean_squared_logarithmic_error",
    ["mean_squared_logarithmic_error", "msle", "MSLE"],
    "Mean of squared differences of logarithms.";
    {}
    call(self, y_true, y_pred) losses::mean_squared_logarithmic_error(y_true, y_pred);
}

loss_class! {
    /// Squared near 0, linear beyond `delta`: `e^2 / 2` where `|e| <= delta`, else `delta |e| - delta^2 / 2`.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    ///
    /// # Differs from Keras
    /// `delta` is part of the configuration, which Keras forgets.
    ///
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::Huber;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[0f32, 0.], &Device::Cpu)?, Tensor::new(&[1f32, 4.], &Device::Cpu)?);
    /// let loss: &dyn Loss = &Huber { delta: 2., ..Huber::default() };
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 3.25);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Huber: "huber_loss", ["huber", "huber_loss"],
    "Squared near 0, linear beyond delta.";
    {
        /// Where the loss becomes linear.
        delta: f64 = 1.;
    }
    call(self, y_true, y_pred) losses::huber(y_true, y_pred, self.delta);
}

loss_class! {
    /// `mean(log(cosh(y_pred - y_true)))` over the last axis.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    LogCosh: "log_cosh", ["log_cosh", "logcosh"],
    "Logarithm of the hyperbolic cosine of the difference.";
    {}
    call(self, y_true, y_pred) losses::log_cosh(y_true, y_pred);
}

loss_class! {
    /// `mean(y_pred - y_true log(y_pred + 1e-7))` over the last axis: for counts.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    Poisson: "poisson", ["poisson"],
    "Negative log-likelihood of counts.";
    {}
    call(self, y_true, y_pred) losses::poisson(y_true, y_pred);
}

loss_class! {
    /// `mean(max(1 - y_true y_pred, 0))` over the last axis. Targets are -1 or 1; 0 and 1 become -1 and 1.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    Hinge: "hinge", ["hinge"],
    "Margin of two classes.";
    {}
    call(self, y_true, y_pred) losses::hinge(y_true, y_pred);
}

loss_class! {
    /// `mean(max(1 - y_true y_pred, 0)^2)` over the last axis. Targets are -1 or 1; 0 and 1 become -1 and 1.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    SquaredHinge: "squared_hinge", ["squared_hinge"],
    "Squared margin of two classes.";
    {}
    call(self, y_true, y_pred) losses::squared_hinge(y_true, y_pred);
}
