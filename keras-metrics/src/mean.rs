//! Means and sums of plain values.

use keras_core::ops::Tensor;
use keras_core::weighting::Samplewise;
use keras_core::{Result, Variable, bail};

use crate::class::metric_class;
use crate::state::{Running, Samples, add, read, scalar, zeros};

fn takes_values(class: &str) -> Result<()> {
    bail!("metric `{class}` takes plain values: call `update_values(values, sample_weight)`")
}

metric_class! {
    /// The weighted mean of values: `sum(values weights) / sum(weights)`, 0 before any.
    ///
    /// Axes after the first are averaged first: a sample counts once.
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
    {

    fn variables(&self) -> Vec<Variable> {
        self.state.variables()
    }

    fn update_state(&mut self, _: &Tensor, _: &Tensor, _: Option<&Tensor>) -> Result<()> {
        takes_values("Mean")
    }

    fn update_values(&mut self, values: &Tensor, sample_weight: Option<&Tensor>) -> Result<()> {
        self.state.add(values, sample_weight)
    }

    fn result(&self) -> Result<Tensor> {
        self.state.result()
    }
    }
}

metric_class! {
    /// The weighted sum of values.
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
    state(made): Variable = zeros("total", &[], made.dtype);
    {

    fn variables(&self) -> Vec<Variable> {
        vec![self.state.clone()]
    }

    fn update_state(&mut self, _: &Tensor, _: &Tensor, _: Option<&Tensor>) -> Result<()> {
        takes_values("Sum")
    }

    fn update_values(&mut self, values: &Tensor, sample_weight: Option<&Tensor>) -> Result<()> {
        let double = self.state.dtype() == keras_core::ops::DType::F64;
        let (total, _) = values.totals(sample_weight, double, Samplewise::Sum)?;
        add(&self.state, &[total])
    }

    fn result(&self) -> Result<Tensor> {
        scalar(read(&self.state)?[0], self.dtype)
    }
    }
}
