//! Losses that differ only by a formula for one target and one prediction, averaged over the last axis.

use keras_core::ops::losses;
use keras_core::{Result, bail};

use crate::class::loss_class;

loss_class! {
    /// The mean of absolute differences: `mean(|y_true - y_pred|)` over the last axis.
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
    /// use keras_losses::MeanAbsoluteError;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[[0f32, 1.], [0., 0.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[1f32, 1.], [1., 4.]], &Device::Cpu)?;
    /// let loss: &dyn Loss = &MeanAbsoluteError::default();
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 1.5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    MeanAbsoluteError: "mean_absolute_error", ["mean_absolute_error", "mae", "MAE"],
    "Mean of absolute differences.", keras;
    {}
    call(self, y_true, y_pred) losses::mean_absolute_error(y_true, y_pred);
}

loss_class! {
    /// The mean of absolute differences in percent of the target: `100 mean(|y_true - y_pred| / max(|y_true|, 1e-7))`
    /// over the last axis.
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
    /// use keras_losses::MeanAbsolutePercentageError;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[2f32, 4.]], &Device::Cpu)?, Tensor::new(&[[1f32, 5.]], &Device::Cpu)?);
    /// let loss: &dyn Loss = &MeanAbsolutePercentageError::default();
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 37.5); // 50 % and 25 %
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    MeanAbsolutePercentageError: "mean_absolute_percentage_error",
    ["mean_absolute_percentage_error", "mape", "MAPE"],
    "Mean of absolute differences in percent of the target.", keras;
    {}
    call(self, y_true, y_pred) losses::mean_absolute_percentage_error(y_true, y_pred);
}

loss_class! {
    /// The mean of squared differences of logarithms: `mean((log(1 + y_true) - log(1 + y_pred))^2)` over the last
    /// axis. Targets and predictions below 1e-7 are raised to it.
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
    /// use keras_losses::MeanSquaredLogarithmicError;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[0f32, 1.]], &Device::Cpu)?, Tensor::new(&[[1f32, 1.]], &Device::Cpu)?);
    /// let loss: &dyn Loss = &MeanSquaredLogarithmicError::default();
    /// let expected = 2f32.ln().powi(2) / 2.;
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? - expected).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    MeanSquaredLogarithmicError: "mean_squared_logarithmic_error",
    ["mean_squared_logarithmic_error", "msle", "MSLE"],
    "Mean of squared differences of logarithms.", keras;
    {}
    call(self, y_true, y_pred) losses::mean_squared_logarithmic_error(y_true, y_pred);
}

loss_class! {
    /// Squared near 0, linear beyond `delta`: the mean over the last axis of `e^2 / 2` where `|e| <= delta`, else
    /// `delta |e| - delta^2 / 2`, with `e = y_pred - y_true`.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    ///
    /// # Errors
    /// When the shapes differ or weights do not fit.
    ///
    /// # Differs from Keras
    /// `delta` is part of the configuration, which Keras forgets.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::Huber;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[0f32, 0.], &Device::Cpu)?, Tensor::new(&[1f32, 4.], &Device::Cpu)?);
    /// let loss: &dyn Loss = &Huber { delta: 2., ..Huber::default() };
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 3.25); // 1/2 and 6
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Huber: "huber_loss", ["huber", "huber_loss"],
    "Squared near 0, linear beyond delta.", keras;
    {
        /// Where the loss becomes linear.
        delta: f64 = 1.;
    }
    call(self, y_true, y_pred) losses::huber(y_true, y_pred, self.delta);
}

loss_class! {
    /// The mean of `log(cosh(y_pred - y_true))` over the last axis: like half the square near 0, like
    /// `|e| - log(2)` far from it.
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
    /// use keras_losses::LogCosh;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[0f32, 1.]], &Device::Cpu)?, Tensor::new(&[[1f32, 1.]], &Device::Cpu)?);
    /// let loss: &dyn Loss = &LogCosh::default();
    /// let expected = 1f32.cosh().ln() / 2.;
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? - expected).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    LogCosh: "log_cosh", ["log_cosh", "logcosh"],
    "Logarithm of the hyperbolic cosine of the difference.", keras;
    {}
    call(self, y_true, y_pred) losses::log_cosh(y_true, y_pred);
}

