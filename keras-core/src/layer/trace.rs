//! Running a layer on nothing: the shapes of what it gives, and of what it gives the layers within.

use keras_ops::{DType, Device, Tensor};

use super::{Build, Call, Layer, LayerRef, TensorSpec};
use crate::shape::Dims;
use crate::{Arguments, Result, bail};

/// What a layer gave on zeros of some shapes.
#[derive(Debug)]
pub(crate) struct Traced {
    /// The outputs.
    pub(crate) outputs: Vec<TensorSpec>,
    /// The calls of layers within: which, and the shapes of the inputs.
    inner: Vec<(LayerRef, Vec<Dims>)>,
}

impl Traced {
    /// Makes the weights of the layers within.
    pub(crate) fn build(&self, cx: &Build) -> Result<()> {
        self.inner
            .iter()
            .try_for_each(|(layer, inputs)| layer.build(inputs, cx))
    }
}

/// The calls of layers within that a pass on zeros saw.
pub(super) type Seen = Vec<(LayerRef, Vec<Dims>)>;

/// Calls the layer on zeros. Unknown sizes are tried as 2 and as 3; sizes that follow them are unknown.
///
/// The layers within are not run, so that they need no weights: they give zeros of the shapes that they say.
pub(crate) fn trace<L: Layer + ?Sized>(
    layer: &L,
    inputs: &[TensorSpec],
    arguments: &Arguments,
) -> Result<Traced> {
    let (first, seen) = once(layer, inputs, arguments, 2)?;
    if inputs.iter().all(|spec| spec.shape.iter().all(Option::is_some)) {
        let inner = seen;
        return Ok(Traced {
            outputs: first,
            inner,
        });
    }
    let (second, seen_again) = once(layer, inputs, arguments, 3)?;
    let same_layers = seen.iter().zip(&seen_again).all(|((a, _), (b, _))| a.same(b));
    if first.len() != second.len() || seen.len() != seen_again.len() || !same_layers {
        bail!(
            "what the layer does depends on sizes that are not known: give them, or write `compute_output_shape`"
        );
    }
    let outputs = first.into_iter().zip(second).map(|(a, b)| TensorSpec {
        shape: known(a.shape, &b.shape),
        dtype: a.dtype,
    });
    let inner = seen.into_iter().zip(seen_again).map(|((layer, a), (_, b))| {
        let shapes = a.into_iter().zip(&b).map(|(a, b)| known(a, b));
        (layer, shapes.collect())
    });
    Ok(Traced {
        outputs: outputs.collect(),
        inner: inner.collect(),
    })
}

/// Sizes that are the same in both.
fn known(mut a: Dims, b: &Dims) -> Dims {
    a.iter_mut().zip(b).for_each(|(a, b)| {
        if a != b {
            *a = None;
        }
    });
    a
}

fn once<L: Layer + ?Sized>(
    layer: &L,
    inputs: &[TensorSpec],
    arguments: &Arguments,
    unknown: usize,
) -> Result<(Vec<TensorSpec>, Seen)> {
    let zeros = inputs
        .iter()
        .map(|spec| zeros(&spec.shape, spec.dtype, unknown))
        .collect::<Result<Vec<_>>>()?;
    let mut cx = Call::tracing(arguments.clone());
    let outputs = keras_ops::no_grad(|| layer.call(&zeros, &mut cx))?.0;
    let specs = outputs.iter().map(TensorSpec::of);
    Ok((specs.collect(), cx.take_seen()))
}

pub(super) fn zeros(shape: &[Option<usize>], dtype: DType, unknown: usize) -> Result<Tensor> {
    let dims: Vec<usize> = shape.iter().map(|size| size.unwrap_or(unknown)).collect();
    Ok(Tensor::zeros(dims, dtype, &Device::Cpu)?)
}
