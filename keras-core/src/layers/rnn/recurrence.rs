//! What the recurrent layers share: a cell and how it runs over a sequence.

use keras_ops::Tensor;

use super::cell::{Draws, RnnCell, Sequence};
use super::steps;
use crate::config::Reader;
use crate::layer::{Build, Call, LayerBase, LayerRef, Outputs};
use crate::layers::base::{
    add_activity_loss, cast_input, expect_min_rank, expect_rank, nested_value, read_nested, resolve,
};
use crate::shape::{self, Dims};
use crate::{Config, Layer, Registry, Regularizer, Result, Spec, Variable, bail};

/// A cell and how it runs over a sequence.
#[derive(Debug)]
pub(in crate::layers) struct Recurrence {
    pub(in crate::layers) cell: LayerRef,
    pub(in crate::layers) return_sequences: bool,
    pub(in crate::layers) return_state: bool,
    pub(in crate::layers) go_backwards: bool,
    pub(in crate::layers) stateful: bool,
    pub(in crate::layers) unroll: bool,
    pub(in crate::layers) zero_output_for_mask: bool,
    pub(in crate::layers) activity_regularizer: Option<Spec<dyn Regularizer>>,
    /// Where a stateful layer keeps its last states.
    states: Vec<Variable>,
}

impl Recurrence {
    pub(super) fn new(cell: LayerRef) -> Self {
        Self {
            cell,
            return_sequences: false,
            return_state: false,
            go_backwards: false,
            stateful: false,
            unroll: false,
            zero_output_for_mask: false,
            activity_regularizer: None,
            states: Vec::new(),
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, registry: &Registry, cell: LayerRef) -> Result<Self> {
        Ok(Self {
            return_sequences: reader.or("return_sequences", false)?,
            return_state: reader.or("return_state", false)?,
            go_backwards: reader.or("go_backwards", false)?,
            stateful: reader.or("stateful", false)?,
            unroll: reader.or("unroll", false)?,
            zero_output_for_mask: reader.or("zero_output_for_mask", false)?,
            activity_regularizer: read_nested(reader, "activity_regularizer", registry)?,
            ..Self::new(cell)
        })
    }

    pub(super) fn config(&self) -> Config {
        Config::new()
            .with("return_sequences", self.return_sequences)
            .with("return_state", self.return_state)
            .with("go_backwards", self.go_backwards)
            .with("stateful", self.stateful)
            .with("unroll", self.unroll)
            .with("zero_output_for_mask", self.zero_output_for_mask)
            .with(
                "activity_regularizer",
                nested_value(self.activity_regularizer.as_ref()),
            )
    }

    /// Gives `f` the cell.
    fn with<R>(&self, class_name: &str, f: impl FnOnce(&dyn RnnCell) -> Result<R>) -> Result<R> {
        let cell = self.cell.read();
        match cell.as_cell() {
            Some(cell) => f(cell),
            None => bail!(
                "{class_name}: {} is no cell: expected a layer whose `as_cell` gives itself, such as LSTMCell",
                cell.class_name()
            ),
        }
    }

    pub(super) fn build(
        &mut self,
        class_name: &str,
        base: &mut LayerBase,
        inputs: &[Dims],
        rank: Option<usize>,
        cx: &Build,
    ) -> Result<()> {
        resolve(&mut self.activity_regularizer)?;
        let step = step_dims(class_name, inputs, rank)?;
        self.cell.build(std::slice::from_ref(&step), cx)?;
        if !self.stateful {
            return Ok(());
        }
        if step[0].is_none() {
            bail!(
                "{class_name}: a stateful layer needs a fixed batch size, got an input of shape {}: give the model's \
                 input its batch size (`InputLayer::with_batch_shape`)",
                shape::show(&inputs[0])
            );
        }
        let (shapes, dtype) = self.with(class_name, |cell| {
            Ok((cell.state_shapes(&step)?, cell.base().variable_dtype()))
        })?;
        for dims in shapes {
            let known: Option<Vec<usize>> = dims.iter().copied().collect();
            let Some(known) = known else {
                bail!(
                    "{class_name}: the shape of a state is not known: {}",
                    shape::show(&dims)
                );
            };
            self.states.push(base.add_state("rnn_state", &known, dtype, cx)?);
        }
        Ok(())
    }

    pub(super) fn output_shapes(
        &self,
        class_name: &str,
        inputs: &[Dims],
        rank: Option<usize>,
    ) -> Result<Vec<Dims>> {
        let step = step_dims(class_name, inputs, rank)?;
        let (mut shapes, states) = self.with(class_name, |cell| {
            let states = cell.state_shapes(&step)?;
            Ok((cell.compute_output_shape(&[step])?, states))
        })?;
        shapes.truncate(1);
        if let (true, Some(output)) = (self.return_sequences, shapes.first_mut()) {
            output.insert(1, inputs[0][1]);
        }
        if self.return_state {
            shapes.extend(states);
        }
        Ok(shapes)
    }

    pub(super) fn call(
        &self,
        class_name: &str,
        base: &LayerBase,
        inputs: &[Tensor],
        rank: Option<usize>,
        cx: &mut Call,
    ) -> Result<Outputs> {
        let dims: Vec<Dims> = inputs.iter().map(|x| shape::dims_of(x.dims())).collect();
        step_dims(class_name, &dims, rank)?;
        let (output, states) = self.with(class_name, |cell| {
            let (x, given) = sequence_and_states(class_name, inputs, cx)?;
            let prepared = self.prepare(class_name, cell, x, given, cx)?;
            // The masks and arguments are this layer's, not the cell's.
            let masks = std::mem::take(&mut cx.masks);
            let arguments = std::mem::take(&mut cx.arguments);
            let done = steps::run(cell, &self.sequence(&prepared), self.unroll, cx);
            (cx.masks, cx.arguments) = (masks, arguments);
            done
        })?;
        Ok(self.finish(base, output, states, cx)?.into())
    }

    /// What a pass needs: the sequence and the states in the cell's dtype, the mask, the draws.
    pub(super) fn prepare(
        &self,
        class_name: &str,
        cell: &dyn RnnCell,
        x: &Tensor,
        given: &[Tensor],
        cx: &Call,
    ) -> Result<Prepared> {
        let cast = |x: &Tensor| cast_input(cell.base(), x);
        let x = cast(x)?;
        if x.dims().get(1).is_none_or(|time| *time == 0) {
            bail!(
                "{class_name}: expected a sequence (batch, time, …) of at least one step, got shape {:?}",
                x.dims()
            );
        }
        // Only its shape and device count.
        let first = steps::at(&x.detach(), 0)?;
        let given = given.iter().map(cast).collect::<Result<Vec<_>>>()?;
        let states = self.first_states(class_name, cell, &first, given)?;
        let mask = cx.masks.first().cloned().flatten();
        let mask = mask
            .map(|mask| steps::mask_of(class_name, &mask, x.dims()))
            .transpose()?;
        let draws = cell.draw(first.dims(), &states, cx)?;
        Ok(Prepared {
            x,
            states,
            mask,
            draws,
        })
    }

    pub(super) fn sequence<'a>(&self, prepared: &'a Prepared) -> Sequence<'a> {
        Sequence {
            x: &prepared.x,
            states: &prepared.states,
            mask: prepared.mask.as_ref(),
            draws: &prepared.draws,
            go_backwards: self.go_backwards,
            return_sequences: self.return_sequences,
            input_order: false,
            zero_output_for_mask: self.zero_output_for_mask,
        }
    }

    /// Keeps the states, where the layer is stateful, and gives the outputs.
    pub(super) fn finish(
        &self,
        base: &LayerBase,
        output: Tensor,
        states: Vec<Tensor>,
        cx: &mut Call,
    ) -> Result<Vec<Tensor>> {
        for (variable, state) in self.states.iter().zip(&states) {
            variable.assign(state)?;
        }
        let states = states.into_iter().filter(|_| self.return_state);
        let outputs = std::iter::once(output)
            .chain(states)
            .map(|output| cast_input(base, &output))
            .collect::<Result<Vec<_>>>()?;
        for output in &outputs {
            add_activity_loss(self.activity_regularizer.as_ref(), output, cx)?;
        }
        Ok(outputs)
    }

    fn first_states(
        &self,
        class_name: &str,
        cell: &dyn RnnCell,
        first: &Tensor,
        given: Vec<Tensor>,
    ) -> Result<Vec<Tensor>> {
        if let Some(state) = self.states.first()
            && state.shape().first() != first.dims().first()
        {
            bail!(
                "{class_name}: a stateful layer expects batches of {} samples, as the states it keeps, got {}",
                state.shape().first().copied().unwrap_or_default(),
                first.dims().first().copied().unwrap_or_default()
            );
        }
        if given.is_empty() {
            return match self.states.is_empty() {
                true => cell.get_initial_state(first),
                // A copy: the states are written over while the gradients still need them.
                false => {
                    let copy = |state: &Variable| cast_input(cell.base(), &state.snapshot()?);
                    self.states.iter().map(copy).collect()
                }
            };
        }
        let shapes = cell.state_shapes(&shape::dims_of(first.dims()))?;
        let fits = |(shape, state): (&Dims, &Tensor)| shape::fits(shape, state.dims());
        if shapes.len() != given.len() || !shapes.iter().zip(&given).all(fits) {
            let show = |dims: &Dims| shape::show(dims);
            let expected: Vec<String> = shapes.iter().map(show).collect();
            let got: Vec<String> = given.iter().map(|s| show(&shape::dims_of(s.dims()))).collect();
            bail!(
                "{class_name}: expected an initial state of {} tensors of shapes {}, got {}",
                expected.len(),
                expected.join(", "),
                got.join(", ")
            );
        }
        Ok(given)
    }

    /// The mask of the output; the states have none.
    pub(super) fn compute_mask(&self, masks: &[Option<Tensor>]) -> Vec<Option<Tensor>> {
        vec![masks.first().cloned().flatten().filter(|_| self.return_sequences)]
    }
}

