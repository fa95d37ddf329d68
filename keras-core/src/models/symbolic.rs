//! Symbolic tensors: what layers are applied to before there is data.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keras_ops::DType;

use crate::layer::{Layer, LayerRef, TensorSpec};
use crate::layers::InputLayer;
use crate::shape::{self, Dims};
use crate::{Arguments, Result, ResultExt, bail};

/// One application of a layer.
pub(crate) struct Node {
    pub(crate) layer: LayerRef,
    /// All tensors: the inputs, then those among the arguments.
    pub(crate) inputs: Vec<Symbolic>,
    pub(crate) arguments: Arguments,
    /// The shapes of the outputs.
    pub(crate) shapes: Vec<Dims>,
    /// Grows with every node: the order in which layers were applied.
    pub(crate) serial: u64,
}

/// The shape and origin of a tensor that will be there once a model runs (`KerasTensor`).
///
/// ```
/// use keras_core::{Apply, input, layers::Dense};
/// let x = input([784]).name("pixels");
/// let y = Dense::new(10).apply(&x)?;
/// assert_eq!(y.shape(), [None, Some(10)]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Symbolic {
    pub(crate) node: Arc<Node>,
    pub(crate) index: usize,
    shape: Dims,
    dtype: DType,
}

impl Symbolic {
    /// The shape; the batch size is `None`.
    pub fn shape(&self) -> &[Option<usize>] {
        &self.shape
    }

    /// The dtype.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    fn spec(&self) -> TensorSpec {
        TensorSpec {
            shape: self.shape.clone(),
            dtype: self.dtype,
        }
    }

    /// Names the layer that this came from: the name of a model's input or output.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.node.layer.write().base_mut().set_name(name.to_owned());
        self
    }

    /// The layer that this came from.
    pub fn layer(&self) -> &LayerRef {
        &self.node.layer
    }

    /// Which tensor this is: the node and its output.
    pub(crate) fn key(&self) -> (usize, usize) {
        (Arc::as_ptr(&self.node) as usize, self.index)
    }
}

impl fmt::Debug for Symbolic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.node.layer.name();
        write!(f, "<Symbolic shape={}, from=`{name}`>", shape::show(&self.shape))
    }
}

/// A model's input: the shape of one sample, without the batch.
pub fn input(shape: impl AsRef<[usize]>) -> Symbolic {
    InputLayer::new(shape).tensor()
}

fn serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl InputLayer {
    /// The symbolic tensor that stands for the data given to the model.
    pub fn tensor(self) -> Symbolic {
        let (shape, dtype) = (self.batch_shape().to_vec(), self.data_dtype());
        let node = Node {
            layer: LayerRef::new(self),
            inputs: Vec::new(),
            arguments: Arguments::new(),
            shapes: vec![shape.clone()],
            serial: serial(),
        };
        Symbolic {
            node: Arc::new(node),
            index: 0,
            shape,
            dtype,
        }
    }
}

/// What a layer can be applied to: `&x`, `[&a, &b]`, a slice or a vector.
pub trait IntoSymbolic {
    /// As a list.
    fn into_symbolic(self) -> Vec<Symbolic>;
}

impl IntoSymbolic for Symbolic {
    fn into_symbolic(self) -> Vec<Symbolic> {
        vec![self]
    }
}

impl IntoSymbolic for &Symbolic {
    fn into_symbolic(self) -> Vec<Symbolic> {
        vec![self.clone()]
    }
}

impl IntoSymbolic for Vec<Symbolic> {
    fn into_symbolic(self) -> Vec<Symbolic> {
        self
    }
}

impl IntoSymbolic for &[Symbolic] {
    fn into_symbolic(self) -> Vec<Symbolic> {
        self.to_vec()
    }
}

impl<const N: usize> IntoSymbolic for [Symbolic; N] {
    fn into_symbolic(self) -> Vec<Symbolic> {
        self.into()
    }
}

impl<const N: usize> IntoSymbolic for [&Symbolic; N] {
    fn into_symbolic(self) -> Vec<Symbolic> {
        self.into_iter().cloned().collect()
    }
}

/// Applies a layer to symbolic tensors. A [`LayerRef`] may be applied many times: its weights are shared.
pub trait Apply: Sized {
    /// The shared layer.
    fn shared(self) -> LayerRef;

    /// The output of a layer with one output.
    ///
    /// # Errors
    /// When the layer cannot take such inputs, or has several outputs.
    fn apply(self, inputs: impl IntoSymbolic) -> Result<Symbolic> {
        self.apply_with(inputs, Arguments::new())
    }

    /// [`apply`](Self::apply) with arguments by name: `layer.apply_with(&x, Arguments::new().set("use_causal_mask",
    /// true).tensors("initial_state", [&h, &c]))`.
    ///
    /// # Errors
    /// When the layer cannot take such inputs, has several outputs, or has no such argument.
    fn apply_with(self, inputs: impl IntoSymbolic, arguments: Arguments) -> Result<Symbolic> {
        let layer = self.shared();
        let mut outputs = apply(&layer, inputs.into_symbolic(), &arguments)?;
        match (outputs.pop(), outputs.is_empty()) {
            (Some(output), true) => Ok(output),
            (_, _) => bail!("layer {layer:?} has several outputs: use `apply_many`"),
        }
    }

    /// All outputs.
    ///
    /// # Errors
    /// When the layer cannot take such inputs.
    fn apply_many(self, inputs: impl IntoSymbolic) -> Result<Vec<Symbolic>> {
        self.apply_many_with(inputs, Arguments::new())
    }

    /// All outputs of an application with arguments by name.
    ///
    /// # Errors
    /// When the layer cannot take such inputs or has no such argument.
    fn apply_many_with(self, inputs: impl IntoSymbolic, arguments: Arguments) -> Result<Vec<Symbolic>> {
        apply(&self.shared(), inputs.into_symbolic(), &arguments)
    }
}

impl<L: Layer> Apply for L {
    fn shared(self) -> LayerRef {
        LayerRef::new(self)
    }
}

impl Apply for &LayerRef {
    fn shared(self) -> LayerRef {
        self.clone()
    }
}

pub(crate) fn apply(
    layer: &LayerRef,
    mut inputs: Vec<Symbolic>,
    arguments: &Arguments,
) -> Result<Vec<Symbolic>> {
    let (outputs, arguments) = {
        let layer = layer.read();
        layer.base().check().context(|| describe(&**layer, &inputs))?;
        let arguments = arguments
            .apply(&**layer, &mut inputs)
            .context(|| describe(&**layer, &inputs))?;
        let specs: Vec<TensorSpec> = inputs.iter().map(Symbolic::spec).collect();
        let outputs = layer
            .compute_output_spec(&specs, &arguments)
            .context(|| describe(&**layer, &inputs))?;
        (outputs, arguments)
    };
    let node = Arc::new(Node {
        layer: layer.clone(),
        inputs,
        arguments,
        shapes: outputs.iter().map(|output| output.shape.clone()).collect(),
        serial: serial(),
    });
    let symbolic = |(index, TensorSpec { shape, dtype })| Symbolic {
        node: node.clone(),
        index,
        shape,
        dtype,
    };
    Ok(outputs.into_iter().enumerate().map(symbolic).collect())
}

fn describe(layer: &dyn Layer, inputs: &[Symbolic]) -> String {
    let shapes: Vec<String> = inputs.iter().map(|i| shape::show(&i.shape)).collect();
    let name = match layer.base().name() {
        "" => String::new(),
        name => format!(" `{name}`"),
    };
    format!("{}{name} on {}", layer.class_name(), shapes.join(", "))
}
