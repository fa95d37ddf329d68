//! The contract of layers.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use keras_ops::{DType, Device, Tensor};
use smallvec::SmallVec;

use crate::shape::Dims;
use crate::{
    Arguments, Config, Constraint, Initializer, Regularizer, Result, SeedGenerator, Variable, bail, config,
    registry,
};

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
    /// # Errors
    /// When the layer cannot take such inputs.
    fn build(&mut self, _inputs: &[Dims], _cx: &Build) -> Result<()> {
        Ok(())
    }

    /// The shapes of the outputs, before any data is there. Works before `build`.
    ///
    /// # Errors
    /// When the layer cannot take such inputs.
    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>>;

    /// [`compute_output_shape`](Self::compute_output_shape) with the arguments of this application, where they add
    /// an output or change a shape. `inputs` are all tensors, those among the arguments too.
    ///
    /// # Errors
    /// When the layer cannot take such inputs or arguments.
    fn compute_output_shape_with(&self, inputs: &[Dims], arguments: &Arguments) -> Result<Vec<Dims>> {
        self.compute_output_shape(arguments.positional(inputs))
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

    /// Computes the outputs.
    ///
    /// # Errors
    /// When the inputs do not fit.
    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs>;

    /// The masks of the outputs by those of the inputs (one a slot, `None` = all is valid). By default a
    /// mask passes through a layer with one input unchanged.
    ///
    /// # Errors
    /// When the masks do not fit.
    fn compute_mask(&self, _inputs: &[Tensor], masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(masks.iter().take(1).cloned().collect())
    }

    /// Whether it makes a mask from its data (`Embedding` with `mask_zero`, `Masking`).
    fn makes_mask(&self) -> bool {
        false
    }

    /// The layers within, in order.
    fn sublayers(&self) -> Vec<LayerRef> {
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

/// What all layers have.
#[derive(Debug, Default)]
pub struct LayerBase {
    pub(crate) name: Option<String>,
    /// Whether a model chose the name, so that another may change it.
    auto_named: bool,
    frozen: bool,
    dtype: Option<DType>,
    variables: Vec<Variable>,
    seeds: Vec<SeedGenerator>,
    built: bool,
}

impl LayerBase {
    /// Reads `name`, `trainable` and `dtype` from a layer's configuration.
    ///
    /// # Errors
    /// When one has the wrong type.
    pub fn from_reader(reader: &mut config::Reader<'_>) -> Result<Self> {
        let name = reader.opt("name")?;
        let frozen = !reader.or("trainable", true)?;
        let dtype = reader.raw("dtype").map(dtype_policy).transpose()?;
        reader.ignore(&[
            "quantization_config",
            "build_config",
            "batch_shape",
            "batch_input_shape",
        ]);
        Ok(Self {
            name,
            frozen,
            dtype,
            ..Self::default()
        })
    }

    /// The name, or an empty string before a model gave one.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Whether the name was given by the user.
    pub(crate) fn named(&self) -> bool {
        self.name.is_some() && !self.auto_named
    }

    /// Names the layer.
    pub fn set_name(&mut self, name: String) {
        self.name = Some(name);
        self.auto_named = false;
        self.set_paths();
    }

    pub(crate) fn set_auto_name(&mut self, name: String) {
        self.name = Some(name);
        self.auto_named = true;
        self.set_paths();
    }

    fn set_paths(&self) {
        for variable in &self.variables {
            variable.set_path(&format!("{}/{}", self.name(), variable.name()));
        }
    }

    /// Whether its weights are trained.
    pub fn trainable(&self) -> bool {
        !self.frozen
    }

    /// Sets whether its weights are trained, those made later included.
    pub fn set_trainable(&mut self, trainable: bool) {
        self.frozen = !trainable;
        self.variables.iter().for_each(|v| v.set_trainable(trainable));
    }

    /// The dtype the layer computes in.
    pub fn compute_dtype(&self) -> DType {
        self.dtype.unwrap_or_else(keras_ops::floatx)
    }

    /// Sets the dtype the layer computes in and keeps its weights in.
    pub fn set_dtype(&mut self, dtype: DType) {
        self.dtype = Some(dtype);
    }

    /// Its own variables in order of creation.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Its own random streams.
    pub fn seeds(&self) -> &[SeedGenerator] {
        &self.seeds
    }

    /// Makes a weight.
    ///
    /// # Errors
    /// When its initializer, regularizer or constraint is unknown or cannot make the shape.
    pub fn add_weight(&mut self, weight: Weight<'_>, cx: &Build) -> Result<Variable> {
        let dtype = weight.dtype.unwrap_or_else(|| self.compute_dtype());
        let value = match weight.initializer {
            Some(spec) => {
                let registry = registry::core();
                spec.resolve(&registry.initializers, registry)?
                    .call(weight.shape, dtype, &cx.device)?
            }
            None => Tensor::zeros(weight.shape, dtype, &cx.device)?,
        };
        let variable = Variable::with(
            weight.name,
            &value,
            weight.trainable,
            resolve_opt(weight.regularizer, |r| &r.regularizers)?,
            resolve_opt(weight.constraint, |r| &r.constraints)?,
        )?;
        variable.set_trainable(!self.frozen);
        self.variables.push(variable.clone());
        Ok(variable)
    }

    /// Makes a random stream that is saved with the layer.
    pub fn add_seed(&mut self, seed: Option<u64>) -> SeedGenerator {
        let generator = SeedGenerator::new(seed);
        self.seeds.push(generator.clone());
        generator
    }

    /// The value of a weight that `build` made.
    ///
    /// # Errors
    /// When the layer is not built yet.
    pub fn value(&self, weight: &Option<Variable>) -> Result<Tensor> {
        match weight {
            Some(variable) => Ok(variable.value()),
            None => bail!(
                "layer `{}` is used before it was built: put it in a model first",
                self.name()
            ),
        }
    }

    /// Adds `name`, `trainable` and `dtype` before a layer's own arguments, as Keras saves them.
    pub fn full_config(&self, own: Config) -> Config {
        let mut config = Config::new()
            .with("name", self.name())
            .with("trainable", self.trainable());
        config.set("dtype", dtype_policy_value(self.compute_dtype()));
        config.0.extend(own.0);
        config
    }
}

fn resolve_opt<T: ?Sized + 'static>(
    spec: Option<registry::Spec<T>>,
    entries: fn(&'static registry::Registry) -> &'static registry::Entries<T>,
) -> Result<Option<Arc<T>>> {
    let registry = registry::core();
    spec.map(|s| s.resolve(entries(registry), registry)).transpose()
}

fn dtype_policy(value: &serde_json::Value) -> Result<DType> {
    let name = value
        .as_str()
        .or_else(|| value.get("config")?.get("name")?.as_str());
    match name {
        Some(name) => Ok(keras_ops::dtype_from_name(name)?),
        None => bail!("`dtype` must be a name or a DTypePolicy, got {value}"),
    }
}

fn dtype_policy_value(dtype: DType) -> serde_json::Value {
    serde_json::json!({
        "module": "keras", "class_name": "DTypePolicy",
        "config": {"name": keras_ops::dtype_name(dtype)}, "registered_name": null,
    })
}

/// How to make a weight. See [`LayerBase::add_weight`].
#[derive(Debug)]
pub struct Weight<'a> {
    name: &'a str,
    shape: &'a [usize],
    trainable: bool,
    dtype: Option<DType>,
    initializer: Option<registry::Spec<dyn Initializer>>,
    regularizer: Option<registry::Spec<dyn Regularizer>>,
    constraint: Option<registry::Spec<dyn Constraint>>,
}

impl<'a> Weight<'a> {
    /// A trainable weight of zeros.
    pub fn new(name: &'a str, shape: &'a [usize]) -> Self {
        Self {
            name,
            shape,
            trainable: true,
            dtype: None,
            initializer: None,
            regularizer: None,
            constraint: None,
        }
    }

    /// State that no gradient reaches, such as a moving mean.
    #[must_use]
    pub fn non_trainable(mut self) -> Self {
        self.trainable = false;
        self
    }

    /// Another dtype than the layer's.
    #[must_use]
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = Some(dtype);
        self
    }

    /// Its start value.
    #[must_use]
    pub fn initializer(mut self, initializer: impl Into<registry::Spec<dyn Initializer>>) -> Self {
        self.initializer = Some(initializer.into());
        self
    }

    /// A penalty on it.
    #[must_use]
    pub fn regularizer(mut self, regularizer: Option<registry::Spec<dyn Regularizer>>) -> Self {
        self.regularizer = regularizer;
        self
    }

    /// A projection after each update.
    #[must_use]
    pub fn constraint(mut self, constraint: Option<registry::Spec<dyn Constraint>>) -> Self {
        self.constraint = constraint;
        self
    }
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
}

