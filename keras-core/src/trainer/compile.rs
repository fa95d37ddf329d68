//! What a model is trained with: optimizer, losses, metrics.

use std::sync::Arc;

use serde_json::Value;

use crate::{Error, Given, Loss, Metric, Model, Optimizer, Registry, Result, ResultExt, Spec, bail};

use super::Trainer;
use super::running::{CompiledLoss, CompiledMetric, Pending};

/// Optimizer, losses and metrics for a model.
///
/// ```
/// use keras_core::{Compile, output};
/// let one = Compile::new("adam").loss("sparse_categorical_crossentropy").metric("accuracy");
/// let two = Compile::new("sgd")
///     .output("kind", output().loss("sparse_categorical_crossentropy").metric("accuracy"))
///     .output("score", output().loss("mse").weight(0.2));
/// # let _ = (one, two);
/// ```
#[derive(Debug)]
pub struct Compile {
    optimizer: Given<dyn Optimizer>,
    every: OutputSpec,
    outputs: Vec<(String, OutputSpec)>,
    steps_per_execution: usize,
}

/// The loss and metrics of one output. Made by [`output`].
#[derive(Debug, Default)]
pub struct OutputSpec {
    loss: Option<Spec<dyn Loss>>,
    weight: Option<f64>,
    metrics: Vec<Given<dyn Metric>>,
    weighted_metrics: Vec<Given<dyn Metric>>,
}

/// Starts the loss and metrics of one output. See [`Compile::output`].
pub fn output() -> OutputSpec {
    OutputSpec::default()
}

impl OutputSpec {
    /// The loss, by name or by value.
    #[must_use]
    pub fn loss(mut self, loss: impl Into<Spec<dyn Loss>>) -> Self {
        self.loss = Some(loss.into());
        self
    }

    /// The factor of this loss in the total; 1 if not set.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = Some(weight);
        self
    }

    /// A metric that ignores sample weights.
    #[must_use]
    pub fn metric(mut self, metric: impl Into<Given<dyn Metric>>) -> Self {
        self.metrics.push(metric.into());
        self
    }

    /// A metric that counts samples by their weights.
    #[must_use]
    pub fn weighted_metric(mut self, metric: impl Into<Given<dyn Metric>>) -> Self {
        self.weighted_metrics.push(metric.into());
        self
    }
}

impl Compile {
    /// With an optimizer, by name or by value.
    pub fn new(optimizer: impl Into<Given<dyn Optimizer>>) -> Self {
        Self {
            optimizer: optimizer.into(),
            every: output(),
            outputs: Vec::new(),
            steps_per_execution: 1,
        }
    }

    /// The loss of every output.
    #[must_use]
    pub fn loss(mut self, loss: impl Into<Spec<dyn Loss>>) -> Self {
        self.every = self.every.loss(loss);
        self
    }

    /// A metric of a model with one output; it ignores sample weights.
    #[must_use]
    pub fn metric(mut self, metric: impl Into<Given<dyn Metric>>) -> Self {
        self.every = self.every.metric(metric);
        self
    }

    /// A metric of a model with one output that counts samples by their weights.
    #[must_use]
    pub fn weighted_metric(mut self, metric: impl Into<Given<dyn Metric>>) -> Self {
        self.every = self.every.weighted_metric(metric);
        self
    }

    /// Loss and metrics of the output called `name`.
    #[must_use]
    pub fn output(mut self, name: &str, spec: OutputSpec) -> Self {
        self.outputs.push((name.to_owned(), spec));
        self
    }

    /// How many batches go by from one call of the callbacks to the next, in `fit`, `evaluate` and `predict`; 1 if
    /// not set.
    ///
    /// As in Keras, callbacks get the number of the first of these batches before them and of the last one after
    /// them, even if the data ends earlier; `steps_per_epoch` is rounded up to a multiple where there is data.
    #[must_use]
    pub fn steps_per_execution(mut self, batches: usize) -> Self {
        self.steps_per_execution = batches;
        self
    }

    /// From Keras's compile configuration: `{optimizer, loss, loss_weights, metrics, weighted_metrics,
    /// steps_per_execution}`.
    ///
    /// # Errors
    /// When a class is unknown or its configuration wrong.
    pub fn from_config(config: &Value, output_names: &[String], registry: &Registry) -> Result<Self> {
        let optimizer = match config.get("optimizer") {
            None | Some(Value::Null) => Given::from("rmsprop"),
            Some(value) => Given::Value(registry.optimizers.from_value(value, registry)?),
        };
        let mut compile = Self::new(optimizer);
        if let Some(value) = config.get("steps_per_execution").filter(|v| !v.is_null()) {
            compile.steps_per_execution = match value.as_u64() {
                Some(batches) => batches as usize,
                None => bail!("compile: steps_per_execution must be a number, got {value}"),
            };
        }
        if output_names.len() == 1 {
            let spec = &mut compile.every;
            spec.set(config, registry, &|value| single(value, &output_names[0]))?;
            return Ok(compile);
        }
        for (index, name) in output_names.iter().enumerate() {
            let mut spec = output();
            let count = output_names.len();
            spec.set(config, registry, &|value| nth(value, index, count, name))?;
            compile.outputs.push((name.clone(), spec));
        }
        Ok(compile)
    }
}

