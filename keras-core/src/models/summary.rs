//! What a model looks like, as text.

use std::any::Any;

use super::table::{Align, Table};
use super::{Functional, Graph, Model};
use crate::layer::{Layer, LayerRef};
use crate::shape::{self, Dims};
use crate::{LearningRate, Variable};

/// What [`Model::summary_with`] shows.
///
/// ```
/// use keras_core::{Sequential, layers::Dense, models::Summary};
/// let model = Sequential::new().name("tiny").input([4]).add(Dense::new(2).name("out")).build()?;
/// let text = model.summary_with(&Summary { show_trainable: true, ..Summary::default() });
/// assert!(text.starts_with("Model: \"tiny\"\n┏━"));
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The width of the table, 40 or more. Keras's own (88 or 108) unless given, but at most 4 less than the
    /// terminal: `COLUMNS`, or 80.
    pub line_length: Option<usize>,
    /// Whether the layers of models within are listed.
    pub expand_nested: bool,
    /// Whether a column says which layers are trained.
    pub show_trainable: bool,
}

impl Model {
    /// The layers with output shapes and numbers of weights, as Keras prints them.
    ///
    /// # Examples
    /// ```
    /// use keras_core::{Sequential, layers::Dense};
    /// let model = Sequential::new().name("tiny").input([4]).add(Dense::new(2).name("out")).build()?;
    /// assert!(model.summary().ends_with(
    ///     " Total params: 10 (40.00 B)\n Trainable params: 10 (40.00 B)\n Non-trainable params: 0 (0.00 B)\n"
    /// ));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn summary(&self) -> String {
        self.summary_with(&Summary::default())
    }

    /// [`summary`](Self::summary) with options.
    pub fn summary_with(&self, options: &Summary) -> String {
        let nodes = Nodes::new(&self.functional.graph);
        let connected = !self.functional.sequential && !nodes.is_chain();
        let mut table = new_table(options, connected);
        for layer in shown(&self.functional) {
            let nodes = Some((&nodes, connected));
            for row in rows(&layer, 0, &self.functional.graph, nodes, connected, options) {
                table.row(&row);
            }
        }
        format!(
            "Model: \"{}\"\n{}\n{}",
            self.name(),
            table.finish(),
            self.totals()
        )
    }

    fn totals(&self) -> String {
        let trained = Size::of(&self.trainable_variables());
        let others = Size::of(&self.non_trainable_variables());
        let optimizer = self
            .trainer
            .as_ref()
            .filter(|t| !t.variables.is_empty())
            .map(|trainer| {
                let slots: Vec<Variable> = trainer
                    .optimizer
                    .state_variables()
                    .into_iter()
                    .map(|(_, v)| v)
                    .collect();
                let slots = Size::of(&slots);
                // Keras counts the step and a constant learning rate as variables, too.
                let scalars = match trainer.optimizer.base().learning_rate {
                    LearningRate::Constant(_) => 2,
                    LearningRate::Schedule(_) => 1,
                };
                Size {
                    count: slots.count + scalars,
                    bytes: slots.bytes + 4 * scalars,
                }
            });
        let extra = optimizer.unwrap_or_default();
        let all = Size {
            count: trained.count + others.count + extra.count,
            bytes: trained.bytes + others.bytes + extra.bytes,
        };
        let mut text = format!(
            " Total params: {}\n Trainable params: {}\n Non-trainable params: {}\n",
            all.show(),
            trained.show(),
            others.show()
        );
        if let Some(optimizer) = optimizer {
            text += &format!(" Optimizer params: {}\n", optimizer.show());
        }
        text
    }
}

fn new_table(options: &Summary, connected: bool) -> Table {
    let (mut head, mut align) = (
        vec!["Layer (type)", "Output Shape", "Param #"],
        vec![Align::Left, Align::Left, Align::Right],
    );
    let (mut length, mut ends) = (88, vec![0.45, 0.80, 1.0]);
    if connected {
        head.push("Connected to");
        align.push(Align::Left);
        (length, ends) = (108, vec![0.3, 0.56, 0.74, 1.0]);
    }
    if options.show_trainable {
        head.push("Trainable");
        align.push(Align::Center);
        length += 12;
        ends.iter_mut().for_each(|p| *p *= 0.90);
        ends.push(1.0);
    }
    let length = options
        .line_length
        .unwrap_or_else(|| length.min(terminal_width().saturating_sub(4)))
        .max(40);
    let mut start = 0;
    let widths: Vec<usize> = ends
        .iter()
        .map(|end| {
            let end = (end * length as f64) as usize;
            let width = end - start;
            start = end;
            width
        })
        .collect();
    Table::new(&head, &align, &widths, length)
}

fn terminal_width() -> usize {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|c| c.parse().ok())
        .filter(|c| *c > 0)
        .unwrap_or(80)
}

/// The layers that Keras lists: a stack's input is not among them.
fn shown(model: &Functional) -> Vec<LayerRef> {
    let inputs = &model.graph.inputs;
    let is_input = |l: &LayerRef| model.sequential && inputs.iter().any(|i| i.same(l));
    model
        .graph
        .layers
        .iter()
        .filter(|l| !is_input(l))
        .cloned()
        .collect()
}

