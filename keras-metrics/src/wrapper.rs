//! A metric from a function of targets and predictions.

use std::fmt;

use keras_core::ops::Tensor;
use keras_core::{Config, Error, Metric, Result, Variable};

use crate::losses::pair;
use crate::state::Running;

/// The mean of a function's values over samples. See [`metric_fn`].
pub struct MeanMetricWrapper<F> {
    name: String,
    f: F,
    state: Running,
}

/// A metric named `name`: the weighted mean of `(y_true, y_pred) -> values`, one value for each sample or each
/// element. Only its name is saved.
///
/// Targets come in the predictions' dtype and with their rank adjusted as Keras does.
///
/// ```
/// use keras_core::Metric;
/// use keras_metrics::metric_fn;
/// use keras_ops::{self as ops, Device, Tensor};
/// let mut off = metric_fn("off", |y: &Tensor, p: &Tensor| ops::abs(&ops::subtract(p, y)?));
/// let (y, p) = (Tensor::new(&[1f32, 0.], &Device::Cpu)?, Tensor::new(&[3f32, 1.], &Device::Cpu)?);
/// off.update_state(&y, &p, None)?;
/// assert_eq!(off.result()?.to_scalar::<f32>()?, 1.5);
/// assert_eq!(off.name(), "off");
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn metric_fn<F, E>(name: &str, f: F) -> MeanMetricWrapper<F>
where
    F: Fn(&Tensor, &Tensor) -> std::result::Result<Tensor, E> + Send + Sync + 'static,
    E: Into<Error>,
{
    MeanMetricWrapper {
        name: name.to_owned(),
        f,
        state: Running::new(None),
    }
}

impl<F> fmt::Debug for MeanMetricWrapper<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MeanMetricWrapper({})", self.name)
    }
}

impl<F, E> Metric for MeanMetricWrapper<F>
where
    F: Fn(&Tensor, &Tensor) -> std::result::Result<Tensor, E> + Send + Sync + 'static,
    E: Into<Error>,
{
    fn variables(&self) -> Vec<Variable> {
        self.state.variables()
    }

    fn update_state(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let (y_true, y_pred) = pair(y_true, y_pred)?;
        let values = (self.f)(&y_true, &y_pred).map_err(Into::into)?;
        self.state.add(&values, sample_weight)
    }

    fn result(&self) -> Result<Tensor> {
        self.state.result()
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn set_name(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    fn class_name(&self) -> &str {
        "MeanMetricWrapper"
    }

    fn config(&self) -> Config {
        Config::new().with("name", self.name.as_str())
    }

    fn uses_mask(&self) -> bool {
        true
    }
}
