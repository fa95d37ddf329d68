//! Models from Keras's configuration.

use keras_ops::Device;
use rustc_hash::FxHashMap;
use serde_json::Value;

use super::symbolic::{self, Symbolic};
use super::{Functional, Graph, Model, Operation, inbound::Inbound};
use crate::layer::{LayerBase, LayerRef};
use crate::layers::InputLayer;
use crate::shape::Dims;
use crate::{Arguments, Config, Envelope, Error, Registry, Result, ResultExt, bail};

impl Model {
    /// A model from Keras's configuration, with new weights, on [`keras_ops::auto`]'s device. It is not compiled.
    ///
    /// # Errors
    /// When a class is unknown, an argument wrong, or the graph not whole; names the layer.
    ///
    /// # Examples
    /// See [`to_config`](Self::to_config).
    pub fn from_config(config: &Value, registry: &Registry) -> Result<Self> {
        Self::from_config_on(config, registry, &keras_ops::auto()?)
    }

    /// [`from_config`](Self::from_config) on `device`.
    ///
    /// # Errors
    /// As [`from_config`](Self::from_config).
    pub fn from_config_on(config: &Value, registry: &Registry, device: &Device) -> Result<Self> {
        let envelope = Envelope::from_value(config)?;
        let functional = match envelope.class_name.as_str() {
            "Sequential" => stack(&envelope.config, config.get("build_config"), registry),
            _ if envelope.config.get("output_layers").is_some() => graph(&envelope.config, registry),
            other => bail!(
                "model configuration: expected a Sequential or Functional model, got class `{other}` without \
                 `output_layers`"
            ),
        };
        let functional = functional.context(|| {
            let name = envelope
                .config
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            format!("{} `{name}`", envelope.class_name)
        })?;
        Self::from_functional(functional, None, device)
    }

    /// [`from_config`](Self::from_config) from text.
    ///
    /// # Errors
    /// As [`from_config`](Self::from_config), and when `text` is no JSON.
    pub fn from_json(text: &str, registry: &Registry) -> Result<Self> {
        Self::from_config(&serde_json::from_str(text)?, registry)
    }
}

/// A stack of layers. The input's shape is said by an input layer or by what the model was built for.
pub(crate) fn stack(config: &Config, build: Option<&Value>, registry: &Registry) -> Result<Functional> {
    let layers = layers(config)?;
    let first = layers.first().filter(|l| class_of(l) == "InputLayer");
    let input = match first {
        Some(layer) => input(layer)?,
        None => {
            let shape = config.get("build_input_shape").filter(|v| !v.is_null());
            let shape = shape.or_else(|| build?.get("input_shape").filter(|v| !v.is_null()));
            let inner = layers.first().and_then(|l| l.get("config")?.get("batch_shape"));
            let Some(shape) = shape.or(inner) else {
                bail!("the shape of the input is missing: save the model after it was built");
            };
            InputLayer::with_batch_shape(dims(shape)?).tensor()
        }
    };
    let mut outputs = vec![input.clone()];
    for value in &layers[usize::from(first.is_some())..] {
        let layer = layer(value, registry)?;
        outputs = symbolic::apply(&layer, outputs, &Arguments::new()).context(|| named(value))?;
    }
    finish(config, Graph::new(&[input], &outputs)?, true)
}

/// A graph of layers.
pub(crate) fn graph(config: &Config, registry: &Registry) -> Result<Functional> {
    let mut reading = Reading::default();
    for value in layers(config)? {
        reading.add(value, registry).context(|| named(value))?;
    }
    reading.apply_all()?;
    let find = |key: &str| -> Result<Vec<Symbolic>> {
        let Some(value) = config.get(key) else {
            bail!("`{key}` is missing")
        };
        triples(value)
            .and_then(|all| all.iter().map(|t| reading.own(t)).collect::<Result<_>>())
            .context(|| format!("`{key}`"))
    };
    let mut graph = Graph::new(&find("input_layers")?, &find("output_layers")?)?;
    if let Some(Value::Object(map)) = config.get("output_layers")
        && map.len() == graph.outputs.len()
    {
        graph.output_keys = map.keys().cloned().collect();
        // In the order that they have above.
        graph.output_keys.sort();
    }
    finish(config, graph, false)
}