/// What a pass needs. See [`Recurrence::prepare`].
#[derive(Debug)]
pub(super) struct Prepared {
    x: Tensor,
    states: Vec<Tensor>,
    mask: Option<Tensor>,
    draws: Draws,
}

/// The shape of a step's input.
fn step_dims(class_name: &str, inputs: &[Dims], rank: Option<usize>) -> Result<Dims> {
    let Some(input) = inputs.first() else {
        bail!("{class_name}: expected a sequence, got no input");
    };
    match rank {
        Some(rank) => expect_rank(class_name, input, rank)?,
        None => expect_min_rank(class_name, input, 2)?,
    }
    let mut step = input.clone();
    step.remove(1);
    Ok(step)
}

/// A sequence and its initial states among a layer's inputs: named `initial_state`, or after the sequence.
pub(super) fn sequence_and_states<'a>(
    class_name: &str,
    inputs: &'a [Tensor],
    cx: &Call,
) -> Result<(&'a Tensor, &'a [Tensor])> {
    let Some((x, more)) = cx.arguments.positional(inputs).split_first() else {
        bail!("{class_name}: expected a sequence, got no input");
    };
    match cx.arguments.named(inputs, "initial_state") {
        [] => Ok((x, more)),
        states => Ok((x, states)),
    }
}

/// An argument of a layer that is true or false, by its configuration.
pub(super) fn flag(layer: &dyn Layer, key: &str) -> bool {
    let config = layer.config();
    config
        .get(key)
        .and_then(serde_json::Value::as_bool)
        .unwrap_or(false)
}