/// The masks of several tensors; `None` where all is valid.
pub type Masks = SmallVec<[Option<Tensor>; 2]>;

/// What surrounds one pass through a model.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Call {
    /// Whether this is a training step: dropout drops, normalisation uses the batch.
    pub training: bool,
    /// The masks of the layer's inputs, one for each before the named tensors; empty when there are none.
    pub masks: Masks,
    /// What this application of the running layer was given beside its inputs.
    pub arguments: Arguments,
    /// Whether `training` was said; else an application's own argument counts.
    pub(crate) said: bool,
    losses: Vec<Tensor>,
}

impl Call {
    /// A pass in training or in inference, whatever a layer's application says of `training`, as in Keras.
    pub fn new(training: bool) -> Self {
        Self {
            training,
            said: true,
            ..Self::default()
        }
    }

    /// With arguments for the layer that is called.
    #[must_use]
    pub fn arguments(mut self, arguments: Arguments) -> Self {
        self.arguments = arguments;
        self
    }

    /// A call of a layer within the running one, which has masks and arguments of its own: `cx.inner(&self.cell)`.
    pub fn inner<'a>(&'a mut self, layer: &'a LayerRef) -> Inner<'a> {
        Inner {
            training: self.training,
            cx: self,
            layer,
            masks: Masks::new(),
            arguments: Arguments::new(),
        }
    }

