//! The name, the dtype and the variables of a metric.

use keras_ops::{DType, Device, Tensor};

use crate::registry::{self, Spec};
use crate::{Aggregation, Config, Initializer, Result, Variable};

/// What a metric of one's own keeps: its name, its dtype and its state, made by [`add_weight`](Self::add_weight).
///
/// Keras: the base class of `keras.metrics.Metric`; R: `Metric()`.
///
/// # Examples
/// ```
/// use keras_core::{Config, Metric, MetricBase, Result, Variable};
/// use keras_ops::{self as ops, DType, Device, Tensor};
///
/// #[derive(Debug)]
/// struct BinaryTruePositives {
///     base: MetricBase,
///     true_positives: Variable,
/// }
///
/// impl BinaryTruePositives {
///     fn new() -> Result<Self> {
///         let mut base = MetricBase::new("binary_true_positives");
///         let true_positives = base.add_weight("true_positives", &[], "zeros")?;
///         Ok(Self { base, true_positives })
///     }
/// }
///
/// impl Metric for BinaryTruePositives {
///     fn variables(&self) -> Vec<Variable> {
///         self.base.variables().to_vec()
///     }
///     fn update_state(&mut self, y_true: &Tensor, y_pred: &Tensor, sample_weight: Option<&Tensor>) -> Result<()> {
///         let (y_true, y_pred) = (ops::cast(y_true, DType::U8)?, ops::cast(y_pred, DType::U8)?);
///         let mut values = ops::cast(&ops::logical_and(&y_true, &y_pred)?, self.dtype())?;
///         if let Some(weight) = sample_weight {
///             values = ops::multiply(&values, &ops::cast(weight, self.dtype())?)?;
///         }
///         self.true_positives.assign_add(&ops::sum(&values, None, false)?)
///     }
///     fn result(&self) -> Result<Tensor> {
///         Ok(self.true_positives.value())
///     }
///     fn name(&self) -> String {
///         self.base.name().to_owned()
///     }
///     fn dtype(&self) -> DType {
///         self.base.dtype()
///     }
///     fn config(&self) -> Config {
///         self.base.config()
///     }
/// }
///
/// let mut metric = BinaryTruePositives::new()?;
/// let (y, p) = (Tensor::new(&[1f32, 1., 0.], &Device::Cpu)?, Tensor::new(&[1f32, 0., 1.], &Device::Cpu)?);
/// assert_eq!(metric.call(&y, &p, None)?.to_scalar::<f32>()?, 1.);
/// assert_eq!(metric.call(&y, &p, None)?.to_scalar::<f32>()?, 2.);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MetricBase {
    name: String,
    dtype: Option<DType>,
    device: Device,
    variables: Vec<Variable>,
}

impl MetricBase {
    /// Named `name`, of [`floatx`](keras_ops::floatx), with variables on the CPU.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            dtype: None,
            device: Device::Cpu,
            variables: Vec::new(),
        }
    }

    /// Of another dtype.
    #[must_use]
    pub fn of_dtype(mut self, dtype: DType) -> Self {
        self.dtype = Some(dtype);
        self
    }

    /// With variables on another device: the model's.
    #[must_use]
    pub fn on(mut self, device: &Device) -> Self {
        self.device = device.clone();
        self
    }

    /// The name in logs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets the name in logs.
    pub fn set_name(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    /// The dtype of the computations and of the result.
    pub fn dtype(&self) -> DType {
        self.dtype.unwrap_or_else(keras_ops::floatx)
    }

    /// The variables in order of creation.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Makes a variable of the metric's dtype whose values on several processes are added.
    ///
    /// # Errors
    /// When the initializer is unknown or cannot make the shape.
    pub fn add_weight(
        &mut self,
        name: &str,
        shape: &[usize],
        initializer: impl Into<Spec<dyn Initializer>>,
    ) -> Result<Variable> {
        self.add_variable(name, shape, initializer, None, Aggregation::Sum)
    }

    /// Makes a variable; without `dtype`, of the metric's. As in Keras, a reset sets it to zero whatever it started
    /// from.
    ///
    /// # Errors
    /// When the initializer is unknown or cannot make the shape.
    ///
    /// ```
    /// use keras_core::{Aggregation, MetricBase};
    /// use keras_ops::DType;
    /// let mut base = MetricBase::new("largest");
    /// let largest = base.add_variable("largest", &[2], "ones", Some(DType::F64), Aggregation::None)?;
    /// assert_eq!(largest.value().to_vec1::<f64>()?, [1., 1.]);
    /// assert_eq!((base.variables().len(), largest.path().as_str()), (1, "largest/largest"));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn add_variable(
        &mut self,
        name: &str,
        shape: &[usize],
        initializer: impl Into<Spec<dyn Initializer>>,
        dtype: Option<DType>,
        aggregation: Aggregation,
    ) -> Result<Variable> {
        let registry = registry::core();
        let dtype = dtype.unwrap_or_else(|| self.dtype());
        let value: Tensor = initializer
            .into()
            .resolve(&registry.initializers, registry)?
            .call(shape, dtype, &self.device)?;
        let variable = Variable::aggregated(name, &value, aggregation)?;
        variable.set_path(&format!("{}/{name}", self.name));
        self.variables.push(variable.clone());
        Ok(variable)
    }

    /// `name`, and `dtype` where one was set.
    pub fn config(&self) -> Config {
        let mut config = Config::new().with("name", self.name.as_str());
        if let Some(dtype) = self.dtype {
            config.set("dtype", keras_ops::dtype_name(dtype));
        }
        config
    }
}
