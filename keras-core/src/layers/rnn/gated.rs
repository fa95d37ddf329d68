//! What the cells over features share beside their arguments.

use std::any::Any;

use keras_ops::{self as ops, Direction, FusedActivation, RecurrentActivation, RecurrentOptions, Tensor};

use super::cell::{Draws, RnnCell, Sequence};
use super::cell_args::{CellArgs, Weights, by_gate, in_training, part};
use super::{GRUCell, LSTMCell, SimpleRNNCell};
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

/// What a whole sequence is computed with at once.
pub(super) struct AtOnce {
    pub(super) weights: Weights,
    activations: [RecurrentActivation; 2],
    dropout: [Option<Tensor>; 2],
}

impl AtOnce {
    pub(super) fn options<'a>(&'a self, sequence: &Sequence<'a>) -> RecurrentOptions<'a> {
        let [activation, recurrent_activation] = self.activations;
        let [dropout, recurrent_dropout] = self.dropout.each_ref().map(Option::as_ref);
        RecurrentOptions {
            activation,
            recurrent_activation,
            mask: sequence.mask,
            dropout,
            recurrent_dropout,
            go_backwards: sequence.go_backwards,
            input_order: sequence.input_order,
            zero_output_for_mask: sequence.zero_output_for_mask,
            return_sequences: sequence.return_sequences,
            ..RecurrentOptions::default()
        }
    }
}

/// `None` where other activations make a sequence go step by step.
pub(super) fn at_once(args: &CellArgs, base: &LayerBase, sequence: &Sequence<'_>) -> Result<Option<AtOnce>> {
    let Some(activations) = args.recurrent_activations()? else {
        return Ok(None);
    };
    let joined = |masks: &[Tensor]| -> Result<Option<Tensor>> {
        Ok(match masks {
            [] => None,
            [one] => Some(one.clone()),
            many => Some(ops::stack(&many.iter().collect::<Vec<_>>(), 0)?),
        })
    };
    Ok(Some(AtOnce {
        weights: args.weights(base)?,
        activations,
        dropout: [joined(&sequence.draws.inputs)?, joined(&sequence.draws.states)?],
    }))
}

/// The outputs and last states of one direction.
type Done = (Tensor, Vec<Tensor>);

/// A cell that does all steps at once: what it is made of, and the operation of two of its kind.
pub(super) trait AllAtOnce: RnnCell {
    /// Its arguments.
    fn args(&self) -> &CellArgs;

    /// `None` where a sequence goes step by step.
    fn at_once(&self, sequence: &Sequence<'_>) -> Result<Option<AtOnce>>;

    /// How it runs, in its own options.
    fn direction<'a>(&self, run: &'a AtOnce, sequence: &Sequence<'a>) -> Direction<'a> {
        direction(run, sequence)
    }

    /// Two directions side by side.
    fn side_by_side(x: &Tensor, directions: [&Direction<'_>; 2]) -> Result<[Done; 2]>;
}

pub(super) fn direction<'a>(run: &'a AtOnce, sequence: &Sequence<'a>) -> Direction<'a> {
    Direction {
        states: sequence.states,
        kernel: &run.weights.kernel,
        recurrent_kernel: &run.weights.recurrent,
        bias: run.weights.bias.as_ref(),
        options: run.options(sequence),
    }
}

/// Two cells that run side by side.
type Pair = fn([&dyn RnnCell; 2], &[Sequence<'_>; 2]) -> Result<Option<[Done; 2]>>;

/// How two cells run side by side over their sequences; `None` where they are of two kinds, or go step by step.
pub(super) fn pair(cells: [&dyn RnnCell; 2]) -> Result<Option<Pair>> {
    fn cell<C: AllAtOnce>(cell: &dyn RnnCell) -> Option<&C> {
        let cell: &dyn Any = cell;
        cell.downcast_ref()
    }
    fn run<C: AllAtOnce>(
        cells: [&dyn RnnCell; 2],
        [ahead, back]: &[Sequence<'_>; 2],
    ) -> Result<Option<[Done; 2]>> {
        let (Some(one), Some(other)) = (cell::<C>(cells[0]), cell::<C>(cells[1])) else {
            return Ok(None);
        };
        let (Some(first), Some(second)) = (one.at_once(ahead)?, other.at_once(back)?) else {
            return Ok(None);
        };
        let directions = [one.direction(&first, ahead), other.direction(&second, back)];
        C::side_by_side(ahead.x, directions.each_ref()).map(Some)
    }
    fn of<C: AllAtOnce>(cells: [&dyn RnnCell; 2]) -> Result<Option<Pair>> {
        for one in cells {
            let Some(one) = cell::<C>(one) else {
                return Ok(None);
            };
            if one.args().recurrent_activations()?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(run::<C>))
    }
    let kinds = [of::<LSTMCell>, of::<GRUCell>, of::<SimpleRNNCell>];
    for kind in kinds {
        if let Some(pair) = kind(cells)? {
            return Ok(Some(pair));
        }
    }
    Ok(None)
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

        fn build(&mut self, inputs: &[$crate::shape::Dims], cx: &$crate::layer::Build) -> $crate::Result<()> {
            self.compute_output_shape(inputs)?;
            let features = inputs
                .first()
                .map_or(Ok(0), |input| step_shape($class, input))?;
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