/// A layer's row, then those of the layers of a model within.
fn rows(
    layer: &LayerRef,
    level: usize,
    graph: &Graph,
    nodes: Option<(&Nodes, bool)>,
    connected: bool,
    options: &Summary,
) -> Vec<Vec<String>> {
    let prefix = if level > 0 {
        format!("{}└ ", "   ".repeat(level))
    } else {
        String::new()
    };
    let guard = layer.read();
    let mut row = vec![
        format!("{prefix}{} ({})", guard.base().name(), guard.class_name()),
        output_shape(layer, graph),
        thousands(guard.count_params()),
    ];
    if connected {
        row.push(nodes.map_or_else(|| "-".to_owned(), |(nodes, _)| nodes.connections(layer)));
    }
    if options.show_trainable {
        let mark = match (guard.count_params(), guard.base().trainable()) {
            (0, _) => "-",
            (_, true) => "Y",
            (_, false) => "N",
        };
        row.push(mark.to_owned());
    }
    let mut all = vec![row];
    let object: &dyn Layer = &**guard;
    let within = (object as &dyn Any)
        .downcast_ref::<Functional>()
        .filter(|_| options.expand_nested);
    for inner in within.map(shown).unwrap_or_default() {
        let graph = within.map_or(graph, |m| &*m.graph);
        all.extend(rows(&inner, level + 1, graph, None, connected, options));
    }
    all
}

/// The shape of what a layer gave when it was last applied.
fn output_shape(layer: &LayerRef, graph: &Graph) -> String {
    let steps = graph.steps.iter().filter(|s| s.layer.same(layer));
    let shapes: Vec<Dims> = match steps.max_by_key(|s| s.serial) {
        Some(step) => step.shapes.clone(),
        None => {
            let inputs = graph.inputs.iter().zip(&graph.input_shapes);
            inputs
                .filter(|(l, _)| l.same(layer))
                .map(|(_, shape)| shape.clone())
                .collect()
        }
    };
    // Unlike Python's tuples, Keras prints no comma after the only size here.
    let texts: Vec<String> = shapes.iter().map(|s| shape::show(s).replace(",)", ")")).collect();
    match texts.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

/// The applications of layers in a graph: inputs first, then the steps.
struct Nodes {
    layers: Vec<LayerRef>,
    serials: Vec<u64>,
    /// For each node and input, the node and output it comes from.
    sources: Vec<Vec<(usize, usize)>>,
}

impl Nodes {
    fn new(graph: &Graph) -> Self {
        let mut made_by: Vec<Option<(usize, usize)>> = Vec::new();
        let mut set = |slot: usize, source: (usize, usize)| {
            made_by.resize(made_by.len().max(slot + 1), None);
            made_by[slot] = Some(source);
        };
        for (i, slot) in graph.input_slots.iter().enumerate() {
            set(*slot, (i, 0));
        }
        let count = graph.inputs.len();
        for (i, step) in graph.steps.iter().enumerate() {
            step.outputs
                .iter()
                .enumerate()
                .for_each(|(output, slot)| set(*slot, (count + i, output)));
        }
        let source = |slot: &usize| made_by.get(*slot).copied().flatten().unwrap_or_default();
        let steps = graph.steps.iter();
        Self {
            layers: graph
                .inputs
                .iter()
                .chain(steps.clone().map(|s| &s.layer))
                .cloned()
                .collect(),
            serials: vec![0; count]
                .into_iter()
                .chain(steps.clone().map(|s| s.serial))
                .collect(),
            sources: vec![Vec::new(); count]
                .into_iter()
                .chain(steps.map(|s| s.inputs.iter().map(source).collect()))
                .collect(),
        }
    }

    /// Whether each layer is applied once, to the output of the one before.
    fn is_chain(&self) -> bool {
        let depths = self.depths();
        let unique =
            |i: usize| (0..i).all(|j| depths[j] != depths[i] && !self.layers[j].same(&self.layers[i]));
        self.sources.iter().all(|s| s.len() <= 1) && (0..self.layers.len()).all(unique)
    }

    /// The longest way of each node to an output.
    fn depths(&self) -> Vec<usize> {
        let mut depths = vec![0; self.layers.len()];
        for node in (0..self.layers.len()).rev() {
            for (parent, _) in &self.sources[node] {
                depths[*parent] = depths[*parent].max(depths[node] + 1);
            }
        }
        depths
    }

    /// `dense[0][0], tags[0][0]`: layer, which of its applications, which of its outputs.
    fn connections(&self, layer: &LayerRef) -> String {
        let mut own: Vec<usize> = (0..self.layers.len())
            .filter(|i| self.layers[*i].same(layer))
            .collect();
        own.sort_by_key(|i| self.serials[*i]);
        let sources = own.iter().flat_map(|i| &self.sources[*i]);
        let names: Vec<String> = sources
            .map(|(node, output)| {
                let earlier = |i: &usize| {
                    self.layers[*i].same(&self.layers[*node]) && self.serials[*i] < self.serials[*node]
                };
                let index = (0..self.layers.len()).filter(earlier).count();
                format!("{}[{index}][{output}]", self.layers[*node].name())
            })
            .collect();
        if names.is_empty() {
            "-".to_owned()
        } else {
            names.join(", ")
        }
    }
}

/// Numbers of weights and the memory they take.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    count: usize,
    bytes: usize,
}

impl Size {
    fn of(variables: &[Variable]) -> Self {
        let bytes = |v: &Variable| v.len() * v.dtype().size_in_bytes();
        Self {
            count: variables.iter().map(Variable::len).sum(),
            bytes: variables.iter().map(bytes).sum(),
        }
    }

    fn show(self) -> String {
        format!("{} ({})", thousands(self.count), memory(self.bytes))
    }
}

/// `54,410`.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `212.54 KB`.
fn memory(bytes: usize) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KB", "MB", "GB", "TB"] {
        if size < 1024. {
            return format!("{size:.2} {unit}");
        }
        size /= 1024.;
    }
    format!("{size:.2} PB")
}
