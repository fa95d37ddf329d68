//! Attention of several heads.

use keras_ops::Tensor;

use super::heads::{self, Heads, Sizes, head_methods};
use super::scores::{Drop, drop_methods};
use crate::layer::{Build, Call, Layer, LayerBase, LayerRef, Outputs};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::layers::kernel::{KernelArgs, bias_method, weight_methods};
use crate::shape::{self, Dims};
use crate::{Arg, Arguments, Config, Registry, Result, bail};

/// Attention of `num_heads` heads: projects query, key and value for each head, weighs the values of each by
/// `softmax(query · keyᵀ / sqrt(key_dim))`, and projects what all heads give back.
///
/// Applied to query and value, or query, value and key; without a key the value is the key too. An application takes the
/// arguments `attention_mask` (batch, queries, keys), `use_causal_mask` (query `t` sees the keys `0 ..= t`),
/// `return_attention_scores` (the weights as second output, before dropout), and masks of the inputs by name. A query
/// sees the keys that all masks allow. The output has the query's mask.
///
/// # Shapes
/// `query` (batch, queries, size), `value` and `key` (batch, keys, size), to (batch, queries, size), or with
/// [`output_shape`](Self::output_shape) as its last axes; the scores are (batch, heads, queries, keys). The layer takes
/// inputs of more axes too: attention is over all of them, or over [`attention_axes`](Self::attention_axes).
///
/// # Errors
/// When an argument is 0 or out of range, the inputs' ranks differ, or value and key have other axes than each other.
///
/// # Examples
/// ```
/// use keras_core::{Apply, Arguments, Model, input, layers::MultiHeadAttention};
/// let x = input([128, 256]);
/// let causal = Arguments::new().set("use_causal_mask", true);
/// let y = MultiHeadAttention::new(4, 64).name("attention").apply_with([&x, &x], causal)?;
/// assert_eq!(y.shape(), [None, Some(128), Some(256)]);
/// let model = Model::new(&x, &y)?;
/// assert_eq!(model.count_params(), 4 * (256 * 256 + 256));
/// assert_eq!(model.weights()[0].0, "attention/query/kernel");
/// assert_eq!(model.weights()[0].1.shape(), [256, 4, 64]);
/// # Ok::<(), keras_core::Error>(())
/// ```
///
/// As in Keras, its inputs lose their masks: a layer that reads one of them later sees none, and what a residual
/// connection adds up has no mask.
///
/// Differs from Keras: a `query_mask` given by name is used (Keras 3.15 looks at the query's own mask alone).
#[derive(Debug)]
pub struct MultiHeadAttention {
    base: LayerBase,
    num_heads: usize,
    key_dim: usize,
    value_dim: Option<usize>,
    output_shape: Option<Vec<usize>>,
    attention_axes: Option<Vec<i64>>,
    drop: Drop,
    heads: Heads,
    args: KernelArgs,
    axes: Vec<usize>,
}

common_methods!(MultiHeadAttention);
drop_methods!(MultiHeadAttention);
head_methods!(MultiHeadAttention);
bias_method!(MultiHeadAttention);
weight_methods!(MultiHeadAttention);
layer_entry!(MultiHeadAttention, "attention of several heads");

impl MultiHeadAttention {
    /// With this many heads, whose queries and keys have `key_dim` values.
    pub fn new(num_heads: usize, key_dim: usize) -> Self {
        let mut base = LayerBase::default();
        let drop = Drop::new(&mut base, 0., None);
        Self {
            base,
            num_heads,
            key_dim,
            value_dim: None,
            output_shape: None,
            attention_axes: None,
            drop,
            heads: Heads::default(),
            args: KernelArgs::default(),
            axes: Vec::new(),
        }
    }

    /// How many values a head's value has; `key_dim` unless given.
    #[must_use]
    pub fn value_dim(mut self, value_dim: usize) -> Self {
        self.value_dim = Some(value_dim);
        self
    }

    /// The output's last axes, in place of the query's last one.
    #[must_use]
    pub fn output_shape(mut self, output_shape: impl Into<Vec<usize>>) -> Self {
        self.output_shape = Some(output_shape.into());
        self
    }

