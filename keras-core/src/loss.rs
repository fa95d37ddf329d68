//! The contract of losses, and what surrounds every loss: ranks, weights, masks, reduction.

use std::fmt;

use keras_ops::{DType, Tensor};

use crate::{Config, Error, Result, config};

/// How the values of a batch become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reduction {
    /// The sum over everything divided by the number of values; the default.
    #[default]
    SumOverBatchSize,
    /// The sum.
    Sum,
    /// The mean; the same as `SumOverBatchSize`.
    Mean,
    /// The weighted sum divided by the sum of the weights.
    MeanWithSampleWeight,
    /// No reduction: a value a sample.
    None,
}

impl Reduction {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::SumOverBatchSize, "sum_over_batch_size"),
        (Self::Sum, "sum"),
        (Self::Mean, "mean"),
        (Self::MeanWithSampleWeight, "mean_with_sample_weight"),
        (Self::None, "none"),
    ];

    /// Keras's name.
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(r, _)| *r == self)
            .map_or("none", |(_, n)| n)
    }

    /// By Keras's name.
    ///
    /// # Errors
    /// When the name is unknown.
    pub fn from_name(name: &str) -> Result<Self> {
        match Self::NAMES.iter().find(|(_, n)| *n == name) {
            Some((reduction, _)) => Ok(*reduction),
            None => Err(Error::unknown(
                "reduction",
                name,
                Self::NAMES.iter().map(|(_, n)| (*n).to_owned()).collect(),
            )),
        }
    }
}

/// What a model is trained to make small.
///
/// [`call`](Self::call) gives a value a sample (the last axis reduced, as Keras's loss functions do);
/// [`apply`](trait.Loss.html#method.apply) on `dyn Loss` adds ranks, weights and reduction around it.
///
/// Keras: `keras.losses.Loss`; R: `Loss()`.
///
/// # Examples
/// ```
/// use keras_core::{Loss, Result};
/// use keras_ops::{self as ops, Device, Tensor};
///
/// #[derive(Debug)]
/// struct MeanCubed;
/// impl Loss for MeanCubed {
///     fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
///         let error = ops::abs(&ops::subtract(y_pred, y_true)?)?;
///         Ok(ops::mean(&ops::pow_scalar(&error, 3.)?, Some(&[-1]), false)?)
///     }
/// }
/// let loss: &dyn Loss = &MeanCubed;
/// assert_eq!(loss.name(), "mean_cubed");
/// let y = Tensor::new(&[[0f32, 0.], [0., 0.]], &Device::Cpu)?;
/// let p = Tensor::new(&[[1f32, 1.], [2., 2.]], &Device::Cpu)?;
/// assert_eq!(loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 4.5);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub trait Loss: fmt::Debug + Send + Sync + 'static {
    /// The values before weighting and reduction: one for each sample, or each position of a sample.
    ///
    /// # Errors
    /// When the shapes do not fit.
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor>;

    /// The name in logs.
    fn name(&self) -> String {
        config::snake_case(self.class_name())
    }

    /// The name it is saved under.
    fn class_name(&self) -> &str {
        config::type_class_name::<Self>()
    }

    /// Its arguments by Keras's names.
    fn config(&self) -> Config {
        Config::new()
    }

    /// How a batch becomes one number.
    fn reduction(&self) -> Reduction {
        Reduction::SumOverBatchSize
    }

    /// The dtype targets and predictions are converted to first; `None` is [`floatx`](keras_ops::floatx), or
    /// float64 for float64 predictions. Half types are rounded to and computed in float32.
    fn dtype(&self) -> Option<DType> {
        None
    }

    /// Whether targets are class numbers: then neither their dtype nor their rank is adjusted.
    fn takes_labels(&self) -> bool {
        false
    }

    /// Which of the values count (1) and which don't (0), where the loss itself leaves some out.
    ///
    /// # Errors
    /// When the device fails.
    fn mask(&self, _y_true: &Tensor, _values: &Tensor) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// Checks all targets of a run before its first step, against the shape of the output they belong to.
    ///
    /// # Errors
    /// When they can't be meant for this loss, such as labels beyond the number of classes.
    fn check_targets(&self, _y_true: &Tensor, _output: &[Option<usize>]) -> Result<()> {
        Ok(())
    }
}

/// A loss from a closure. See [`loss_fn`].
pub struct FnLoss<F> {
    name: String,
    reduction: Reduction,
    dtype: Option<DType>,
    f: F,
}

/// A loss named `name` from a closure `(y_true, y_pred) -> values`, one for each sample or for each element.
///
/// The closure may use candle's own differentiable operations or keras-ops. Only its name is saved; a model that was
/// compiled with it loads where the [`Registry`](crate::Registry) has an [`Entry`](crate::Entry) of this name.
///
/// ```
/// use keras_core::{Loss, loss_fn};
/// use keras_ops::{Device, Tensor};
/// let half = loss_fn("half_mse", |y: &Tensor, p: &Tensor| (p - y)?.sqr()? * 0.5);
/// let (y, p) = (Tensor::new(&[0f32, 0.], &Device::Cpu)?, Tensor::new(&[1f32, 3.], &Device::Cpu)?);
/// let half: &dyn Loss = &half;
/// assert_eq!(half.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 2.5);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn loss_fn<F, E>(name: &str, f: F) -> FnLoss<F>
where
    F: Fn(&Tensor, &Tensor) -> std::result::Result<Tensor, E> + Send + Sync + 'static,
    E: Into<Error>,
{
    FnLoss {
        name: name.to_owned(),
        reduction: Reduction::default(),
        dtype: None,
        f,
    }
}

impl<F> FnLoss<F> {
    /// With another reduction.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// With a dtype to compute in.
    #[must_use]
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = Some(dtype);
        self
    }
}

impl<F> fmt::Debug for FnLoss<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FnLoss({})", self.name)
    }
}

impl<F, E> Loss for FnLoss<F>
where
    F: Fn(&Tensor, &Tensor) -> std::result::Result<Tensor, E> + Send + Sync + 'static,
    E: Into<Error>,
{
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        (self.f)(y_true, y_pred).map_err(Into::into)
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn class_name(&self) -> &str {
        &self.name
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn dtype(&self) -> Option<DType> {
        self.dtype
    }
}
