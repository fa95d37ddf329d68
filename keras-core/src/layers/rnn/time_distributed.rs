//! A layer at every step.

use keras_ops::{self as ops, DType, Tensor};

use super::steps::at;
use crate::layer::{Build, Call, Layer, LayerBase, LayerRef, Outputs};
use crate::layers::Wrapper;
use crate::layers::base::{layer_entry, only};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, Variable, bail};

/// Applies a layer to every step of a sequence.
///
/// All steps are computed as one batch, unless the layer would then do something else: one that carries state from
/// batch to batch, one that learns from the batch without gradients (`BatchNormalization` in training), one that adds to
/// the loss, or one whose [`mixes_samples`](Layer::mixes_samples) says so, goes step by step.
///
/// A mask is passed to the layer step by step, and on to the layers that follow.
///
/// # Shapes
/// `(batch, time, …)` gives what the layer makes of `(batch, …)`, with the axis of time.
///
/// # Errors
/// When the input has fewer than three axes, the layer has several outputs, or the mask is not of the sequence.
///
/// Differs from Keras: what the layer adds to the loss counts, also its `activity_regularizer`, step by step.
///
/// # Examples
/// ```
/// use keras_core::layers::{Dense, TimeDistributed};
/// use keras_core::Sequential;
/// let model = Sequential::new().input([10, 8]).add(TimeDistributed::new(Dense::new(4))).build()?;
/// assert_eq!(model.output_shapes(), [[None, Some(10), Some(4)]]);
/// assert_eq!(model.weights()[0].0, "time_distributed/dense/kernel");
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct TimeDistributed {
    wrapper: Wrapper,
}

layer_entry!(TimeDistributed, "a layer at every step");

const CLASS: &str = "TimeDistributed";

impl TimeDistributed {
    /// Applies `layer`.
    pub fn new(layer: impl Into<LayerRef>) -> Self {
        Self {
            wrapper: Wrapper::new(layer),
        }
    }

    /// Names the layer.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        Self {
            wrapper: self.wrapper.name(name),
        }
    }

    /// Whether training changes its weights.
    #[must_use]
    pub fn trainable(self, trainable: bool) -> Self {
        Self {
            wrapper: self.wrapper.trainable(trainable),
        }
    }

    /// The dtype the layer computes in; the layer within has its own.
    #[must_use]
    pub fn dtype(self, dtype: impl Into<crate::dtype_policy::PolicyArg>) -> Self {
        Self {
            wrapper: self.wrapper.dtype(dtype),
        }
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(CLASS);
        let wrapper = Wrapper::read(&mut reader, registry)?;
        reader.finish()?;
        Ok(Self { wrapper })
    }

    /// The layer's output for an input of all steps or of one.
    fn inner(&self, x: Tensor, mask: Option<Tensor>, cx: &mut Call) -> Result<Tensor> {
        let layer = self.wrapper.layer();
        let masks: Vec<Option<Tensor>> = mask.into_iter().map(Some).collect();
        let outputs = cx.inner(layer).masks(&masks).call(&[x])?;
        match outputs.0.as_slice() {
            [one] => Ok(one.clone()),
            many => bail!(
                "{CLASS}: the layer must have one output, got {} of {}",
                many.len(),
                layer.read().class_name()
            ),
        }
    }

    /// All steps as one batch; `None` when the layer added to the loss, which is divided by the batch's size.
    fn folded(&self, x: &Tensor, mask: Option<&Tensor>, cx: &mut Call) -> Result<Option<Tensor>> {
        let (batch, time) = (x.dims()[0], x.dims()[1]);
        let fold = |t: &Tensor| ops::reshape(t, &join(&[batch * time], &t.dims()[2..]));
        let before = cx.take_losses();
        let mask = mask.map(fold).transpose()?;
        let y = self.inner(fold(x)?, mask, cx)?;
        let added = cx.take_losses();
        before.into_iter().for_each(|loss| cx.add_loss(loss));
        if !added.is_empty() {
            return Ok(None);
        }
        Ok(Some(ops::reshape(&y, &join(&[batch, time], &y.dims()[1..]))?))
    }

    fn step_by_step(&self, x: &Tensor, mask: Option<&Tensor>, cx: &mut Call) -> Result<Tensor> {
        let step = |t: usize| {
            let mask = mask.map(|mask| at(mask, t)).transpose()?;
            self.inner(at(x, t)?, mask, cx)
        };
        let outputs = (0..x.dims()[1]).map(step).collect::<Result<Vec<_>>>()?;
        Ok(ops::stack(&outputs.iter().collect::<Vec<_>>(), 1)?)
    }
}

fn join(first: &[usize], rest: &[usize]) -> Vec<i64> {
    first.iter().chain(rest).map(|size| *size as i64).collect()
}

/// Whether a layer makes the same of each sample, whatever else is in the batch.
fn sample_by_sample(layer: &LayerRef, training: bool) -> bool {
    let layer = layer.read();
    let base = layer.base();
    !layer.mixes_samples()
        && base.states().is_empty()
        && (!training || base.variables().iter().all(Variable::is_weight))
        && layer
            .sublayers()
            .iter()
            .all(|inner| sample_by_sample(inner, training))
}

/// The shape of a step's input.
fn step_dims(inputs: &[Dims]) -> Result<Dims> {
    let input = only(CLASS, inputs)?;
    if input.len() < 3 {
        bail!(
            "{CLASS}: expected an input of three axes or more (batch, time, …), got {}",
            shape::show(input)
        );
    }
    let mut step = input.clone();
    step.remove(1);
    Ok(step)
}

impl Layer for TimeDistributed {
    fn base(&self) -> &LayerBase {
        self.wrapper.base()
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        self.wrapper.base_mut()
    }

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.wrapper.build(&[step_dims(inputs)?], cx)
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let mut shapes = self.wrapper.compute_output_shape(&[step_dims(inputs)?])?;
        let time = inputs[0][1];
        match shapes.as_mut_slice() {
            [one] if !one.is_empty() => one.insert(1, time),
            many => bail!("{CLASS}: the layer must have one output, got {}", many.len()),
        }
        Ok(shapes)
    }

    fn compute_output_dtype(&self, inputs: &[DType]) -> DType {
        self.wrapper.compute_output_dtype(inputs)
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        &["mask"]
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = only(CLASS, cx.arguments.positional(inputs))?;
        step_dims(&[shape::dims_of(x.dims())])?;
        let mask = cx.masks.first().cloned().flatten();
        if let Some(mask) = &mask
            && (mask.rank() < 2 || mask.dims()[..2] != x.dims()[..2])
        {
            bail!(
                "{CLASS}: expected a mask whose first axes are (batch, time) = {:?}, got {:?}",
                &x.dims()[..2],
                mask.dims()
            );
        }
        if sample_by_sample(self.wrapper.layer(), cx.training)
            && let Some(output) = self.folded(x, mask.as_ref(), cx)?
        {
            return Ok(output.into());
        }
        Ok(self.step_by_step(x, mask.as_ref(), cx)?.into())
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn sublayers(&self) -> Vec<LayerRef> {
        self.wrapper.sublayers()
    }

    fn config(&self) -> Config {
        self.wrapper.config()
    }
}
