//! What layers of several heads share: the projections, the masks, and the attention between them.

use keras_ops::{self as ops, AttentionOptions, Tensor};

use super::scores::{Drop, both, causal, of_places, truth};
use crate::config::Reader;
use crate::layer::{Build, Call, LayerBase, LayerRef, Outputs};
use crate::layers::EinsumDense;
use crate::layers::activations::masked_softmax;
use crate::layers::kernel::KernelArgs;
use crate::shape::{self, Dims};
use crate::{Config, Result, bail};

/// Keras's names of the inputs.
pub(super) const INPUTS: &[&str] = &["query", "value", "key"];

/// What an application may be given beside them.
pub(super) const ARGUMENTS: &[&str] = &[
    "query_mask",
    "value_mask",
    "key_mask",
    "attention_mask",
    "return_attention_scores",
    "use_causal_mask",
];

/// The arguments of both layers that are not about weights, and the projections once built.
#[derive(Debug, Default)]
pub(super) struct Heads {
    pub(super) use_gate: bool,
    pub(super) sliding_window: Option<usize>,
    pub(super) flash_attention: Option<bool>,
    parts: Option<Parts>,
}

#[derive(Debug)]
struct Parts {
    query: LayerRef,
    key: LayerRef,
    gate: Option<LayerRef>,
    value: LayerRef,
    output: LayerRef,
}

/// How many heads there are and how large.
#[derive(Debug)]
pub(super) struct Sizes {
    pub(super) heads: usize,
    /// Heads of keys and values; each serves as many neighbouring ones of the queries.
    pub(super) shared: usize,
    pub(super) key: usize,
    pub(super) value: usize,
    /// The last axes of the output.
    pub(super) output: Dims,
}

/// Builder methods for a layer that keeps [`Heads`] in `heads`.
macro_rules! head_methods {
    ($type:ty) => {
        impl $type {
            /// Whether the heads' values are multiplied by `sigmoid(query · kernel + bias)` before the last projection.
            #[must_use]
            pub fn use_gate(mut self, use_gate: bool) -> Self {
                self.heads.use_gate = use_gate;
                self
            }

            /// A query sees only keys less than this many steps away, before or after it; all unless given.
            #[must_use]
            pub fn sliding_window(mut self, steps: usize) -> Self {
                self.heads.sliding_window = Some(steps);
                self
            }

            /// Keras's switch for kernels that keep no scores. They are always used here where no scores are asked for;
            /// with `true`, asking for scores or dropout is an error, as in Keras.
            #[must_use]
            pub fn flash_attention(mut self, flash_attention: bool) -> Self {
                self.heads.flash_attention = Some(flash_attention);
                self
            }
        }
    };
}
pub(super) use head_methods;

/// Query, value and key of a layer's inputs; the value is the key where none is given.
pub(super) fn parts<'a, T>(class_name: &str, inputs: &'a [T]) -> Result<[&'a T; 3]> {
    match inputs {
        [query, value] => Ok([query, value, value]),
        [query, value, key] => Ok([query, value, key]),
        many => bail!(
            "{class_name}: expected 2 or 3 inputs, query and value, or query, value and key, got {}",
            many.len()
        ),
    }
}

/// An error when values and keys have other axes than each other, or ranks differ.
pub(super) fn check_shapes(class_name: &str, [query, value, key]: [&Dims; 3]) -> Result<()> {
    let rank = query.len();
    if rank < 3 || value.len() != rank || key.len() != rank {
        bail!(
            "{class_name}: expected query, value and key of one rank, 3 or more, got {}, {} and {}",
            shape::show(query),
            shape::show(value),
            shape::show(key)
        );
    }
    let differ = |axis: usize| value[axis].zip(key[axis]).is_some_and(|(v, k)| v != k);
    if (1..rank - 1).any(differ) {
        bail!(
            "{class_name}: all axes of value and key but the last must be equal, got {} and {}",
            shape::show(value),
            shape::show(key)
        );
    }
    Ok(())
}

