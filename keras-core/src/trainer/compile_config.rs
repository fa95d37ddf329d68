//! What a model is compiled with, from and to Keras's configuration.

use serde_json::{Map, Value, json};

use super::compile::{Compile, OutputSpec, output};
use super::{JitCompile, Trainer};
use crate::{Config, Error, Given, Loss, Metric, Registry, Result, ResultExt, Spec, bail, optimizers};

/// The arguments in Keras's order.
const ARGUMENTS: [&str; 9] = [
    "optimizer",
    "loss",
    "loss_weights",
    "metrics",
    "weighted_metrics",
    "run_eagerly",
    "steps_per_execution",
    "jit_compile",
    "auto_scale_loss",
];

impl Compile {
    /// From Keras's compile configuration: `{optimizer, loss, loss_weights, metrics, weighted_metrics, run_eagerly,
    /// steps_per_execution, jit_compile, auto_scale_loss}`.
    ///
    /// With several outputs, losses, weights and metrics are lists with one entry for each, or objects by name; one
    /// loss alone is every output's. Metrics are always in a list or an object.
    ///
    /// # Errors
    /// When an argument, an output or a class is unknown, a list has another length than there are outputs, a metric
    /// is null, or a configuration wrong.
    ///
    /// # Examples
    /// ```
    /// use keras_core::{Compile, Registry};
    /// let config = serde_json::json!({"optimizer": "adam", "jit_compile": "auto"});
    /// let names = ["kind".to_owned(), "score".to_owned()];
    /// let compile = Compile::from_config(&config, &names, &Registry::core())?;
    /// # let _ = compile;
    /// let wrong = serde_json::json!({"loss_weights": {"scroe": 0.5}});
    /// let error = Compile::from_config(&wrong, &names, &Registry::core()).unwrap_err().to_string();
    /// assert!(error.contains("unknown output `scroe`. Did you mean `score`?"), "{error}");
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn from_config(config: &Value, output_names: &[String], registry: &Registry) -> Result<Self> {
        let Value::Object(map) = config else {
            bail!("compile: expected an object with `optimizer`, `loss`, …, got {config}");
        };
        if let Some(unknown) = map.keys().find(|key| !ARGUMENTS.contains(&key.as_str())) {
            let known = ARGUMENTS.map(str::to_owned).to_vec();
            return Err(Error::unknown("argument", unknown, known).context("compile"));
        }
        let config = Config(map.clone());
        let mut r = config.reader("compile");
        let optimizer = match r.raw("optimizer") {
            None => Given::from("rmsprop"),
            Some(Value::String(name)) => Given::Name(name.clone()),
            Some(value) => Given::Value(registry.optimizers.from_value(value, registry)?),
        };
        let mut compile = Self::new(optimizer);
        if let Some(batches) = r.opt("steps_per_execution")? {
            compile = compile.steps_per_execution(batches);
        }
        compile = compile
            .run_eagerly(r.or_null("run_eagerly", false)?)
            .auto_scale_loss(r.or_null("auto_scale_loss", true)?)
            .jit_compile(match r.raw("jit_compile") {
                None => JitCompile::Auto,
                Some(Value::Bool(on)) => JitCompile::from(*on),
                Some(Value::String(auto)) if auto == "auto" => JitCompile::Auto,
                Some(other) => bail!("compile: jit_compile must be true, false or \"auto\", got {other}"),
            });
        let parts = |key: &str, kind| -> Result<Vec<Part>> {
            let value = config.get(key).unwrap_or(&Value::Null);
            by_output(value, output_names, kind).context(|| format!("compile: `{key}`"))
        };
        let losses = parts("loss", Kind::Loss)?;
        let weights = parts("loss_weights", Kind::Weight)?;
        let metrics = parts("metrics", Kind::Metric)?;
        let weighted = parts("weighted_metrics", Kind::Metric)?;
        let mut specs = Vec::new();
        for (index, name) in output_names.iter().enumerate() {
            let mut spec = output();
            let place = || format!("compile: output `{name}`");
            for (key, given) in [("loss", &losses[index]), ("loss_weights", &weights[index])] {
                if given.len() > 1 {
                    bail!(
                        "compile: `{key}` must have one entry for output `{name}`, got {}",
                        given.len()
                    );
                }
            }
            if let Some(value) = losses[index].first() {
                spec = spec.loss(loss(value, registry).context(place)?);
            }
            if let Some(value) = weights[index].first() {
                let Some(weight) = value.as_f64() else {
                    bail!("compile: `loss_weights` must be numbers, got {value} for output `{name}`");
                };
                spec = spec.weight(weight);
            }
            for value in &metrics[index] {
                spec = spec.metric(metric(value, registry).context(place)?);
            }
            for value in &weighted[index] {
                spec = spec.weighted_metric(metric(value, registry).context(place)?);
            }
            specs.push(spec);
        }
        Ok(compile.outputs(specs))
    }
}

fn loss(value: &Value, registry: &Registry) -> Result<Spec<dyn Loss>> {
    match value {
        Value::String(name) => Ok(Spec::Name(name.clone())),
        other => Spec::from_value(other, &registry.losses, registry),
    }
}

fn metric(value: &Value, registry: &Registry) -> Result<Given<dyn Metric>> {
    match value {
        Value::String(name) => Ok(Given::Name(name.clone())),
        other => Ok(Given::Value(registry.metrics.from_value(other, registry)?)),
    }
}

/// What an argument holds for each output.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Loss,
    Weight,
    /// Any number of them.
    Metric,
}

/// What an argument says about one output.
type Part = Vec<Value>;

