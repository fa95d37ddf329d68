//! A plain stack of layers.

use keras_ops::Device;

use super::symbolic::{self, Symbolic};
use super::{Functional, Graph, Model, input};
use crate::layer::LayerRef;
use crate::{Arguments, Result, bail};

/// Builds a [`Model`] from a stack of layers, each on the output of the one below; several outputs are several inputs.
///
/// ```
/// use keras_core::{Sequential, layers::Dense};
/// let model = Sequential::new()
///     .input([4])
///     .add(Dense::new(8).activation("relu"))
///     .add(Dense::new(3).activation("softmax"))
///     .build()?;
/// assert_eq!(model.count_params(), 4 * 8 + 8 + 8 * 3 + 3);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Sequential {
    name: Option<String>,
    input: Option<Symbolic>,
    layers: Vec<LayerRef>,
}

impl Sequential {
    /// An empty stack.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the model.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// The shape of one sample, without the batch.
    #[must_use]
    pub fn input(self, shape: impl AsRef<[usize]>) -> Self {
        self.input_tensor(input(shape))
    }

    /// An input with a name or another dtype.
    #[must_use]
    pub fn input_tensor(mut self, input: Symbolic) -> Self {
        self.input = Some(input);
        self
    }

    /// Puts a layer on top.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "Keras's name")]
    pub fn add(mut self, layer: impl Into<LayerRef>) -> Self {
        self.layers.push(layer.into());
        self
    }

    /// Makes the model on [`keras_ops::auto`]'s device.
    ///
    /// # Errors
    /// When the input is missing or a layer cannot take what comes from the one below.
    pub fn build(self) -> Result<Model> {
        self.build_on(&keras_ops::auto()?)
    }

    /// Makes the model on `device`.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_on(self, device: &Device) -> Result<Model> {
        let Some(input) = self.input else {
            bail!("Sequential: the shape of the input is missing; call `.input([..])` before `.add(..)`");
        };
        let mut outputs = vec![input.clone()];
        for layer in &self.layers {
            outputs = symbolic::apply(layer, outputs, &Arguments::new())?;
        }
        let graph = Graph::new(&[input], &outputs)?;
        Model::from_functional(Functional::new(graph.into(), true), self.name, device)
    }
}
