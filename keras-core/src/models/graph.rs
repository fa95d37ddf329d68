//! The layers of a model in order, and the plan that runs them.

use std::any::Any;
use std::sync::Arc;

use keras_ops::{DType, Device, Tensor};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::Functional;
use super::symbolic::{Node, Symbolic};
use crate::config::snake_case;
use crate::layer::{Build, LayerRef};
use crate::layers::InputLayer;
use crate::shape::{self, Dims};
use crate::{Arguments, Result, ResultExt, Variable, bail};

/// One call of a layer: which slots it reads and fills.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) layer: LayerRef,
    pub(crate) inputs: SmallVec<[usize; 2]>,
    pub(crate) outputs: SmallVec<[usize; 1]>,
    pub(super) arguments: Arguments,
    /// What the application says of `training`.
    pub(super) training: Option<bool>,
    /// For each input the slot of the mask that is given by name; empty when none is.
    pub(super) mask_slots: Vec<Option<usize>>,
    /// The shapes of the outputs.
    pub(crate) shapes: Vec<Dims>,
    /// Grows in the order in which layers were applied.
    pub(crate) serial: u64,
    /// Slots that nothing reads after this step.
    pub(super) free: SmallVec<[usize; 2]>,
    /// Whether the next step reads its output, and nothing else reads or is read there.
    pub(super) followed: bool,
}

/// A model's layers in Keras's order and the steps that compute its outputs.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) layers: Vec<LayerRef>,
    pub(crate) steps: Vec<Step>,
    /// The input layers, in the order that data is given in.
    pub(crate) inputs: Vec<LayerRef>,
    pub(crate) input_shapes: Vec<Dims>,
    pub(crate) input_dtypes: Vec<DType>,
    pub(crate) input_slots: Vec<usize>,
    pub(crate) outputs: Vec<Symbolic>,
    pub(crate) output_slots: Vec<usize>,
    /// What the outputs are called where Keras has them in a dict; empty where their layers' names are theirs.
    pub(crate) output_keys: Vec<String>,
    pub(super) slots: usize,
    /// Whether a layer makes masks.
    pub(super) masked: bool,
}

impl Graph {
    pub(crate) fn new(inputs: &[Symbolic], outputs: &[Symbolic]) -> Result<Self> {
        if inputs.is_empty() || outputs.is_empty() {
            bail!(
                "a model needs at least one input and one output, `input_layers` and `output_layers` of its configuration"
            );
        }
        for input in inputs {
            if !input.node.inputs.is_empty() {
                bail!("model input {input:?} is the output of a layer; start from `input(shape)`");
            }
        }
        let nodes = reachable(outputs);
        check_connected(&nodes, inputs)?;
        name_layers(&nodes)?;
        let mut slot_of: FxHashMap<(usize, usize), usize> = FxHashMap::default();
        let mut steps = Vec::new();
        for node in inputs.iter().map(|i| &i.node).chain(&nodes) {
            let count = slot_of.len();
            let key = address(node);
            if slot_of.contains_key(&(key, 0)) {
                continue;
            }
            let shapes = node.shapes.clone();
            let filled: SmallVec<[usize; 1]> = (count..count + shapes.len()).collect();
            slot_of.extend(filled.iter().enumerate().map(|(i, slot)| ((key, i), *slot)));
            if !node.inputs.is_empty() {
                let read = node.inputs.iter().map(|i| slot_of.get(&i.key()).copied());
                let Some(read) = read.collect::<Option<_>>() else {
                    bail!("model graph: a node comes before its input")
                };
                let read: SmallVec<[usize; 2]> = read;
                let layer = node.layer.clone();
                let arguments = node.arguments.clone();
                let positional = arguments.positional(&read).len();
                let places = arguments.mask_places(&**layer.read(), positional);
                steps.push(Step {
                    layer,
                    training: arguments.value("training")?,
                    mask_slots: places.into_iter().map(|p| p.map(|p| read[p])).collect(),
                    arguments,
                    inputs: read,
                    outputs: filled,
                    shapes,
                    serial: node.serial,
                    free: SmallVec::new(),
                    followed: false,
                });
            }
        }
        let slot = |s: &Symbolic| slot_of.get(&s.key()).copied().unwrap_or_default();
        let output_slots: Vec<usize> = outputs.iter().map(slot).collect();
        mark_free(&mut steps, &output_slots);
        mark_followed(&mut steps);
        Ok(Self {
            masked: steps
                .iter()
                .any(|s| !s.mask_slots.is_empty() || s.layer.read().makes_mask()),
            layers: in_keras_order(&nodes, inputs, outputs),
            steps,
            inputs: inputs.iter().map(|i| i.node.layer.clone()).collect(),
            input_shapes: inputs.iter().map(|i| i.shape().to_vec()).collect(),
            input_dtypes: inputs.iter().map(Symbolic::dtype).collect(),
            input_slots: inputs.iter().map(slot).collect(),
            outputs: outputs.to_vec(),
            output_slots,
            output_keys: Vec::new(),
            slots: slot_of.len(),
        })
    }