fn by_output(value: &Value, names: &[String], kind: Kind) -> Result<Vec<Part>> {
    let count = names.len();
    match value {
        Value::Null => Ok(vec![Part::new(); count]),
        Value::Object(map) if !map.contains_key("class_name") => by_name(map, names, kind),
        Value::Array(items) if items.is_empty() && kind == Kind::Metric => Ok(vec![Part::new(); count]),
        Value::Array(items) if count == 1 => {
            no_nulls(items, kind)?;
            Ok(vec![flat(value)])
        }
        Value::Array(items) if items.len() == count => items.iter().map(|item| part(item, kind)).collect(),
        Value::Array(items) => bail!(
            "expected one entry for each of {count} outputs ({}), got {}",
            names.join(", "),
            items.len()
        ),
        other if kind == Kind::Metric => bail!(
            "expected a list of metrics, or an object of them by output ({}), got {other}; put it in a list",
            names.join(", ")
        ),
        other => Ok(vec![flat(other); count]),
    }
}

/// What is said of one output by its entry: null says nothing, but has no place among metrics.
fn part(value: &Value, kind: Kind) -> Result<Part> {
    if let Value::Array(items) = value {
        no_nulls(items, kind)?;
    }
    Ok(flat(value))
}

/// # Errors
/// When a metric is null.
fn no_nulls(items: &[Value], kind: Kind) -> Result<()> {
    match items.iter().position(Value::is_null) {
        Some(place) if kind == Kind::Metric => {
            bail!("expected metrics, got null at place {place}; leave it out")
        }
        _ => Ok(()),
    }
}

fn by_name(map: &Map<String, Value>, names: &[String], kind: Kind) -> Result<Vec<Part>> {
    // Of a model's only output Keras takes metrics under any name.
    if names.len() == 1 && kind == Kind::Metric {
        let mut entries: Vec<(&String, &Value)> = map.iter().collect();
        entries.sort_by_key(|(name, _)| *name);
        let parts = entries.into_iter().map(|(_, value)| part(value, kind));
        return Ok(vec![parts.collect::<Result<Vec<_>>>()?.concat()]);
    }
    for name in map.keys() {
        if !names.contains(name) {
            return Err(Error::unknown("output", name, names.to_vec()));
        }
    }
    if let (Kind::Loss, Some(missing)) = (kind, names.iter().find(|name| !map.contains_key(*name))) {
        bail!("nothing is said about output `{missing}`; give null where it has no loss");
    }
    let of = |name: &String| map.get(name).map_or(Ok(Part::new()), |value| part(value, kind));
    names.iter().map(of).collect()
}

/// One entry or a list of them, to any depth.
fn flat(value: &Value) -> Part {
    match value {
        Value::Null => Part::new(),
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        other => vec![other.clone()],
    }
}

/// How one output was compiled, as Keras writes it.
#[derive(Debug, Default)]
pub(super) struct Form {
    loss: Option<Value>,
    weight: Option<f64>,
    metrics: Vec<Value>,
    weighted_metrics: Vec<Value>,
}

impl Form {
    pub(super) fn of(spec: &OutputSpec, registry: &Registry) -> Self {
        let metrics = |given: &[Given<dyn Metric>]| {
            let form = |given: &Given<dyn Metric>| match given {
                Given::Name(name) => json!(name),
                Given::Value(metric) => registry.metrics.envelope(metric.class_name(), metric.config()),
            };
            given.iter().map(form).collect()
        };
        Self {
            loss: spec.loss.as_ref().map(|loss| match loss {
                Spec::Name(name) => json!(name),
                Spec::Value(loss) => registry.losses.envelope(loss.class_name(), loss.config()),
            }),
            weight: spec.weight,
            metrics: metrics(&spec.metrics),
            weighted_metrics: metrics(&spec.weighted_metrics),
        }
    }
}

impl Trainer {
    /// What [`Compile::from_config`] reads. Where there are several outputs, losses and metrics are by output.
    pub(crate) fn compile_config(&self, outputs: &[String]) -> Value {
        let forms = || outputs.iter().zip(&self.forms);
        let by_name = |part: &dyn Fn(&Form) -> Value| {
            let parts: Map<_, _> = forms().map(|(name, form)| (name.clone(), part(form))).collect();
            match (outputs, parts.values().all(Value::is_null)) {
                (_, true) => Value::Null,
                ([only], false) => parts.get(only).cloned().unwrap_or_default(),
                (_, false) => Value::Object(parts),
            }
        };
        let list = |metrics: &[Value]| match metrics {
            [] => Value::Null,
            some => json!(some),
        };
        let some_weight = self.forms.iter().any(|form| form.weight.is_some());
        let weight = |form: &Form| match (&form.loss, some_weight) {
            (Some(_), true) => json!(form.weight.unwrap_or(1.)),
            _ => Value::Null,
        };
        // What was asked for; the scaling around it is made anew.
        let optimizer = match self.auto_scaled {
            true => self
                .optimizer
                .full_config()
                .get("inner_optimizer")
                .cloned()
                .unwrap_or_default(),
            false => optimizers::envelope(&*self.optimizer, &self.registry),
        };
        let mut config = json!({
            "optimizer": optimizer,
            "loss": by_name(&|form| form.loss.clone().unwrap_or_default()),
            "loss_weights": by_name(&weight),
            "metrics": by_name(&|form| list(&form.metrics)),
            "weighted_metrics": by_name(&|form| list(&form.weighted_metrics)),
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
            "jit_compile": self.jit_compile,
        });
        if !self.auto_scale_loss {
            config["auto_scale_loss"] = json!(false);
        }
        config
    }
}
