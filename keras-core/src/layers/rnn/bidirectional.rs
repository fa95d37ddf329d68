//! A sequence read from both ends.

use keras_ops::{self as ops, DType, Tensor};
use serde_json::Value;

use super::cell::Sequence;
use super::gated;
use super::recurrence::{Recurrence, flag, sequence_and_states};
use super::recurrent_layer::{recurrence, recurrence_mut};
use crate::config::{FromValue, IntoValue, snake_case};
use crate::layer::{Build, Call, Layer, LayerBase, LayerRef, Outputs};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry};
use crate::models::config::envelope;
use crate::shape::Dims;
use crate::{Arguments, Config, Registry, Result, bail, registry};

/// How the outputs of both directions become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MergeMode {
    /// Side by side along the last axis.
    Concat,
    /// Their sum.
    Sum,
    /// Their product.
    Mul,
    /// Their mean.
    Ave,
}

impl FromValue for MergeMode {
    const EXPECTED: &'static str = "\"concat\", \"sum\", \"mul\", \"ave\" or null";
    fn from_value(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "concat" => Some(Self::Concat),
            "sum" => Some(Self::Sum),
            "mul" => Some(Self::Mul),
            "ave" => Some(Self::Ave),
            _ => None,
        }
    }
}

impl IntoValue for MergeMode {
    fn into_value(self) -> Value {
        match self {
            Self::Concat => "concat".into(),
            Self::Sum => "sum".into(),
            Self::Mul => "mul".into(),
            Self::Ave => "ave".into(),
        }
    }
}

/// Reads a sequence forwards and backwards, by two layers of the same kind, and joins what they give.
///
/// The backward layer is made of the forward one's configuration, with weights of its own, unless
/// [`backward_layer`](Self::backward_layer) gives one. With `return_sequences` the output of a masked step is 0.
///
/// # Shapes
/// With `(batch, time, features)` and a layer of `units`: `(batch, 2 units)`, or with the layer's `return_sequences`
/// `(batch, time, 2 units)`; other [`MergeMode`]s give `units`. Without a merge mode both outputs are given. With the
/// layer's `return_state` the states of the forward layer follow, then those of the backward one. The call argument
/// `initial_state` has the states in this order.
///
/// # Errors
/// When both layers run in one direction, or differ in `stateful`, `return_sequences` or `return_state`.
///
/// # Examples
/// ```
/// use keras_core::layers::{Bidirectional, Dense, LSTM, MergeMode};
/// use keras_core::Sequential;
/// let model = Sequential::new()
///     .input([50, 8])
///     .add(Bidirectional::new(LSTM::new(16).return_sequences(true)))
///     .add(Bidirectional::new(LSTM::new(4)).merge_mode(MergeMode::Sum))
///     .add(Dense::new(1))
///     .build()?;
/// assert_eq!(model.weights()[0].0, "bidirectional/forward_lstm/lstm_cell/kernel");
/// assert_eq!(model.weights()[9].0, "bidirectional_1/backward_lstm/lstm_cell/kernel");
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Bidirectional {
    base: LayerBase,
    forward: LayerRef,
    /// Or why it could not be made.
    backward: std::result::Result<LayerRef, String>,
    merge_mode: Option<MergeMode>,
    start: Vec<Tensor>,
}

common_methods!(Bidirectional);
layer_entry!(Bidirectional, "a sequence read from both ends");

const CLASS: &str = "Bidirectional";

impl Bidirectional {
    /// Both ways by `layer`: a recurrent layer, or one of your own with the arguments `go_backwards`,
    /// `return_sequences` and `return_state` in its configuration.
    pub fn new(layer: impl Layer) -> Self {
        Self::around(Box::new(layer), registry::core())
    }

    fn around(mut layer: Box<dyn Layer>, registry: &Registry) -> Self {
        let name = match layer.base().name() {
            "" => snake_case(layer.class_name()),
            name => name.to_owned(),
        };
        let backward = reversed(&*layer, &name, registry).map_err(|e| e.to_string());
        let forward = name.strip_prefix("forward_").unwrap_or(&name);
        layer.base_mut().set_name(format!("forward_{forward}"));
        zero_masked(&mut *layer);
        Self {
            base: LayerBase::default(),
            forward: LayerRef::from_box(layer),
            backward,
            merge_mode: Some(MergeMode::Concat),
            start: Vec::new(),
        }
    }

    /// Backwards by this layer, which has `go_backwards`.
    #[must_use]
    pub fn backward_layer(self, layer: impl Layer) -> Self {
        self.back_by(Box::new(layer))
    }

    fn back_by(mut self, mut layer: Box<dyn Layer>) -> Self {
        if layer.base().name().is_empty() {
            let name = snake_case(layer.class_name());
            layer.base_mut().set_auto_name(name);
        }
        zero_masked(&mut *layer);
        self.backward = Ok(LayerRef::from_box(layer));
        self
    }

    /// How both outputs become one; `None` gives both.
    #[must_use]
    pub fn merge_mode(mut self, merge_mode: impl Into<Option<MergeMode>>) -> Self {
        self.merge_mode = merge_mode.into();
        self
    }

