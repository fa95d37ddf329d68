//! Luong's and Bahdanau's attention: layers without projections, which differ by their scores.

use keras_ops::{self as ops, AttentionOptions, DType, Tensor};

use super::scores::{Drop, both, causal, truth};
use crate::layer::{Call, LayerBase, Outputs};
use crate::layers::base::cast_input;
use crate::shape::{self, Dims};
use crate::{Arguments, Result, bail};

/// What both take beside their inputs.
pub(super) const ARGUMENTS: &[&str] = &["mask", "return_attention_scores", "use_causal_mask"];

/// Query and value, with the key where it is given.
fn parts<'a, T>(class_name: &str, inputs: &'a [T]) -> Result<[&'a T; 3]> {
    match inputs {
        [query, value] => Ok([query, value, value]),
        [query, value, key] => Ok([query, value, key]),
        many => bail!(
            "{class_name}: expected 2 or 3 inputs, [query, value] or [query, value, key], got {}",
            many.len()
        ),
    }
}

pub(super) fn output_shapes(class_name: &str, inputs: &[Dims], arguments: &Arguments) -> Result<Vec<Dims>> {
    let [query, value, key] = parts(class_name, arguments.positional(inputs))?;
    let rank = query.len();
    if rank < 3 || [value, key].iter().any(|other| other.len() != rank) {
        bail!(
            "{class_name}: expected query, value and key of one rank, 3 or more, got {}, {} and {}",
            shape::show(query),
            shape::show(value),
            shape::show(key)
        );
    }
    let differ = |a: Option<usize>, b: Option<usize>| a.zip(b).is_some_and(|(a, b)| a != b);
    if differ(query[rank - 1], key[rank - 1]) {
        bail!(
            "{class_name}: the last axes of query and key must be equal, got {} and {}",
            shape::show(query),
            shape::show(key)
        );
    }
    if differ(value[rank - 2], key[rank - 2]) {
        bail!(
            "{class_name}: value and key must have as many steps, got {} and {}",
            shape::show(value),
            shape::show(key)
        );
    }
    let with_last =
        |last: Option<usize>| -> Dims { query[..rank - 1].iter().copied().chain([last]).collect() };
    let mut shapes = vec![with_last(value[rank - 1])];
    if arguments.flag("return_attention_scores")? {
        shapes.push(with_last(key[rank - 2]));
    }
    Ok(shapes)
}

/// What makes queries ready for a product with the keys.
pub(super) type Prepare<'a> = dyn Fn(&Tensor) -> Result<Tensor> + 'a;

/// Attention by dot products in one operation, or by scores of `(…, queries, keys)` that `scores(query, key)` gives.
pub(super) fn call(
    class_name: &str,
    (base, drop): (&LayerBase, &Drop),
    inputs: &[Tensor],
    cx: &mut Call,
    dot: Option<&Prepare<'_>>,
    scores: impl FnOnce(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Outputs> {
    let positional = cx.arguments.positional(inputs);
    let [query, value, key] = parts(class_name, positional)?.map(|x| cast_input(base, x));
    let (query, value, key) = (query?, value?, key?);
    let mask = |i: usize| cx.masks.get(i).and_then(Option::as_ref).map(truth).transpose();
    let (query_mask, value_mask) = (mask(0)?, mask(1)?);
    let wanted = cx.arguments.flag("return_attention_scores")?;
    let is_causal = cx.arguments.flag("use_causal_mask")?;
    let (mut output, weights) = match dot.filter(|_| query.rank() == 3 && !wanted) {
        Some(scaled) => {
            let query = scaled(&query)?;
            let one_head = |x: &Tensor| ops::expand_dims(x, 2);
            let mut options = AttentionOptions {
                mask: value_mask.map(|m| ops::expand_dims(&m, [1, 2])).transpose()?,
                scale: Some(1.),
                is_causal,
                ..Default::default()
            };
            drop.fuse(&mut options, cx.training);
            let (query, key, value) = (one_head(&query)?, one_head(&key)?, one_head(&value)?);
            let output = ops::dot_product_attention(&query, &key, &value, &options)?;
            (ops::squeeze(&output, Some(&[2]))?, None)
        }
        None => {
            let mut scores = scores(&query, &key)?;
            let [.., queries, keys] = *scores.dims() else {
                bail!(
                    "{class_name}: expected scores (…, queries, keys), got {:?}",
                    scores.dims()
                )
            };
            let seen = value_mask.map(|m| ops::expand_dims(&m, -2)).transpose()?;
            let order = is_causal.then(|| causal(queries, keys, &scores)).transpose()?;
            if let Some(seen) = both(seen, order)? {
                // Keras's large number, for the dtype.
                let far = if scores.dtype() == DType::F16 { 65504. } else { 1e9 };
                let hidden = ops::cast(&ops::logical_not(&seen)?, scores.dtype())?;
                scores = ops::add(&scores, &ops::mul_scalar(&hidden, -far)?)?;
            }
            let weights = drop.apply(ops::softmax(&scores, &[-1])?, cx.training)?;
            (ops::matmul(&weights, &value)?, Some(weights))
        }
    };
    if let Some(mask) = query_mask {
        let zero = ops::zeros((), output.dtype(), output.device())?;
        output = ops::where_(&ops::expand_dims(&mask, -1)?, &output, &zero)?;
    }
    Ok(match weights.filter(|_| wanted) {
        Some(weights) => vec![output, weights].into(),
        None => output.into(),
    })
}

/// `query` and `key` against each other: `(…, queries, 1, width)` plus `(…, 1, keys, width)`.
pub(super) fn sums(query: &Tensor, key: &Tensor) -> Result<Tensor> {
    Ok(ops::add(
        &ops::expand_dims(query, -2)?,
        &ops::expand_dims(key, -3)?,
    )?)
}
