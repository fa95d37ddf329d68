//! Dot-product attention.

use keras_ops::{self as ops, Tensor};

use super::attend;
use super::scores::{Drop, drop_methods};
use crate::config::{FromValue, IntoValue};
use crate::layer::{Build, Call, Layer, LayerBase, Outputs, Weight};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::shape::Dims;
use crate::{Arguments, Config, Registry, Result, Variable};

/// Weighs values by how their keys fit a query (Luong's attention): `softmax(scores) · value`.
///
/// Applied to `[query, value]` or `[query, value, key]`; without a key the value is the key too. Scores are
/// `query · keyᵀ`, times a weight with [`use_scale`](Self::use_scale), or those of [`ScoreMode::Concat`].
///
/// Steps that the value's mask hides have no weight; the output is 0 where the query's mask hides it, and has the query's
/// mask. An application takes the arguments `use_causal_mask` (query `t` sees the values `0 ..= t`),
/// `return_attention_scores` (the weights as second output) and `mask` (a list of two masks).
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
/// use keras_core::{Apply, Arguments, Layer, input, layer::Call, layers::Attention};
/// use keras_ops::{Device, Tensor};
/// let query = Tensor::zeros((1, 1, 2), keras_ops::DType::F32, &Device::Cpu)?; // all keys fit equally
/// let value = Tensor::new(&[[[1f32, 0.], [3., 4.]]], &Device::Cpu)?;
/// let y = Attention::new().call(&[query, value], &mut Call::new(false))?;
/// assert_eq!(y.0[0].squeeze(0)?.to_vec2::<f32>()?, [[2., 2.]]);
/// let (q, v) = (input([3, 8]), input([5, 8]));
/// let scores = Arguments::new().set("return_attention_scores", true);
/// let outputs = Attention::new().apply_many_with([&q, &v], scores)?;
/// assert_eq!(outputs[1].shape(), [None, Some(3), Some(5)]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Attention {
    base: LayerBase,
    use_scale: bool,
    score_mode: ScoreMode,
    drop: Drop,
    scale: Option<Variable>,
    concat_score_weight: Option<Variable>,
}

/// How a query and a key make a score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScoreMode {
    /// `scale * query · key`.
    #[default]
    Dot,
    /// `weight * sum(tanh(scale * (query + key)))`, with a learnt weight.
    Concat,
}

impl FromValue for ScoreMode {
    const EXPECTED: &'static str = "\"dot\" or \"concat\"";
    fn from_value(value: &serde_json::Value) -> Option<Self> {
        match value.as_str()? {
            "dot" => Some(Self::Dot),
            "concat" => Some(Self::Concat),
            _ => None,
        }
    }
}

impl IntoValue for ScoreMode {
    fn into_value(self) -> serde_json::Value {
        match self {
            Self::Dot => "dot".into(),
            Self::Concat => "concat".into(),
        }
    }
}

common_methods!(Attention);
drop_methods!(Attention);
layer_entry!(Attention, "dot-product attention");

impl Default for Attention {
    fn default() -> Self {
        let mut base = LayerBase::default();
        let drop = Drop::new(&mut base, 0., None);
        Self::with(base, drop)
    }
}

impl Attention {
    /// By dot products, without a scale.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(base: LayerBase, drop: Drop) -> Self {
        Self {
            base,
            use_scale: false,
            score_mode: ScoreMode::Dot,
            drop,
            scale: None,
            concat_score_weight: None,
        }
    }

    /// Whether the scores are multiplied by a learnt number, 1 at first.
    #[must_use]
    pub fn use_scale(mut self, use_scale: bool) -> Self {
        self.use_scale = use_scale;
        self
    }

    /// How a query and a key make a score.
    #[must_use]
    pub fn score_mode(mut self, score_mode: ScoreMode) -> Self {
        self.score_mode = score_mode;
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Attention");
        let mut base = LayerBase::from_reader(&mut reader)?;
        let drop = Drop::read("Attention", &mut reader, &mut base)?;
        let layer = Self {
            use_scale: reader.or("use_scale", false)?,
            score_mode: reader.or("score_mode", ScoreMode::Dot)?,
            ..Self::with(base, drop)
        };
        reader.finish()?;
        Ok(layer)
    }

    fn scaled(&self, x: &Tensor) -> Result<Tensor> {
        match self.use_scale {
            true => Ok(ops::multiply(x, &self.base.value(&self.scale)?)?),
            false => Ok(x.clone()),
        }
    }
}

impl Layer for Attention {
    base_accessors!();

    fn build(&mut self, _inputs: &[Dims], cx: &Build) -> Result<()> {
        if self.use_scale {
            self.scale = Some(
                self.base
                    .add_weight(Weight::new("scale", &[]).initializer("ones"), cx)?,
            );
        }
        if self.score_mode == ScoreMode::Concat {
            let weight = Weight::new("concat_score_weight", &[]).initializer("ones");
            self.concat_score_weight = Some(self.base.add_weight(weight, cx)?);
        }
        Ok(())
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.compute_output_shape_with(inputs, &Arguments::new())
    }

    fn compute_output_shape_with(&self, inputs: &[Dims], arguments: &Arguments) -> Result<Vec<Dims>> {
        self.drop.check("Attention")?;
        attend::output_shapes("Attention", inputs, arguments)
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        attend::ARGUMENTS
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let dot = |query: &Tensor| self.scaled(query);
        let fused: Option<&attend::Prepare<'_>> = match self.score_mode {
            ScoreMode::Dot => Some(&dot),
            ScoreMode::Concat => None,
        };
        attend::call(
            "Attention",
            (&self.base, &self.drop),
            inputs,
            cx,
            fused,
            |query, key| {
                if self.score_mode == ScoreMode::Dot {
                    return Ok(ops::matmul(&self.scaled(query)?, &ops::swapaxes(key, -2, -1)?)?);
                }
                let sums = ops::tanh(&self.scaled(&attend::sums(query, key)?)?)?;
                let weight = self.base.value(&self.concat_score_weight)?;
                Ok(ops::multiply(&ops::sum(&sums, Some(&[-1]), false)?, &weight)?)
            },
        )
    }

    fn compute_mask(&self, _inputs: &[Tensor], masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(masks.iter().take(1).cloned().collect())
    }

    fn config(&self) -> Config {
        Config::new()
            .with("use_scale", self.use_scale)
            .with("score_mode", self.score_mode)
            .with("dropout", self.drop.rate)
            .with("seed", self.drop.seed)
    }
}
