//! The model that users hold.

use std::sync::Arc;

use keras_ops::{Device, Tensor};

use super::{Functional, Graph, IntoSymbolic};
use crate::layer::{Build, Call, Layer, LayerRef, Tensors};
use crate::shape::Dims;
use crate::trainer::Trainer;
use crate::{Error, Result, SeedGenerator, Variable};

/// Layers from inputs to outputs, with the means to train, evaluate, save and load them.
///
/// Make one from a stack with [`Sequential`](crate::Sequential), from any graph with [`Model::new`].
///
/// # Examples
/// ```
/// use keras_core::layers::{Concatenate, Dense};
/// use keras_core::{Apply, Model, input};
/// let (words, tags) = (input([20]).name("words"), input([5]).name("tags"));
/// let both = Concatenate::new().apply([&Dense::new(8).apply(&words)?, &tags])?;
/// let kind = Dense::new(3).activation("softmax").apply(&both)?.name("kind");
/// let score = Dense::new(1).apply(&both)?.name("score");
/// let model = Model::new([&words, &tags], [&kind, &score])?;
/// assert_eq!(model.input_names(), ["words", "tags"]);
/// assert_eq!(model.output_names(), ["kind", "score"]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Model {
    pub(crate) functional: Functional,
    pub(crate) device: Device,
    pub(crate) trainer: Option<Trainer>,
}

impl Model {
    /// The model that computes `outputs` from `inputs`, on [`keras_ops::auto`]'s device.
    ///
    /// # Errors
    /// When the graph is not connected, two layers share a name, or a layer cannot be built.
    pub fn new(inputs: impl IntoSymbolic, outputs: impl IntoSymbolic) -> Result<Self> {
        Self::new_on(inputs, outputs, &keras_ops::auto()?)
    }

    /// [`Model::new`] on `device`.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn new_on(inputs: impl IntoSymbolic, outputs: impl IntoSymbolic, device: &Device) -> Result<Self> {
        let graph = Graph::new(&inputs.into_symbolic(), &outputs.into_symbolic())?;
        Self::from_functional(Functional::new(Arc::new(graph), false), None, device)
    }

    pub(crate) fn from_functional(
        mut functional: Functional,
        name: Option<String>,
        device: &Device,
    ) -> Result<Self> {
        if let Some(name) = name {
            functional.base_mut().set_name(name);
        }
        functional.graph.build(&Build::new(device))?;
        Ok(Self {
            functional,
            device: device.clone(),
            trainer: None,
        })
    }

    /// Names the model.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.functional.base_mut().set_name(name.to_owned());
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.functional.base().name()
    }

    /// The device its weights live on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The layers in Keras's order.
    pub fn layers(&self) -> &[LayerRef] {
        &self.functional.graph.layers
    }

    /// The layer called `name`.
    ///
    /// # Errors
    /// When there is none; names the nearest.
    pub fn layer(&self, name: &str) -> Result<LayerRef> {
        let found = self.layers().iter().find(|l| l.name() == name);
        found
            .cloned()
            .ok_or_else(|| Error::unknown("layer", name, self.layers().iter().map(LayerRef::name).collect()))
    }

    /// The names of the inputs, in order.
    pub fn input_names(&self) -> Vec<String> {
        self.functional.graph.inputs.iter().map(LayerRef::name).collect()
    }

    /// The names of the outputs, in order: those of the layers they come from. A layer that gives several
    /// outputs has its name once with a number for each after the first.
    pub fn output_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for output in &self.functional.graph.outputs {
            let stem = output.layer().name();
            let mut name = stem.clone();
            let mut count = 1;
            while names.contains(&name) {
                name = format!("{stem}_{count}");
                count += 1;
            }
            names.push(name);
        }
        names
    }

    /// The shapes of the inputs; the batch size is `None`.
    pub fn input_shapes(&self) -> Vec<Dims> {
        self.functional.graph.input_shapes.clone()
    }

    /// The shapes of the outputs; the batch size is `None`.
    pub fn output_shapes(&self) -> Vec<Dims> {
        self.functional
            .graph
            .outputs
            .iter()
            .map(|o| o.shape().to_vec())
            .collect()
    }

    /// All weights with their paths (`dense/kernel`), in Keras's order; shared ones once.
    pub fn weights(&self) -> Vec<(String, Variable)> {
        let mut all: Vec<(String, Variable)> = Vec::new();
        for (path, variable) in self.layers().iter().flat_map(|l| l.weights("")) {
            if !all.iter().any(|(_, v)| v.same(&variable)) {
                all.push((path, variable));
            }
        }
        all
    }

    /// The weights that training changes by gradients, in Keras's order.
    pub fn trainable_variables(&self) -> Vec<Variable> {
        self.weights()
            .into_iter()
            .map(|(_, v)| v)
            .filter(Variable::trainable)
            .collect()
    }

    /// The weights that it does not: frozen ones and state.
    pub fn non_trainable_variables(&self) -> Vec<Variable> {
        self.weights()
            .into_iter()
            .map(|(_, v)| v)
            .filter(|v| !v.trainable())
            .collect()
    }

    /// The random streams of its layers, with their paths.
    pub fn seeds(&self) -> Vec<(String, SeedGenerator)> {
        self.layers().iter().flat_map(|l| l.seeds("")).collect()
    }

    /// What its layers carry from batch to batch, with their paths: the last states of stateful recurrent layers.
    pub fn states(&self) -> Vec<(String, Variable)> {
        self.layers().iter().flat_map(|l| l.states("")).collect()
    }

    /// Sets all states to 0: the next batch begins anew.
    ///
    /// # Errors
    /// When the device fails.
    pub fn reset_state(&self) -> Result<()> {
        self.layers().iter().try_for_each(LayerRef::reset_state)
    }

    /// The number of weights.
    pub fn count_params(&self) -> usize {
        self.weights().iter().map(|(_, v)| v.len()).sum()
    }

    /// Freezes or thaws all layers. Compile again to make it count in training.
    pub fn set_trainable(&mut self, trainable: bool) {
        self.layers().iter().for_each(|l| l.set_trainable(trainable));
    }

    /// The outputs for one batch of inputs. In training with a tape active, the result is differentiable.
    ///
    /// # Errors
    /// When the inputs do not fit.
    pub fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Tensors> {
        let graph = &self.functional.graph;
        graph.run(&graph.prepare(inputs, &self.device)?, cx)
    }

    /// The model as a layer of other models; its weights are shared.
    pub fn as_layer(&self) -> LayerRef {
        LayerRef::new(self.functional.share())
    }
}
