//! Models as Keras's configuration.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Value, json};

use super::symbolic::{Node, Symbolic};
use super::{Functional, Model, Operation};
use crate::layer::{self, Layer, LayerRef};
use crate::registry::{self, Entry};
use crate::{Config, Registry, Result};

/// Models as layers of other models and of wrappers.
pub(crate) static ENTRIES: &[Entry<dyn Layer>] = &[
    Entry {
        class_name: "Functional",
        module: "keras.src.models.functional",
        aliases: &["Model"],
        doc: "a graph of layers as one layer",
        build: |config, registry| Ok(Box::new(super::from_config::graph(config, registry)?)),
    },
    Entry {
        class_name: "Sequential",
        module: "keras",
        aliases: &[],
        doc: "a stack of layers as one layer",
        build: |config, registry| Ok(Box::new(super::from_config::stack(config, None, registry)?)),
    },
];

impl Model {
    /// Keras's configuration of the model: architecture and, once compiled, what it is trained with. No weights.
    ///
    /// # Errors
    /// When a layer's configuration cannot be made.
    ///
    /// # Examples
    /// ```
    /// use keras_core::{Model, Registry, Sequential, layers::Dense};
    /// let model = Sequential::new().input([4]).add(Dense::new(2).activation("relu")).build()?;
    /// let config = model.to_config()?;
    /// assert_eq!(config["class_name"], "Sequential");
    /// assert_eq!(config["config"]["layers"][1]["config"]["units"], 2);
    /// let again = Model::from_config(&config, &Registry::core())?;
    /// assert_eq!(again.count_params(), 10);
    /// assert_eq!(again.to_config()?, config);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn to_config(&self) -> Result<Value> {
        let mut envelope = self.architecture();
        envelope["compile_config"] = match &self.trainer {
            Some(trainer) => trainer.compile_config(&self.output_names()),
            None => json!({}),
        };
        Ok(envelope)
    }

    fn architecture(&self) -> Value {
        let mut envelope = envelope(&self.functional, registry::core());
        envelope["build_config"] = json!({ "input_shape": input_shape(&self.functional) });
        envelope["compile_config"] = Value::Null;
        envelope
    }

    /// [`to_config`](Self::to_config) as text without what the model is compiled with. A training that saves often does
    /// not make it anew each time.
    pub(crate) fn architecture_text(&self) -> String {
        let changes = layer::changes();
        let mut written = self.written.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*written {
            Some((then, text)) if *then == changes => text.clone(),
            _ => {
                let text = self.architecture().to_string();
                // A class of the user's own may change without telling.
                let own = text.contains(r#""module":null"#);
                *written = (!own).then(|| (changes, text.clone()));
                text
            }
        }
    }

    /// [`to_config`](Self::to_config) as text, for Keras's `model_from_json` too.
    ///
    /// # Errors
    /// As [`to_config`](Self::to_config).
    pub fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string(&self.to_config()?)?)
    }
}

/// The text of a model's architecture, and how many [changes](layer::changes) of layers there had been.
#[derive(Debug, Default)]
pub(crate) struct Written(Mutex<Option<(u64, String)>>);

/// A layer as `{module, class_name, config, registered_name}`.
pub(crate) fn envelope(layer: &dyn Layer, registry: &Registry) -> Value {
    if let Some(operation) = (layer as &dyn Any).downcast_ref::<Operation>() {
        return operation.envelope();
    }
    let mut config = layer.base().full_config(layer.config());
    match layer.class_name() {
        // Keras gives these no such arguments.
        "InputLayer" | "Discretization" | "SpatialDropout1D" | "SpatialDropout2D" | "SpatialDropout3D" => {
            drop(config.0.shift_remove("trainable"));
        }
        "Pipeline" => ["trainable", "dtype"]
            .iter()
            .for_each(|key| drop(config.0.shift_remove(*key))),
        "Functional" => drop(config.0.shift_remove("dtype")),
        _ => {}
    }
    registry.layers.envelope(layer.class_name(), config)
}

impl<T: ?Sized> registry::Entries<T> {
    /// The envelope of an object of this kind; a class that is not listed is the user's own.
    pub(crate) fn envelope(&self, class_name: &str, config: Config) -> Value {
        let entry = self.find(class_name).ok().filter(|e| !e.module.is_empty());
        // Keras exports some classes under another name than their own.
        let (module, class_name) = match entry {
            Some(entry) => (Some(entry.module), entry.class_name),
            None => (None, class_name),
        };
        let registered = match module {
            Some(module) if !module.starts_with("keras.src") => None,
            _ => Some(class_name),
        };
        json!({"module": module, "class_name": class_name, "config": config.0, "registered_name": registered})
    }
}