    /// The weights to begin with: those of the forward layer, then those of the backward one.
    #[must_use]
    pub fn weights(mut self, weights: impl Into<Vec<Tensor>>) -> Self {
        self.start = weights.into();
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(CLASS);
        let base = LayerBase::from_reader(&mut reader)?;
        let layer: Value = reader.req("layer")?;
        let layer = reader.about("layer", registry.layers.from_value(&layer, registry))?;
        let mut wrapper = Self::around(layer, registry);
        wrapper.base = base;
        if let Some(backward) = reader.raw("backward_layer") {
            let layer = registry.layers.from_value(backward, registry);
            wrapper = wrapper.back_by(reader.about("backward_layer", layer)?);
        }
        if let Some(mode) = reader.opt("merge_mode")? {
            wrapper.merge_mode = Some(mode);
        } else if reader.is_null("merge_mode") {
            wrapper.merge_mode = None;
        }
        if reader.raw("weights").is_some() {
            bail!("{CLASS}: `weights` cannot be read from a configuration: give them by `.weights([…])`");
        }
        reader.finish()?;
        wrapper.check()?;
        Ok(wrapper)
    }

    fn backward(&self) -> Result<&LayerRef> {
        match &self.backward {
            Ok(layer) => Ok(layer),
            Err(problem) => bail!(
                "{CLASS}: the backward layer cannot be made of the configuration of {}: {problem}; give one by \
                 `.backward_layer(…)`",
                self.forward.read().class_name()
            ),
        }
    }

    fn flag(&self, key: &str) -> bool {
        flag(&**self.forward.read(), key)
    }

    fn check(&self) -> Result<()> {
        let (forward, backward) = (self.forward.read(), self.backward()?.read());
        let both = |key: &str| (flag(&**forward, key), flag(&**backward, key));
        let (one, other) = both("go_backwards");
        if one == other {
            bail!(
                "{CLASS}: the layers must run in different directions, but `go_backwards` of both is {one}"
            );
        }
        for key in ["stateful", "return_sequences", "return_state"] {
            let (one, other) = both(key);
            if one != other {
                bail!(
                    "{CLASS}: `{key}` must be the same in both layers, got {one} forwards and {other} backwards"
                );
            }
        }
        Ok(())
    }

    /// Assigns the start weights, once both layers have theirs.
    fn assign_start(&mut self) -> Result<()> {
        let start = std::mem::take(&mut self.start);
        if start.is_empty() {
            return Ok(());
        }
        let weights = [self.forward.weights(""), self.backward()?.weights("")].concat();
        if weights.len() != start.len() {
            bail!(
                "{CLASS}: expected {} `weights`, got {}",
                weights.len(),
                start.len()
            );
        }
        weights
            .iter()
            .zip(&start)
            .try_for_each(|((_, variable), value)| variable.assign(value))
    }

    /// The output and the states of one direction.
    fn run(layer: &LayerRef, x: &Tensor, states: &[Tensor], cx: &mut Call) -> Result<Done> {
        let mask: Vec<Option<Tensor>> = cx.masks.first().cloned().into_iter().collect();
        let mut call = cx.inner(layer).masks(&mask);
        if !states.is_empty() {
            call = call.arguments(Arguments::new().range("initial_state", 1..1 + states.len()));
        }
        let inputs = [std::slice::from_ref(x), states].concat();
        let outputs = call.call(&inputs)?.0.into_vec();
        apart(layer.read().class_name(), outputs)
    }

    /// Both directions side by side, where both cells can do all steps at once; outputs in the order of the inputs.
    fn run_both(&self, x: &Tensor, states: [&[Tensor]; 2], cx: &mut Call) -> Result<Option<[Done; 2]>> {
        let (forward, backward) = (self.forward.read(), self.backward()?.read());
        let (Some(ahead), Some(back)) = (recurrence(&**forward), recurrence(&**backward)) else {
            return Ok(None);
        };
        // With other directions, or Keras's rule of unrolled loops, each layer runs by itself.
        let masked = cx.masks.iter().any(Option::is_some);
        if ahead.go_backwards || !back.go_backwards || masked && (ahead.unroll || back.unroll) {
            return Ok(None);
        }
        let (one, other) = (ahead.cell.read(), back.cell.read());
        let (Some(cell), Some(other_cell)) = (one.as_cell(), other.as_cell()) else {
            return Ok(None);
        };
        let Some(pair) = gated::pair([cell, other_cell])? else {
            return Ok(None);
        };
        let prepare = |layer: &dyn Layer, recurrence: &Recurrence, cell, states| {
            recurrence.prepare(layer.class_name(), cell, x, states, cx)
        };
        let first = prepare(&**forward, ahead, cell, states[0])?;
        let second = prepare(&**backward, back, other_cell, states[1])?;
        let both = [
            ahead.sequence(&first),
            Sequence {
                input_order: true,
                ..back.sequence(&second)
            },
        ];
        let Some([y, z]) = pair([cell, other_cell], &both)? else {
            return Ok(None);
        };
        let mut finish = |layer: &dyn Layer, recurrence: &Recurrence, (output, states)| {
            let outputs = recurrence.finish(layer.base(), output, states, cx)?;
            apart(layer.class_name(), outputs)
        };
        Ok(Some([
            finish(&**forward, ahead, y)?,
            finish(&**backward, back, z)?,
        ]))
    }

