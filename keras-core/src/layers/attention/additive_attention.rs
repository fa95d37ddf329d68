//! Additive attention.

use keras_ops::{self as ops, Tensor};

use super::attend;
use super::scores::{Drop, drop_methods};
use crate::layer::{Build, Call, Layer, LayerBase, Outputs, Weight};
use crate::layers::base::{base_accessors, common_methods, known_size, layer_entry};
use crate::shape::Dims;
use crate::{Arguments, Config, Registry, Result, Variable};

/// Weighs values by how their keys fit a query (Bahdanau's attention), with the scores
/// `sum(scale * tanh(query + key))`.
///
/// Inputs, masks and arguments are those of [`Attention`](super::Attention). The weight `scale` has the width of the
/// query; without [`use_scale`](Self::use_scale) it is 1.
///
/// # Shapes
/// `query` (batch, queries, width), `value` (batch, steps, size), `key` (batch, steps, width), to (batch, queries,
/// size); the weights are (batch, queries, steps).
///
/// # Errors
/// When there are not two or three inputs of one rank, or their sizes do not fit.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::AdditiveAttention};
/// use keras_ops::{Device, Tensor};
/// let query = Tensor::new(&[[[0f32]]], &Device::Cpu)?;
/// let value = Tensor::new(&[[[20f32], [20.]]], &Device::Cpu)?; // equal scores: tanh(20)
/// let y = AdditiveAttention::new().use_scale(false).call(&[query, value], &mut Call::new(false))?;
/// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [20.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct AdditiveAttention {
    base: LayerBase,
    use_scale: bool,
    drop: Drop,
    scale: Option<Variable>,
}

common_methods!(AdditiveAttention);
drop_methods!(AdditiveAttention);
layer_entry!(AdditiveAttention, "attention by sums of queries and keys");

impl Default for AdditiveAttention {
    fn default() -> Self {
        let mut base = LayerBase::default();
        let drop = Drop::new(&mut base, 0., None);
        Self {
            base,
            use_scale: true,
            drop,
            scale: None,
        }
    }
}

impl AdditiveAttention {
    /// With a learnt scale.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the parts of the scores are multiplied by learnt numbers; so unless said otherwise.
    #[must_use]
    pub fn use_scale(mut self, use_scale: bool) -> Self {
        self.use_scale = use_scale;
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("AdditiveAttention");
        let mut base = LayerBase::from_reader(&mut reader)?;
        let drop = Drop::read("AdditiveAttention", &mut reader, &mut base)?;
        let use_scale = reader.or("use_scale", true)?;
        reader.finish()?;
        Ok(Self {
            base,
            use_scale,
            drop,
            scale: None,
        })
    }
}

impl Layer for AdditiveAttention {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        if let (true, Some(query)) = (self.use_scale, inputs.first()) {
            let width = known_size("AdditiveAttention", query, query.len().saturating_sub(1), "last")?;
            let weight = [width];
            let weight = Weight::new("scale", &weight).initializer("glorot_uniform");
            self.scale = Some(self.base.add_weight(weight, cx)?);
        }
        Ok(())
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.compute_output_shape_with(inputs, &Arguments::new())
    }

    fn compute_output_shape_with(&self, inputs: &[Dims], arguments: &Arguments) -> Result<Vec<Dims>> {
        self.drop.check("AdditiveAttention")?;
        attend::output_shapes("AdditiveAttention", inputs, arguments)
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        attend::ARGUMENTS
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let parts = (&self.base, &self.drop);
        attend::call("AdditiveAttention", parts, inputs, cx, None, |query, key| {
            let sums = ops::tanh(&attend::sums(query, key)?)?;
            Ok(match self.use_scale {
                true => ops::matmul(&sums, &self.base.value(&self.scale)?)?,
                false => ops::sum(&sums, Some(&[-1]), false)?,
            })
        })
    }

    fn compute_mask(&self, _inputs: &[Tensor], masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(masks.iter().take(1).cloned().collect())
    }

    fn config(&self) -> Config {
        Config::new()
            .with("use_scale", self.use_scale)
            .with("dropout", self.drop.rate)
            .with("seed", self.drop.seed)
    }
}
