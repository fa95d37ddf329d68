//! One pass through layers: what surrounds their calls.

use keras_ops::{Joiner, Tensor};
use smallvec::SmallVec;

use super::trace::{Seen, zeros};
use super::{Layer, LayerRef, Outputs, TensorSpec, Tensors};
use crate::{Arguments, Result, bail};

/// The masks of several tensors; `None` where all is valid.
pub type Masks = SmallVec<[Option<Tensor>; 2]>;

/// What surrounds one pass through a model.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Call {
    /// Whether this is a training step: dropout drops, normalisation uses the batch.
    pub training: bool,
    /// The masks of the layer's inputs, one for each before the named tensors; empty when there are none.
    pub masks: Masks,
    /// What this application of the running layer was given beside its inputs.
    pub arguments: Arguments,
    /// Whether layers run operation by operation, their outputs checked: see
    /// [`Compile::run_eagerly`](crate::Compile::run_eagerly).
    pub eager: bool,
    /// Whether `training` was said; else an application's own argument counts.
    pub(crate) said: bool,
    /// The masks of the outputs, where the running layer said them or has run; empty when there are none.
    made: Masks,
    /// Whether layers within are not run but say their shapes, and which were called so far.
    seen: Option<Seen>,
    losses: Vec<Tensor>,
    metrics: Vec<(String, Tensor)>,
    /// Where a model's only output may go in parts; it then returns none.
    pub(crate) sink: Option<Joiner>,
}

impl Call {
    /// A pass in training or in inference, whatever a layer's application says of `training`, as in Keras.
    pub fn new(training: bool) -> Self {
        Self {
            training,
            said: true,
            ..Self::default()
        }
    }

    /// A pass on zeros that only finds shapes.
    pub(super) fn tracing(arguments: Arguments) -> Self {
        Self {
            arguments,
            seen: Some(Seen::new()),
            ..Self::new(false)
        }
    }

    pub(super) fn take_seen(&mut self) -> Seen {
        self.seen.take().unwrap_or_default()
    }

    /// With arguments for the layer that is called.
    #[must_use]
    pub fn arguments(mut self, arguments: Arguments) -> Self {
        self.arguments = arguments;
        self
    }

    /// A call of a layer within the running one, which has masks and arguments of its own: `cx.inner(&self.cell)`.
    pub fn inner<'a>(&'a mut self, layer: &'a LayerRef) -> Inner<'a> {
        Inner {
            training: self.training,
            cx: self,
            layer,
            masks: Masks::new(),
            arguments: Arguments::new(),
        }
    }

    /// Says the masks of the running layer's outputs, for layers that find them while they compute. They count before
    /// [`compute_mask`](Layer::compute_mask).
    pub fn set_output_masks(&mut self, masks: impl IntoIterator<Item = Option<Tensor>>) {
        self.made = masks.into_iter().collect();
    }

    /// The masks of the outputs of the layer that ran last.
    pub(crate) fn take_output_masks(&mut self) -> Masks {
        std::mem::take(&mut self.made)
    }

    /// Runs a layer whose masks and arguments are set, as Keras's `Layer.__call__` does around `call`: inputs are
    /// converted to its dtype, masks are passed on.
    pub(crate) fn run(&mut self, layer: &dyn Layer, inputs: &[Tensor]) -> Result<Tensors> {
        self.run_told(layer, inputs, true)
    }

    /// As [`run`](Self::run); a layer that is not told the masks computes without them, and they are passed on.
    pub(crate) fn run_told(&mut self, layer: &dyn Layer, inputs: &[Tensor], told: bool) -> Result<Tensors> {
        let converted = match layer.autocasts() {
            true => layer.base().converted(inputs)?,
            false => None,
        };
        let inputs = converted.as_deref().unwrap_or(inputs);
        let masked = self.masks.iter().any(Option::is_some);
        let follow = masked || layer.makes_mask();
        let given = if follow { self.masks.clone() } else { Masks::new() };
        if !told {
            self.masks.clear();
        }
        let positional = self.arguments.positional(inputs);
        self.made.clear();
        let outputs = match self.eager {
            true => self.checked(layer, inputs)?,
            false => {
                let _span = tracing::trace_span!("layer", name = layer.base().name()).entered();
                layer.call(inputs, self)?.0
            }
        };
        if follow && self.made.is_empty() {
            self.made = layer.compute_mask(positional, &given)?.into();
            match given.into_iter().next() {
                _ if !self.made.is_empty() => {}
                Some(first) if layer.supports_masking() => self.made.push(first),
                _ if masked => layer.base().report_mask(layer.class_name()),
                _ => {}
            }
        }
        Ok(outputs)
    }

    /// Runs a layer that joins the next one, without masks and arguments.
    pub(crate) fn run_with_next(
        &mut self,
        layer: &dyn Layer,
        next: &dyn Layer,
        inputs: &[Tensor],
    ) -> Result<Tensors> {
        self.masks.clear();
        self.made.clear();
        self.arguments = Arguments::new();
        let _span = tracing::trace_span!("layer", name = layer.base().name()).entered();
        Ok(layer.call_with_next(inputs, next, self)?.0)
    }