    pub(crate) fn build(&self, cx: &Build) -> Result<()> {
        let mut shapes: Vec<Dims> = vec![Dims::new(); self.slots];
        for (slot, dims) in self.input_slots.iter().zip(&self.input_shapes) {
            shapes[*slot].clone_from(dims);
        }
        for step in &self.steps {
            let inputs = step.arguments.positional(&step.inputs);
            let inputs: Vec<Dims> = inputs.iter().map(|s| shapes[*s].clone()).collect();
            step.layer
                .build(&inputs, cx)
                .context(|| format!("layer `{}`", step.layer.name()))?;
            for (slot, dims) in step.outputs.iter().zip(&step.shapes) {
                shapes[*slot].clone_from(dims);
            }
        }
        Ok(())
    }

    /// The trainable weights that the outputs marked in `used` must depend on: those of the layers on the way. Of a
    /// layer that has others within and is no model it is not known.
    pub(crate) fn needed_weights(&self, used: &[bool], found: &mut Vec<Variable>) {
        let mut needed = vec![false; self.slots];
        for (slot, used) in self.output_slots.iter().zip(used) {
            needed[*slot] |= used;
        }
        for step in self.steps.iter().rev() {
            let outputs: SmallVec<[bool; 4]> = step.outputs.iter().map(|slot| needed[*slot]).collect();
            if !outputs.contains(&true) {
                continue;
            }
            step.inputs.iter().for_each(|slot| needed[*slot] = true);
            let layer = step.layer.read();
            match ((&**layer) as &dyn Any).downcast_ref::<Functional>() {
                Some(model) => model.graph.needed_weights(&outputs, found),
                None if layer.sublayers().is_empty() => {
                    found.extend(layer.base().variables().iter().cloned())
                }
                None => {}
            }
        }
    }

    /// The inputs on `device` in the model's dtypes; an axis of size 1 at the end is added or dropped where
    /// that makes the shape fit, as Keras does.
    pub(crate) fn prepare(&self, inputs: &[Tensor], device: &Device) -> Result<SmallVec<[Tensor; 2]>> {
        if inputs.len() != self.inputs.len() {
            let names: Vec<String> = self.inputs.iter().map(LayerRef::name).collect();
            bail!(
                "the model has {} inputs ({}), got {}",
                names.len(),
                names.join(", "),
                inputs.len()
            );
        }
        let prepare = |(i, tensor): (usize, &Tensor)| {
            let strings = of_strings(&self.inputs[i]);
            let tensor = adjust_rank(&self.input_shapes[i], tensor, strings)?;
            if strings && tensor.dtype() != DType::U8 {
                bail!(
                    "input `{}` expects strings, got {}; `layers::text::encode` makes a tensor of them",
                    self.inputs[i].name(),
                    keras_ops::dtype_name(tensor.dtype())
                );
            }
            if !shape::fits(&self.input_shapes[i], tensor.dims()) {
                bail!(
                    "input `{}` expects data of shape {}, got {:?}",
                    self.inputs[i].name(),
                    shape::show(&self.input_shapes[i]),
                    tensor.dims()
                );
            }
            let tensor = if tensor.device().same_device(device) {
                tensor
            } else {
                tensor.to_device(device)?
            };
            Ok(if tensor.dtype() == self.input_dtypes[i] {
                tensor
            } else {
                keras_ops::cast(&tensor, self.input_dtypes[i])?
            })
        };
        inputs.iter().enumerate().map(prepare).collect()
    }
}