    /// The axes of the inputs that attention is over; all between the batch and the last one unless given.
    #[must_use]
    pub fn attention_axes(mut self, axes: impl Into<Vec<i64>>) -> Self {
        self.attention_axes = Some(axes.into());
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("MultiHeadAttention");
        let mut base = LayerBase::from_reader(&mut reader)?;
        let drop = Drop::read("MultiHeadAttention", &mut reader, &mut base)?;
        let use_bias = reader.or("use_bias", true)?;
        let mut args = KernelArgs::read_weights(&mut reader, registry)?;
        args.use_bias = use_bias;
        let layer = Self {
            base,
            num_heads: reader.req("num_heads")?,
            key_dim: reader.req("key_dim")?,
            value_dim: reader.opt("value_dim")?,
            output_shape: Arg::read(&mut reader, "output_shape", None)?,
            attention_axes: Arg::read(&mut reader, "attention_axes", None)?,
            drop,
            heads: Heads::read(&mut reader)?,
            args,
            axes: Vec::new(),
        };
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        let sizes = [
            ("num_heads", self.num_heads),
            ("key_dim", self.key_dim),
            ("value_dim", self.values()),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            bail!("MultiHeadAttention: `{name}` must be 1 or more, got 0");
        }
        if self.output_shape.as_ref().is_some_and(|sizes| sizes.contains(&0)) {
            bail!(
                "MultiHeadAttention: the sizes of `output_shape` must be 1 or more, got {:?}",
                self.output_shape
            );
        }
        self.heads.check("MultiHeadAttention", &self.drop)
    }

    fn values(&self) -> usize {
        self.value_dim.unwrap_or(self.key_dim)
    }

    /// The output's last axes; Keras takes none given as not given.
    fn output(&self, query: &Dims) -> Dims {
        match &self.output_shape {
            Some(sizes) if !sizes.is_empty() => sizes.iter().map(|s| Some(*s)).collect(),
            _ => query.last().copied().into_iter().collect(),
        }
    }

    /// The attention's axes, counted from the front.
    fn axes(&self, query: &Dims) -> Result<Vec<usize>> {
        let last = query.len().saturating_sub(1);
        let Some(given) = &self.attention_axes else {
            return Ok((1..last).collect());
        };
        let mut axes = Vec::with_capacity(given.len());
        for axis in given {
            let place = if *axis < 0 {
                axis + query.len() as i64
            } else {
                *axis
            };
            match usize::try_from(place) {
                Ok(place) if (1..last).contains(&place) && !axes.contains(&place) => axes.push(place),
                _ => bail!(
                    "MultiHeadAttention: `attention_axes` {given:?} must name axes between the batch and the last one, \
                     each once, of the query {}",
                    shape::show(query)
                ),
            }
        }
        match axes.is_empty() {
            true => bail!("MultiHeadAttention: `attention_axes` must name at least one axis, got []"),
            false => Ok(axes),
        }
    }
}

impl Layer for MultiHeadAttention {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.compute_output_shape(inputs)?;
        let parts @ [query, ..] = heads::parts("MultiHeadAttention", inputs)?;
        self.axes = self.axes(query)?;
        // As Keras: from now on the configuration says them.
        self.attention_axes = Some(self.axes.iter().map(|axis| *axis as i64).collect());
        let sizes = Sizes {
            heads: self.num_heads,
            shared: self.num_heads,
            key: self.key_dim,
            value: self.values(),
            output: self.output(query),
        };
        self.heads.build((&self.base, &self.args), &sizes, parts, cx)
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.compute_output_shape_with(inputs, &Arguments::new())
    }

    fn compute_output_shape_with(&self, inputs: &[Dims], arguments: &Arguments) -> Result<Vec<Dims>> {
        self.check()?;
        let parts @ [query, _, key] = heads::parts("MultiHeadAttention", arguments.positional(inputs))?;
        heads::check_shapes("MultiHeadAttention", parts)?;
        let axes = self.axes(query)?;
        let last = query.len() - 1;
        let mut shapes = vec![[&query[..last], &self.output(query)].concat()];
        if arguments.flag("return_attention_scores")? {
            let mut scores: Dims = (0..last)
                .filter(|i| !axes.contains(i))
                .map(|i| query[i])
                .collect();
            scores.push(Some(self.num_heads));
            scores.extend(axes.iter().map(|i| query[*i]));
            scores.extend(axes.iter().map(|i| key[*i]));
            shapes.push(scores);
        }
        Ok(shapes)
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        heads::ARGUMENTS
    }

    fn input_arguments(&self) -> &'static [&'static str] {
        heads::INPUTS
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let (own, how) = ((&self.base, &self.drop), (self.key_dim, &self.axes[..]));
        self.heads.call("MultiHeadAttention", own, how, inputs, cx)
    }

    fn sublayers(&self) -> Vec<LayerRef> {
        self.heads.sublayers()
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn takes_masks_off(&self) -> bool {
        true
    }

    fn config(&self) -> Config {
        let output_shape = self.output_shape.as_deref();
        let mut config = Config::new()
            .with("num_heads", self.num_heads)
            .with("key_dim", self.key_dim)
            .with("value_dim", self.values())
            .with("dropout", self.drop.rate)
            .with("use_bias", self.args.use_bias)
            .with("use_gate", self.heads.use_gate)
            .with("output_shape", output_shape)
            .with("attention_axes", self.attention_axes.as_deref())
            .with("sliding_window", self.heads.sliding_window);
        self.args.write_weights(&mut config);
        config.set("seed", self.drop.seed);
        self.heads.write_flash(&mut config);
        config
    }
}
