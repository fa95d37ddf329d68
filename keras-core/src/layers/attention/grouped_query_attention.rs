//! Attention whose heads share keys and values.

use keras_ops::Tensor;

use super::heads::{self, Heads, Sizes, head_methods};
use super::scores::{Drop, drop_methods};
use crate::layer::{Build, Call, Layer, LayerBase, LayerRef, Outputs};
use crate::layers::base::{base_accessors, common_methods, expect_rank};
use crate::layers::kernel::{KernelArgs, bias_method, weight_methods};
use crate::shape::{self, Dims};
use crate::{Arguments, Config, Entry, Registry, Result, bail};

/// [`MultiHeadAttention`](super::MultiHeadAttention) with fewer heads of keys and values: each serves as many
/// neighbouring heads of queries. Keras's `GroupQueryAttention`.
///
/// Inputs, masks and arguments are those of [`MultiHeadAttention`](super::MultiHeadAttention).
///
/// # Shapes
/// `query` (batch, queries, size), `value` and `key` (batch, keys, size), to (batch, queries, size); the scores are
/// (batch, query heads, queries, keys).
///
/// # Errors
/// When an argument is 0, `num_key_value_heads` does not divide `num_query_heads`, or the inputs' shapes do not fit.
///
/// # Examples
/// ```
/// use keras_core::{Apply, Model, input, layers::GroupQueryAttention};
/// let x = input([10, 8]);
/// let model = Model::new(&x, &GroupQueryAttention::new(4, 6, 2).use_bias(false).apply([&x, &x])?)?;
/// assert_eq!(model.output_shapes(), [[None, Some(10), Some(8)]]);
/// assert_eq!(model.count_params(), 8 * 6 * 4 + 2 * (8 * 2 * 4) + 6 * 4 * 8);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct GroupedQueryAttention {
    base: LayerBase,
    head_dim: usize,
    num_query_heads: usize,
    num_key_value_heads: usize,
    drop: Drop,
    heads: Heads,
    args: KernelArgs,
}

/// The name by which Keras exports [`GroupedQueryAttention`].
pub type GroupQueryAttention = GroupedQueryAttention;

common_methods!(GroupedQueryAttention);
drop_methods!(GroupedQueryAttention);
head_methods!(GroupedQueryAttention);
bias_method!(GroupedQueryAttention);
weight_methods!(GroupedQueryAttention);

pub(super) const ENTRY: Entry<dyn Layer> = Entry {
    class_name: "GroupQueryAttention",
    module: "keras.layers",
    aliases: &["GroupedQueryAttention"],
    doc: "attention whose heads share keys and values",
    build: |config, registry| Ok(Box::new(GroupedQueryAttention::from_config(config, registry)?)),
};

impl GroupedQueryAttention {
    /// With heads of `head_dim` values.
    pub fn new(head_dim: usize, num_query_heads: usize, num_key_value_heads: usize) -> Self {
        let mut base = LayerBase::default();
        let drop = Drop::new(&mut base, 0., None);
        Self {
            base,
            head_dim,
            num_query_heads,
            num_key_value_heads,
            drop,
            heads: Heads::default(),
            args: KernelArgs::default(),
        }
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("GroupQueryAttention");
        let mut base = LayerBase::from_reader(&mut reader)?;
        let drop = Drop::read("GroupQueryAttention", &mut reader, &mut base)?;
        let use_bias = reader.or("use_bias", true)?;
        let mut args = KernelArgs::read_weights(&mut reader, registry)?;
        args.use_bias = use_bias;
        let layer = Self {
            base,
            head_dim: reader.req("head_dim")?,
            num_query_heads: reader.req("num_query_heads")?,
            num_key_value_heads: reader.req("num_key_value_heads")?,
            drop,
            heads: Heads::read(&mut reader)?,
            args,
        };
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        let (queries, shared) = (self.num_query_heads, self.num_key_value_heads);
        if [self.head_dim, queries, shared].contains(&0) {
            bail!(
                "GroupQueryAttention: `head_dim`, `num_query_heads` and `num_key_value_heads` must be 1 or more, got {}, \
                 {queries} and {shared}",
                self.head_dim
            );
        }
        if !queries.is_multiple_of(shared) {
            bail!(
                "GroupQueryAttention: `num_query_heads` must be a multiple of `num_key_value_heads`, got {queries} and \
                 {shared}"
            );
        }
        self.heads.check("GroupQueryAttention", &self.drop)
    }
}

impl Layer for GroupedQueryAttention {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.compute_output_shape(inputs)?;
        let parts @ [query, ..] = heads::parts("GroupQueryAttention", inputs)?;
        let sizes = Sizes {
            heads: self.num_query_heads,
            shared: self.num_key_value_heads,
            key: self.head_dim,
            value: self.head_dim,
            output: vec![query[2]],
        };
        self.heads.build((&self.base, &self.args), &sizes, parts, cx)
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.compute_output_shape_with(inputs, &Arguments::new())
    }

    fn compute_output_shape_with(&self, inputs: &[Dims], arguments: &Arguments) -> Result<Vec<Dims>> {
        self.check()?;
        let parts @ [query, value, key] = heads::parts("GroupQueryAttention", arguments.positional(inputs))?;
        expect_rank("GroupQueryAttention", query, 3)?;
        heads::check_shapes("GroupQueryAttention", parts)?;
        if query[2].zip(value[2]).is_some_and(|(q, v)| q != v) {
            bail!(
                "GroupQueryAttention: the last axes of query and value must be equal, got {} and {}",
                shape::show(query),
                shape::show(value)
            );
        }
        let mut shapes = vec![query.clone()];
        if arguments.flag("return_attention_scores")? {
            shapes.push(vec![query[0], Some(self.num_query_heads), query[1], key[1]]);
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
        let (own, how) = ((&self.base, &self.drop), (self.head_dim, &[1usize][..]));
        self.heads.call("GroupQueryAttention", own, how, inputs, cx)
    }

    fn sublayers(&self) -> Vec<LayerRef> {
        self.heads.sublayers()
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn config(&self) -> Config {
        let mut config = Config::new()
            .with("head_dim", self.head_dim)
            .with("num_query_heads", self.num_query_heads)
            .with("num_key_value_heads", self.num_key_value_heads)
            .with("use_bias", self.args.use_bias)
            .with("use_gate", self.heads.use_gate)
            .with("sliding_window", self.heads.sliding_window)
            .with("dropout", self.drop.rate);
        self.args.write_weights(&mut config);
        config.set("seed", self.drop.seed);
        self.heads.write_flash(&mut config);
        config
    }
}
