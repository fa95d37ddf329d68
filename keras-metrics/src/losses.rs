//! Losses as metrics: the mean of a loss function's values over samples.

use keras_core::ops::{self, DType, Tensor, losses};
use keras_core::weighting::{apply_mask, squeeze_or_expand_to_same_rank};
use keras_core::{Reduction, Result};

use crate::class::{mean_metric, metric_class};
use crate::state::{Running, scalar};

/// Targets and predictions of one float dtype, their ranks adjusted.
pub(crate) fn pair(y_true: &Tensor, y_pred: &Tensor) -> Result<(Tensor, Tensor)> {
    let dtype = if y_pred.dtype() == DType::F64 {
        DType::F64
    } else {
        DType::F32
    };
    Ok(squeeze_or_expand_to_same_rank(
        &ops::cast(y_true, dtype)?,
        &ops::cast(y_pred, dtype)?,
    )?)
}

macro_rules! loss_metrics {
    ($(
        $(#[$doc:meta])*
        $class:ident: $name:literal, [$($alias:literal),*], $line:literal, $larger:expr;
        { $( $(#[$arg_doc:meta])* $arg:ident: $type:ty = $default:expr; )* }
        |$self:ident, $t:ident, $p:ident| $body:expr;
    )*) => { $(
        mean_metric! {
            $(#[$doc])*
            $class: $name, [$($alias),*], $line, $larger;
            { $( $(#[$arg_doc])* $arg: $type = $default; )* }
            values($self, y_true, y_pred) {
                let ($t, $p) = pair(y_true, y_pred)?;
                let ($t, $p) = (&$t, &$p);
                $body
            };
        }
    )* };
}

loss_metrics! {
    /// The mean of `(y_true - y_pred)^2`.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::MeanSquaredError;
    /// use keras_ops::{Device, Tensor};
    /// let mut metric = MeanSquaredError::new();
    /// let (y, p) = (Tensor::new(&[[0f32, 1.], [0., 0.]], &Device::Cpu)?, Tensor::new(&[[1f32, 1.], [0., 0.]], &Device::Cpu)?);
    /// metric.update_state(&y, &p, None)?;
    /// assert_eq!(metric.result()?.to_scalar::<f32>()?, 0.25);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    MeanSquaredError: "mean_squared_error", ["mean_squared_error", "mse", "MSE"],
    "Mean of squared differences.", Some(false);
    {}
    |self, t, p| losses::mean_squared_error(t, p);
    /// The mean of `|y_true - y_pred|`.
    MeanAbsoluteError: "mean_absolute_error", ["mean_absolute_error", "mae", "MAE"],
    "Mean of absolute differences.", Some(false);
    {}
    |self, t, p| losses::mean_absolute_error(t, p);
    /// The mean of `100 |y_true - y_pred| / max(|y_true|, 1e-7)`.
    MeanAbsolutePercentageError: "mean_absolute_percentage_error",
    ["mean_absolute_percentage_error", "mape", "MAPE"],
    "Mean of absolute differences in percent of the target.", Some(false);
    {}
    |self, t, p| losses::mean_absolute_percentage_error(t, p);
    /// The mean of `(log(1 + y_true) - log(1 + y_pred))^2`.
    MeanSquaredLogarithmicError: "mean_squared_logarithmic_error",
    ["mean_squared_logarithmic_error", "msle", "MSLE"],
    "Mean of squared differences of logarithms.", Some(false);
    {}
    |self, t, p| losses::mean_squared_logarithmic_error(t, p);
    /// The mean cosine of the angle between targets and predictions along `axis`.
    CosineSimilarity: "cosine_similarity", ["cosine_similarity"], "Cosine of the angle.", Some(true);
    {
        /// The axis of the vectors.
        axis: i64 = -1;
    }
    |self, t, p| losses::cosine_similarity(t, p, self.axis);
    /// The mean of `log(cosh(y_pred - y_true))`.
    LogCoshError: "logcosh", ["log_cosh_error", "log_cosh", "logcosh"],
    "Logarithm of the hyperbolic cosine of the difference.", Some(false);
    {}
    |self, t, p| losses::log_cosh(t, p);
    /// The mean of `y_pred - y_true log(y_pred)`.
    Poisson: "poisson", ["poisson"], "Negative log-likelihood of counts.", Some(false);
    {}
    |self, t, p| losses::poisson(t, p);
    /// The mean of `sum(y_true log(y_true / y_pred))`.
    KLDivergence: "kl_divergence", ["kl_divergence", "kld", "KLD"], "Kullback-Leibler divergence.", Some(false);
    {}
    |self, t, p| losses::kl_divergence(t, p);
    /// The mean of `max(1 - y_true y_pred, 0)`.
    Hinge: "hinge", ["hinge"], "Margin of two classes.", Some(false);
    {}
    |self, t, p| losses::hinge(t, p);
    /// The mean of `max(1 - y_true y_pred, 0)^2`.
    SquaredHinge: "squared_hinge", ["squared_hinge"], "Squared margin of two classes.", Some(false);
    {}
    |self, t, p| losses::squared_hinge(t, p);
    /// The mean of `max(max((1 - y_true) y_pred) - sum(y_true y_pred) + 1, 0)`.
    CategoricalHinge: "categorical_hinge", ["categorical_hinge"], "Margin of several classes.", Some(false);
    {}
    |self, t, p| losses::categorical_hinge(t, p);
    /// The mean binary cross-entropy.
    BinaryCrossentropy: "binary_crossentropy", ["binary_crossentropy", "bce", "BCE"],
    "Cross-entropy of yes/no targets.", Some(false);
    {
        /// Whether predictions are before the sigmoid.
        from_logits: bool = false;
        /// Moves targets towards 0.5 by this fraction.
        label_smoothing: f64 = 0.;
    }
    |self, t, p| losses::binary_crossentropy(t, p, self.from_logits, self.label_smoothing, -1);
    /// The mean cross-entropy of one-hot targets.
    CategoricalCrossentropy: "categorical_crossentropy", ["categorical_crossentropy"],
    "Cross-entropy of one-hot targets.", Some(false);
    {
        /// Whether predictions are before the softmax.
        from_logits: bool = false;
        /// Moves this fraction of the targets' mass to all classes evenly.
        label_smoothing: f64 = 0.;
        /// The axis of the classes.
        axis: i64 = -1;
    }
    |self, t, p| losses::categorical_crossentropy(t, p, self.from_logits, self.label_smoothing, self.axis);
}

metric_class! {
    /// The mean cross-entropy of class numbers.
    ///
    /// As in Keras, positions labelled `ignore_class` have the value 0 and still count in the mean, except when
    /// sample weights are given.
    SparseCategoricalCrossentropy: "sparse_categorical_crossentropy", ["sparse_categorical_crossentropy"],
    "Cross-entropy of class numbers.";
    {
        /// Whether predictions are before the softmax.
        from_logits: bool = false;
        /// The label of positions to leave out.
        ignore_class: Option<i64> = None;
        /// The axis of the classes.
        axis: i64 = -1;
    }
    state(made): Running = Running::new(made.dtype);
    {

    fn variables(&self) -> Vec<keras_core::Variable> {
        self.state.variables()
    }

    fn update_state(&mut self, y_true: &Tensor, y_pred: &Tensor, sample_weight: Option<&Tensor>) -> Result<()> {
        let ignore = self.ignore_class;
        let values = losses::sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, ignore, self.axis)?;
        let weights = match (sample_weight, ignore) {
            (Some(weights), Some(class)) => {
                let mask = losses::not_ignored(y_true, class)?.reshape(values.shape())?;
                Some(apply_mask(Some(weights), &mask, values.dtype(), Reduction::Sum)?)
            }
            (weights, _) => weights.cloned(),
        };
        self.state.add(&values, weights.as_ref())
    }

    fn result(&self) -> Result<Tensor> {
        self.state.result()
    }

    fn uses_mask(&self) -> bool {
        true
    }

    fn larger_is_better(&self) -> Option<bool> {
        Some(false)
    }
    }
}

metric_class! {
    /// The square root of the mean of `(y_true - y_pred)^2`.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::RootMeanSquaredError;
    /// use keras_ops::{Device, Tensor};
    /// let mut metric = RootMeanSquaredError::new();
    /// let (y, p) = (Tensor::new(&[0f32, 0.], &Device::Cpu)?, Tensor::new(&[3f32, 3.], &Device::Cpu)?);
    /// metric.update_state(&y, &p, None)?;
    /// assert_eq!(metric.result()?.to_scalar::<f32>()?, 3.);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RootMeanSquaredError: "root_mean_squared_error", ["root_mean_squared_error", "rmse", "RMSE"],
    "Square root of the mean of squared differences.";
    {}
    state(made): Running = Running::new(made.dtype);
    {

    fn variables(&self) -> Vec<keras_core::Variable> {
        self.state.variables()
    }

    fn update_state(&mut self, y_true: &Tensor, y_pred: &Tensor, sample_weight: Option<&Tensor>) -> Result<()> {
        let (y_true, y_pred) = pair(y_true, y_pred)?;
        if y_true.dims() != y_pred.dims() {
            keras_core::bail!(
                "root_mean_squared_error: `y_true` has shape {:?}, `y_pred` {:?}; they must be the same",
                y_true.dims(),
                y_pred.dims()
            );
        }
        let squares = ops::square(&ops::subtract(&y_pred, &y_true)?)?;
        self.state.add(&squares, sample_weight)
    }

    fn result(&self) -> Result<Tensor> {
        scalar(self.state.mean()?.sqrt(), self.dtype)
    }

    fn larger_is_better(&self) -> Option<bool> {
        Some(false)
    }
    }
}
