//! Layers that join several inputs element by element.

use keras_ops::{self as ops, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

fn show_all(inputs: &[Dims]) -> String {
    inputs
        .iter()
        .map(|d| shape::show(d))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Keras's rule: the batch sizes agree, the other axes broadcast aligned at the last one.
fn merged_shape(class_name: &str, inputs: &[Dims]) -> Result<Vec<Dims>> {
    let Some(first) = inputs.first() else {
        bail!("{class_name}: expected at least one input, got none")
    };
    if inputs.iter().any(Vec::is_empty) {
        bail!(
            "{class_name}: expected inputs with a batch axis, got {}",
            show_all(inputs)
        );
    }
    let mut batches = inputs.iter().filter_map(|d| d[0]);
    let batch = batches.next();
    if batches.any(|b| Some(b) != batch) {
        bail!(
            "{class_name}: the inputs have different batch sizes: {}",
            show_all(inputs)
        );
    }
    let mut joined = first[1..].to_vec();
    for input in &inputs[1..] {
        match broadcast(&joined, &input[1..]) {
            Some(shape) => joined = shape,
            None => bail!(
                "{class_name}: the shapes do not broadcast: {}; sizes must be equal or 1, aligned at the last \
                 axis",
                show_all(inputs)
            ),
        }
    }
    Ok(vec![std::iter::once(batch).chain(joined).collect()])
}

fn broadcast(a: &[Option<usize>], b: &[Option<usize>]) -> Option<Dims> {
    if a.len() < b.len() {
        return broadcast(b, a);
    }
    let (front, back) = a.split_at(a.len() - b.len());
    let mut joined = front.to_vec();
    for (a, b) in back.iter().zip(b) {
        joined.push(match (a, b) {
            (Some(1), size) | (size, Some(1)) if size.is_some() => *size,
            (None, _) | (_, None) => None,
            (Some(a), Some(b)) if a == b => Some(*a),
            _ => return None,
        });
    }
    Some(joined)
}

/// The inputs in one dtype and rank: shorter ones get axes of size 1 after the batch.
fn align(base: &LayerBase, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let rank = inputs.iter().map(Tensor::rank).max().unwrap_or(0);
    let mut aligned = Vec::with_capacity(inputs.len());
    for input in inputs {
        let mut x = cast_input(base, input)?;
        if x.rank() < rank {
            let mut dims: Vec<i64> = x.dims().iter().map(|d| *d as i64).collect();
            dims.splice(1..1, std::iter::repeat_n(1, rank - x.rank()));
            x = ops::reshape(&x, &dims)?;
        }
        aligned.push(x);
    }
    Ok(aligned)
}

fn fold(
    class_name: &str,
    inputs: &[Tensor],
    f: fn(&Tensor, &Tensor) -> ops::Result<Tensor>,
) -> Result<Tensor> {
    match inputs {
        [] => bail!("{class_name}: expected at least one input, got none"),
        [first, others @ ..] => Ok(others.iter().try_fold(first.clone(), |joined, x| f(&joined, x))?),
    }
}

/// The masks of the inputs for each of their elements. One that got axes in between has none, as in Keras.
fn element_masks(inputs: &[Tensor], aligned: &[Tensor], cx: &Call) -> Result<Vec<Option<Tensor>>> {
    let masks = cx.masks.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let spread = |((input, x), mask): ((&Tensor, &Tensor), Option<&Tensor>)| match mask {
        Some(mask) if input.rank() == x.rank() => {
            let seen = ops::not_equal(mask, &ops::full_like(mask, 0.)?)?;
            Ok(Some(ops::broadcast_to(&ops::expand_dims(&seen, -1)?, x.dims())?))
        }
        _ => Ok(None),
    };
    inputs.iter().zip(aligned).zip(masks).map(spread).collect()
}

/// The product, where masked elements are 1, and those that all inputs mask are 0.
fn masked_product(x: &[Tensor], masks: Vec<Option<Tensor>>, cx: &mut Call) -> Result<Tensor> {
    let kept = x.iter().zip(&masks).map(|(x, mask)| match mask {
        Some(mask) => ops::where_(mask, x, &ops::full_like(x, 1.)?),
        None => Ok(x.clone()),
    });
    let product = fold("Multiply", &kept.collect::<ops::Result<Vec<_>>>()?, ops::multiply)?;
    let Some(masks) = masks.into_iter().collect::<Option<Vec<_>>>() else {
        return Ok(product);
    };
    let seen = fold("Multiply", &masks, ops::logical_or)?;
    cx.set_output_masks([Some(ops::any(&seen, Some(&[-1]), false)?)]);
    Ok(ops::where_(&seen, &product, &ops::zeros_like(&product, None)?)?)
}

/// `choose` among the elements that are not masked, from the first input to the last.
fn masked_choice(
    choose: fn(&Tensor, &Tensor) -> ops::Result<Tensor>,
    x: &[Tensor],
    masks: Vec<Option<Tensor>>,
    cx: &mut Call,
) -> Result<Tensor> {
    let mut pairs = x.iter().cloned().zip(masks);
    let Some((mut chosen, mut seen)) = pairs.next() else {
        bail!("expected at least one input, got none")
    };
    for (mut x, mask) in pairs {
        if let Some(mask) = &mask {
            x = ops::where_(mask, &x, &chosen)?;
        }
        if let Some(seen) = &seen {
            chosen = ops::where_(seen, &chosen, &x)?;
        }
        seen = match (seen, mask) {
            (Some(seen), Some(mask)) => Some(ops::logical_or(&seen, &mask)?),
            _ => None,
        };
        chosen = choose(&chosen, &x)?;
    }
    if let Some(seen) = seen {
        cx.set_output_masks([Some(ops::any(&seen, Some(&[-1]), false)?)]);
    }
    Ok(chosen)
}

/// A position is masked only where it is masked in all inputs, as in Keras.
fn merged_mask(masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
    let given: Option<Vec<Tensor>> = masks.iter().cloned().collect();
    let Some([first, others @ ..]) = given.as_deref() else {
        return Ok(vec![None]);
    };
    let float = |m: &Tensor| ops::cast(m, ops::DType::F32);
    let mut joined = float(first)?;
    for mask in others {
        joined = ops::maximum(&joined, &float(mask)?)?;
    }
    Ok(vec![Some(ops::cast(&joined, ops::DType::U8)?)])
}

macro_rules! merge {
    ($(
        $(#[$doc:meta])*
        $type:ident $module:ident: $line:literal, $count:expr, |$inputs:ident| $formula:expr
            $(, masked |$masks:ident, $cx:ident| $masked:expr)?;
    )*) => { $(
        $(#[$doc])*
        ///
        /// # Shapes
        /// Batch sizes agree; the other axes broadcast: equal or 1, aligned at the last axis.
        ///
        /// # Errors
        /// When they do not.
        #[derive(Debug, Default)]
        pub struct $type {
            base: LayerBase,
        }

        common_methods!($type);

        impl $type {
            /// Takes no arguments.
            pub fn new() -> Self {
                Self::default()
            }

            fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
                let mut reader = config.reader(stringify!($type));
                let base = LayerBase::from_reader(&mut reader)?;
                reader.finish()?;
                Ok(Self { base })
            }
        }

        impl Layer for $type {
            base_accessors!();

            fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
                let count: Option<usize> = $count;
                if let Some(count) = count.filter(|count| *count != inputs.len()) {
                    bail!("{}: expected exactly {count} inputs, got {}", stringify!($type), inputs.len());
                }
                merged_shape(stringify!($type), inputs)
            }

            #[allow(unused_variables, reason = "not all look at masks")]
            fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
                let $inputs = align(&self.base, inputs)?;
                $(if cx.masks.iter().any(Option::is_some) {
                    let ($masks, $cx) = (element_masks(inputs, &$inputs, cx)?, cx);
                    return Ok($masked?.into());
                })?
                Ok($formula?.into())
            }

            fn compute_mask(
                &self,
                _inputs: &[Tensor],
                masks: &[Option<Tensor>],
            ) -> Result<Vec<Option<Tensor>>> {
                merged_mask(masks)
            }
        }

        pub(super) mod $module {
            use super::$type;
            use super::layer_entry;
            layer_entry!($type, $line);
        }
    )* };
}

merge! {
    /// The sum of the inputs.
    ///
    /// ```
    /// use keras_core::{Apply, Model, input, layers::{Add, Dense}};
    /// let x = input([8]);
    /// let y = Add::new().apply([&x, &Dense::new(8).apply(&x)?])?; // a residual connection
    /// assert_eq!(y.shape(), [None, Some(8)]);
    /// assert!(Add::new().apply([&x, &input([7])]).is_err());
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Add add: "the sum of the inputs", None, |x| fold("Add", &x, ops::add);
    /// The first input minus the second.
    Subtract subtract: "the first input minus the second", Some(2), |x| fold("Subtract", &x, ops::subtract);
    /// The product of the inputs.
    ///
    /// A masked element counts as 1; one that all inputs mask is 0.
    Multiply multiply: "the product of the inputs", None, |x| fold("Multiply", &x, ops::multiply),
        masked |masks, cx| masked_product(&x, masks, cx);
    /// The mean of the inputs.
    Average average: "the mean of the inputs", None,
        |x| fold("Average", &x, ops::add).and_then(|sum| Ok(ops::mul_scalar(&sum, 1. / x.len() as f64)?));
    /// The largest of the inputs.
    ///
    /// A masked element does not count, unless all inputs mask it.
    Maximum maximum: "the largest of the inputs", None, |x| fold("Maximum", &x, ops::maximum),
        masked |masks, cx| masked_choice(ops::maximum, &x, masks, cx);
    /// The smallest of the inputs.
    ///
    /// A masked element does not count, unless all inputs mask it.
    Minimum minimum: "the smallest of the inputs", None, |x| fold("Minimum", &x, ops::minimum),
        masked |masks, cx| masked_choice(ops::minimum, &x, masks, cx);
}
