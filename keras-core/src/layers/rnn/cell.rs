//! The contract of recurrent cells.

use keras_ops::Tensor;

use crate::layer::{Call, Layer, Outputs};
use crate::layers::base::cast_input;
use crate::shape::{self, Dims};
use crate::{Result, bail};

/// One step of a recurrent layer: a [`Layer`] that makes from an input and the states before an output and the
/// states after. [`RNN`](crate::layers::RNN) runs it over a sequence.
///
/// Its `call` takes `[input, states…]` and gives `[output, states…]`; its `compute_output_shape` gives the shapes
/// of these from the input's alone; its [`as_cell`](Layer::as_cell) gives itself.
///
/// # Examples
/// ```
/// use keras_core::layer::{Call, Layer, LayerBase, Outputs};
/// use keras_core::layers::{RNN, RnnCell};
/// use keras_core::shape::Dims;
/// use keras_core::{LayerRef, Result, ops};
/// use keras_ops::{Device, Tensor};
///
/// /// Sums what it has seen.
/// #[derive(Debug, Default)]
/// struct SumCell(LayerBase);
/// impl Layer for SumCell {
///     fn base(&self) -> &LayerBase {
///         &self.0
///     }
///     fn base_mut(&mut self) -> &mut LayerBase {
///         &mut self.0
///     }
///     fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
///         Ok(vec![inputs[0].clone(), inputs[0].clone()]) // the output, and one state of the same shape
///     }
///     fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
///         let sum = ops::add(&inputs[0], &inputs[1])?;
///         Ok(vec![sum.clone(), sum].into())
///     }
///     fn as_cell(&self) -> Option<&dyn RnnCell> {
///         Some(self)
///     }
/// }
/// impl RnnCell for SumCell {
///     fn state_size(&self) -> Vec<usize> {
///         vec![1]
///     }
/// }
///
/// let sums = LayerRef::new(RNN::new(SumCell::default()).return_sequences(true));
/// let x = Tensor::new(&[[[1f32], [2.], [4.]]], &Device::Cpu)?;
/// let y = sums.read().call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec3::<f32>()?, [[[1.], [3.], [7.]]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub trait RnnCell: Layer {
    /// The sizes of the states, of shape (batch, size) each.
    fn state_size(&self) -> Vec<usize>;

    /// The shapes of the states for a step's input, where they are more than (batch, size).
    ///
    /// # Errors
    /// When the cell cannot take such an input.
    fn state_shapes(&self, input: &[Option<usize>]) -> Result<Vec<Dims>> {
        let batch = input.first().copied().flatten();
        Ok(self
            .state_size()
            .into_iter()
            .map(|size| vec![batch, Some(size)])
            .collect())
    }

    /// The states before the first step, of which `input` is an input: zeros.
    ///
    /// # Errors
    /// When the cell cannot take such an input.
    fn get_initial_state(&self, input: &Tensor) -> Result<Vec<Tensor>> {
        let shapes = self.state_shapes(&shape::dims_of(input.dims()))?;
        let zeros = |dims: Dims| {
            let known: Option<Vec<usize>> = dims.iter().copied().collect();
            let Some(known) = known else {
                bail!(
                    "{}: the shape of a state is not known: {}",
                    self.class_name(),
                    shape::show(&dims)
                );
            };
            Ok(Tensor::zeros(known, self.base().compute_dtype(), input.device())?)
        };
        shapes.into_iter().map(zeros).collect()
    }

    /// What is drawn once for all steps of a sequence, of which `input` is a step's input: masks of dropout.
    ///
    /// # Errors
    /// When drawing fails.
    fn draw(&self, _input: &[usize], _states: &[Tensor], _cx: &Call) -> Result<Draws> {
        Ok(Draws::default())
    }

    /// What can be computed from the inputs without the states: of a step, or of a sequence (with one axis more)
    /// at once.
    ///
    /// # Errors
    /// When the inputs do not fit.
    fn project(&self, inputs: &Tensor, _draws: &Draws) -> Result<Tensor> {
        Ok(inputs.clone())
    }

    /// The output and the states after a step, from [what was computed](Self::project) of its input.
    ///
    /// # Errors
    /// When the input or the states do not fit.
    fn step(
        &self,
        input: &Tensor,
        states: &[Tensor],
        _draws: &Draws,
        cx: &mut Call,
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let inputs = [std::slice::from_ref(input), states].concat();
        split(self.class_name(), self.call(&inputs, cx)?.0.into_vec())
    }

    /// All steps at once, where the cell can: the outputs (of all steps, or of the last) and the last states.
    ///
    /// # Errors
    /// When the sequence does not fit.
    fn sequence(&self, _sequence: &Sequence<'_>, _cx: &mut Call) -> Result<Option<(Tensor, Vec<Tensor>)>> {
        Ok(None)
    }

    /// The state that is the output: what a step that is left out repeats.
    fn output_state(&self) -> usize {
        0
    }
}

/// The output apart from the states.
pub(super) fn split(class_name: &str, mut outputs: Vec<Tensor>) -> Result<(Tensor, Vec<Tensor>)> {
    if outputs.len() < 2 {
        bail!(
            "{class_name}: a cell gives its output and its states, got {} tensors",
            outputs.len()
        );
    }
    let output = outputs.remove(0);
    Ok((output, outputs))
}

/// A cell called as a layer: draws, computes the input's part and makes the step.
pub(super) fn call(cell: &dyn RnnCell, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
    let cast = |x: &Tensor| cast_input(cell.base(), x);
    let inputs = inputs.iter().map(cast).collect::<Result<Vec<_>>>()?;
    let Some((input, states)) = inputs.split_first() else {
        bail!(
            "{}: expected an input and the states, got nothing",
            cell.class_name()
        );
    };
    let draws = cell.draw(input.dims(), states, cx)?;
    let (output, states) = cell.step(&cell.project(input, &draws)?, states, &draws, cx)?;
    Ok(std::iter::once(output).chain(states).collect::<Vec<_>>().into())
}

/// What a cell draws once a sequence. See [`RnnCell::draw`].
#[derive(Clone, Debug, Default)]
pub struct Draws {
    /// Factors of the input: one for all gates, or one a gate; empty without dropout.
    pub inputs: Vec<Tensor>,
    /// Factors of the state.
    pub states: Vec<Tensor>,
    /// Those of the cells within.
    pub cells: Vec<Draws>,
}

/// A sequence that a cell may run through at once. See [`RnnCell::sequence`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Sequence<'a> {
    /// The inputs: (batch, time, …).
    pub x: &'a Tensor,
    /// The first states.
    pub states: &'a [Tensor],
    /// 0 where a step is left out: u8 of shape (batch, time).
    pub mask: Option<&'a Tensor>,
    /// What was drawn.
    pub draws: &'a Draws,
    /// Whether the last step comes first.
    pub go_backwards: bool,
    /// Whether the output of every step is wanted, or that of the last.
    pub return_sequences: bool,
    /// Whether outputs are in the order of the inputs also with `go_backwards`, instead of that of the steps.
    pub input_order: bool,
    /// Whether the output of a step that is left out is 0 instead of the one before.
    pub zero_output_for_mask: bool,
}