fn of_strings(input: &LayerRef) -> bool {
    let layer = input.read();
    let any: &dyn std::any::Any = &**layer;
    any.downcast_ref::<InputLayer>()
        .is_some_and(InputLayer::of_strings)
}

/// The last axis of strings holds their bytes and does not count here.
fn adjust_rank(declared: &[Option<usize>], tensor: &Tensor, strings: bool) -> Result<Tensor> {
    let all = tensor.dims();
    let (dims, bytes) = all.split_at(all.len().saturating_sub(usize::from(strings)));
    let declared = &declared[..declared.len().saturating_sub(usize::from(strings))];
    let view = if dims.len() == declared.len() + 1 && dims.last() == Some(&1) {
        tensor.reshape([&dims[..dims.len() - 1], bytes].concat())?
    } else if dims.len() + 1 == declared.len() && declared.last() == Some(&Some(1)) {
        tensor.reshape([dims, &[1], bytes].concat())?
    } else {
        tensor.clone()
    };
    Ok(view)
}

/// The nodes that the outputs depend on, parents first.
fn reachable(outputs: &[Symbolic]) -> Vec<Arc<Node>> {
    let (mut order, mut seen) = (Vec::new(), FxHashSet::default());
    for output in outputs {
        visit(&output.node, &mut order, &mut seen);
    }
    order
}

/// Depth-first from an output, without recursion.
fn visit(root: &Arc<Node>, order: &mut Vec<Arc<Node>>, seen: &mut FxHashSet<usize>) {
    if !seen.insert(address(root)) {
        return;
    }
    let mut stack = vec![(root.clone(), 0)];
    while let Some((node, next)) = stack.pop() {
        match node.inputs.get(next) {
            Some(input) => {
                let parent = input.node.clone();
                stack.push((node, next + 1));
                if seen.insert(address(&parent)) {
                    stack.push((parent, 0));
                }
            }
            None => order.push(node),
        }
    }
}

fn address(node: &Arc<Node>) -> usize {
    Arc::as_ptr(node) as usize
}

/// Every layer once, as Keras sorts them: by the longest way to an output, deepest first; among equals in the
/// order in which a walk from the outputs meets them.
fn in_keras_order(nodes: &[Arc<Node>], inputs: &[Symbolic], outputs: &[Symbolic]) -> Vec<LayerRef> {
    let mut depths: FxHashMap<usize, usize> = FxHashMap::default();
    let mut layer_depths: FxHashMap<usize, usize> = FxHashMap::default();
    for node in nodes.iter().rev() {
        let own = depths.get(&address(node)).copied().unwrap_or(0);
        let depth = own.max(layer_depths.get(&node.layer.id()).copied().unwrap_or(0));
        layer_depths.insert(node.layer.id(), depth);
        for parent in &node.inputs {
            let slot = depths.entry(address(&parent.node)).or_insert(0);
            *slot = (*slot).max(depth + 1);
        }
    }
    let unused = inputs.iter().map(|i| i.node.layer.clone());
    let unused: Vec<LayerRef> = unused.filter(|l| !layer_depths.contains_key(&l.id())).collect();
    let mut layers = met_from_outputs(outputs);
    layers.splice(0..0, unused);
    layers.sort_by_key(|l| std::cmp::Reverse(layer_depths.get(&l.id()).copied().unwrap_or(0)));
    layers
}

