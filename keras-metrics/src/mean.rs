//! Means and sums of plain values.

use keras_core::ops::{DType, Tensor};
use keras_core::weighting::Samplewise;
use keras_core::{Result, bail};

use crate::class::metric_class;
use crate::state::{Running, Samples, Slots, scalar};

fn takes_values(class: &str) -> Result<()> {
    bail!("metric `{class}` takes plain values: call `update_values(values, sample_weight)`")
}

metric_class! {
    /// The weighted mean of values: `sum(values weights) / sum(weights)`, 0 before any.
    ///
    /// Axes after the first are averaged first: a sample counts once.
    ///
    /// Keras: `keras.metrics.Mean`; R: `metric_mean()`.
    ///
    /// # Shapes
    /// Values of any shape, the samples along the first axis; weights as in a loss. The result is a scalar.
    ///
    /// # Errors
    /// When the weights do not fit the values; when it is given targets and predictions.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::Mean;
    /// use keras_ops::{Device, Tensor};
    /// let mut mean = Mean::new();
    /// mean.update_values(&Tensor::new(&[1f32, 3., 5., 7.], &Device::Cpu)?, None)?;
    /// assert_eq!(mean.result()?.to_scalar::<f32>()?, 4.);
    /// mean.reset_state()?;
    /// let weights = Tensor::new(&[1f32, 1., 0., 0.], &Device::Cpu)?;
    /// mean.update_values(&Tensor::new(&[1f32, 3., 5., 7.], &Device::Cpu)?, Some(&weights))?;
    /// assert_eq!(mean.result()?.to_scalar::<f32>()?, 2.);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Mean: "mean", ["mean"], "Mean of values.";
    {}
    state(made): Running = Running::new(made.dtype);
    update(self, _y_true, _y_pred, _weights) {
        takes_values("Mean")
    }
    result(self) {
        scalar(self.state.mean()?, self.dtype)
    }
    {
        fn update_values(&mut self, values: &Tensor, sample_weight: Option<&Tensor>) -> Result<()> {
            self.prepare(values.device())?;
            self.state.add(values, sample_weight)
        }
    }
}

metric_class! {
    /// The weighted sum of values.
    ///
    /// Keras: `keras.metrics.Sum`; R: `metric_sum()`.
    ///
    /// # Shapes
    /// Values of any shape; weights as in a loss. The result is a scalar.
    ///
    /// # Errors
    /// When the weights do not fit the values; when it is given targets and predictions.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::Sum;
    /// use keras_ops::{Device, Tensor};
    /// let mut sum = Sum::new();
    /// sum.update_values(&Tensor::new(&[1f32, 3., 5., 7.], &Device::Cpu)?, None)?;
    /// assert_eq!(sum.result()?.to_scalar::<f32>()?, 16.);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Sum: "sum", ["sum"], "Sum of values.";
    {}
    state(made): Slots = Slots::fixed(&["total"], &[], made.dtype);
    update(self, _y_true, _y_pred, _weights) {
        takes_values("Sum")
    }
    result(self) {
        let [total] = self.state.read()?;
        scalar(total[0], self.dtype)
    }
    {
        fn update_values(&mut self, values: &Tensor, sample_weight: Option<&Tensor>) -> Result<()> {
            self.prepare(values.device())?;
            let double = self.state.variables()[0].dtype() == DType::F64;
            let (total, _) = values.totals(sample_weight, double, Samplewise::Sum)?;
            self.state.add(&[&[total]])
        }
    }
}
