//! A metric from a function of targets and predictions.

use std::fmt;

use keras_core::ops::{DType, Tensor};
use keras_core::{Config, Entry, Error, Metric, Result, Variable, bail};
use serde_json::{Value, json};

use crate::functions::pair;
use crate::state::{self, Running, State, scalar};

/// The mean of a function's values over samples. See [`metric_fn`].
///
/// Keras: `keras.metrics.MeanMetricWrapper`; R: `metric_mean_wrapper()`.
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
/// A configuration of Keras's `MeanMetricWrapper` that names a function of `keras.metrics` is read from the registry
/// as the mean of that function.
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
        state::variables(&self.state)
    }

    fn update_state(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        self.state.place(y_pred.device())?;
        let (y_true, y_pred) = pair(y_true, y_pred)?;
        let values = (self.f)(&y_true, &y_pred).map_err(Into::into)?;
        self.state.add(&values, sample_weight)
    }

    fn result(&self) -> Result<Tensor> {
        scalar(self.state.mean()?, None)
    }

    fn resize_state(&mut self, shapes: &[&[usize]]) -> Result<()> {
        state::resize(&mut self.state, "MeanMetricWrapper", shapes)
    }

    fn reset_state(&mut self) -> Result<()> {
        self.state.reset()
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

/// The mean of a function of this crate, as a configuration names it: the metric of that function under this class.
#[derive(Debug)]
pub(crate) struct NamedFunction {
    function: String,
    metric: Box<dyn Metric>,
}

impl NamedFunction {
    pub(crate) const ENTRY: Entry<dyn Metric> = Entry {
        class_name: "MeanMetricWrapper",
        module: "keras.metrics",
        aliases: &["mean_metric_wrapper"],
        doc: "Mean of a function of targets and predictions.",
        build: |config, registry| Ok(Box::new(Self::from_config(config, registry)?)),
    };

    fn from_config(config: &Config, registry: &keras_core::Registry) -> Result<Self> {
        let name = |value: &Value| match value {
            Value::String(name) => Some(name.clone()),
            Value::Object(_) => value.get("config")?.as_str().map(str::to_owned),
            _ => None,
        };
        let Some(function) = config.get("fn").and_then(name) else {
            bail!(
                "MeanMetricWrapper: `fn` must name a function of keras.metrics, got {}. A function of one's own is not \
                 saved: make the metric with `metric_fn`, or register a class for it",
                config.get("fn").unwrap_or(&Value::Null)
            )
        };
        let mut own = config.clone();
        own.0.shift_remove("fn");
        if own.get("name").is_none_or(Value::is_null) {
            own.set("name", "mean_metric_wrapper");
        }
        let mean = crate::ENTRIES
            .iter()
            .filter(|entry| entry.class_name != Self::ENTRY.class_name)
            .find(|entry| entry.aliases.contains(&function.as_str()));
        let Some(entry) = mean else {
            let known = crate::ENTRIES.iter().flat_map(|entry| entry.aliases);
            let known = known.map(|name| (*name).to_owned()).collect();
            let error = Error::unknown("metric function", &function, known);
            return Err(error.context("MeanMetricWrapper: `fn`"));
        };
        let metric = (entry.build)(&own, registry)?;
        // What is no mean of a function of samples is no function in Keras either.
        if !metric.uses_mask() {
            bail!(
                "MeanMetricWrapper: `{function}` is the class {}, not a function",
                entry.class_name
            );
        }
        Ok(Self { function, metric })
    }
}

impl Metric for NamedFunction {
    fn variables(&self) -> Vec<Variable> {
        self.metric.variables()
    }

    fn update_state(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        self.metric.update_state(y_true, y_pred, sample_weight)
    }

    fn result(&self) -> Result<Tensor> {
        self.metric.result()
    }

    fn resize_state(&mut self, shapes: &[&[usize]]) -> Result<()> {
        self.metric.resize_state(shapes)
    }

    fn merge_state(&mut self, state: &[Tensor]) -> Result<()> {
        self.metric.merge_state(state)
    }

    fn reset_state(&mut self) -> Result<()> {
        self.metric.reset_state()
    }

    fn name(&self) -> String {
        self.metric.name()
    }

    fn set_name(&mut self, name: &str) {
        self.metric.set_name(name);
    }

    fn class_name(&self) -> &str {
        Self::ENTRY.class_name
    }

    fn dtype(&self) -> DType {
        self.metric.dtype()
    }

    fn config(&self) -> Config {
        let mut config = self.metric.config();
        config.set(
            "fn",
            json!({
                "module": "builtins", "class_name": "function", "config": self.function, "registered_name": "function",
            }),
        );
        config
    }

    fn uses_mask(&self) -> bool {
        true
    }

    fn larger_is_better(&self) -> Option<bool> {
        self.metric.larger_is_better()
    }
}
