//! The contract of metrics.

mod base;

use keras_ops::{DType, Tensor, host};

pub use base::MetricBase;

use crate::weighting::apply_mask;
use crate::{Aggregation, Config, Reduction, Result, ResultExt, Variable, bail, config};

/// Numbers about the predictions, gathered over the batches of an epoch.
///
/// State is in [`Variable`]s, so that it is saved and resumed with everything else. A metric says what its variables
/// are, how a batch changes them, and what they mean; all else has a default.
///
/// Keras: `keras.metrics.Metric`; R: `Metric()`.
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
/// assert_eq!(metric.log_entries()?, [("largest_error".to_owned(), 3.)]);
/// metric.reset_state()?;
/// assert_eq!(metric.result()?.to_scalar::<f32>()?, 0.);
/// # Ok::<(), keras_core::Error>(())
/// ```
/// [`MetricBase`] makes the state by [`add_weight`](MetricBase::add_weight).
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

    /// The value over everything taken in since the last reset: one number, or several as a vector or matrix.
    ///
    /// # Errors
    /// When the device fails.
    fn result(&self) -> Result<Tensor>;

    /// The names of the numbers in [`result`](Self::result), where they have names of their own: what Keras returns
    /// as a dictionary. None by default.
    fn result_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// Makes the state that depends on the shapes of targets and predictions, whose batch size may be unknown.
    /// Models call it before the first batch; without, the first batch does it.
    ///
    /// # Errors
    /// When such shapes cannot be meant.
    fn build(&mut self, _y_true: &[Option<usize>], _y_pred: &[Option<usize>]) -> Result<()> {
        Ok(())
    }

    /// Makes variables of these shapes, in the order of [`variables`](Self::variables): those that a saved state
    /// has. Needed by metrics whose state is made at the first batch; the others have their variables already.
    ///
    /// # Errors
    /// When the metric cannot have such variables.
    fn resize_state(&mut self, shapes: &[&[usize]]) -> Result<()> {
        let own = self.variables();
        let fits = own.len() == shapes.len() && own.iter().zip(shapes).all(|(v, s)| v.shape() == *s);
        if fits {
            return Ok(());
        }
        bail!(
            "metric `{}`: expected a state of {} tensors of shapes {:?}, one for each of its variables; got {} of shapes \
             {shapes:?}",
            self.name(),
            own.len(),
            own.iter().map(Variable::shape).collect::<Vec<_>>(),
            shapes.len()
        )
    }

    /// Starts anew: sets the state to zero.
    ///
    /// # Errors
    /// When the device fails.
    fn reset_state(&mut self) -> Result<()> {
        self.variables().iter().try_for_each(Variable::zero)
    }

    /// Joins the state of the same metric on another process, as [`state`](Self::state) gave it: what both took in
    /// is then taken in here.
    ///
    /// Variables are joined by their [`Aggregation`]: sums are added, which is exact; the others cannot be joined
    /// without knowing more.
    ///
    /// # Errors
    /// When the state is of another shape, or a variable's values are not sums.
    ///
    /// ```
    /// use keras_core::{Metric, MetricBase, Result, Variable};
    /// use keras_ops::{self as ops, Device, Tensor};
    /// #[derive(Debug)]
    /// struct Samples(MetricBase);
    /// impl Metric for Samples {
    ///     fn variables(&self) -> Vec<Variable> {
    ///         self.0.variables().to_vec()
    ///     }
    ///     fn update_state(&mut self, _: &Tensor, y_pred: &Tensor, _: Option<&Tensor>) -> Result<()> {
    ///         let count = Tensor::new(y_pred.dims()[0] as f32, &Device::Cpu)?;
    ///         self.0.variables()[0].assign_add(&count)
    ///     }
    ///     fn result(&self) -> Result<Tensor> {
    ///         Ok(self.0.variables()[0].value())
    ///     }
    /// }
    /// let make = || -> Result<Samples> {
    ///     let mut base = MetricBase::new("samples");
    ///     base.add_weight("count", &[], "zeros")?;
    ///     Ok(Samples(base))
    /// };
    /// let (mut here, mut there) = (make()?, make()?);
    /// let batch = Tensor::new(&[0f32, 0., 0.], &Device::Cpu)?;
    /// here.update_state(&batch, &batch, None)?;
    /// there.update_state(&batch, &batch, None)?;
    /// here.merge_state(&there.state()?)?;
    /// assert_eq!(here.result()?.to_scalar::<f32>()?, 6.);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    fn merge_state(&mut self, state: &[Tensor]) -> Result<()> {
        let unlike = |own: &[Variable]| {
            own.len() != state.len()
                || own
                    .iter()
                    .zip(state)
                    .any(|(v, s)| v.is_empty() && s.elem_count() != 0)
        };
        if unlike(&self.variables()) {
            self.resize_state(&shapes(state))?;
        }
        for (variable, other) in self.variables().iter().zip(state) {
            // The other has seen no batch, and so made no state yet.
            if other.elem_count() == 0 {
                continue;
            }
            if variable.shape() != other.dims() {
                bail!(
                    "metric `{}`: its variable `{}` has shape {:?}, the state to merge {:?}",
                    self.name(),
                    variable.name(),
                    variable.shape(),
                    other.dims()
                );
            }
            match variable.aggregation() {
                Aggregation::Sum => {
                    let other = keras_ops::cast(&other.to_device(variable.device())?, variable.dtype())?;
                    variable.assign_add(&other)?;
                }
                Aggregation::OnlyFirstReplica => {}
                aggregation => bail!(
                    "metric `{}`: its variable `{}` has the aggregation `{}`, so two states cannot be merged exactly; \
                     make it with the aggregation `sum`, or implement `merge_state`",
                    self.name(),
                    variable.name(),
                    aggregation.name()
                ),
            }
        }
        Ok(())
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

    /// The dtype of the computations and of the result.
    fn dtype(&self) -> DType {
        keras_ops::floatx()
    }

    /// Whether the mask of the predictions joins the sample weights, as in every mean of sample values.
    fn uses_mask(&self) -> bool {
        false
    }

    /// Which way is better, where the metric knows: `Some(true)` = larger.
    fn larger_is_better(&self) -> Option<bool> {
        None
    }

    // What follows is the same for all metrics.

    /// Takes in a batch and gives the result with it.
    ///
    /// # Errors
    /// When the shapes do not fit.
    fn call(&mut self, y_true: &Tensor, y_pred: &Tensor, sample_weight: Option<&Tensor>) -> Result<Tensor> {
        self.update_state(y_true, y_pred, sample_weight)?;
        Ok(self.result()?.copy()?.detach())
    }

    /// [`update_state`](Self::update_state) of predictions with a mask: where the metric uses it, what is masked
    /// out has no weight.
    ///
    /// # Errors
    /// When the shapes do not fit.
    fn update_masked(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
        mask: Option<&Tensor>,
    ) -> Result<()> {
        match mask.filter(|_| self.uses_mask()) {
            None => self.update_state(y_true, y_pred, sample_weight),
            Some(mask) => {
                let dtype = match self.dtype() {
                    DType::F64 => DType::F64,
                    _ => DType::F32,
                };
                let weight = apply_mask(sample_weight, mask, dtype, Reduction::Sum)?;
                self.update_state(y_true, y_pred, Some(&weight))
            }
        }
    }

    /// The result as numbers with names, for logs: one number is called as the metric, those of a vector `name_0`,
    /// `name_1`, …, those of a matrix `name_0_0`, …; numbers with [names of their own](Self::result_names) keep them.
    ///
    /// # Errors
    /// When the device fails, or the metric names more or fewer numbers than it gives.
    fn log_entries(&self) -> Result<Vec<(String, f64)>> {
        let (result, own) = (self.result()?, self.result_names());
        let values = host::read(&result, |v: &[f64]| Ok(v.to_vec()))?;
        let names = match (own.is_empty(), result.dims()) {
            (false, _) => own,
            (true, [] | [1]) => vec![self.name()],
            (true, dims) => numbered(&self.name(), dims),
        };
        if names.len() != values.len() {
            bail!(
                "metric `{}`: `result_names` gives {} names, `result` {} numbers",
                self.name(),
                names.len(),
                values.len()
            );
        }
        Ok(names.into_iter().zip(values).collect())
    }

    /// A copy of the state, one tensor for each of [`variables`](Self::variables).
    ///
    /// # Errors
    /// When the device fails.
    fn state(&self) -> Result<Vec<Tensor>> {
        self.variables()
            .iter()
            .map(|variable| match variable.is_empty() {
                true => Ok(Tensor::zeros(
                    variable.shape(),
                    variable.dtype(),
                    variable.device(),
                )?),
                false => variable.snapshot(),
            })
            .collect()
    }

    /// Continues from a [`state`](Self::state).
    ///
    /// # Errors
    /// When the state is not one of this metric.
    fn load_state(&mut self, state: &[Tensor]) -> Result<()> {
        self.resize_state(&shapes(state))?;
        let filled = self.variables().into_iter().zip(state);
        filled
            .filter(|(variable, _)| !variable.is_empty())
            .try_for_each(|(variable, value)| variable.assign(value))
            .context(|| format!("metric `{}`", self.name()))
    }

    /// The state that [`update_state`](Self::update_state) makes of `metric_variables`; its own state stays as it is.
    ///
    /// # Errors
    /// When the state is not one of this metric, or the shapes do not fit.
    ///
    /// ```
    /// use keras_core::{Metric, MetricBase, Result, Variable};
    /// use keras_ops::{self as ops, Device, Tensor};
    /// #[derive(Debug)]
    /// struct Right(MetricBase);
    /// impl Metric for Right {
    ///     fn variables(&self) -> Vec<Variable> {
    ///         self.0.variables().to_vec()
    ///     }
    ///     fn update_state(&mut self, y_true: &Tensor, y_pred: &Tensor, _: Option<&Tensor>) -> Result<()> {
    ///         let right = ops::cast(&ops::equal(y_true, y_pred)?, self.dtype())?;
    ///         self.0.variables()[0].assign_add(&ops::sum(&right, None, false)?)
    ///     }
    ///     fn result(&self) -> Result<Tensor> {
    ///         Ok(self.0.variables()[0].value())
    ///     }
    /// }
    /// let mut base = MetricBase::new("right");
    /// base.add_weight("count", &[], "zeros")?;
    /// let mut metric = Right(base);
    /// let batch = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
    /// let variables = metric.stateless_reset_state()?;
    /// let variables = metric.stateless_update_state(&variables, &batch, &batch, None)?;
    /// assert_eq!(metric.stateless_result(&variables)?.to_scalar::<f32>()?, 2.);
    /// assert_eq!(metric.result()?.to_scalar::<f32>()?, 0.);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    fn stateless_update_state(
        &mut self,
        metric_variables: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        stateless(self, metric_variables, |metric| {
            metric.update_state(y_true, y_pred, sample_weight)?;
            metric.state()
        })
    }

    /// The result of a state; its own state stays as it is.
    ///
    /// # Errors
    /// When the state is not one of this metric.
    fn stateless_result(&mut self, metric_variables: &[Tensor]) -> Result<Tensor> {
        stateless(self, metric_variables, |metric| {
            Ok(metric.result()?.copy()?.detach())
        })
    }

    /// The state after a reset; its own state stays as it is.
    ///
    /// # Errors
    /// When the device fails.
    fn stateless_reset_state(&mut self) -> Result<Vec<Tensor>> {
        let own = self.state()?;
        stateless(self, &own, |metric| {
            metric.reset_state()?;
            metric.state()
        })
    }
}

/// `f` with `state` in place of the metric's own.
fn stateless<M: Metric + ?Sized, R>(
    metric: &mut M,
    state: &[Tensor],
    f: impl FnOnce(&mut M) -> Result<R>,
) -> Result<R> {
    let own = metric.state()?;
    let found = metric.load_state(state).and_then(|()| f(metric));
    metric.load_state(&own)?;
    found
}

fn shapes(state: &[Tensor]) -> Vec<&[usize]> {
    state.iter().map(Tensor::dims).collect()
}

/// `name_0_0`, `name_0_1`, … for every element of a tensor of shape `dims`.
fn numbered(name: &str, dims: &[usize]) -> Vec<String> {
    dims.iter().fold(vec![name.to_owned()], |names, size| {
        names
            .iter()
            .flat_map(|name| (0..*size).map(move |i| format!("{name}_{i}")))
            .collect()
    })
}