fn finish(config: &Config, graph: Graph, sequential: bool) -> Result<Functional> {
    let class = if sequential { "Sequential" } else { "Functional" };
    let mut all = config.reader(class);
    all.ignore(&["name", "trainable", "dtype", "layers"]);
    all.ignore(if sequential {
        &["build_input_shape"]
    } else {
        &["input_layers", "output_layers"]
    });
    all.finish()?;
    let own = ["name", "trainable", "dtype"]
        .into_iter()
        .filter_map(|k| Some((k.to_owned(), config.get(k)?.clone())));
    let own = Config(own.collect());
    let mut functional = Functional::new(graph.into(), sequential);
    let mut base = LayerBase::from_reader(&mut own.reader(class))?;
    if !base.named() {
        base.set_auto_name(functional.base.name().to_owned());
    }
    functional.base = base;
    Ok(functional)
}

/// A tensor's address: layer, application, output.
pub(super) type Triple = (String, usize, usize);

#[derive(Default)]
struct Reading {
    layers: Vec<(String, LayerRef, Vec<Inbound>)>,
    made: FxHashMap<(String, usize), Vec<Symbolic>>,
}

impl Reading {
    fn add(&mut self, value: &Value, registry: &Registry) -> Result<()> {
        let name = name_of(value);
        if self.layers.iter().any(|(n, _, _)| *n == name) {
            bail!("two layers have this name");
        }
        if class_of(value) == "InputLayer" {
            let tensor = input(value)?;
            self.layers
                .push((name.clone(), tensor.layer().clone(), Vec::new()));
            self.made.insert((name, 0), vec![tensor]);
            return Ok(());
        }
        let nodes = value.get("inbound_nodes").and_then(Value::as_array);
        let calls = nodes
            .into_iter()
            .flatten()
            .map(Inbound::read)
            .collect::<Result<_>>()?;
        self.layers.push((name, layer(value, registry)?, calls));
        Ok(())
    }

    /// Applies layers as their inputs come to be: an application may need one of a layer further down.
    fn apply_all(&mut self) -> Result<()> {
        loop {
            let (mut waiting, mut moved) = (None, false);
            for (name, layer, calls) in &self.layers {
                for (index, call) in calls.iter().enumerate() {
                    if self.made.contains_key(&(name.clone(), index)) {
                        continue;
                    }
                    let mut parents = call.sources().iter();
                    if !parents.all(|(n, i, _)| self.made.contains_key(&(n.clone(), *i))) {
                        waiting = Some((name.as_str(), call));
                        break;
                    }
                    let arguments = call.arguments(&**layer.read(), &|t| self.tensor(t));
                    let outputs =
                        arguments.and_then(|(inputs, arguments)| symbolic::apply(layer, inputs, &arguments));
                    let outputs = outputs.context(|| format!("layer `{name}`"))?;
                    self.made.insert((name.clone(), index), outputs);
                    moved = true;
                }
            }
            match waiting {
                None => return Ok(()),
                Some(_) if moved => {}
                Some((name, call)) => return Err(self.stuck(name, call.sources())),
            }
        }
    }

    /// Why no application that is left can be made: one of them has an input that nothing makes, or they wait for
    /// each other.
    fn stuck(&self, name: &str, call: &[Triple]) -> Error {
        let count = |from: &str| {
            self.layers
                .iter()
                .find(|(n, _, _)| n == from)
                .map(|(_, _, calls)| calls.len().max(1))
        };
        let never = |(from, node, _): &&Triple| count(from).is_none_or(|calls| *node >= calls);
        for (name, _, calls) in &self.layers {
            if let Some(Err(error)) = calls
                .iter()
                .flat_map(Inbound::sources)
                .find(never)
                .map(|t| self.tensor(t))
            {
                return error.context(format!("layer `{name}`: its input"));
            }
        }
        let from: Vec<&str> = call.iter().map(|(from, _, _)| from.as_str()).collect();
        Error::invalid(format!(
            "layer `{name}` cannot be applied: it, or a layer that its input from {} comes from, waits for its own \
             output",
            from.join(", ")
        ))
    }

    /// An input or output of the model itself: there Keras counts the applications of a nested functional model from 1.
    fn own(&self, (name, node, index): &Triple) -> Result<Symbolic> {
        let nested =
            |(n, layer, _): &(String, LayerRef, _)| n == name && layer.read().class_name() == "Functional";
        let before = usize::from(self.layers.iter().any(nested));
        self.tensor(&(name.clone(), node.saturating_sub(before), *index))
    }

