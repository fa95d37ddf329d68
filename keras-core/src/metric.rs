//! The contract of metrics.

use keras_ops::Tensor;

use crate::{Config, Result, Variable, bail, config};

/// A number about the predictions, gathered over the batches of an epoch.
///
/// State is in [`Variable`]s, so that it is saved and resumed with everything else.
///
/// # Examples
/// ```
/// use keras_core::{Metric, Result, Variable};
/// use keras_ops::{self as ops, DType, Device, Tensor};
///
/// #[derive(Debug)]
/// struct LargestError(Variable);
/// impl Metric for LargestError {
///     fn variables(&self) -> Vec<Variable> {
///         vec![self.0.clone()]
///     }
///     fn update_state(&mut self, y_true: &Tensor, y_pred: &Tensor, _: Option<&Tensor>) -> Result<()> {
///         let error = ops::max(&ops::abs(&ops::subtract(y_true, y_pred)?)?, None, false)?;
///         self.0.assign(&ops::maximum(&self.0.value(), &error)?)
///     }
///     fn result(&self) -> Result<Tensor> {
///         Ok(self.0.value())
///     }
/// }
/// let mut metric = LargestError(Variable::zeros("largest", &[], DType::F32, &Device::Cpu)?);
/// let (y, p) = (Tensor::new(&[1f32, 2.], &Device::Cpu)?, Tensor::new(&[1f32, 5.], &Device::Cpu)?);
/// metric.update_state(&y, &p, None)?;
/// assert_eq!(metric.result()?.to_scalar::<f32>()?, 3.);
/// metric.reset_state()?;
/// assert_eq!(metric.result()?.to_scalar::<f32>()?, 0.);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub trait Metric: std::fmt::Debug + Send + Sync + 'static {
    /// The state.
    fn variables(&self) -> Vec<Variable>;

    /// Takes in a batch.
    ///
    /// # Errors
    /// When the shapes do not fit.
    fn update_state(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()>;

    /// Takes in plain values: for [`Mean`](https://keras.io/api/metrics/) and its like.
    ///
    /// # Errors
    /// When the metric compares targets with predictions.
    fn update_values(&mut self, _values: &Tensor, _sample_weight: Option<&Tensor>) -> Result<()> {
        bail!(
            "metric `{}` compares targets with predictions: call `update_state(y_true, y_pred, sample_weight)`",
            self.name()
        )
    }

    /// The value over everything taken in since the last reset.
    ///
    /// # Errors
    /// When the device fails.
    fn result(&self) -> Result<Tensor>;

    /// Starts anew: sets the state to zero.
    ///
    /// # Errors
    /// When the device fails.
    fn reset_state(&mut self) -> Result<()> {
        self.variables().iter().try_for_each(Variable::zero)
    }

    /// The name in logs.
    fn name(&self) -> String {
        config::snake_case(self.class_name())
    }

    /// Sets the name in logs; models do so to tell equal names of several outputs apart.
    fn set_name(&mut self, _name: &str) {}

    /// The name it is saved under.
    fn class_name(&self) -> &str {
        config::type_class_name::<Self>()
    }

    /// Its arguments by Keras's names.
    fn config(&self) -> Config {
        Config::new()
    }

    /// Whether the mask of the predictions joins the sample weights, as in every mean of sample values.
    fn uses_mask(&self) -> bool {
        false
    }

    /// Which way is better, where the metric knows: `Some(true)` = larger.
    fn larger_is_better(&self) -> Option<bool> {
        None
    }
}