impl Heads {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        Ok(Self {
            use_gate: reader.or("use_gate", false)?,
            sliding_window: reader.opt("sliding_window")?,
            flash_attention: reader.opt("flash_attention")?,
            parts: None,
        })
    }

    /// What [`read`](Self::read) read besides `use_gate` and `sliding_window`, which Keras does not save.
    pub(super) fn write_flash(&self, config: &mut Config) {
        if let Some(flash) = self.flash_attention {
            config.set("flash_attention", flash);
        }
    }

    pub(super) fn check(&self, class_name: &str, drop: &Drop) -> Result<()> {
        drop.check(class_name)?;
        if self.sliding_window == Some(0) {
            bail!("{class_name}: `sliding_window` must be 1 or more, or left out for all keys, got 0");
        }
        if self.flash_attention == Some(true) && drop.rate > 0. {
            bail!(
                "{class_name}: `flash_attention` allows no dropout; set `dropout` to 0 or leave `flash_attention` out"
            );
        }
        Ok(())
    }

    pub(super) fn sublayers(&self) -> Vec<LayerRef> {
        let Some(parts) = &self.parts else {
            return Vec::new();
        };
        let gate = parts.gate.as_ref();
        let (first, last) = ([&parts.query, &parts.key], [&parts.value, &parts.output]);
        first.into_iter().chain(gate).chain(last).cloned().collect()
    }

    pub(super) fn build(
        &mut self,
        (base, args): (&LayerBase, &KernelArgs),
        sizes: &Sizes,
        [query, value, key]: [&Dims; 3],
        cx: &Build,
    ) -> Result<()> {
        let free = query.len() - 1;
        let project = |name: &str, activation: &str, heads: usize, size: usize, input: &Dims| {
            let outputs = [Some(heads), Some(size)];
            projection((base, args), (name, activation), (free, 1), &outputs, input, cx)
        };
        let mut made = query[..free].to_vec();
        made.extend([Some(sizes.heads), Some(sizes.value)]);
        let output = &sizes.output;
        self.parts = Some(Parts {
            query: project("query", "linear", sizes.heads, sizes.key, query)?,
            key: project("key", "linear", sizes.shared, sizes.key, key)?,
            gate: match self.use_gate {
                true => Some(project("gate", "sigmoid", sizes.heads, sizes.value, query)?),
                false => None,
            },
            value: project("value", "linear", sizes.shared, sizes.value, value)?,
            output: projection(
                (base, args),
                ("attention_output", "linear"),
                (free, 2),
                output,
                &made,
                cx,
            )?,
        });
        Ok(())
    }

    /// The projections, the attention over `axes`, and the projection of what comes out.
    pub(super) fn call(
        &self,
        class_name: &str,
        (base, drop): (&LayerBase, &Drop),
        (key_dim, axes): (usize, &[usize]),
        inputs: &[Tensor],
        cx: &mut Call,
    ) -> Result<Outputs> {
        let Some(layers) = &self.parts else {
            bail!(
                "layer `{}` is used before it was built: put it in a model first",
                base.name()
            )
        };
        let arguments = cx.arguments.clone();
        let [query, value, key] = parts(class_name, arguments.positional(inputs))?;
        let wanted = arguments.flag("return_attention_scores")?;
        if wanted && self.flash_attention == Some(true) {
            bail!("{class_name}: `flash_attention` keeps no scores to return; leave it out");
        }
        let given = |i: usize, name: &str| -> Result<Option<Tensor>> {
            let found = cx.masks.get(i).and_then(Option::as_ref);
            found.or(arguments.one(inputs, name)?).map(truth).transpose()
        };
        let of_query = given(0, "query_mask")?
            .map(|m| ops::expand_dims(&m, -1))
            .transpose()?;
        let of_value = given(1, "value_mask")?
            .map(|m| ops::expand_dims(&m, -2))
            .transpose()?;
        let of_key = given(2, "key_mask")?
            .map(|m| ops::expand_dims(&m, -2))
            .transpose()?;
        let mut mask = both(both(of_query, of_value)?, of_key)?;
        let (queries, keys) = (query.dim(1)?, value.dim(1)?);
        if let Some(window) = self.sliding_window {
            let near = of_places(queries, keys, query, |t, s| t.abs_diff(s) < window)?;
            mask = both(mask, Some(near))?;
        }
        let said = arguments.one(inputs, "attention_mask")?.map(truth).transpose()?;
        let seen = Seen {
            mask: both(said, mask)?,
            causal: arguments.flag("use_causal_mask")?,
            queries,
            keys,
        };
        let run = |layer: &LayerRef, x: &Tensor, cx: &mut Call| -> Result<Tensor> {
            match cx.inner(layer).call(std::slice::from_ref(x))?.0.pop() {
                Some(y) => Ok(y),
                None => bail!("{class_name}: a projection gave no output"),
            }
        };
        let gate = layers
            .gate
            .as_ref()
            .map(|gate| run(gate, query, cx))
            .transpose()?;
        let query = run(&layers.query, query, cx)?;
        let key = run(&layers.key, key, cx)?;
        let value = run(&layers.value, value, cx)?;
        let scale = 1. / (key_dim as f64).sqrt();
        let (mut output, scores) = match query.rank() {
            4 if !wanted => (
                fused([&query, &key, &value], &seen, scale, drop, cx.training)?,
                None,
            ),
            _ => weighed([&query, &key, &value], &seen, (scale, axes), drop, cx.training)?,
        };
        if let Some(gate) = gate {
            output = ops::multiply(&output, &gate)?;
        }
        let output = run(&layers.output, &output, cx)?;
        Ok(match scores.filter(|_| wanted) {
            Some(scores) => vec![output, scores].into(),
            None => output.into(),
        })
    }
}