    /// The outputs of both directions, which are in the order of the inputs, as one list.
    fn join(&self, (y, states): Done, (z, more): Done) -> Result<Vec<Tensor>> {
        let cast = |x: Tensor| cast_input(&self.base, &x);
        let mut outputs = self.merge(cast(y)?, cast(z)?)?;
        outputs.extend(states.into_iter().chain(more));
        Ok(outputs)
    }

    fn merge(&self, forward: Tensor, backward: Tensor) -> Result<Vec<Tensor>> {
        let (f, b) = (&forward, &backward);
        let merged = match self.merge_mode {
            None => return Ok(vec![forward, backward]),
            Some(MergeMode::Concat) => ops::concatenate(&[f, b], -1)?,
            Some(MergeMode::Sum) => ops::add(f, b)?,
            Some(MergeMode::Mul) => ops::multiply(f, b)?,
            Some(MergeMode::Ave) => ops::mul_scalar(&ops::add(f, b)?, 0.5)?,
        };
        Ok(vec![merged])
    }
}

/// The output and the states of a direction.
type Done = (Tensor, Vec<Tensor>);

fn apart(class_name: &str, mut outputs: Vec<Tensor>) -> Result<Done> {
    if outputs.is_empty() {
        bail!("{CLASS}: {class_name} gave no output");
    }
    let output = outputs.remove(0);
    Ok((output, outputs))
}

/// The layer for the other direction, by its configuration.
fn reversed(layer: &dyn Layer, name: &str, registry: &Registry) -> Result<LayerRef> {
    let mut config = layer.base().full_config(layer.config());
    let stem = name.strip_prefix("backward_").unwrap_or(name);
    config.set("name", format!("backward_{stem}"));
    config.set("go_backwards", true);
    let mut layer = (registry.layers.find(layer.class_name())?.build)(&config, registry)?;
    zero_masked(&mut *layer);
    Ok(LayerRef::from_box(layer))
}

/// The outputs of masked steps are 0, so that those of the other direction show.
fn zero_masked(layer: &mut dyn Layer) {
    if let Some(recurrence) = recurrence_mut(layer) {
        recurrence.zero_output_for_mask = recurrence.return_sequences;
    }
}

impl Layer for Bidirectional {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.check()?;
        self.forward.build(inputs, cx)?;
        self.backward()?.build(inputs, cx)?;
        self.assign_start()
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let mut shapes = self.forward.read().compute_output_shape(inputs)?;
        let states = shapes.split_off(shapes.len().min(1));
        let Some(mut output) = shapes.pop() else {
            bail!("{CLASS}: {} has no output", self.forward.read().class_name());
        };
        if self.merge_mode == Some(MergeMode::Concat)
            && let Some(last) = output.last_mut()
        {
            *last = last.map(|size| 2 * size);
        }
        let outputs = if self.merge_mode.is_none() { 2 } else { 1 };
        let mut all = vec![output; outputs];
        all.extend_from_slice(&states);
        all.extend(states);
        Ok(all)
    }

    fn compute_output_dtype(&self, _inputs: &[DType]) -> DType {
        self.base.compute_dtype()
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        &["initial_state", "mask"]
    }

    fn input_arguments(&self) -> &'static [&'static str] {
        &["sequences"]
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let (x, states) = sequence_and_states(CLASS, inputs, cx)?;
        if !states.len().is_multiple_of(2) {
            bail!(
                "{CLASS}: expected an initial state for each direction, got {} tensors",
                states.len()
            );
        }
        let (ahead, back) = states.split_at(states.len() / 2);
        if let Some([ahead, back]) = self.run_both(x, [ahead, back], cx)? {
            return Ok(self.join(ahead, back)?.into());
        }
        let (y, y_states) = Self::run(&self.forward, x, ahead, cx)?;
        let (mut z, z_states) = Self::run(self.backward()?, x, back, cx)?;
        if self.flag("return_sequences") {
            z = ops::flip(&z, Some(&[1]))?;
        }
        Ok(self.join((y, y_states), (z, z_states))?.into())
    }

    fn compute_mask(&self, _inputs: &[Tensor], masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        let mask = masks
            .first()
            .cloned()
            .flatten()
            .filter(|_| self.flag("return_sequences"));
        let outputs = if self.merge_mode.is_none() { 2 } else { 1 };
        Ok(vec![mask; outputs])
    }

    fn sublayers(&self) -> Vec<LayerRef> {
        let backward = self.backward.iter().cloned();
        std::iter::once(self.forward.clone()).chain(backward).collect()
    }

    fn config(&self) -> Config {
        let layer = |layer: &LayerRef| envelope(&**layer.read(), registry::core());
        Config::new()
            .with("merge_mode", self.merge_mode)
            .with("layer", layer(&self.forward))
            .with("backward_layer", self.backward.as_ref().ok().map(layer))
    }
}
