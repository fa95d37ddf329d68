//! The graph of a model as TensorBoard draws it, from the model's configuration.

use std::collections::HashMap;

use keras_core::{Model, Variable};
use serde_json::Value;

use super::wire::Message;

/// A layer's node is called after the layer, within the names of the models around it. A layer with weights is a group
/// of them and of `call`.
pub(super) fn of(model: &Model, config: &Value) -> Message {
    let mut graph = Graph::default();
    for (path, variable) in model.weights() {
        let (layer, weight) = path.rsplit_once('/').unwrap_or(("", &path));
        let weights = graph.weights.entry(layer.to_owned()).or_default();
        weights.push((weight.to_owned(), variable));
    }
    // The outermost model is not in the names.
    match layers(config) {
        Some(layers) => graph.model(config, layers, ["", ""], Vec::new()),
        None => graph.walk(config, ["", ""], Vec::new()),
    }
    graph.message
}

#[derive(Debug, Default)]
struct Graph {
    message: Message,
    /// The weights by the paths of layers.
    weights: HashMap<String, Vec<(String, Variable)>>,
    /// The nodes that each layer's outputs come from.
    outputs: HashMap<String, Vec<String>>,
    /// What the layer before gave, for those that stand in a sequence.
    last: Vec<String>,
}

impl Graph {
    /// A layer, or a model and all within it. `scope` is before the names of nodes, `path` before those of weights.
    fn walk(&mut self, layer: &Value, [scope, path]: [&str; 2], given: Vec<String>) {
        let name = layer.pointer("/config/name").and_then(Value::as_str);
        let name = name.unwrap_or("layer");
        let (node, path) = (join(scope, name), join(path, name));
        match layers(layer) {
            Some(layers) => self.model(layer, layers, [&node, &path], given),
            None => self.layer(layer, &node, &path, &given),
        }
    }

    fn model(&mut self, model: &Value, layers: &[Value], [here, path]: [&str; 2], mut given: Vec<String>) {
        for (index, layer) in layers.iter().enumerate() {
            let mut inputs = self.inputs(layer, here);
            if inputs.is_empty() {
                inputs = match (index, layer.get("inbound_nodes")) {
                    // What the model is called with goes to its inputs, one each.
                    (_, Some(_)) if !given.is_empty() => vec![given.remove(0)],
                    (_, Some(_)) => Vec::new(),
                    (0, None) => std::mem::take(&mut given),
                    (_, None) => self.last.clone(),
                };
            }
            self.walk(layer, [here, path], inputs);
        }
        let ends = model.pointer("/config/output_layers");
        let ends = ends.map(|ends| self.sources(ends, here));
        let ends = ends
            .filter(|ends| !ends.is_empty())
            .unwrap_or_else(|| self.last.clone());
        self.last.clone_from(&ends);
        self.outputs.insert(here.to_owned(), ends);
    }

    fn layer(&mut self, layer: &Value, node: &str, path: &str, inputs: &[String]) {
        let class = layer.get("class_name").and_then(Value::as_str).unwrap_or("Layer");
        let prefix = format!("{path}/");
        let mut own: Vec<(String, Variable)> = Vec::new();
        for (layer, weights) in &self.weights {
            let below = format!("{layer}/");
            if let Some(inner) = below.strip_prefix(&prefix) {
                own.extend(
                    weights
                        .iter()
                        .map(|(name, v)| (format!("{inner}{name}"), v.clone())),
                );
            }
        }
        own.sort_by(|(a, _), (b, _)| a.cmp(b));
        let call = match own.is_empty() {
            true => node.to_owned(),
            false => join(node, "call"),
        };
        let mut reads = inputs.to_vec();
        for (name, variable) in &own {
            let name = join(node, name);
            let weight = Message::new().bytes(1, &name).bytes(2, "Variable");
            self.add(weight.message(5, &attribute("shape", &shape(variable))));
            reads.push(name);
        }
        let mut message = Message::new().bytes(1, &call).bytes(2, class);
        for read in &reads {
            message = message.bytes(3, read);
        }
        let class = Message::new().bytes(2, class);
        self.add(message.message(5, &attribute("keras_class", &class)));
        self.last = vec![call.clone()];
        self.outputs.insert(node.to_owned(), vec![call]);
    }

    fn add(&mut self, node: Message) {
        self.message = std::mem::take(&mut self.message).message(1, &node);
    }

    /// The nodes that a layer's inputs come from, in all its calls.
    fn inputs(&self, layer: &Value, scope: &str) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(nodes) = layer.get("inbound_nodes") {
            self.histories(nodes, scope, &mut found);
        }
        found
    }

    fn histories(&self, value: &Value, scope: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                if let Some(history) = map.get("keras_history") {
                    self.source(history, scope, found);
                } else {
                    map.values().for_each(|value| self.histories(value, scope, found));
                }
            }
            Value::Array(list) => list.iter().for_each(|value| self.histories(value, scope, found)),
            _ => {}
        }
    }

    /// The nodes of `[name, node, output]`, or of a list of such.
    fn sources(&self, ends: &Value, scope: &str) -> Vec<String> {
        let mut found = Vec::new();
        match ends.as_array().map(Vec::as_slice) {
            Some([Value::String(_), ..]) => self.source(ends, scope, &mut found),
            Some(list) => list.iter().for_each(|end| self.source(end, scope, &mut found)),
            None => {}
        }
        found
    }

    fn source(&self, history: &Value, scope: &str, found: &mut Vec<String>) {
        let Some(name) = history.get(0).and_then(Value::as_str) else {
            return;
        };
        let output = history.get(2).and_then(Value::as_u64).unwrap_or_default() as usize;
        let name = join(scope, name);
        let node = match self.outputs.get(&name) {
            Some(nodes) => nodes.get(output).or(nodes.last()).cloned(),
            None => None,
        };
        found.push(node.unwrap_or(name));
    }
}

/// The layers of a model; a layer has none.
fn layers(layer: &Value) -> Option<&Vec<Value>> {
    layer.pointer("/config/layers")?.as_array()
}

fn join(scope: &str, name: &str) -> String {
    match scope.is_empty() {
        true => name.to_owned(),
        false => format!("{scope}/{name}"),
    }
}

fn attribute(name: &str, value: &Message) -> Message {
    Message::new().bytes(1, name).message(2, value)
}

fn shape(variable: &Variable) -> Message {
    let dims = variable.shape().iter().fold(Message::new(), |dims, size| {
        dims.message(2, &Message::new().int(1, *size as i64))
    });
    Message::new().message(7, &dims)
}