/// One `EinsumDense` over the input's last axes, of which `bound` are summed, to `outputs`.
fn projection(
    (base, args): (&LayerBase, &KernelArgs),
    (name, activation): (&str, &str),
    (free, bound): (usize, usize),
    outputs: &[Option<usize>],
    input: &Dims,
    cx: &Build,
) -> Result<LayerRef> {
    let mut letters = 'a'..='z';
    let mut next = |count: usize| -> String { letters.by_ref().take(count).collect() };
    let (rows, summed, made) = (next(free), next(bound), next(outputs.len()));
    let shape: Dims = std::iter::repeat_n(None, free - 1)
        .chain(outputs.iter().copied())
        .collect();
    let mut own = LayerBase::default();
    own.set_name(name.to_owned());
    own.set_dtype(base.dtype_policy());
    let mut layer = EinsumDense::new(&format!("{rows}{summed},{summed}{made}->{rows}{made}"), shape)
        .with_args(own, args.clone())
        .activation(activation);
    if args.use_bias {
        layer = layer.bias_axes(&made);
    }
    let layer = LayerRef::new(layer);
    layer.build(std::slice::from_ref(input), cx)?;
    Ok(layer)
}

/// Which keys a query sees.
struct Seen {
    /// `(…, queries, keys)`.
    mask: Option<Tensor>,
    causal: bool,
    queries: usize,
    keys: usize,
}

impl Seen {
    /// The mask with all its axes, `count` of queries and as many of keys.
    fn expanded(mask: &Tensor, rank: usize, count: usize) -> Result<Tensor> {
        let mut mask = mask.clone();
        while mask.rank() < rank {
            mask = ops::expand_dims(&mask, -2 * count as i64 - 1)?;
        }
        Ok(mask)
    }

    /// The mask and causality in one.
    fn joined(&self, like: &Tensor) -> Result<Option<Tensor>> {
        let order = self
            .causal
            .then(|| causal(self.queries, self.keys, like))
            .transpose()?;
        both(self.mask.clone(), order)
    }
}

/// Attention in one operation, which keeps no scores.
fn fused(
    [query, key, value]: [&Tensor; 3],
    seen: &Seen,
    scale: f64,
    drop: &Drop,
    training: bool,
) -> Result<Tensor> {
    let mut options = AttentionOptions {
        mask: seen.mask.as_ref().map(|m| Seen::expanded(m, 4, 1)).transpose()?,
        scale: Some(scale),
        is_causal: seen.causal,
        ..Default::default()
    };
    drop.fuse(&mut options, training);
    let output = ops::dot_product_attention(query, key, value, &options)?;
    if drop.rate == 0. || seen.mask.is_none() {
        return Ok(output);
    }
    // With dropout Keras takes another way, on which a query that sees no key gives 0, not the mean of the values.
    let Some(joined) = seen.joined(query)? else {
        return Ok(output);
    };
    let any = ops::any(&Seen::expanded(&joined, 4, 1)?, Some(&[-1]), true)?;
    let zero = ops::zeros((), output.dtype(), output.device())?;
    Ok(ops::where_(&ops::swapaxes(&any, 1, 2)?, &output, &zero)?)
}

/// Attention over any axes, by scores that are kept: the output and the scores before dropout.
fn weighed(
    [query, key, value]: [&Tensor; 3],
    seen: &Seen,
    (scale, axes): (f64, &[usize]),
    drop: &Drop,
    training: bool,
) -> Result<(Tensor, Option<Tensor>)> {
    let repeats = query.dim(query.rank() - 2)? / key.dim(key.rank() - 2)?.max(1);
    let spread = |x: &Tensor| match repeats {
        1 => Ok(x.clone()),
        _ => ops::repeat(x, repeats, -2),
    };
    let (key, value) = (spread(key)?, spread(value)?);
    let [scores, combine] = equations(query.rank(), axes);
    let scores = ops::einsum(&scores, &[&key, &ops::mul_scalar(query, scale)?])?;
    let last: Vec<i64> = (1..=axes.len() as i64).rev().map(|i| -i).collect();
    let scores = match seen.joined(query)? {
        Some(mask) => {
            let mask = Seen::expanded(&mask, scores.rank(), axes.len())?;
            masked_softmax(&scores, &mask, &last)?
        }
        None => ops::softmax(&scores, &last)?,
    };
    let weights = drop.apply(scores.clone(), training)?;
    Ok((ops::einsum(&combine, &[&weights, &value])?, Some(scores)))
}

/// Keras's equations for scores from key and query, and for the output from scores and value. Tensors are (batch, other
/// axes, `axes`, heads, size), scores (batch, other axes, heads, axes of queries, axes of keys).
fn equations(rank: usize, axes: &[usize]) -> [String; 2] {
    let target: Vec<char> = ('a'..='z').take(rank).collect();
    let mut fresh = ('a'..='z').skip(rank);
    let mut source = target.clone();
    for (i, letter) in source.iter_mut().enumerate() {
        if axes.contains(&i) {
            *letter = fresh.next().unwrap_or('z');
        }
    }
    let batch = (0..rank - 1).filter(|i| !axes.contains(i)).map(|i| target[i]);
    let queries = axes.iter().map(|i| target[*i]);
    let keys = axes.iter().map(|i| source[*i]);
    let product: String = batch.chain(queries).chain(keys).collect();
    let (target, source): (String, String) = (target.iter().collect(), source.iter().collect());
    [
        format!("{source},{target}->{product}"),
        format!("{product},{source}->{target}"),
    ]
}