/// Layers in the order in which a depth-first walk from the outputs meets them first.
fn met_from_outputs(outputs: &[Symbolic]) -> Vec<LayerRef> {
    let (mut layers, mut seen, mut visited) = (Vec::new(), FxHashSet::default(), FxHashSet::default());
    let mut stack: Vec<Arc<Node>> = outputs.iter().rev().map(|o| o.node.clone()).collect();
    while let Some(node) = stack.pop() {
        if !visited.insert(address(&node)) {
            continue;
        }
        if seen.insert(node.layer.id()) {
            layers.push(node.layer.clone());
        }
        stack.extend(node.inputs.iter().rev().map(|i| i.node.clone()));
    }
    layers
}

fn check_connected(nodes: &[Arc<Node>], inputs: &[Symbolic]) -> Result<()> {
    for node in nodes.iter().filter(|n| n.inputs.is_empty()) {
        if !inputs.iter().any(|i| Arc::ptr_eq(&i.node, node)) {
            bail!(
                "the outputs depend on input `{}`, which is not among the model's inputs",
                node.layer.name()
            );
        }
    }
    Ok(())
}

/// Gives names to layers without one (`dense`, `dense_1`, in order of creation) and checks that names differ.
fn name_layers(nodes: &[Arc<Node>]) -> Result<()> {
    let mut nodes: Vec<&Arc<Node>> = nodes.iter().collect();
    nodes.sort_by_key(|n| n.serial);
    let mut seen = FxHashSet::default();
    let layers: Vec<&LayerRef> = nodes
        .iter()
        .map(|n| &n.layer)
        .filter(|l| seen.insert(l.id()))
        .collect();
    let mut taken: FxHashMap<String, usize> = FxHashMap::default();
    for layer in layers.iter().filter(|l| l.read().base().named()) {
        if taken.insert(layer.name(), layer.id()).is_some() {
            bail!(
                "two layers are called `{}`: give each layer of a model its own name",
                layer.name()
            );
        }
    }
    for layer in layers.iter().filter(|l| !l.read().base().named()) {
        let stem = snake_case(layer.read().class_name());
        let free = (0..).map(|i| {
            if i == 0 {
                stem.clone()
            } else {
                format!("{stem}_{i}")
            }
        });
        let kept = Some(layer.name()).filter(|n| !n.is_empty() && !taken.contains_key(n));
        let name = kept
            .or_else(|| free.into_iter().find(|n| !taken.contains_key(n)))
            .unwrap_or(stem.clone());
        taken.insert(name.clone(), layer.id());
        layer.write().base_mut().set_auto_name(name);
    }
    Ok(())
}

fn mark_free(steps: &mut [Step], outputs: &[usize]) {
    let mut last: FxHashMap<usize, usize> = FxHashMap::default();
    for (i, step) in steps.iter().enumerate() {
        last.extend(step.inputs.iter().chain(&step.outputs).map(|slot| (*slot, i)));
    }
    for (slot, step) in last {
        if !outputs.contains(&slot) {
            steps[step].free.push(slot);
        }
    }
}

/// Finds the steps that the next one alone follows, both without arguments.
fn mark_followed(steps: &mut [Step]) {
    for i in 1..steps.len() {
        let [before, next] = [&steps[i - 1], &steps[i]];
        let plain = |step: &Step| step.arguments.is_empty() && step.outputs.len() == 1;
        let alone = next.inputs == before.outputs && next.free.contains(&before.outputs[0]);
        let followed = alone && plain(before) && plain(next) && before.layer.id() != next.layer.id();
        steps[i - 1].followed = followed;
    }
}