    fn tensor(&self, (name, node, index): &Triple) -> Result<Symbolic> {
        match self
            .made
            .get(&(name.clone(), *node))
            .map(|outputs| outputs.get(*index))
        {
            Some(Some(tensor)) => Ok(tensor.clone()),
            Some(None) => bail!("layer `{name}` has no output {index}"),
            None if self.layers.iter().any(|(n, _, _)| n == name) => {
                bail!("layer `{name}` has no application {node}")
            }
            None => Err(Error::unknown(
                "layer",
                name,
                self.layers.iter().map(|(n, _, _)| n.clone()).collect(),
            )),
        }
    }
}

pub(super) fn triple(value: &Value) -> Result<Triple> {
    let read = || {
        let [name, node, index] = value.as_array()?.as_slice() else {
            return None;
        };
        Some((
            name.as_str()?.to_owned(),
            usize::try_from(node.as_u64()?).ok()?,
            index.as_u64()? as usize,
        ))
    };
    read().ok_or_else(|| Error::invalid(format!("expected [layer, application, output], got {value}")))
}

/// One triple, a list of them, or a dict, whose values come in the order of its keys.
fn triples(value: &Value) -> Result<Vec<Triple>> {
    match value {
        Value::Array(items) if items.first().is_some_and(Value::is_string) => Ok(vec![triple(value)?]),
        Value::Array(items) => Ok(items.iter().map(triples).collect::<Result<Vec<_>>>()?.concat()),
        Value::Object(map) => {
            let mut sorted: Vec<_> = map.iter().collect();
            sorted.sort_by_key(|(key, _)| key.as_str());
            Ok(sorted
                .into_iter()
                .map(|(_, v)| triples(v))
                .collect::<Result<Vec<_>>>()?
                .concat())
        }
        other => bail!("expected [layer, application, output], got {other}"),
    }
}

fn layers(config: &Config) -> Result<&[Value]> {
    match config.get("layers") {
        Some(Value::Array(layers)) => Ok(layers),
        other => bail!("`layers` must be a list, got {}", other.unwrap_or(&Value::Null)),
    }
}

fn layer(value: &Value, registry: &Registry) -> Result<LayerRef> {
    let module = value.get("module").and_then(Value::as_str).unwrap_or_default();
    let layer = match class_of(value) {
        class_name if module.starts_with("keras.src.ops") => Envelope::from_value(value)
            .and_then(|envelope| Operation::new(class_name, envelope.config))
            .map(LayerRef::new),
        // Its build configuration may be what says the shape of the input.
        "Sequential" => Envelope::from_value(value).and_then(|envelope| {
            let stack = stack(&envelope.config, value.get("build_config"), registry)?;
            Ok(LayerRef::new(stack))
        }),
        _ => registry
            .layers
            .from_value(value, registry)
            .map(LayerRef::from_box),
    };
    let layer = layer.context(|| named(value))?;
    if layer.read().base().name().is_empty() {
        let name = name_of(value);
        if !name.is_empty() {
            layer.write().base_mut().set_name(name);
        }
    }
    Ok(layer)
}

fn input(value: &Value) -> Result<Symbolic> {
    let config = value.get("config");
    let get = |key: &str| config.and_then(|c| c.get(key)).filter(|v| !v.is_null());
    let Some(shape) = get("batch_shape").or_else(|| get("batch_input_shape")) else {
        bail!("{}: `batch_shape` is missing", named(value));
    };
    for key in ["sparse", "ragged", "optional"] {
        if get(key).and_then(Value::as_bool) == Some(true) {
            bail!("{}: `{key}` inputs are not supported", named(value));
        }
    }
    let mut layer = InputLayer::with_batch_shape(dims(shape).context(|| named(value))?);
    if let Some(dtype) = get("dtype").and_then(Value::as_str) {
        layer = layer.with_dtype_name(dtype)?;
    }
    let name = name_of(value);
    Ok(if name.is_empty() { layer } else { layer.name(&name) }.tensor())
}

fn dims(value: &Value) -> Result<Dims> {
    let size = |v: &Value| match v {
        Value::Null => Some(None),
        other => other.as_u64().map(|n| Some(n as usize)),
    };
    let dims = value
        .as_array()
        .and_then(|sizes| sizes.iter().map(size).collect());
    dims.ok_or_else(|| Error::invalid(format!("expected a shape such as [null, 4], got {value}")))
}

fn class_of(value: &Value) -> &str {
    value
        .get("class_name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn name_of(value: &Value) -> String {
    let own = value.get("name").or_else(|| value.get("config")?.get("name"));
    own.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn named(value: &Value) -> String {
    match (name_of(value), class_of(value)) {
        (name, "") => format!("`layers`: layer `{name}`"),
        (name, class) => format!("layer `{name}` ({class})"),
    }
}
