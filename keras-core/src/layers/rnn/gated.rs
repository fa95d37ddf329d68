//! What the cells over features share beside their arguments.

use keras_ops::{self as ops, FusedActivation, RecurrentActivation, RecurrentOptions, Tensor};

use super::cell::{Draws, Sequence};
use super::cell_args::{CellArgs, Weights, by_gate, in_training, part};
use crate::layer::{Call, LayerBase};
use crate::{Activation, Result, bail};

pub(super) fn positive_units(class_name: &str, units: usize) -> Result<()> {
    if units == 0 {
        bail!("{class_name}: `units` must be 1 or more, got 0");
    }
    Ok(())
}

/// The states, of which there must be `N`.
pub(super) fn states<'a, const N: usize>(class_name: &str, states: &'a [Tensor]) -> Result<[&'a Tensor; N]> {
    match <&[Tensor; N]>::try_from(states) {
        Ok(states) => Ok(states.each_ref()),
        Err(_) => bail!("{class_name}: expected {N} states, got {}", states.len()),
    }
}

/// One mask of dropout for all gates, or one a gate with recurrent dropout, as Keras has it.
pub(super) fn draw(
    args: &CellArgs,
    gates: usize,
    input: &[usize],
    states: &[Tensor],
    cx: &Call,
) -> Result<Draws> {
    let Some(state) = states.first() else {
        return Ok(Draws::default());
    };
    let count = if args.recurrent_dropout > 0. { gates } else { 1 };
    in_training(cx, || {
        args.draw([input, state.dims()], [count; 2], state.dtype(), state.device())
    })
}

/// The inputs' part of all gates.
pub(super) fn project(
    weights: &Weights,
    bias: Option<&Tensor>,
    inputs: &Tensor,
    draws: &Draws,
    gates: usize,
) -> Result<Tensor> {
    by_gate(inputs, &draws.inputs, -1, |x, gate| {
        let kernel = part(&weights.kernel, gate, gates)?;
        let bias = bias.map(|bias| part(bias, gate, gates)).transpose()?;
        Ok(ops::dense(x, &kernel, bias.as_ref(), FusedActivation::Linear)?)
    })
}

/// The states of long short-term memory after a step, from the gates before their activations.
pub(super) fn lstm_step(
    gates: &Tensor,
    c: &Tensor,
    axis: i64,
    act: &dyn Activation,
    gate: &dyn Activation,
) -> Result<(Tensor, Tensor)> {
    let parts = ops::split(gates, 4, axis)?;
    let [i, f, g, o] = states("LSTM", &parts)?;
    let kept = ops::multiply(&gate.call(f)?, c)?;
    let c = ops::add(&kept, &ops::multiply(&gate.call(i)?, &act.call(g)?)?)?;
    let h = ops::multiply(&gate.call(o)?, &act.call(&c)?)?;
    Ok((h, c))
}

/// What a whole sequence is computed from at once.
pub(super) struct AtOnce<'a> {
    pub(super) x: Tensor,
    pub(super) weights: Weights,
    activations: [RecurrentActivation; 2],
    dropout: Option<&'a Tensor>,
}

impl AtOnce<'_> {
    pub(super) fn options<'a>(&'a self, sequence: &Sequence<'a>) -> RecurrentOptions<'a> {
        let [activation, recurrent_activation] = self.activations;
        RecurrentOptions {
            activation,
            recurrent_activation,
            mask: sequence.mask,
            recurrent_dropout: self.dropout,
            go_backwards: sequence.go_backwards,
            zero_output_for_mask: sequence.zero_output_for_mask,
            return_sequences: sequence.return_sequences,
            ..RecurrentOptions::default()
        }
    }
}

/// `None` where a sequence must be run step by step: other activations, or gates with masks of their own.
pub(super) fn at_once<'a>(
    args: &CellArgs,
    base: &LayerBase,
    sequence: &Sequence<'a>,
) -> Result<Option<AtOnce<'a>>> {
    let draws = sequence.draws;
    let Some(activations) = args.recurrent_activations()? else {
        return Ok(None);
    };
    if draws.inputs.len() > 1 || draws.states.len() > 1 {
        return Ok(None);
    }
    Ok(Some(AtOnce {
        x: by_gate(sequence.x, &draws.inputs, -1, |x, _| Ok(x.clone()))?,
        weights: args.weights(base)?,
        activations,
        dropout: draws.states.first(),
    }))
}

/// The parts of [`Layer`](crate::Layer) that cells over features have in common: a cell has `base`, `units`, `args`
/// and `build_weights`.
macro_rules! cell_layer {
    ($class:literal, $states:literal) => {
        fn base(&self) -> &$crate::layer::LayerBase {
            &self.base
        }

        fn base_mut(&mut self) -> &mut $crate::layer::LayerBase {
            &mut self.base
        }

        fn build(
            &mut self,
            inputs: &[$crate::shape::Dims],
            cx: &$crate::layer::Build,
        ) -> $crate::Result<()> {
            self.compute_output_shape(inputs)?;
            let features = inputs.first().map_or(Ok(0), |input| step_shape($class, input))?;
            self.build_weights(features, cx)
        }

        fn compute_output_shape(
            &self,
            inputs: &[$crate::shape::Dims],
        ) -> $crate::Result<Vec<$crate::shape::Dims>> {
            self.check()?;
            let Some(input) = inputs.first() else {
                $crate::bail!("{}: expected an input and the states, got nothing", $class);
            };
            step_shape($class, input)?;
            Ok(vec![vec![input[0], Some(self.units)]; 1 + $states])
        }

        fn call(
            &self,
            inputs: &[keras_ops::Tensor],
            cx: &mut $crate::layer::Call,
        ) -> $crate::Result<$crate::layer::Outputs> {
            $crate::layers::rnn::cell::call(self, inputs, cx)
        }

        fn call_arguments(&self) -> &'static [&'static str] {
            &["states"]
        }

        fn as_cell(&self) -> Option<&dyn $crate::layers::RnnCell> {
            Some(self)
        }
    };
}
pub(super) use cell_layer;
