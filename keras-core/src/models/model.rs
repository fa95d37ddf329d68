//! The model that users hold.

use std::sync::Arc;

use keras_ops::{Device, Tensor};

use super::config::Written;
use super::{Apply, Functional, Graph, IntoSymbolic};
use crate::layer::{Build, Call, Layer, LayerRef, Tensors};
use crate::shape::Dims;
use crate::trainer::{Hook, Trainer};
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
    /// A training step of the user's own.
    pub(crate) hook: Option<Hook>,
    pub(crate) written: Written,
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

    /// The model that one layer is, on [`keras_ops::auto`]'s device: Keras's model subclass. Its layers are
    /// [`sublayers`](Layer::sublayers), its computation is [`call`](Layer::call).
    ///
    /// # Errors
    /// When the layer cannot take the inputs.
    ///
    /// # Examples
    /// ```
    /// use keras_core::layer::{Call, Layer, LayerBase, LayerRef, Outputs};
    /// use keras_core::layers::Dense;
    /// use keras_core::{Model, Result, input};
    /// use keras_ops::{self as ops, Tensor};
    ///
    /// /// Two layers around a shortcut.
    /// #[derive(Debug)]
    /// struct Block {
    ///     base: LayerBase,
    ///     wide: LayerRef,
    ///     back: LayerRef,
    /// }
    /// impl Layer for Block {
    ///     fn base(&self) -> &LayerBase {
    ///         &self.base
    ///     }
    ///     fn base_mut(&mut self) -> &mut LayerBase {
    ///         &mut self.base
    ///     }
    ///     fn sublayers(&self) -> Vec<LayerRef> {
    ///         vec![self.wide.clone(), self.back.clone()]
    ///     }
    ///     fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
    ///         let wide = cx.inner(&self.wide).call(inputs)?;
    ///         let back = cx.inner(&self.back).call(&wide.0)?;
    ///         Ok(ops::add(&inputs[0], &back.0[0])?.into())
    ///     }
    /// }
    /// let block = Block {
    ///     base: LayerBase::default(),
    ///     wide: Dense::new(16).activation("relu").name("wide").into(),
    ///     back: Dense::new(4).name("back").into(),
    /// };
    /// let model = Model::from_layer(block, input([4]))?;
    /// assert_eq!(model.output_shapes(), [[None, Some(4)]]);
    /// assert_eq!(model.weight("block/wide/kernel")?.shape(), [4, 16]);
    /// assert_eq!(model.count_params(), 4 * 16 + 16 + 16 * 4 + 4);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn from_layer(layer: impl Into<LayerRef>, inputs: impl IntoSymbolic) -> Result<Self> {
        Self::from_layer_on(layer, inputs, &keras_ops::auto()?)
    }

    /// [`from_layer`](Self::from_layer) on `device`.
    ///
    /// # Errors
    /// As [`from_layer`](Self::from_layer).
    pub fn from_layer_on(
        layer: impl Into<LayerRef>,
        inputs: impl IntoSymbolic,
        device: &Device,
    ) -> Result<Self> {
        let (layer, inputs) = (layer.into(), inputs.into_symbolic());
        let outputs = layer.apply_many(inputs.as_slice())?;
        Self::new_on(inputs, outputs, device)
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
            hook: None,
            written: Written::default(),
        })
    }

    /// Names the model.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.functional.base_mut().set_name(name.to_owned());
        self.written = Written::default();
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

    /// The layer called `name`; of a layer within another, the way to it: `encoder/dense`.
    ///
    /// # Errors
    /// When there is none; names the nearest.
    pub fn layer(&self, name: &str) -> Result<LayerRef> {
        LayerRef::find(self.layers(), name)
    }

    /// The weight with this path: `encoder/dense/kernel`.
    ///
    /// # Errors
    /// When there is none; names the nearest.
    ///
    /// ```
    /// use keras_core::{Sequential, layers::Dense};
    /// let model = Sequential::new().input([4]).add(Dense::new(2)).build()?;
    /// assert_eq!(model.weight("dense/kernel")?.shape(), [4, 2]);
    /// let error = model.weight("dense/kernal").unwrap_err().to_string();
    /// assert!(error.contains("Did you mean `dense/kernel`?"));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn weight(&self, path: &str) -> Result<Variable> {
        let weights = self.weights();
        match weights.iter().find(|(known, _)| known == path) {
            Some((_, variable)) => Ok(variable.clone()),
            None => {
                let known = weights.into_iter().map(|(path, _)| path);
                Err(Error::unknown("weight", path, known.collect()))
            }
        }
    }

    /// The names of the inputs, in order.
    pub fn input_names(&self) -> Vec<String> {
        self.functional.graph.inputs.iter().map(LayerRef::name).collect()
    }

    /// The names of the outputs, in order: those of the layers they come from. A layer that gives several
    /// outputs has its name once with a number for each after the first. Of a Keras model whose outputs are a dict they
    /// are its keys, sorted.
    pub fn output_names(&self) -> Vec<String> {
        if !self.functional.graph.output_keys.is_empty() {
            return self.functional.graph.output_keys.clone();
        }
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