loss_class! {
    /// The negative log-likelihood of counts, but for what depends on the counts alone:
    /// `mean(y_pred - y_true log(y_pred + 1e-7))` over the last axis.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    ///
    /// # Errors
    /// When the shapes differ or weights do not fit. Predictions are rates, 0 or more: a negative one gives NaN.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::Poisson;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[1f32, 3.]], &Device::Cpu)?, Tensor::new(&[[1f32, 2.]], &Device::Cpu)?);
    /// let loss: &dyn Loss = &Poisson::default();
    /// let expected = (1. + 2. - 3. * 2f32.ln()) / 2.;
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? - expected).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Poisson: "poisson", ["poisson"],
    "Negative log-likelihood of counts.", keras;
    {}
    call(self, y_true, y_pred) losses::poisson(y_true, y_pred);
}

loss_class! {
    /// The margin of two classes: `mean(max(1 - y_true y_pred, 0))` over the last axis. Targets are -1 or 1; where
    /// all of a batch are 0 or 1, they are taken as -1 and 1.
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
    /// use keras_losses::Hinge;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[-1f32, 1.]], &Device::Cpu)?, Tensor::new(&[[0.5f32, 0.5]], &Device::Cpu)?);
    /// let loss: &dyn Loss = &Hinge::default();
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 1.); // 1.5 and 0.5
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Hinge: "hinge", ["hinge"],
    "Margin of two classes.", keras;
    {}
    call(self, y_true, y_pred) losses::hinge(y_true, y_pred);
}

loss_class! {
    /// The squared margin of two classes: `mean(max(1 - y_true y_pred, 0)^2)` over the last axis. Targets are -1 or 1;
    /// where all of a batch are 0 or 1, they are taken as -1 and 1.
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
    /// use keras_losses::SquaredHinge;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[-1f32, 1.]], &Device::Cpu)?, Tensor::new(&[[0.5f32, 0.5]], &Device::Cpu)?);
    /// let loss: &dyn Loss = &SquaredHinge::default();
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 1.25); // 2.25 and 0.25
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    SquaredHinge: "squared_hinge", ["squared_hinge"],
    "Squared margin of two classes.", keras;
    {}
    call(self, y_true, y_pred) losses::squared_hinge(y_true, y_pred);
}

loss_class! {
    /// The quantile (pinball) loss: the mean over the last axis of `quantile e` where `e = y_true - y_pred` is
    /// positive and `(quantile - 1) e` elsewhere. Least where predictions are that quantile of the targets: with 0.9,
    /// nine targets in ten are below. 0.5 is half the absolute error, and the median.
    ///
    /// Source: Koenker and Bassett, "Regression Quantiles", Econometrica, 1978. The same as scikit-learn's
    /// `mean_pinball_loss`.
    ///
    /// # Shapes
    /// `[batch, .., n]` twice, to `[batch, ..]` before reduction.
    ///
    /// # Errors
    /// When the quantile is not between 0 and 1, the shapes differ or weights do not fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::Quantile;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[3f32, 1.], &Device::Cpu)?, Tensor::new(&[1f32, 3.], &Device::Cpu)?);
    /// let loss: &dyn Loss = &Quantile { quantile: 0.75, ..Quantile::default() };
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 1.); // 1.5 and 0.5
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Quantile: "quantile", ["quantile", "pinball"],
    "Absolute differences, above and below at different costs.", own;
    {
        /// Which quantile predictions are to be.
        quantile: f64 = 0.5;
    }
    call(self, y_true, y_pred) losses::pinball(y_true, y_pred, self.quantile);
    valid(loss) within_unit("Quantile", "quantile", loss.quantile);
}

/// # Errors
/// When `value` is not between 0 and 1.
pub(crate) fn within_unit(class: &str, argument: &str, value: f64) -> Result<()> {
    if value > 0. && value < 1. {
        return Ok(());
    }
    bail!("{class}: `{argument}` must be between 0 and 1, both excluded; got {value}")
}
