//! The contract of layers.

mod base;
mod call;
mod layer_ref;
mod trace;

use std::any::Any;
use std::fmt;

use keras_ops::{DType, Device, Tensor};
use smallvec::SmallVec;

use crate::layers::RnnCell;
use crate::shape::Dims;
use crate::{Arguments, Config, Result, Variable, config};

pub use base::{LayerBase, Weight};
pub use call::{Call, Inner, Masks};
pub use layer_ref::LayerRef;
pub(crate) use layer_ref::changes;
pub(crate) use trace::trace;

/// A part of a model: makes outputs from inputs, by weights that training changes.
///
/// A layer's life: it is made with its arguments; [`build`](Self::build) makes its weights once the input
/// shapes are known; [`call`](Self::call) computes.
///
/// # Examples
/// A layer with one weight:
/// ```
/// use keras_core::layer::{Build, Call, Layer, LayerBase, Outputs, Weight};
/// use keras_core::shape::Dims;
/// use keras_core::{Result, Sequential, Variable};
/// use keras_ops::{self as ops, Device, Tensor};
///
/// #[derive(Debug, Default)]
/// struct Scale {
///     base: LayerBase,
///     factor: Option<Variable>,
/// }
/// impl Layer for Scale {
///     fn base(&self) -> &LayerBase {
///         &self.base
///     }
///     fn base_mut(&mut self) -> &mut LayerBase {
///         &mut self.base
///     }
///     fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
///         let last = inputs[0].last().copied().flatten().unwrap_or(1);
///         self.factor = Some(self.base.add_weight(Weight::new("factor", &[last]).initializer("ones"), cx)?);
///         Ok(())
///     }
///     fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
///         Ok(inputs.to_vec())
///     }
///     fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
///         Ok(ops::multiply(&inputs[0], &self.base.value(&self.factor)?)?.into())
///     }
/// }
/// let model = Sequential::new().input([3]).add(Scale::default()).build()?;
/// assert_eq!(model.count_params(), 3);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub trait Layer: fmt::Debug + Any + Send + Sync + 'static {
    /// Name, flags and variables that all layers have.
    fn base(&self) -> &LayerBase;

    /// The same, for changing.
    fn base_mut(&mut self) -> &mut LayerBase;

    /// Makes the weights. Called once, with the shapes of the inputs.
    ///
    /// By default the layers [within](Self::sublayers) are built, for what `call` gives them; a layer that has weights
    /// of its own too calls [`Build::sublayers`] for that.
    ///
    /// # Errors
    /// When the layer cannot take such inputs.
    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        cx.sublayers(self, inputs)
    }

    /// The shapes of the outputs, before any data is there. Works before `build`.
    ///
    /// By default `call` is tried on zeros, which finds the shapes of a layer that has no weights of its own.
    ///
    /// # Errors
    /// When the layer cannot take such inputs.
    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        traced_shapes(self, inputs)
    }

    /// [`compute_output_shape`](Self::compute_output_shape) with the arguments of this application, where they add
    /// an output or change a shape. `inputs` are all tensors, those among the arguments too.
    ///
    /// # Errors
    /// When the layer cannot take such inputs or arguments.
    fn compute_output_shape_with(&self, inputs: &[Dims], arguments: &Arguments) -> Result<Vec<Dims>> {
        self.compute_output_shape(arguments.positional(inputs))
    }

    /// Shapes and dtypes of the outputs. Only layers whose shapes depend on dtypes need it.
    ///
    /// # Errors
    /// When the layer cannot take such inputs or arguments.
    fn compute_output_spec(&self, inputs: &[TensorSpec], arguments: &Arguments) -> Result<Vec<TensorSpec>> {
        let shapes: Vec<Dims> = inputs.iter().map(|spec| spec.shape.clone()).collect();
        let dtypes: Vec<DType> = inputs.iter().map(|spec| spec.dtype).collect();
        let shapes = self.compute_output_shape_with(&shapes, arguments)?;
        let dtypes = self.compute_output_dtypes(arguments.positional(&dtypes), shapes.len());
        let outputs = shapes.into_iter().zip(dtypes);
        Ok(outputs
            .map(|(shape, dtype)| TensorSpec { shape, dtype })
            .collect())
    }

    /// The names of the arguments that one application may be given beside the inputs, in the order of Keras's
    /// `call`: `["initial_state", "mask"]`. `training` is always taken.
    fn call_arguments(&self) -> &'static [&'static str] {
        &[]
    }

    /// Keras's names of the inputs. One name: several inputs are one list, as in `Add()([a, b])`. More: each input is
    /// an argument of its own, as in `MultiHeadAttention(…)(query, value, key)`.
    fn input_arguments(&self) -> &'static [&'static str] {
        &["inputs"]
    }

    /// The dtypes of the outputs by those of the inputs.
    fn compute_output_dtype(&self, _inputs: &[DType]) -> DType {
        self.base().compute_dtype()
    }

    /// [`compute_output_dtype`](Self::compute_output_dtype) of each of `count` outputs, where they differ.
    fn compute_output_dtypes(&self, inputs: &[DType], count: usize) -> Vec<DType> {
        vec![self.compute_output_dtype(inputs); count]
    }

    /// Computes the outputs.
    ///
    /// # Errors
    /// When the inputs do not fit.
    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs>;

    /// Whether [`call_with_next`](Self::call_with_next) can compute this layer and `next` in one pass, once both are
    /// built.
    fn joins(&self, _next: &dyn Layer) -> bool {
        false
    }

    /// Computes this layer and `next`, which [`joins`](Self::joins) took and which alone reads its output: what both
    /// would give one after the other, to the bit.
    ///
    /// A model calls it where there are no masks, unless it runs [eagerly](crate::Compile::run_eagerly).
    ///
    /// # Errors
    /// When the inputs do not fit.
    fn call_with_next(&self, inputs: &[Tensor], next: &dyn Layer, cx: &mut Call) -> Result<Outputs> {
        next.call(&self.call(inputs, cx)?.0, cx)
    }

    /// The masks of the outputs by those of the inputs (one each, `None` = all is valid): for layers that change
    /// them. A layer that has this supports masks.
    ///
    /// # Errors
    /// When the masks do not fit.
    fn compute_mask(&self, _inputs: &[Tensor], _masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(Vec::new())
    }

    /// Whether the mask of the first input is that of the output too, for a layer without
    /// [`compute_mask`](Self::compute_mask). The mask ends at a layer that says no, with a warning, as in Keras.
    fn supports_masking(&self) -> bool {
        false
    }

    /// Whether its inputs lose their masks: layers that read the same tensors later do not see them. So does Keras's
    /// `MultiHeadAttention`.
    fn takes_masks_off(&self) -> bool {
        false
    }

    /// Whether float inputs are converted to the dtype it computes in before it is called.
    fn autocasts(&self) -> bool {
        true
    }

    /// Whether it makes a mask from its data (`Embedding` with `mask_zero`, `Masking`).
    fn makes_mask(&self) -> bool {
        false
    }

    /// The layers within, in order.
    fn sublayers(&self) -> Vec<LayerRef> {
        Vec::new()
    }

    /// Itself, when it is a cell of recurrent layers.
    fn as_cell(&self) -> Option<&dyn RnnCell> {
        None
    }

    /// Whether what it makes of a sample depends on the other samples of the batch, by more than its
    /// [states](LayerBase::add_state) and the variables that no gradient reaches. A wrapper must not join batches for
    /// such a layer.
    fn mixes_samples(&self) -> bool {
        false
    }

    /// Whether a model may call it on parts of a batch, one after the other, where the whole output is large.
    fn takes_parts(&self) -> bool {
        false
    }

    /// Weights of the layers within that this one holds too: Keras lists them with its own.
    fn held(&self) -> Vec<Variable> {
        Vec::new()
    }

    /// The name it is saved under.
    fn class_name(&self) -> &str {
        config::type_class_name::<Self>()
    }

    /// Its own arguments by Keras's names, without name, trainable and dtype.
    fn config(&self) -> Config {
        Config::new()
    }

    /// What activations print: the number of weights once built.
    fn count_params(&self) -> usize {
        let own: usize = self.base().variables.iter().map(Variable::len).sum();
        own + self
            .sublayers()
            .iter()
            .map(|l| l.read().count_params())
            .sum::<usize>()
    }
}

