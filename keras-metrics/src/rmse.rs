//! The square root of the mean squared error.

use keras_core::ops::{self, Tensor};

use crate::class::metric_class;
use crate::functions::{mean_of_all, mean_squared_error, pair, same_shape};
use crate::state::{Running, scalar};

metric_class! {
    /// The square root of the mean of `(y_true - y_pred)^2`, in the targets' unit.
    ///
    /// Keras: `keras.metrics.RootMeanSquaredError`; R: `metric_root_mean_squared_error()`.
    ///
    /// # Shapes
    /// Two of the same shape `[batch, ..]`, or one with a last axis of 1 more. Unlike with
    /// [`MeanSquaredError`](crate::MeanSquaredError), every element of a vector `[batch]` is a sample.
    ///
    /// # Errors
    /// When the shapes differ, or the sample weights do not fit them.
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
    update(self, y_true, y_pred, weights) {
        let (y_true, y_pred): (Tensor, Tensor) = pair(y_true, y_pred)?;
        same_shape("root_mean_squared_error", &y_true, &y_pred)?;
        if weights.is_none() && y_pred.elem_count() > 0 {
            return self.state.add(&mean_of_all(&y_true, &y_pred, mean_squared_error)?, None);
        }
        let squares = ops::square(&ops::subtract(&y_pred, &y_true)?)?;
        self.state.add(&squares, weights)
    }
    result(self) {
        scalar(self.state.mean()?.sqrt(), self.dtype)
    }
    {
        fn larger_is_better(&self) -> Option<bool> {
            Some(false)
        }
    }
}