    /// Calls a layer in a span of its own and looks for NaN and infinities in what it gives.
    #[cold]
    fn checked(&mut self, layer: &dyn Layer, inputs: &[Tensor]) -> Result<Tensors> {
        let name = layer.base().name().to_owned();
        let _span = tracing::debug_span!("layer", name, class = layer.class_name()).entered();
        let outputs = layer.call(inputs, self)?.0;
        for (index, output) in outputs.iter().enumerate().filter(|(_, o)| o.dtype().is_float()) {
            let Some((place, value)) = keras_ops::first_not_finite(output)? else {
                continue;
            };
            let of = match outputs.len() {
                1 => String::new(),
                _ => format!(" {index}"),
            };
            bail!(
                "the output{of} of layer `{name}` ({}) is {value} at {place:?} of {:?}; what it was given is {}",
                layer.class_name(),
                output.dims(),
                given(inputs)?
            );
        }
        Ok(outputs)
    }

    /// Adds a scalar to the loss of this step.
    pub fn add_loss(&mut self, loss: Tensor) {
        self.losses.push(loss);
    }

    /// Adds a scalar to the logs of training and evaluation: `name` there is its mean over the batches of the epoch.
    ///
    /// Callbacks can watch it from the start where the layer said the name by
    /// [`LayerBase::declare_metric`](super::LayerBase::declare_metric).
    pub fn add_metric(&mut self, name: &str, value: &Tensor) {
        self.metrics.push((name.to_owned(), value.detach()));
    }

    /// Takes the values that layers added.
    pub(crate) fn take_metrics(&mut self) -> Vec<(String, Tensor)> {
        std::mem::take(&mut self.metrics)
    }

    /// Takes the losses that layers added.
    pub fn take_losses(&mut self) -> Vec<Tensor> {
        std::mem::take(&mut self.losses)
    }
}

/// Whether the inputs of a layer are to blame.
fn given(inputs: &[Tensor]) -> Result<&'static str> {
    for input in inputs.iter().filter(|x| x.dtype().is_float()) {
        if keras_ops::first_not_finite(input)?.is_some() {
            return Ok("not finite either: check the data");
        }
    }
    Ok("finite: check its weights and the learning rate")
}

/// A call of a layer within another. Made by [`Call::inner`].
///
/// The inner layer sees what is set here and nothing of the outer layer's masks and arguments; what it adds to the
/// loss joins the pass.
#[derive(Debug)]
#[must_use = "call it with `.call(&inputs)`"]
pub struct Inner<'a> {
    cx: &'a mut Call,
    layer: &'a LayerRef,
    training: bool,
    masks: Masks,
    arguments: Arguments,
}

impl Inner<'_> {
    /// The masks of the inputs, one for each before the named tensors.
    pub fn masks(mut self, masks: &[Option<Tensor>]) -> Self {
        self.masks = masks.iter().cloned().collect();
        self
    }

    /// What the inner layer is given beside its inputs.
    pub fn arguments(mut self, arguments: Arguments) -> Self {
        self.arguments = arguments;
        self
    }

    /// In training or not, unlike the outer layer.
    pub fn training(mut self, training: bool) -> Self {
        self.training = training;
        self
    }

    /// The outputs.
    ///
    /// # Errors
    /// When the inner layer fails.
    pub fn call(self, inputs: &[Tensor]) -> Result<Outputs> {
        Ok(self.call_masked(inputs)?.0)
    }

    /// The outputs and their masks; no masks at all where all is valid.
    ///
    /// # Errors
    /// When the inner layer fails.
    pub fn call_masked(self, inputs: &[Tensor]) -> Result<(Outputs, Masks)> {
        let Self {
            cx,
            layer,
            training,
            masks,
            arguments,
        } = self;
        if let Some(seen) = &mut cx.seen {
            let specs = inputs.iter().map(TensorSpec::of).collect::<Vec<_>>();
            let outputs = layer.read().compute_output_spec(&specs, &arguments)?;
            let shapes = arguments.positional(&specs).iter().map(|spec| spec.shape.clone());
            seen.push((layer.clone(), shapes.collect()));
            let outputs = outputs.iter().map(|spec| zeros(&spec.shape, spec.dtype, 1));
            return Ok((Outputs(outputs.collect::<Result<_>>()?), Masks::new()));
        }
        let outer = (
            std::mem::replace(&mut cx.masks, masks),
            std::mem::replace(&mut cx.arguments, arguments),
            std::mem::replace(&mut cx.training, training),
        );
        let outputs = cx.run(&**layer.read(), inputs);
        (cx.masks, cx.arguments, cx.training) = outer;
        let masks = cx.take_output_masks();
        Ok((Outputs(outputs?), masks))
    }
}