/// The shape and dtype of a tensor that is not there yet; unknown sizes are `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// The shape.
    pub shape: Dims,
    /// The dtype.
    pub dtype: DType,
}

impl TensorSpec {
    /// Of a tensor that is there.
    pub fn of(tensor: &Tensor) -> Self {
        Self {
            shape: crate::shape::dims_of(tensor.dims()),
            dtype: tensor.dtype(),
        }
    }
}

/// The shapes that `call` gives for zeros of these shapes.
pub(crate) fn traced_shapes<L: Layer + ?Sized>(layer: &L, inputs: &[Dims]) -> Result<Vec<Dims>> {
    let specs = specs(inputs, layer.base().compute_dtype());
    let traced = trace(layer, &specs, &Arguments::new())?;
    Ok(traced.outputs.into_iter().map(|spec| spec.shape).collect())
}

fn specs(shapes: &[Dims], dtype: DType) -> Vec<TensorSpec> {
    let spec = |shape: &Dims| TensorSpec {
        shape: shape.clone(),
        dtype,
    };
    shapes.iter().map(spec).collect()
}

/// Where weights are made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Build {
    /// The device the weights live on.
    pub device: Device,
}

impl Build {
    /// On `device`.
    pub fn new(device: &Device) -> Self {
        Self {
            device: device.clone(),
        }
    }

    /// Builds the layers within `layer`, for what its `call` gives them; nothing where there are none.
    ///
    /// # Errors
    /// When `call` fails on zeros of these shapes, or a layer within cannot be built.
    pub fn sublayers<L: Layer + ?Sized>(&self, layer: &L, inputs: &[Dims]) -> Result<()> {
        if layer.sublayers().iter().all(LayerRef::built) {
            return Ok(());
        }
        let specs = specs(inputs, layer.base().compute_dtype());
        trace(layer, &specs, &Arguments::new())?.build(self)
    }
}

/// What a layer gives: one tensor, or several.
pub type Tensors = SmallVec<[Tensor; 1]>;

/// The outputs of a layer. Made from a tensor or a vector of them by `into()`.
#[derive(Clone, Debug)]
pub struct Outputs(pub Tensors);

impl From<Tensor> for Outputs {
    fn from(tensor: Tensor) -> Self {
        Self([tensor].into_iter().collect())
    }
}

impl From<Vec<Tensor>> for Outputs {
    fn from(tensors: Vec<Tensor>) -> Self {
        Self(tensors.into())
    }
}