/// The part of an argument that belongs to a model's only output: it may be in a list or a dict of one.
fn single<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(|v| single(v, name)).collect(),
        Value::Object(map) if map.contains_key(name) && !map.contains_key("class_name") => {
            map.get(name).map(|v| single(v, name)).unwrap_or_default()
        }
        Value::Null => Vec::new(),
        other => vec![other],
    }
}

/// The part of an argument that belongs to output `index` of `count`.
fn nth<'a>(value: &'a Value, index: usize, count: usize, name: &str) -> Vec<&'a Value> {
    match value {
        Value::Array(items) if items.len() == count => {
            items.get(index).map(|v| single(v, name)).unwrap_or_default()
        }
        Value::Object(map) if !map.contains_key("class_name") => {
            map.get(name).map(|v| single(v, name)).unwrap_or_default()
        }
        other => single(other, name),
    }
}

impl OutputSpec {
    fn set<'a>(
        &mut self,
        config: &'a Value,
        registry: &Registry,
        part: &dyn Fn(&'a Value) -> Vec<&'a Value>,
    ) -> Result<()> {
        let of = |key: &str| config.get(key).map(part).unwrap_or_default();
        self.loss = match of("loss").first() {
            Some(Value::String(name)) => Some(Spec::Name(name.clone())),
            Some(value) => Some(Spec::from_value(value, &registry.losses, registry)?),
            None => None,
        };
        self.weight = of("loss_weights").first().and_then(|v| v.as_f64());
        let metrics = |key: &str| -> Result<Vec<Given<dyn Metric>>> {
            let given = |value: &&Value| match value {
                Value::String(name) => Ok(Given::Name(name.clone())),
                other => Ok(Given::Value(registry.metrics.from_value(other, registry)?)),
            };
            of(key).iter().map(given).collect()
        };
        self.metrics = metrics("metrics")?;
        self.weighted_metrics = metrics("weighted_metrics")?;
        Ok(())
    }
}

impl Model {
    /// Gives the model what `fit` and `evaluate` need; names are looked up in `registry`. The facade's
    /// `model.compile(…)` does this with everything built in.
    ///
    /// # Errors
    /// When a name or an output is unknown.
    pub fn compile_with(&mut self, compile: Compile, registry: &Registry) -> Result<()> {
        let Compile {
            optimizer,
            every,
            outputs,
            steps_per_execution,
        } = compile;
        if steps_per_execution == 0 {
            bail!("compile: steps_per_execution must be 1 or more, got 0");
        }
        let mut optimizer = optimizer.resolve(&registry.optimizers, registry)?;
        optimizer.build(&self.trainable_variables())?;
        let names = self.output_names();
        let specs = by_output(every, outputs, &names)?;
        let mut losses = Vec::new();
        let mut metrics = Vec::new();
        let several = names.len() > 1;
        for (index, (name, spec)) in names.iter().zip(specs).enumerate() {
            if let Some(loss) = spec.loss {
                let loss = pending_loss(loss, registry).context(|| format!("output `{name}`"))?;
                losses.push(CompiledLoss::new(index, name, loss, spec.weight));
            }
            let prefix = if several { Some(name.as_str()) } else { None };
            for (given, weighted) in spec
                .metrics
                .into_iter()
                .map(|m| (m, false))
                .chain(spec.weighted_metrics.into_iter().map(|m| (m, true)))
            {
                let metric = CompiledMetric::new(index, prefix, given, weighted, registry)
                    .context(|| format!("output `{name}`"))?;
                metrics.push(metric);
            }
        }
        // Keras lists all plain metrics before the weighted ones.
        metrics.sort_by_key(|m| m.weighted);
        let mut trainer = Trainer::new(optimizer, losses, metrics, registry.clone(), self)?;
        trainer.steps_per_execution = steps_per_execution;
        self.trainer = Some(trainer);
        Ok(())
    }
}

fn by_output(
    every: OutputSpec,
    given: Vec<(String, OutputSpec)>,
    names: &[String],
) -> Result<Vec<OutputSpec>> {
    for (name, _) in &given {
        if !names.contains(name) {
            return Err(Error::unknown("output", name, names.to_vec()).context("compile"));
        }
    }
    if names.len() == 1 && given.is_empty() {
        return Ok(vec![every]);
    }
    if !every.metrics.is_empty() || !every.weighted_metrics.is_empty() {
        bail!(
            "compile: say which output a metric belongs to, `.output(\"{}\", output().metric(…))`; the outputs \
             are {}",
            names[0],
            names.join(", ")
        );
    }
    let mut specs: Vec<OutputSpec> = names.iter().map(|_| output()).collect();
    let named = !given.is_empty();
    for (name, spec) in given {
        if let Some(index) = names.iter().position(|n| *n == name) {
            specs[index] = spec;
        }
    }
    if !named || every.loss.is_some() {
        for spec in specs.iter_mut().filter(|s| s.loss.is_none()) {
            spec.loss.clone_from(&every.loss);
            spec.weight = spec.weight.or(every.weight);
        }
    }
    Ok(specs)
}

fn pending_loss(spec: Spec<dyn Loss>, registry: &Registry) -> Result<Pending<Arc<dyn Loss>>> {
    Ok(match spec {
        // Which cross-entropy is meant depends on the targets.
        Spec::Name(name) if matches!(name.as_str(), "crossentropy" | "ce") => Pending::ByShape(name),
        spec => Pending::Ready(spec.resolve(&registry.losses, registry)?),
    })
}