    /// Adds a scalar to the loss of this step.
    pub fn add_loss(&mut self, loss: Tensor) {
        self.losses.push(loss);
    }

    /// Takes the losses that layers added.
    pub fn take_losses(&mut self) -> Vec<Tensor> {
        std::mem::take(&mut self.losses)
    }
}

/// A call of a layer within another. Made by [`Call::inner`].
///
/// The inner layer sees what is set here and nothing of the outer layer's masks and arguments; what it adds to the
/// loss joins the pass.
#[derive(Debug)]
#[must_use = "call it with `.call(&inputs)`"]
pub struct Inner<'a> {
    cx: &'a mut Call,
    layer: &'a LayerRef,
    training: bool,
    masks: Masks,
    arguments: Arguments,
}

impl Inner<'_> {
    /// The masks of the inputs, one for each before the named tensors.
    pub fn masks(mut self, masks: &[Option<Tensor>]) -> Self {
        self.masks = masks.iter().cloned().collect();
        self
    }

    /// What the inner layer is given beside its inputs.
    pub fn arguments(mut self, arguments: Arguments) -> Self {
        self.arguments = arguments;
        self
    }

    /// In training or not, unlike the outer layer.
    pub fn training(mut self, training: bool) -> Self {
        self.training = training;
        self
    }

    /// The outputs.
    ///
    /// # Errors
    /// When the inner layer fails.
    pub fn call(self, inputs: &[Tensor]) -> Result<Outputs> {
        let Self {
            cx,
            layer,
            training,
            masks,
            arguments,
        } = self;
        let outer = (
            std::mem::replace(&mut cx.masks, masks),
            std::mem::replace(&mut cx.arguments, arguments),
            std::mem::replace(&mut cx.training, training),
        );
        let outputs = layer.read().call(inputs, cx);
        (cx.masks, cx.arguments, cx.training) = outer;
        outputs
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

/// A layer that several places hold: models, wrappers, the user.
#[derive(Clone)]
pub struct LayerRef(Arc<RwLock<Box<dyn Layer>>>);

impl LayerRef {
    /// Shares a layer.
    pub fn new(layer: impl Layer) -> Self {
        Self::from_box(Box::new(layer))
    }

    /// Shares a boxed layer.
    pub fn from_box(layer: Box<dyn Layer>) -> Self {
        Self(Arc::new(RwLock::new(layer)))
    }

    /// The layer, for reading.
    pub fn read(&self) -> RwLockReadGuard<'_, Box<dyn Layer>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The layer, for changing.
    pub fn write(&self) -> RwLockWriteGuard<'_, Box<dyn Layer>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name.
    pub fn name(&self) -> String {
        self.read().base().name().to_owned()
    }

    /// Whether both are the same layer.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The address, to tell layers apart.
    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.0) as *const () as usize
    }

    /// Makes the weights for inputs of these shapes, unless they are made.
    ///
    /// # Errors
    /// When the layer cannot take such inputs.
    pub fn build(&self, inputs: &[Dims], cx: &Build) -> Result<()> {
        let mut layer = self.write();
        if layer.base().built {
            return Ok(());
        }
        layer.build(inputs, cx)?;
        let base = layer.base_mut();
        base.built = true;
        base.set_paths();
        Ok(())
    }

    /// Whether the weights are made.
    pub fn built(&self) -> bool {
        self.read().base().built
    }

    /// Freezes or thaws the layer and all within.
    pub fn set_trainable(&self, trainable: bool) {
        let mut layer = self.write();
        layer.base_mut().set_trainable(trainable);
        layer.sublayers().iter().for_each(|l| l.set_trainable(trainable));
    }

    /// All variables with their paths below `prefix`, in Keras's order: its own trainable ones, its own
    /// others, then those of the layers within.
    pub fn weights(&self, prefix: &str) -> Vec<(String, Variable)> {
        let layer = self.read();
        let base = layer.base();
        let here = format!("{prefix}{}/", base.name());
        let of = |weight: bool| base.variables.iter().filter(move |v| v.is_weight() == weight);
        let own = of(true)
            .chain(of(false))
            .map(|v| (format!("{here}{}", v.name()), v.clone()));
        let mut all: Vec<_> = own.collect();
        for sub in layer.sublayers() {
            all.extend(sub.weights(&here));
        }
        all
    }

    /// All random streams with their paths below `prefix`.
    pub fn seeds(&self, prefix: &str) -> Vec<(String, SeedGenerator)> {
        let layer = self.read();
        let here = format!("{prefix}{}/", layer.base().name());
        let own = layer.base().seeds.iter().enumerate();
        let mut all: Vec<_> = own.map(|(i, s)| (format!("{here}seed_{i}"), s.clone())).collect();
        for sub in layer.sublayers() {
            all.extend(sub.seeds(&here));
        }
        all
    }
}

impl fmt::Debug for LayerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

impl<L: Layer> From<L> for LayerRef {
    fn from(layer: L) -> Self {
        Self::new(layer)
    }
}