/// The own arguments of a nested model: its layers.
pub(crate) fn graph_config(functional: &Functional) -> Config {
    let registry = registry::core();
    if functional.sequential {
        let input = functional.graph.inputs.iter();
        let layers = input.chain(functional.graph.steps.iter().map(|s| &s.layer));
        let layers: Vec<Value> = layers.map(|l| envelope(&**l.read(), registry)).collect();
        return Config::new()
            .with("layers", layers)
            .with("build_input_shape", input_shape(functional));
    }
    let nodes = Nodes::of(&functional.graph.outputs, &functional.graph.inputs);
    let layers: Vec<Value> = functional
        .graph
        .layers
        .iter()
        .map(|l| nodes.layer(l, registry))
        .collect();
    let inputs = functional.graph.inputs.iter().map(|l| json!([l.name(), 0, 0]));
    let outputs = functional.graph.outputs.iter().map(|o| nodes.own(o));
    let keys = &functional.graph.output_keys;
    Config::new()
        .with("layers", layers)
        .with("input_layers", one_or_all(inputs.collect()))
        .with(
            "output_layers",
            match keys.is_empty() {
                true => one_or_all(outputs.collect()),
                false => Value::Object(keys.iter().cloned().zip(outputs).collect()),
            },
        )
}

/// Keras writes the only input as it is, several as a list.
fn one_or_all(mut triples: Vec<Value>) -> Value {
    if triples.len() == 1 {
        triples.remove(0)
    } else {
        Value::Array(triples)
    }
}

fn input_shape(functional: &Functional) -> Value {
    match functional.graph.input_shapes.as_slice() {
        [one] => json!(one),
        _ => Value::Null,
    }
}

/// The applications of each layer within one model, in the order they were made.
struct Nodes {
    by_layer: FxHashMap<usize, Vec<Arc<Node>>>,
}

impl Nodes {
    fn of(outputs: &[Symbolic], inputs: &[LayerRef]) -> Self {
        let mut by_layer: FxHashMap<usize, Vec<Arc<Node>>> = FxHashMap::default();
        by_layer.extend(inputs.iter().map(|l| (l.id(), Vec::new())));
        let mut stack: Vec<Arc<Node>> = outputs.iter().map(|o| o.node.clone()).collect();
        let mut seen = FxHashSet::default();
        while let Some(node) = stack.pop() {
            if seen.insert(node.serial) {
                stack.extend(node.inputs.iter().map(|i| i.node.clone()));
                by_layer.entry(node.layer.id()).or_default().push(node);
            }
        }
        for nodes in by_layer.values_mut() {
            nodes.sort_by_key(|n| n.serial);
        }
        Self { by_layer }
    }

    fn layer(&self, layer: &LayerRef, registry: &Registry) -> Value {
        let mut envelope = envelope(&**layer.read(), registry);
        let nodes = self
            .by_layer
            .get(&layer.id())
            .map(Vec::as_slice)
            .unwrap_or_default();
        let inbound = nodes
            .iter()
            .filter(|n| !n.inputs.is_empty())
            .map(|n| self.call(n));
        envelope["name"] = json!(layer.name());
        envelope["inbound_nodes"] = inbound.collect();
        envelope
    }

    /// The arguments of one application.
    fn call(&self, node: &Node) -> Value {
        let tensors = node.inputs.iter().map(|input| {
            json!({"class_name": "__keras_tensor__", "config": {
                "shape": input.shape(),
                "dtype": dtype(input),
                "keras_history": self.triple(input),
            }})
        });
        let tensors: Vec<Value> = tensors.collect();
        let (args, kwargs) = node.arguments.to_call(&**node.layer.read(), &tensors);
        json!({"args": args, "kwargs": kwargs})
    }

    /// Keras's address of a tensor: layer, application, output.
    fn triple(&self, tensor: &Symbolic) -> Value {
        json!([tensor.node.layer.name(), self.application(tensor), tensor.index])
    }

    /// The address of an output of the model itself: there Keras counts the applications of a nested functional model
    /// from 1.
    fn own(&self, tensor: &Symbolic) -> Value {
        let before = usize::from(tensor.layer().read().class_name() == "Functional");
        json!([
            tensor.node.layer.name(),
            before + self.application(tensor),
            tensor.index
        ])
    }

    fn application(&self, tensor: &Symbolic) -> usize {
        let nodes = self.by_layer.get(&tensor.node.layer.id());
        let index = nodes.and_then(|nodes| nodes.iter().position(|n| Arc::ptr_eq(n, &tensor.node)));
        index.unwrap_or(0)
    }
}

fn dtype(tensor: &Symbolic) -> &'static str {
    let layer = tensor.layer().read();
    match ((&**layer) as &dyn Any).downcast_ref::<Operation>() {
        Some(operation) if operation.gives_booleans() => "bool",
        _ => keras_ops::dtype_name(tensor.dtype()),
    }
}
