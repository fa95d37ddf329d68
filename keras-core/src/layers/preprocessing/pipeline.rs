//! Several layers of preparation as one.

use keras_ops::{DType, Tensor};
use serde_json::Value;

use super::images::{ImageBatch, augmentation};
use crate::config::snake_case;
use crate::layer::{Build, Call, Layer, LayerBase, LayerRef, Outputs};
use crate::layers::base::{base_accessors, common_methods, layer_entry, only};
use crate::models::config::envelope;
use crate::registry;
use crate::shape::Dims;
use crate::{Config, Registry, Result, ResultExt, bail};

/// Applies layers one after the other.
///
/// [`augment`](Self::augment) applies them to images with labels, boxes and masks: layers that are no augmentation
/// change the images alone.
///
/// # Shapes
/// Those of the layers in turn.
///
/// # Errors
/// When a layer cannot take what the one before gives.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::{AutoContrast, Pipeline, Rescaling}};
/// use keras_ops::{Device, Tensor};
/// let pipeline = Pipeline::new().add(AutoContrast::new()).add(Rescaling::new(1. / 255.));
/// let x = Tensor::new(&[[[[50f32], [100.], [150.]]]], &Device::Cpu)?;
/// let y = pipeline.call(&[x], &mut Call::new(true))?;
/// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [0., 0.5, 1.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Pipeline {
    base: LayerBase,
    layers: Vec<LayerRef>,
}

common_methods!(Pipeline);
layer_entry!(Pipeline, "applies layers of preparation one after the other");

impl Pipeline {
    /// Without layers.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one layer more at its end.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "as of Sequential")]
    pub fn add(mut self, layer: impl Into<LayerRef>) -> Self {
        let layer = layer.into();
        if layer.name().is_empty() {
            let stem = snake_case(layer.read().class_name());
            let taken = |name: &String| self.layers.iter().any(|l| l.name() == *name);
            let mut names = std::iter::once(stem.clone()).chain((1..).map(|i| format!("{stem}_{i}")));
            let name = names.find(|n| !taken(n)).unwrap_or(stem);
            layer.write().base_mut().set_name(name);
        }
        self.layers.push(layer);
        self
    }

    /// The layers, in order.
    pub fn layers(&self) -> &[LayerRef] {
        &self.layers
    }

    /// Applies the layers to images and what goes with them.
    ///
    /// # Errors
    /// When a layer cannot take such data.
    pub fn augment(&self, data: ImageBatch, training: bool) -> Result<ImageBatch> {
        let mut data = data;
        for layer in &self.layers {
            let layer = layer.read();
            data = match augmentation(&**layer) {
                Some(augmentation) => augmentation.augment_any(data, training)?,
                None => {
                    let outputs = layer.call(&[data.images.clone()], &mut Call::new(training))?;
                    data.images = only("Pipeline", &outputs.0)?.clone();
                    data
                }
            };
        }
        Ok(data)
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Pipeline");
        let base = LayerBase::from_reader(&mut reader)?;
        let Some(Value::Array(layers)) = reader.raw("layers") else {
            bail!("Pipeline: the argument `layers` (a list of layers) is required");
        };
        reader.finish()?;
        let mut pipeline = Self {
            base,
            layers: Vec::new(),
        };
        for (at, layer) in layers.iter().enumerate() {
            let layer = registry.layers.from_value(layer, registry);
            pipeline = pipeline.add(LayerRef::from_box(
                layer.context(|| format!("Pipeline: `layers`, number {at}"))?,
            ));
        }
        Ok(pipeline)
    }
}

impl Layer for Pipeline {
    base_accessors!();

    fn autocasts(&self) -> bool {
        false
    }

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        let mut shapes = inputs.to_vec();
        for layer in &self.layers {
            layer.build(&shapes, cx)?;
            shapes = layer.read().compute_output_shape(&shapes)?;
        }
        Ok(())
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let mut layers = self.layers.iter();
        layers.try_fold(inputs.to_vec(), |shapes, layer| {
            let layer = layer.read();
            layer
                .compute_output_shape(&shapes)
                .context(|| format!("Pipeline: {}", layer.class_name()))
        })
    }

    fn compute_output_dtype(&self, inputs: &[DType]) -> DType {
        let first = inputs.first().copied().unwrap_or(self.base.compute_dtype());
        let layers = self.layers.iter();
        layers.fold(first, |dtype, layer| layer.read().compute_output_dtype(&[dtype]))
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        &["mask"]
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let mut x = only("Pipeline", cx.arguments.positional(inputs))?.clone();
        for layer in &self.layers {
            let outputs = cx.inner(layer).call(&[x])?;
            x = only("Pipeline", &outputs.0)?.clone();
        }
        Ok(x.into())
    }

    fn sublayers(&self) -> Vec<LayerRef> {
        self.layers.clone()
    }

    fn config(&self) -> Config {
        let layers = self
            .layers
            .iter()
            .map(|l| envelope(&**l.read(), registry::core()));
        Config::new().with("layers", layers.collect::<Vec<Value>>())
    }
}
