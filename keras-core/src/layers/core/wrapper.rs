//! A layer around another.

use keras_ops::{DType, Tensor};
use serde_json::Value;

use crate::config::{Reader, snake_case};
use crate::layer::{Build, Call, Layer, LayerBase, LayerRef, Outputs};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::models::config::envelope;
use crate::shape::Dims;
use crate::{Config, Registry, Result, bail, registry};

/// The part of a wrapper that holds the layer within: `TimeDistributed` has one, and so may a wrapper of your own,
/// which then only computes. By itself it computes nothing.
///
/// # Errors
/// When it is called.
///
/// # Examples
/// ```
/// use keras_core::layer::{Call, Layer, LayerBase, Outputs};
/// use keras_core::layers::{Dense, Wrapper};
/// use keras_core::{LayerRef, Result, Sequential, ops, shape::Dims};
/// use keras_ops::Tensor;
///
/// /// The input and what a layer makes of it.
/// #[derive(Debug)]
/// struct Residual(Wrapper);
/// impl Layer for Residual {
///     fn base(&self) -> &LayerBase {
///         self.0.base()
///     }
///     fn base_mut(&mut self) -> &mut LayerBase {
///         self.0.base_mut()
///     }
///     fn build(&mut self, inputs: &[Dims], cx: &keras_core::layer::Build) -> Result<()> {
///         self.0.build(inputs, cx)
///     }
///     fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
///         Ok(inputs.to_vec())
///     }
///     fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
///         let change = cx.inner(self.0.layer()).call(inputs)?;
///         Ok(ops::add(&inputs[0], &change.0[0])?.into())
///     }
///     fn sublayers(&self) -> Vec<LayerRef> {
///         self.0.sublayers()
///     }
/// }
/// let model = Sequential::new().input([4]).add(Residual(Wrapper::new(Dense::new(4)))).build()?;
/// let paths: Vec<String> = model.weights().into_iter().map(|(path, _)| path).collect();
/// assert_eq!(paths, ["residual/dense/kernel", "residual/dense/bias"]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Wrapper {
    base: LayerBase,
    layer: LayerRef,
}

common_methods!(Wrapper);
layer_entry!(Wrapper, "holds a layer for another around it");

impl Wrapper {
    /// Around `layer`.
    pub fn new(layer: impl Into<LayerRef>) -> Self {
        Self::with(LayerBase::default(), layer.into())
    }

    fn with(base: LayerBase, layer: LayerRef) -> Self {
        if layer.name().is_empty() {
            let name = snake_case(layer.read().class_name());
            layer.write().base_mut().set_auto_name(name);
        }
        Self { base, layer }
    }

    /// Reads `layer` and what all layers have.
    pub(in crate::layers) fn read(reader: &mut Reader<'_>, registry: &Registry) -> Result<Self> {
        let base = LayerBase::from_reader(reader)?;
        let layer: Value = reader.req("layer")?;
        let layer = reader.about("layer", registry.layers.from_value(&layer, registry))?;
        Ok(Self::with(base, LayerRef::from_box(layer)))
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Wrapper");
        let wrapper = Self::read(&mut reader, registry)?;
        reader.finish()?;
        Ok(wrapper)
    }

    /// The layer within.
    pub fn layer(&self) -> &LayerRef {
        &self.layer
    }
}

impl Layer for Wrapper {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.layer.build(inputs, cx)
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.layer.read().compute_output_shape(inputs)
    }

    fn compute_output_dtype(&self, inputs: &[DType]) -> DType {
        self.layer.read().compute_output_dtype(inputs)
    }

    fn call(&self, _inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        bail!(
            "Wrapper: computes nothing by itself: use TimeDistributed, Bidirectional or a layer of your own that \
             holds a Wrapper"
        )
    }

    fn sublayers(&self) -> Vec<LayerRef> {
        vec![self.layer.clone()]
    }

    fn config(&self) -> Config {
        Config::new().with("layer", envelope(&**self.layer.read(), registry::core()))
    }
}
